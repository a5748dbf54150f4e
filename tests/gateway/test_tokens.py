"""Visitor tokens: only this site's, only untouched, only for a while, only on their origin."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.tokens import DAY_MS, BadToken, mint, verify, wants_renewal

SECRET, OTHER_SECRET = b"m" * 32, b"n" * 32
NOW_MS = 20_000 * DAY_MS
ONE_YEAR_MS, TWO_YEARS_MS = 365 * DAY_MS, 730 * DAY_MS
V_KEY, P_KEY = "demo:v:" + "0a" * 16, "demo:p:" + "0b" * 16
HERE, ELSEWHERE = "https://shop.example", "https://evil.example"


@pytest.mark.parametrize("key", [V_KEY, P_KEY])
def test_a_token_says_whom_it_was_minted_for(key: str) -> None:
    token = mint("demo", SECRET, key, now_ms=NOW_MS)
    assert verify("demo", SECRET, token, now_ms=NOW_MS).user_key("demo") == key


def test_two_first_posts_get_the_same_token() -> None:
    later_ms = NOW_MS + 1000
    assert mint("demo", SECRET, V_KEY, now_ms=NOW_MS) == mint(
        "demo", SECRET, V_KEY, now_ms=later_ms
    )


REFUSED = [
    ("another site", {"site": "other"}),
    ("another secret", {"secret": OTHER_SECRET}),
    ("no secret", {"secret": b""}),
    ("another origin", {"origin": ELSEWHERE}),
    ("too old", {"now_ms": NOW_MS + TWO_YEARS_MS}),
]


@pytest.mark.parametrize(("why", "changed"), REFUSED)
def test_a_token_is_refused_for(why: str, changed: dict[str, object]) -> None:
    token = mint("demo", SECRET, V_KEY, now_ms=NOW_MS, origin=HERE)
    good = {"site": "demo", "secret": SECRET, "now_ms": NOW_MS, "origin": HERE}
    arguments = {**good, **changed}
    site, secret = arguments.pop("site"), arguments.pop("secret")
    with pytest.raises(BadToken):
        verify(site, secret, token, **arguments)  # type: ignore[arg-type]
    assert why


def test_a_server_without_origin_may_use_a_browsers_token() -> None:
    token = mint("demo", SECRET, V_KEY, now_ms=NOW_MS, origin=HERE)
    assert verify("demo", SECRET, token, now_ms=NOW_MS).visitor_id == "0a" * 16


def test_a_page_token_dies_long_before_a_lasting_one() -> None:
    page, lasting = (mint("demo", SECRET, key, now_ms=NOW_MS) for key in (P_KEY, V_KEY))
    later_ms = NOW_MS + 3 * DAY_MS
    assert verify("demo", SECRET, lasting, now_ms=later_ms)
    with pytest.raises(BadToken):
        verify("demo", SECRET, page, now_ms=later_ms)


def test_an_ageing_token_is_renewed_while_it_still_holds() -> None:
    token = mint("demo", SECRET, V_KEY, now_ms=NOW_MS)
    visitor = verify("demo", SECRET, token, now_ms=NOW_MS + ONE_YEAR_MS)
    assert wants_renewal(visitor, NOW_MS + ONE_YEAR_MS) and not wants_renewal(visitor, NOW_MS)


def test_no_changed_character_passes() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = mint("demo", SECRET, V_KEY, now_ms=NOW_MS)
    for place, good in enumerate(token):
        for letter in alphabet.replace(good, ""):
            changed = token[:place] + letter + token[place + 1 :]
            with pytest.raises(BadToken):
                verify("demo", SECRET, changed, now_ms=NOW_MS)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_rubbish_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(BadToken):
        verify("demo", SECRET, text, now_ms=NOW_MS)
