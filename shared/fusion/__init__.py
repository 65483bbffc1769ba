"""Image scores and clinical values to one decision."""
