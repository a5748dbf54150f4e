"""Tiers: a test marked neither `long`, `stack` nor `browser` is `fast`; cheap tiers run first.

A `long` test is as pure as a fast one, but plays thousands of instances. A test marked `proof` is
part of `kairos prove NAME` alone, wherever it lies.

Outside judges (infra/setup/judges.py) can be imported; a test that does so is `long`.

Tests under tests/stack/ and tests/browser/ bear their folder's marker without saying so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from infra.setup.home import Home

# Behind everything else: nothing of the product may be taken from there.
sys.path.append(str(Home.from_environment().judges))

# The same examples in every run: what is red here is red everywhere, and again.
settings.register_profile("kairos", derandomize=True)
settings.load_profile("kairos")

pytest_plugins = ["tests.promise_results"]
TIERS = ("fast", "long", "stack", "browser")
PROOF = "proof"
TESTS = Path(__file__).parent


def tier(item: pytest.Item) -> str:
    """The tier that the test's markers or its folder name, else `fast`.

    Raises UsageError for two of them, since each tier runs by itself: the test would run twice.
    """
    if item.get_closest_marker(PROOF):
        return PROOF
    folder = item.path.relative_to(TESTS).parts[0]
    named = [name for name in TIERS if folder == name or item.get_closest_marker(name)]
    if len(named) > 1:
        raise pytest.UsageError(f"{item.nodeid} is in two tiers: {' and '.join(named)}")
    return named[0] if named else TIERS[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier and order the tiers, so that a broken rule shows early."""
    for item in items:
        item.add_marker(tier(item))
    items.sort(key=lambda item: (*TIERS, PROOF).index(tier(item)))
