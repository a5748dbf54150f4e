"""The rules: pure functions and small state, no engine, no I/O, no clock, no random source."""
