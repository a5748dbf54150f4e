"""`python -m tests.sabotage`."""

from tests.sabotage.catch import main

if __name__ == "__main__":
    raise SystemExit(main())
