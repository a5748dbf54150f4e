"""What may be claimed: estimates from logged decisions, each with its interval. Pure, floats."""
