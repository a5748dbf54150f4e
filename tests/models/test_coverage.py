"""Coverage and its findings, over decision records written by hand."""

from __future__ import annotations

import pytest

from models.coverage import OFTEN, Coverage
from models.coverage_findings import of_conditions, of_coverage
from schemas.campaign import Campaign, Campaigns
from schemas.decision import Candidate, Decision, TriggerRef

IDS = ("A", "B", "C", "D")


def decision(winner: str, *, able: str = "", stage: str = "cart", **reasons: str) -> Decision:
    """One slot: who won, who could bid, and who was stopped by what."""
    masks = {
        code: sum(1 << IDS.index(name) for name in names).to_bytes(1, "little")
        for code, names in reasons.items()
    }
    return Decision(
        slot_id="s_1",
        campaign_id=winner,
        reason="won" if winner else "no_eligible",
        stage=stage,
        trigger=TriggerRef("page_view", "e", 0),
        candidates=tuple(Candidate(name, 1, 1, 1, 0, 0) for name in able or winner),
        reasons=masks,
    )


def catalogue(*conditions: str) -> Campaigns:
    return Campaigns(
        campaigns=tuple(
            Campaign(id=name, when=when) for name, when in zip(IDS, conditions, strict=False)
        )
    )


def test_a_campaign_is_counted_as_far_as_it_came() -> None:
    coverage = Coverage(IDS)
    coverage.add(decision("A", able="AB", outbid="B", when="C", placement="D"))
    coverage.add(decision("B", able="B", stage_used="A", stock="C", placement="D"))
    counts = {
        name: (r.slots, r.asked, r.held, r.eligible, r.won)
        for name, r in coverage.campaigns.items()
    }
    assert counts == {
        "A": (2, 1, 1, 1, 1),
        "B": (2, 2, 2, 2, 1),
        "C": (2, 2, 1, 0, 0),
        "D": (0, 0, 0, 0, 0),
    }
    assert coverage.campaigns["B"].beaten_by == {"A": 1}
    assert coverage.campaigns["C"].stopped == {"when": 1, "stock": 1}


@pytest.mark.parametrize("reason", ["probe", "bot", "no_site", "no_catalogue"])
def test_a_decision_without_an_auction_counts_for_nothing(reason: str) -> None:
    coverage = Coverage(IDS)
    coverage.add(Decision(reason=reason))
    assert coverage.decisions == 0 and not coverage.moments


FOUND = [
    ({"winner": "A", "when": "BCD"}, "B", "never_held", "loosen `when`"),
    ({"winner": "A", "able": "AB", "outbid": "B", "when": "CD"}, "B", "always_beaten", "by A"),
    ({"winner": "", "below_reserve": "B", "when": "ACD"}, "B", "always_beaten", "the reserve"),
    ({"winner": "A", "stock": "B", "when": "CD"}, "B", "never_eligible", f"stock {OFTEN}"),
    ({"winner": "A", "consent": "B", "when": "CD"}, "B", "never_asked", f"consent {OFTEN}"),
    ({"winner": "A", "placement": "B", "when": "CD"}, "B", "no_slot", "placement page"),
    ({"winner": "A", "when": "BCD"}, "A", "always_held", f"all {OFTEN} moments"),
    ({"winner": "", "when": "ABCD"}, "cart / page_view", "gap", f"any of {OFTEN}"),
    ({"winner": "A", "able": "AB", "outbid": "B", "when": "CD"}, "A + B", "overlap", "tell them"),
]


@pytest.mark.parametrize(("told", "about", "kind", "words"), FOUND)
def test_a_finding_names_what_it_is_about(
    told: dict[str, str], about: str, kind: str, words: str
) -> None:
    """Each holds from OFTEN moments on, or from the first where nothing is compared."""
    coverage = Coverage(IDS)
    record = catalogue("page_views > 1", "page_views > 1", "page_views > 1", "page_views > 1")
    for _ in range(OFTEN):
        coverage.add(decision(**told))  # type: ignore[arg-type]
    found = {(each.kind, each.about): each.sentence for each in of_coverage(record, coverage)}
    assert words in found[kind, about]
    fewer = Coverage(IDS)
    for _ in range(OFTEN - 1):
        fewer.add(decision(**told))  # type: ignore[arg-type]
    kinds = {(each.kind, each.about) for each in of_coverage(record, fewer)}
    assert ((kind, about) in kinds) == (kind not in ("gap", "overlap", "always_held"))


def test_conditions_that_cannot_change_are_found_without_a_log() -> None:
    record = catalogue("cart_value > 50 and cart_value < 40", "hour <= 23", "returning", "")
    found = [(each.kind, each.about) for each in of_conditions(record)]
    assert found == [("can_never_fire", "A"), ("always_holds", "B")]
    other = Campaigns(campaigns=(Campaign(id="X", when="stage == browse", stages=("cart",)),))
    assert "no value of stage" in of_conditions(other)[0].sentence


def test_a_paused_campaign_is_not_accused() -> None:
    coverage = Coverage(IDS)
    coverage.add(decision("", paused="A", when="BCD"))
    record = Campaigns(campaigns=(Campaign(id="A", paused=True),))
    assert [each for each in of_coverage(record, coverage) if each.about == "A"] == []
