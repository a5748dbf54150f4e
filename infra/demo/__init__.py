"""The demo shop: its products, its campaigns and its simulated visitors."""
