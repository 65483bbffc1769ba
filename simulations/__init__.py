"""Federations of invented hospitals on one machine."""
