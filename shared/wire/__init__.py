"""Messages to Flower records and back, and what proves that both ends run the same code."""
