"""Functions that several kinds share, from parts of JSON to columns."""
