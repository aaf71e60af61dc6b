"""Where rows go: a protocol, and a package for each warehouse that implements it."""
