"""Planted defects: each breaks one place of the core, and a named test has to notice."""
