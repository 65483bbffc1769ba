"""Patients, endpoints and splits, as values."""
