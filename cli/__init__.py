"""The `kairos` program: one command a file."""
