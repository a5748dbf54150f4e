"""The demo's mix of actions: the last minute beside the one before."""

from __future__ import annotations

from infra.demo.mix import Mix
from schemas.decision import Decision
from schemas.render import Render


def test_shares_are_of_what_was_shown_in_each_minute() -> None:
    mix = Mix()
    shown = [(1, "OLD"), (61_000, "A"), (62_000, "B"), (110_000, "B"), (121_001, "B")]
    shown += [(150_000, "A"), (150_000, "A"), (180_000, "C")]
    for at_ms, name in shown:
        mix.update(Decision(decided_at_ms=at_ms, campaign_id=name, render=Render()))
    mix.update(Decision(decided_at_ms=180_000, campaign_id="WITHHELD"))
    assert mix.get() == [
        {"campaign_id": "A", "share": 0.5, "before": 0.333},
        {"campaign_id": "B", "share": 0.25, "before": 0.667},
        {"campaign_id": "C", "share": 0.25, "before": 0.0},
    ]


def test_nothing_shown_is_no_share() -> None:
    assert Mix().get() == []
