"""What each command of the command line does and prints: one file a command."""
