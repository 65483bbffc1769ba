"""Invented patients with a known effect, written as real DICOM."""
