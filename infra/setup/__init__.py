"""Set-up of a checkout with the standard library alone: `python3.11 -m infra.setup`."""
