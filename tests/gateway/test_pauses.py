"""A paused campaign comes off every page at once, and nothing of it is shown afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.avro import Codec, codec
from connectors.memory import MemoryRegistry
from gateway import shown
from gateway.shown import Shown
from gateway.tail import Record
from schemas.campaign import Campaign, Campaigns
from schemas.ids import event_slot
from tests.gateway.conftest import Gateway
from tests.gateway.samples import SEED, make_batch, make_decision, make_event
from tests.gateway.test_deadlines import FALLBACK, none
from tests.gateway.test_push import (
    HEARD_WITHIN_S,
    KEY,
    ONE_MINUTE_LATER_S,
    OTHER,
    Bench,
    Ear,
    said,
)

CODEC: Codec[Campaigns] = codec("campaigns", MemoryRegistry())
STRANGE = f"full:v:{1:032x}"


def catalogue(*paused: str, version: int = 1, site: str = "demo") -> Record:
    """A record that pauses these; WINTER, SPARE and SUMMER are all there are."""
    names = ("WINTER", "SPARE", "SUMMER")
    every = tuple(Campaign(id=name, paused=name in paused) for name in names)
    made = Campaigns(site=site, version=version, effective_at_ms=1, campaigns=every)
    return Record(site.encode(), CODEC.encode(made), {})


def slots(ear: Ear, kind: str = "cancel") -> list[str]:
    """The slots of what was heard of this kind."""
    told = map(json.loads, ear.heard)
    return [each["slot_id"] for each in told if each["type"] == kind]


def listening(bench: Bench, *ears: Ear) -> None:
    """These are connected, and hear what there is to catch up with."""
    for ear in ears:
        for frame in bench.hub.attach(ear, 0, None).frames:
            ear.offer(frame)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def pause(bench: Bench, *names: str, version: int = 1, site: str = "demo") -> None:
    bench.hub.take_campaigns([catalogue(*names, version=version, site=site)], CODEC)


def test_it_is_cancelled_in_the_tab_that_shows_it_and_nowhere_else(bench: Bench) -> None:
    here, tab, stranger, other = Ear(KEY), Ear(KEY, tab_id="t2"), Ear(STRANGE), Ear(OTHER)
    listening(bench, here, tab, stranger, other)
    bench.put(make_decision(KEY, 1))
    bench.put(make_decision(KEY, 2, campaign_id="SUMMER", placement="bar"))
    bench.put(make_decision(STRANGE, 3, site="full"))
    pause(bench, "WINTER")
    assert here.heard[-1] == '{"type":"cancel","slot_id":"s_1","seq":0,"epoch":1}'
    assert [slots(ear) for ear in (here, tab, stranger, other)] == [["s_1"], [], [], []]
    assert bench.hub.counts["paused"] == 1
    pause(bench, "WINTER", "SUMMER", "SPARE", version=2)
    assert slots(here)[1:] == ["s_1", "s_2"] and slots(stranger) == []


def test_an_action_told_long_ago_is_cancelled_too(bench: Bench) -> None:
    """A banner stays on its page for longer than decisions are held, and over a break."""
    ear = Ear(KEY)
    listening(bench, ear)
    bench.put(make_decision(KEY, 1))
    bench.hub.detach(ear)
    bench.now_s += ONE_MINUTE_LATER_S
    pause(bench, "WINTER")
    (frame,) = bench.hub.attach(Ear(KEY), 1, 1).frames
    assert json.loads(frame.text)["slot_id"] == "s_1" and '"cancel"' in frame.text


@pytest.mark.parametrize("recalled", [False, True], ids=["held here", "in Valkey"])
@pytest.mark.parametrize("last_seq", [0, 1], ids=["not told yet", "told elsewhere"])
def test_what_is_held_for_a_tab_that_comes_is_not_shown(
    bench: Bench, recalled: bool, last_seq: int
) -> None:
    """A page that had it from another gateway is told to take it off."""
    record = Record(KEY.encode(), bench.codec.encode(make_decision(KEY, 1)), {})
    if not recalled:
        bench.hub.take([record])
    pause(bench, "WINTER")
    known = (record,) if recalled else ()
    welcome = bench.hub.attach(Ear(KEY), last_seq, 1, known)
    told = [json.loads(frame.text) for frame in welcome.frames]
    assert [(each["type"], each["slot_id"]) for each in told] == [("cancel", "s_1")]
    assert (welcome.seq, welcome.resumed) == (1, True)


def test_a_page_that_had_it_from_another_gateway_hears_the_pause(bench: Bench) -> None:
    bench.put(make_decision(KEY, 1))
    ear = Ear(KEY)
    bench.hub.attach(ear, 1, 1)
    pause(bench, "WINTER")
    assert slots(ear) == ["s_1"]


async def test_what_the_job_decides_until_the_pause_is_in_force_is_not_shown(bench: Bench) -> None:
    """Whoever waits for the slot is told why there is nothing; so is a full site."""
    ear, full = Ear(KEY), Ear(STRANGE)
    listening(bench, ear, full)
    for site in ("demo", "full"):
        pause(bench, "WINTER", site=site)
    waiter = bench.hub.expect(KEY, "s_1")
    bench.put(make_decision(KEY, 1))
    bench.put(make_decision(STRANGE, 2, site="full"))
    bench.put(make_decision(KEY, 3, campaign_id="SUMMER"))
    assert slots(ear, "decision") == ["s_3"] and waiter.result().reason == "paused"
    assert '"type":"none"' in full.heard[0] and '"reason":"paused"' in full.heard[0]


VERSIONS: list[tuple[str, list[Record], list[str]]] = [
    ("paused", [catalogue("WINTER")], []),
    ("resumed", [catalogue("WINTER"), catalogue(version=2)], ["s_1"]),
    ("an older record comes late", [catalogue("WINTER", version=2), catalogue()], []),
    ("another site's", [catalogue("WINTER", site="full")], ["s_1"]),
    ("unreadable", [catalogue("WINTER"), Record(b"demo", b"not avro", {})], []),
    ("deleted", [catalogue("WINTER"), Record(b"demo", None, {})], []),
]


@pytest.mark.parametrize(
    ("records", "shown_then"), [row[1:] for row in VERSIONS], ids=[row[0] for row in VERSIONS]
)
def test_the_newest_catalogue_of_the_site_rules(
    bench: Bench, records: list[Record], shown_then: list[str]
) -> None:
    ear = Ear(KEY)
    listening(bench, ear)
    bench.hub.take_campaigns(records, CODEC)
    bench.put(make_decision(KEY, 1))
    assert slots(ear, "decision") == shown_then


async def heard(ws: Any) -> dict[str, Any]:
    """The next frame of a socket."""
    frame: dict[str, Any] = await ws.receive_json(timeout=HEARD_WITHIN_S)
    return frame


@pytest.mark.parametrize("paused", [False, True], ids=["goes on", "paused"])
async def test_a_held_stand_in_of_a_paused_campaign_stands_in_no_more(
    gateway: Gateway, paused: bool
) -> None:
    """Nor does an older one, which the job has released; one that is shown is taken off."""
    ws = await said(gateway)
    assert (await heard(ws))["type"] == "welcome"
    good = replace(FALLBACK, valid_until_ms=4_000_000_000_000)
    gateway.decide(none(1, fallback=replace(good, campaign_id="SUMMER")))
    gateway.decide(none(2, fallback=good))
    hub, event = gateway.parts.hub, make_event(type="add_to_cart")
    if paused:
        hub.take_campaigns([catalogue("SPARE")], CODEC)
    body = make_batch(event, visitor_seed=SEED)
    response = await gateway.client.post("/v1/events?wait=2000", json=body)
    answer = await response.json()
    if paused:
        assert (answer["decision"], answer["reason"]) == (None, "no_fallback")
        return
    assert answer["decision"]["campaign_id"] == "SPARE"
    assert (await heard(ws))["source"] == "fallback"
    hub.take_campaigns([catalogue("SPARE")], CODEC)
    slot = event_slot("demo", KEY, "page", event["event_id"])
    assert (await heard(ws)).items() >= {"type": "cancel", "slot_id": slot}.items()


def test_what_is_remembered_of_tabs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "SLOTS_MAX", 3)
    made = Shown(tabs_max=2)
    for tab in ("t1", "t2", "t3"):
        for number in range(10):
            made.note(make_decision(KEY, number, tab_id=tab))
            assert len(made) <= 2
    for tab, last in (("t1", 0), ("t2", 3), ("t3", 3)):
        assert len(made.cancels((KEY, "s-91", tab), {"WINTER"})) == last
