"""Predict single patients at the hospital."""
