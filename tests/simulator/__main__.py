"""`python -m tests.simulator`."""

from tests.simulator.run import main

if __name__ == "__main__":
    raise SystemExit(main())
