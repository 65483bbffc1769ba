"""Disclosure rules, masking and accounting; no file, clock or network."""
