"""One run: what it does, in order, and what it came to."""
