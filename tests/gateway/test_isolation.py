"""No decision, withdrawal or fallback reaches anybody but the tab it is for."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.push import Hub
from tests.gateway.isolation import Crowd

FAST, LONG = 3_000, 50_000


@pytest.mark.parametrize(
    "pushed", [FAST, pytest.param(LONG, marks=pytest.mark.long)], ids=["fast", "long"]
)
def test_nothing_reaches_a_stranger(pushed: int) -> None:
    crowd = Crowd(seed=7)
    heard = crowd.run(pushed)
    assert heard[False] == 0 and heard[True] >= pushed
    for name in ("fallback", "no_fallback", "resumed", "mismatched", "foreign"):
        assert crowd.hub.counts[name] > 0, name


def everybody(hub: Hub, key: str, *_tab: Any) -> list[Any]:
    """All connections there are: the filter is gone."""
    return [each for lines in hub._connections._by_key.values() for each in lines]


def every_tab(hub: Hub, key: str, *_tab: Any) -> list[Any]:
    """All tabs of the visitor."""
    return list(hub._connections.of(key))


@pytest.mark.parametrize("bug", [everybody, every_tab])
def test_the_check_finds_a_dropped_filter(monkeypatch: pytest.MonkeyPatch, bug: Any) -> None:
    monkeypatch.setattr(Hub, "_of_tab", bug)
    assert Crowd(seed=7).run(FAST)[False] > 0


def test_the_check_finds_a_resume_that_does_not_look_at_the_tab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.catch_up.is_for", lambda *_: True)
    assert Crowd(seed=7).run(FAST)[False] > 0
