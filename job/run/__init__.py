"""One run: its steps in order, and its summary."""
