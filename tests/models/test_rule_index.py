"""Rule index and limits: a whole catalogue at once, against each condition asked by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.names import NAMES, TEXT
from models.rule_index import index_of
from models.rule_limits import ALWAYS, DEPENDS, NEVER, verdict
from models.rules import compile_rule
from models.vocabulary import STAGES

pytestmark = pytest.mark.long

NUMBERS = ("frustration", "cart_value", "dwell", "hour", "orders", "product_stock", "returning")
EDGES = {
    "frustration": ("0", "0.4", "40%", "0.400001", "1"),
    "cart_value": ("0", "40", "40.50", "100"),
    "dwell": ("0s", "20s", "20001ms", "30d"),
    "hour": ("0", "9", "10", "23"),
    "orders": ("0", "1", "2"),
    "product_stock": ("-1", "0", "1"),
}
WORDS = ("cart", "browse", "''", "'Tents & Tarps'")
SIGNS = ("==", "!=", "<", "<=", ">", ">=")
ATOMS = [
    *(f"{n} {sign} {v}" for n, vs in EDGES.items() for v in vs for sign in SIGNS),
    *(f"{n} {sign} {w}" for n in ("page_type", "utm_source") for w in WORDS for sign in SIGNS[:2]),
    *(f"stage in [{one}, {two}]" for one in STAGES for two in STAGES),
    *(f"page_type not in [{one}, {two}]" for one in WORDS for two in WORDS),
    "returning",
    "not identified",
    "true",
    "false",
    "orders < page_views",
    "dwell == dwell",
    "dwell < dwell",
    "page_type == utm_source",
]  # fmt: skip
CONDITIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda part: st.one_of(
        part.map(lambda text: f"not ({text})"),
        st.lists(part, min_size=2, max_size=4).map(lambda parts: f"({' and '.join(parts)})"),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: f"({' or '.join(parts)})"),
    ),
    max_leaves=6,
)
AMOUNTS = st.sampled_from(
    [-1, 0, 1, 2, 9, 10, 23, 20_000, 20_001, 399_999, 400_000, 400_001, 40_000_000, 40_500_000]
)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys((*NUMBERS, "page_views", "identified"), AMOUNTS),
        "stage": st.sampled_from(STAGES),
        "page_type": st.sampled_from(["", "cart", "browse", "Tents & Tarps", "else"]),
        "utm_source": st.sampled_from(["", "cart", "else"]),
    },
)


@pytest.mark.promise("M25")
@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.none(), CONDITIONS), max_size=12), FACTS, st.integers(min_value=0))
def test_the_index_says_what_each_condition_says(
    texts: list[str | None], facts: dict[str, int | str], among: int
) -> None:
    """The naive oracle asks one after the other."""
    compiled = [compile_rule(text) if text else None for text in texts]
    among &= (1 << len(texts)) - 1
    fails = index_of(compiled).failing(facts, among)
    for number, rule in enumerate(compiled):
        if among >> number & 1:
            assert fails >> number & 1 == (rule is not None and not rule.holds(facts)), texts[
                number
            ]


@given(st.lists(CONDITIONS, min_size=1, max_size=6))
def test_only_conditions_over_several_names_are_asked_one_by_one(texts: list[str]) -> None:
    compiled = [compile_rule(text) for text in texts]
    index = index_of(compiled)
    for number, rule in enumerate(compiled):
        mixed = any(len(part.names) > 1 for part in rule.parts)
        assert bool(index.rest_mask >> number & 1) == mixed


VERDICTS = [
    ("cart_value > 40 and cart_value < 30", {}, (NEVER, "cart_value")),
    ("cart_value > 40 and cart_value <= 41", {}, (DEPENDS, "")),
    ("stage == browse", {"stage": ("cart",)}, (NEVER, "stage")),
    ("stage == cart", {"stage": ("cart",)}, (ALWAYS, "")),
    ("stage in [browse, cart, high_intent]", {}, (ALWAYS, "")),
    ("hour >= 0 and weekday <= 6", {}, (ALWAYS, "")),
    ("hour > 23", {}, (NEVER, "hour")),
    ("not (hour <= 23)", {}, (NEVER, "hour")),
    ("page_type == cart and page_type == home", {}, (NEVER, "page_type")),
    ("page_type != cart", {}, (DEPENDS, "")),
    ("false", {}, (NEVER, "")),
    ("true", {}, (ALWAYS, "")),
    ("returning or not returning", {}, (ALWAYS, "")),
    ("not (returning or identified) and returning", {}, (NEVER, "returning")),
    ("orders < page_views and page_views == 0", {}, (DEPENDS, "")),
]


@pytest.mark.parametrize(("text", "allowed", "want"), VERDICTS)
def test_a_condition_that_cannot_change_is_known_from_its_text(
    text: str, allowed: dict[str, tuple[str, ...]], want: tuple[str, str]
) -> None:
    assert verdict(compile_rule(text), allowed) == want


@settings(max_examples=300, deadline=None)
@given(CONDITIONS, FACTS)
def test_what_is_said_of_a_condition_is_true_of_every_visitor(
    text: str, facts: dict[str, int | str]
) -> None:
    """`never` and `always` are promises about all facts within the ranges of their names."""
    rule = compile_rule(text)
    within = {
        name: value
        for name, value in facts.items()
        if NAMES[name].type == TEXT or NAMES[name].low <= int(value) <= NAMES[name].high
    }
    within.setdefault("stage", STAGES[0])
    said, _ = verdict(rule, {})
    assert said == DEPENDS or rule.holds(within) == (said == ALWAYS)
