"""What crosses the hospital boundary, field by field."""
