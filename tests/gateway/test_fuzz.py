"""Two thousand mutated requests and frames: no 5xx, no error, nothing left over.

`kairos prove fuzz` sends a hundred thousand.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from gateway import convert
from tests.gateway.fuzz import fuzz
from tests.gateway.fuzz_mutate import _is_light

SEED = 20_261_125
REQUESTS = 2_000
GROWTH_MIB_MAX = 32


async def test_no_mutated_request_breaks_the_edge() -> None:
    """Every kind of request is refused and accepted at least once, so the run reached inside."""
    found = await fuzz(REQUESTS, SEED)
    assert found.wrong == []
    assert found.growth_mib < GROWTH_MIB_MAX
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for name in found.statuses:
        route, _, end = name.rpartition(" ")
        seen[route].add(end)
    assert {"202", "400"} <= seen["/v1/events"]
    assert {"200", "400", "401"} <= seen["/v1/identify"]
    assert {"200", "400"} <= seen["/v1/in/shopify"]
    assert found.accepted > REQUESTS // 10


async def test_a_bug_behind_the_validation_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a handler that fails on a rare value; the same seeds find it."""
    convert_kind = convert._kind

    def fails(wire: Any) -> Any:
        if None in (wire.page, wire.product, wire.vectors, wire.properties, wire.value):
            raise KeyError("planted")
        return convert_kind(wire)

    monkeypatch.setattr(convert, "_kind", fails)
    found = await fuzz(300, SEED)
    assert any("logged" in each or "gave 500" in each or "closed" in each for each in found.wrong)


def test_no_mutation_weighs_more_than_a_body_may() -> None:
    """A list that repeats lists that repeat lists once cost the fuzzer itself 7 GB."""
    lists: Any = [[[0] * 40] * 40] * 40
    assert not _is_light(lists) and _is_light([lists[0]] * 2)
