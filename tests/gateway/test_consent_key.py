"""Consent decides what kind of key an event gets; seed or token decide whose."""

from __future__ import annotations

import pytest

from gateway import tokens
from gateway.visitor import consent_of, subject_of
from gateway.wire import WireConsent
from schemas.event import Consent
from schemas.ids import visitor_key
from tests.gateway.samples import SEED, TS_MS, make_site

SITE = make_site()
YES, NO = Consent(True, True, False), Consent(True, False, False)
V_KEY, P_KEY = (
    str(visitor_key("demo", SITE.mint_secret, SEED, lasting=lasting)) for lasting in (True, False)
)
V_TOKEN, P_TOKEN = (
    tokens.mint("demo", SITE.mint_secret, key, now_ms=TS_MS) for key in (V_KEY, P_KEY)
)

RULES = [
    # presented token, seed, personalization -> kind, the same as
    (None, SEED, YES, "v", V_KEY),
    (None, SEED, NO, "p", P_KEY),
    (V_TOKEN, None, YES, "v", V_KEY),
    (V_TOKEN, SEED, YES, "v", V_KEY),
    (V_TOKEN, None, NO, "p", None),
    (V_TOKEN, SEED, NO, "p", None),
    (P_TOKEN, None, NO, "p", P_KEY),
    (P_TOKEN, SEED, YES, "v", V_KEY),
    (P_TOKEN, None, YES, "v", None),
]


def key_of(token: str | None, seed: str | None, consent: Consent, session: str = "s-1") -> str:
    return subject_of(
        SITE, consent, token=token, seed=seed, session_id=session, origin="", now_ms=TS_MS
    ).user_key


@pytest.mark.promise("C27")
@pytest.mark.parametrize(("token", "seed", "consent", "kind", "same_as"), RULES)
def test_consent_and_what_was_presented_decide_the_key(
    token: str | None, seed: str | None, consent: Consent, kind: str, same_as: str | None
) -> None:
    key = key_of(token, seed, consent)
    assert key.split(":")[1] == kind
    assert key == key_of(token, seed, consent), "the same request is the same visitor"
    if same_as is not None:
        assert key == same_as
    else:
        assert key.split(":")[2] not in V_KEY + P_KEY, "nothing of the old id shows in the new one"


def test_after_a_refusal_each_session_is_somebody_else() -> None:
    first, second = (key_of(V_TOKEN, None, NO, session) for session in ("s-1", "s-2"))
    assert first != second


def test_equal_session_names_do_not_make_two_visitors_one() -> None:
    other = tokens.mint("demo", SITE.mint_secret, "demo:v:" + "1" * 32, now_ms=TS_MS)
    assert key_of(V_TOKEN, None, NO) != key_of(other, None, NO)


def test_a_visitor_without_consent_has_no_lasting_id() -> None:
    subject = subject_of(SITE, NO, token=None, seed=SEED, session_id="s", origin="", now_ms=TS_MS)
    assert subject.visitor_id is None and subject.token


DEFAULTS = [
    ("required", None, False, False),
    ("implied", None, False, True),
    ("implied", None, True, False),
    ("implied", WireConsent(), False, False),
    ("required", WireConsent(personalization=True), True, True),
]


@pytest.mark.parametrize(("rule", "said", "opted_out", "granted"), DEFAULTS)
def test_what_the_visitor_said_stands_before_signal_and_default(
    rule: str, said: WireConsent | None, opted_out: bool, granted: bool
) -> None:
    consent = consent_of(make_site(consent=rule), said, opted_out=opted_out)
    assert consent.personalization is granted
