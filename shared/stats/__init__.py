"""Statistics on arrays: each function cites its source and carries an example that runs."""
