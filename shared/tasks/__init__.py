"""The studies as values: roles, endpoint, preparation, network, defaults."""
