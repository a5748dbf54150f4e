"""The whole loop under one seeded scheduler: the real core, models of everything around it."""
