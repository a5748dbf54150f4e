"""Facts: the table conditions read holds the documented names, each in its type and range."""

from __future__ import annotations

import pytest

from benchmarks.workloads import context, mix
from infra.model import load
from models.facts import facts
from models.names import DURATION, FLAG, NAMES, SCORES, TEXT, Name
from models.user import step
from schemas.campaign import Campaign, Campaigns
from schemas.profile import Profile, Tab


def readers() -> tuple[Campaign, ...]:
    """Campaigns whose conditions read every name once; zero is a value of each type."""
    whens = [f"{each.name} == {_constant(each)}" for each in NAMES.values()]
    return tuple(Campaign(id=f"c{at:03}", when=when) for at, when in enumerate(whens))


def _constant(name: Name) -> str:
    if name.type == TEXT:
        return f"'{name.choices[-1]}'" if name.choices else "''"
    return {FLAG: "false", DURATION: "1s"}.get(name.type, "0")


@pytest.mark.promise("X1")
def test_facts_are_the_documented_names_in_their_types_and_ranges() -> None:
    """Over a mix of visits with a real scorer: every name is filled that its model gives."""
    ctx, filled = context(), set[str]()
    ctx.add("campaigns", Campaigns(site="bench", version=1, campaigns=readers()))
    profiles: dict[str, Profile | None] = {}
    for event in mix(2_000, 40):
        profile, _, _ = step(profiles.get(event.user_key), event, event.user_key, ctx)
        profiles[event.user_key] = profile
        assert profile is not None
        tab = profile.tabs[-1] if profile.tabs else Tab("s", "t")
        table = facts(profile, tab, ctx.at(event.site, profile.now_ms), "ask", profile.now_ms)
        filled |= table.keys()
        for name, value in table.items():
            known = NAMES[name]
            assert isinstance(value, str) == (known.type == TEXT), name
            if isinstance(value, int):
                assert known.low <= value <= known.high, (name, value)
            else:
                assert not known.choices or value in known.choices, (name, value)
        cart, product = table["cart_value"], table.get("product_price", 0)
        assert isinstance(cart, int) and isinstance(product, int)
        assert table["potential_value"] >= max(cart, product)  # type: ignore[operator]
    unsaid = {name for name, _ in SCORES} - {head.name for head in load().heads}
    assert filled == NAMES.keys() - unsaid
