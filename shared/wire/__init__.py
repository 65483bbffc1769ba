"""Messages to Flower records and back."""
