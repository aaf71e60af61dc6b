"""One cluster: read its lists, make rows of them, and record what could not be read."""
