"""The edge: events in over HTTP, decisions out over sockets, Kafka behind both."""
