"""`python -m tests.oracle [VISITS [FIRST_SEED]]`: more visits than a test has time for."""

from __future__ import annotations

import random
import sys

from tests.oracle.visits import compare


def main(arguments: list[str]) -> int:
    """Compare visit by visit; 1 if any seed differs, each of which is named."""
    visits = int(arguments[0]) if arguments else 1_000
    first = int(arguments[1]) if len(arguments) > 1 else 0
    agreed, differing = 0, list[int]()
    for seed in range(first, first + visits):
        try:
            agreed += compare(random.Random(seed))
        except AssertionError:
            differing.append(seed)
    print(f"{visits} visits, {agreed} decisions alike; seeds that differ: {differing or 'none'}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
