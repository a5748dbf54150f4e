"""The SDK against scripted decisions: no broker, no job, one process."""
