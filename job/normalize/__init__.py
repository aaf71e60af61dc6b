"""Pure functions from decoded objects to records: no I/O, no clock, no configuration but what is passed in."""
