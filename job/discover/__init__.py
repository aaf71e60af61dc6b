"""Which clusters there are, and what could not be listed."""
