"""What runs kairos: set-up, the local stack, the registry, Kafka and Flink settings."""
