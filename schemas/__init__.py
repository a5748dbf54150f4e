"""What travels: frozen types of every record, no engine and no I/O."""
