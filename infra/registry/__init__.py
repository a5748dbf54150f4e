"""A small Confluent-compatible schema registry for one machine; any other works by URL."""
