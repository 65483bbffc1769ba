"""What every site and the server must agree on."""
