"""Messages outside the page leave the hop as records of topic `triggers`, replays alike."""

from __future__ import annotations

import pytest

from connectors.avro import codec
from connectors.log_decide import codecs
from connectors.memory import MemoryRegistry
from connectors.routes import read_routed
from operators.hop import Out
from operators.local import LocalJob
from schemas.campaign import EMAIL
from schemas.offer import Offer
from schemas.topics import TRIGGERS
from schemas.trigger import Trigger
from tests.builders import BEGINNING, ONE_MINUTE, campaign, context, event, lamp, page

KNOWN = "demo:u:" + "0" * 32
"""A visitor whose arm sends a day later."""

REGISTRY = MemoryRegistry()
LETTERS = codec(TRIGGERS, REGISTRY)
PRODUCT = {"page": page("/p/lamp", "product"), "product": lamp(), "user_key": KNOWN}
STORY = [
    event("product_view", 0, 0, **PRODUCT),
    *(event("click", n * 1_000, n, properties={"target": str(n)}, **PRODUCT) for n in range(1, 5)),
    event("pause", 4_500, 5, properties={"target": "sale"}, **PRODUCT),
    event("scroll", 5_000, 6, active_duration_ms=61_000, scroll_depth_ppm=850_000, **PRODUCT),
]
BOUGHT = event("purchase", 2 * ONE_MINUTE, 7, value_micros=40_000_000, user_key=KNOWN)


def job() -> LocalJob:
    """A job with one message in its catalogue."""
    letter = campaign(
        "letter",
        action_type="email",
        placement=EMAIL,
        channel=EMAIL,
        on=("in_session",),
        offers=(Offer(name="firm", margin_micros=1_000_000),),
    )
    return LocalJob(context(letter), codecs(REGISTRY), "b1")


def told(out: Out) -> list[tuple[str, Trigger]]:
    """(record key, trigger) of what went to the topic."""
    routes = [(key, *read_routed(payload)) for key, payload in out]
    return [(key, LETTERS.decode(frame)) for key, topic, _, frame in routes if topic == TRIGGERS]


@pytest.mark.promise("C56", "C74", "E35", "E36")
def test_a_message_and_what_takes_it_back_are_records_of_their_user() -> None:
    running, out = job(), list[tuple[str, bytes]]()
    for each in STORY:
        out.extend(running.applied(each))
    out += running.advance(BEGINNING + ONE_MINUTE)
    out += running.applied(BOUGHT)
    (key, mail), (other, cancel) = told(out)
    assert key == other == KNOWN
    assert (mail.kind, mail.campaign_id, mail.detected_at_ms) == (
        "mail",
        "letter",
        BEGINNING + 5_300,
    )
    assert mail.fields == {
        "active_s": "61",
        "interactions": "5",
        "offer": "firm",
        "page_path": "/p/lamp",
        "paused_on": "sale",
        "product_category": "light",
        "product_id": "lamp",
    }
    assert (cancel.kind, cancel.trigger_id, cancel.reason) == ("cancel", mail.trigger_id, "bought")
    assert running.meter.counts["triggers"] == 2
    assert mail.due_at_ms - mail.detected_at_ms == 24 * 60 * ONE_MINUTE


def test_a_replay_tells_the_same_without_timers() -> None:
    """The next event meets the deadline that a timer would have met."""
    timely, late, outs = job(), job(), ([], [])
    for running, out in zip((timely, late), outs, strict=True):
        for each in STORY:
            out.extend(running.applied(each))
        if running is timely:
            out.extend(running.advance(BEGINNING + ONE_MINUTE))
        out.extend(running.applied(BOUGHT))
    assert told(outs[0]) == told(outs[1]) and len(told(outs[0])) == 2
