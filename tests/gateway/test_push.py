"""Push: a socket sees its own visitor's decisions, of its own session and tab, and only those."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType

from connectors.avro import Codec, codec
from connectors.memory import MemoryRegistry
from gateway import codes, stream, tokens
from gateway.held import PER_VISITOR_MAX, Held
from gateway.outbox import Frame
from gateway.push import Hub
from gateway.tail import Record
from schemas.decision import Decision
from schemas.ids import UserKey, visitor_key
from schemas.topics import SILENT
from tests.gateway.conftest import Gateway
from tests.gateway.samples import ORIGIN, SEED, make_batch, make_decision, make_site

SITE = make_site()
KEY = visitor_key("demo", SITE.mint_secret, SEED, lasting=True)
OTHER = visitor_key("demo", SITE.mint_secret, "f" * 32, lasting=True)
ONE_MINUTE_LATER_S = 61.0
HEARD_WITHIN_S = 10.0


@dataclass(eq=False)
class Ear:
    """A connection that remembers what it was offered."""

    user_key: str
    session_id: str = "s-91"
    tab_id: str = "t1"
    conn_id: str = "c"
    heard: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def offer(self, frame: Frame) -> None:
        self.heard.append(frame.text)
        self.frames.append(frame)


@dataclass
class Bench:
    """A hub whose clock the test holds."""

    now_s: float = 1_712_613_245.0

    def __post_init__(self) -> None:
        registry = MemoryRegistry()
        self.codec: Codec[Decision] = codec("decisions", registry)
        reader: Codec[Decision] = codec("decisions", registry)
        full = make_site(site="full", push="full")
        sites = {"demo": SITE, "full": full}
        self.hub = Hub(reader, lambda name, _now: sites.get(name), lambda: self.now_s)

    def put(self, decision: Decision, key: str | None = None) -> None:
        key = decision.user_key if key is None else key
        self.hub.take([Record(key.encode(), self.codec.encode(decision), {})])


@pytest.fixture
def bench() -> Bench:
    return Bench()


def own(ear: Ear) -> str:
    """What every decision for this connection says."""
    return f"{ear.user_key} {ear.session_id}"


def strangers_heard(bench: Bench, rounds: int = 2_000) -> int:
    """Decisions of random visitors, sessions and tabs: how many reach somebody else."""
    chance = random.Random(7)
    keys = [f"demo:v:{number:032x}" for number in range(20)]
    heard: list[tuple[str, str]] = []
    ears = [Ear(chance.choice(keys), f"s{chance.randrange(2)}", "t1") for _ in range(30)]
    for ear in ears:
        bench.hub.attach(ear, 0, None)
    for number in range(rounds):
        key, session = chance.choice(keys), f"s{chance.randrange(2)}"
        text = f"{key} {session}"
        changes: dict[str, Any] = {"session_id": session, "campaign_id": text}
        bench.put(make_decision(key, number, **changes))
        if number % 7 == 0:
            ear = chance.choice(ears)
            bench.hub.detach(ear)
            heard += [(own(ear), frame) for frame in ear.heard]
            ear.session_id = f"s{chance.randrange(2)}"
            ear.heard = [frame.text for frame in bench.hub.attach(ear, 0, None).frames]
    heard += [(own(ear), frame) for ear in ears for frame in ear.heard]
    assert len(heard) > rounds // 4, "something was pushed at all"
    return sum(name not in frame for name, frame in heard)


def test_no_decision_reaches_a_stranger(bench: Bench) -> None:
    assert strangers_heard(bench) == 0


def test_the_check_finds_a_hub_without_its_filter(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "_of_tab", lambda hub, key, *_tab: list(hub._connections.of(key)))
    assert strangers_heard(bench) > 0


def test_a_record_under_another_key_than_its_body_is_dropped(bench: Bench) -> None:
    mine, theirs = Ear(KEY), Ear(OTHER)
    bench.hub.attach(mine, 0, None)
    bench.hub.attach(theirs, 0, None)
    bench.put(make_decision(OTHER), key=KEY)
    assert not mine.heard and not theirs.heard
    assert bench.hub.counts["mismatched"] == 1


def test_a_foreign_record_is_never_decoded(bench: Bench) -> None:
    bench.hub.take([Record(OTHER.encode(), b"not avro at all", {})])
    assert bench.hub.counts == {"foreign": 1}


SLOT = "s_" + "0a" * 16
NOTHING: dict[str, Any] = {"slot_id": SLOT, "render": None, "reason": "no_eligible"}


def test_a_record_that_shows_nothing_is_not_decoded_and_still_takes_its_slot(bench: Bench) -> None:
    """What follows the slot is garbage here; a later action of that slot comes too late."""
    ear = Ear(KEY)
    bench.hub.attach(ear, 0, None)
    frame = bench.codec.encode(make_decision(KEY, **NOTHING))
    bench.hub.take([Record(KEY.encode(), frame[:50] + b"\xff" * 40, {SILENT: b"1"})])
    assert bench.hub.counts["silent"] == 1 and bench.hub.counts["unreadable"] == 0
    bench.put(make_decision(KEY, slot_id=SLOT))
    assert not ear.heard and bench.hub.counts["superseded"] == 1


@pytest.mark.parametrize("headers", [{}, {SILENT: b"0"}])
def test_a_record_that_does_not_say_it_is_silent_is_decoded(
    bench: Bench, headers: dict[str, bytes]
) -> None:
    ear = Ear(KEY)
    bench.hub.attach(ear, 0, None)
    frame = bench.codec.encode(make_decision(KEY, slot_id=SLOT))
    bench.hub.take([Record(KEY.encode(), frame, headers)])
    assert len(ear.heard) == 1 and bench.hub.counts["silent"] == 0


async def test_whoever_would_be_told_is_told_of_a_silent_record(bench: Bench) -> None:
    """A visitor of a full site, and a request that waits for this very slot."""
    full = Ear(f"full:v:{1:032x}")
    bench.hub.attach(full, 0, None)
    waiter = bench.hub.expect(KEY, SLOT)
    for key, site in ((full.user_key, "full"), (KEY, "demo")):
        frame = bench.codec.encode(make_decision(key, site=site, **NOTHING))
        bench.hub.take([Record(key.encode(), frame, {SILENT: b"1"})])
        bench.hub._answers._slots.clear()
    assert '"type":"none"' in full.heard[0] and waiter.done()


def test_an_unreadable_record_of_somebody_here_is_counted(bench: Bench) -> None:
    bench.hub.attach(Ear(KEY), 0, None)
    bench.hub.take([Record(KEY.encode(), b"not avro at all", {}), Record(KEY.encode(), None, {})])
    assert bench.hub.counts["unreadable"] == 1


def test_the_first_decision_of_a_slot_wins(bench: Bench) -> None:
    ear = Ear(KEY)
    bench.hub.attach(ear, 0, None)
    bench.put(make_decision(KEY))
    bench.put(make_decision(KEY, decision_id="d_late"))
    assert len(ear.heard) == 1 and "d_late" not in ear.heard[0]
    assert bench.hub.counts["superseded"] == 1


def test_nothing_past_its_expiry_is_pushed(bench: Bench) -> None:
    ear = Ear(KEY)
    bench.hub.attach(ear, 0, None)
    bench.put(make_decision(KEY, expires_at_ms=int(bench.now_s * 1000)))
    assert not ear.heard and bench.hub.counts["expired"] == 1


def test_a_withdrawal_reaches_all_tabs_of_the_visitor_and_nobody_else(bench: Bench) -> None:
    here, other_tab, stranger = Ear(KEY), Ear(KEY, tab_id="t2"), Ear(OTHER)
    for ear in (here, other_tab, stranger):
        bench.hub.attach(ear, 0, None)
    bench.put(make_decision(KEY, render=None, cancels=("s_9",), reason="no_eligible"))
    expected = ['{"type":"cancel","slot_id":"s_9","seq":1,"epoch":1}']
    assert (here.heard, other_tab.heard, stranger.heard) == (expected, expected, [])


def position_of(frames: list[Frame]) -> int:
    """Where a client stands that has heard these, as docs/edge.md has it remember."""
    return max((json.loads(frame.text).get("seq", 0) for frame in frames), default=0)


TOLD: list[tuple[str, list[dict[str, Any]]]] = [
    ("an action", [{}]),
    ("an action for another", [{"cancels": ("s_8",)}]),
    ("an action for two others", [{"cancels": ("s_8", "s_9")}]),
    ("two withdrawals", [{"render": None, "cancels": ("s_8", "s_9")}]),
    ("withdrawals, then an action", [{"render": None, "cancels": ("s_7", "s_8")}, {}]),
    ("an action, then withdrawals", [{}, {"render": None, "cancels": ("s_7", "s_8")}]),
]


@pytest.mark.parametrize("held", [False, True], ids=["as it comes", "held"])
@pytest.mark.parametrize("told", [row[1] for row in TOLD], ids=[row[0] for row in TOLD])
def test_a_client_that_breaks_after_any_message_resumes_without_a_gap(
    bench: Bench, told: list[dict[str, Any]], held: bool
) -> None:
    """What it heard before, and what a hello from there brings, is everything."""
    ear = Ear(KEY)
    if not held:
        bench.hub.attach(ear, 0, None)
    for number, changes in enumerate(told, 1):
        bench.put(make_decision(KEY, number, **changes))
    frames = list(bench.hub.attach(ear, 0, None).frames) if held else ear.frames
    everything = {json.loads(frame.text)["slot_id"] for frame in frames}
    assert position_of(frames) >= (1 if held else len(told))
    for cut in range(len(frames)):
        after = bench.hub.attach(Ear(KEY), position_of(frames[:cut]), 1).frames
        heard = {json.loads(frame.text)["slot_id"] for frame in (*frames[:cut], *after)}
        assert heard == everything, f"broken after {cut} messages"


FORMS = [
    ("demo", {}, "decision"),
    ("full", {}, "decision"),
    ("demo", {"render": None, "reason": "no_eligible"}, None),
    ("full", {"render": None, "reason": "no_eligible"}, "none"),
    ("full", {"render": None, "reason": "probe"}, None),
]


@pytest.mark.parametrize(("site", "changes", "kind"), FORMS)
def test_what_is_pushed_depends_on_the_site(
    bench: Bench, site: str, changes: dict[str, Any], kind: str | None
) -> None:
    ear = Ear(f"{site}:v:{1:032x}")
    bench.hub.attach(ear, 0, None)
    bench.put(make_decision(ear.user_key, site=site, **changes))
    assert [f'"type":"{kind}"' in text for text in ear.heard] == ([True] if kind else [])
    assert all(("rtme_state" in text) == (site == "full") for text in ear.heard)


def test_a_socket_of_a_full_site_that_opens_late_hears_why_nothing_shows(bench: Bench) -> None:
    ear = Ear(f"full:v:{1:032x}")
    nothing: dict[str, Any] = {"site": "full", "render": None, "seq": 0}
    bench.put(make_decision(ear.user_key, 1, reason="no_eligible", **nothing))
    bench.put(make_decision(ear.user_key, 2, reason="below_reserve", **nothing))
    frames = bench.hub.attach(ear, 0, None).frames
    assert len(frames) == 1 and '"reason":"below_reserve"' in frames[0].text


def test_a_socket_that_opens_late_gets_what_is_still_good(bench: Bench) -> None:
    ear = Ear(KEY)
    bench.put(make_decision(KEY, 1))
    bench.put(make_decision(KEY, 2, expires_at_ms=1))
    bench.put(make_decision(KEY, 3, tab_id="t2"))
    bench.put(make_decision(KEY, 4))
    bench.put(make_decision(KEY, 5, render=None, cancels=("s_4",)))
    bench.put(make_decision(KEY, 1, decision_id="d_late"))
    welcome = bench.hub.attach(ear, 0, None)
    cancel, decision = (frame.text for frame in welcome.frames)
    assert '"cancel","slot_id":"s_4"' in cancel and '"decision_id":"d_1"' in decision


RESUMES = [
    # last seq and epoch of the client -> resumed, frames
    (0, None, False, 1),
    (1, 1, True, 1),
    (2, 1, True, 0),
    (2, 99, False, 1),
    (5, 1, True, 0),
]


@pytest.mark.parametrize(("last_seq", "epoch", "resumed", "frames"), RESUMES)
def test_a_returning_socket_gets_what_it_has_not_seen(
    bench: Bench, last_seq: int, epoch: int | None, resumed: bool, frames: int
) -> None:
    for number in (1, 2):
        bench.put(make_decision(KEY, number))
    welcome = bench.hub.attach(Ear(KEY), last_seq, epoch)
    assert (welcome.epoch, welcome.resumed, len(welcome.frames)) == (1, resumed, frames)


def test_what_is_held_is_bounded_in_number_and_time() -> None:
    held, record = Held(records_max=100), Record(b"", b"", {})
    for number in range(1_000):
        held.add(f"k{number % 50}", record, number / 1_000)
        assert len(held) <= 100
    for _ in range(20):
        held.add("one", record, 2.0)
    assert len(held.of("one")) == PER_VISITOR_MAX
    held.add("later", record, 2.0 + ONE_MINUTE_LATER_S)
    assert len(held) == 1 and not held.of("one")


async def said(gateway: Gateway, origin: str | None = ORIGIN, **changes: Any) -> Any:
    """A socket after its hello."""
    hello = {
        "type": "hello",
        "site": "demo",
        "visitor_token": fresh(KEY),
        "session_id": "s-91",
        "tab_id": "t1",
        "last_seq": 0,
        "epoch": None,
        **changes,
    }
    headers = {"Origin": origin} if origin else {}
    ws = await gateway.client.ws_connect("/v1/stream", headers=headers)
    await ws.send_json(hello)
    return ws


UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(text: bytes) -> bytes:
    """A client's text frame of 126 to 65,535 bytes, under a mask of zeros."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


def hello_of(key: UserKey, **changes: Any) -> bytes:
    """A hello as its bytes."""
    hello = {"type": "hello", "site": "demo", "visitor_token": fresh(key), "session_id": "s-91"}
    return json.dumps({**hello, "tab_id": "t1", **changes}).encode()


async def until(done: Callable[[], bool], within_s: float = HEARD_WITHIN_S) -> None:
    """Give the loop its turns until this holds."""
    ends_s = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < ends_s, "it never came to that"
        await asyncio.sleep(0.001)


def held_by(line: Any) -> int:
    """Bytes that wait in a connection's outbox."""
    return 0 if line._outbox is None else line._outbox._bytes


def metric(gateway: Gateway, name: str, **labels: str) -> float:
    """One number of the gateway's own metrics."""
    registry = gateway.parts.metrics.registry
    return registry.get_sample_value(f"kairos_gateway_{name}", labels) or 0.0


def fresh(key: UserKey) -> str:
    """A token of today."""
    return tokens.mint("demo", SITE.mint_secret, key, now_ms=int(time.time() * 1000))


async def test_hello_is_welcomed_and_decisions_follow(gateway: Gateway) -> None:
    ws = await said(gateway)
    welcome = await ws.receive_json(timeout=HEARD_WITHIN_S)
    assert welcome == {
        "type": "welcome",
        "epoch": None,
        "seq": 0,
        "resumed": False,
        "heartbeat_s": 20,
    }
    gateway.decide(make_decision(OTHER))
    gateway.decide(make_decision(KEY, 2))
    frame = await ws.receive_json(timeout=HEARD_WITHIN_S)
    assert (frame["type"], frame["slot_id"], frame["class"]) == ("decision", "s_2", "standard")
    await ws.close()


REFUSALS = [
    ({"visitor_token": "x"}, ORIGIN, codes.BAD_TOKEN),
    ({"site": "full"}, ORIGIN, codes.BAD_TOKEN),
    ({"site": "nowhere"}, ORIGIN, codes.NO_SITE),
    ({"session_id": None}, ORIGIN, codes.BAD_FRAME),
    ({"type": "hi"}, ORIGIN, codes.BAD_FRAME),
    ({"pad": "x" * 20_000}, ORIGIN, 1009),
    ({}, "https://evil.example", codes.BAD_ORIGIN),
    ({}, "null", codes.BAD_ORIGIN),
]


@pytest.mark.parametrize(("changes", "origin", "code"), REFUSALS)
async def test_a_bad_hello_is_closed_with_its_code(
    gateway: Gateway, changes: dict[str, Any], origin: str, code: int
) -> None:
    ws = await said(gateway, origin, **changes)
    message = await ws.receive(timeout=HEARD_WITHIN_S)
    assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
    assert ws.close_code == code


async def test_a_server_without_origin_may_listen(gateway: Gateway) -> None:
    ws = await said(gateway, None)
    assert (await ws.receive_json(timeout=HEARD_WITHIN_S))["type"] == "welcome"
    await ws.close()


async def test_a_second_hello_moves_the_socket_to_the_new_session(gateway: Gateway) -> None:
    ws = await said(gateway)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    hello = {"type": "hello", "site": "demo", "visitor_token": fresh(OTHER), "session_id": "s-2"}
    await ws.send_json({**hello, "tab_id": "t1"})
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    gateway.decide(make_decision(KEY, 1))
    gateway.decide(make_decision(OTHER, 2, session_id="s-2"))
    assert (await ws.receive_json(timeout=HEARD_WITHIN_S))["slot_id"] == "s_2"
    await ws.close()


async def test_a_client_that_does_not_read_is_closed_as_slow(gateway: Gateway) -> None:
    """What it costs meanwhile is bounded: the transport's buffer and one outbox."""
    ear = socket.socket()
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ear.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(ear, ("127.0.0.1", gateway.port))
    await loop.sock_sendall(ear, UPGRADE + masked(hello_of(KEY)))
    await until(lambda: gateway.parts.hub.is_present(KEY))
    (line,) = gateway.parts.streams._open
    most, rounds = 0, 0
    while gateway.parts.streams._open:
        rounds += 1
        slots = tuple(f"s_{number:040d}" for number in range(40))
        gateway.decide(make_decision(KEY, rounds, render=None, cancels=slots))
        most = max(most, line._transport.get_write_buffer_size() + held_by(line))
        await asyncio.sleep(0)
    assert metric(gateway, "sockets_closed_total", code="4008") == 1
    assert most < 1_000_000 and rounds > 1
    ear.close()


async def test_a_drain_says_when_to_come_back_and_closes_with_1012(gateway: Gateway) -> None:
    ws = await said(gateway)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    draining = asyncio.create_task(gateway.parts.streams.drain())
    hint = await ws.receive_json(timeout=HEARD_WITHIN_S)
    assert hint["type"] == "reconnect" and 0 <= hint["after_ms"] < stream.RECONNECT_SPREAD_MS
    assert (await ws.receive(timeout=HEARD_WITHIN_S)).type is WSMsgType.CLOSE
    assert ws.close_code == codes.DRAIN
    await draining
    assert (await gateway.client.get("/v1/stream")).status == 503


async def test_events_of_a_listening_tab_name_its_connection(gateway: Gateway) -> None:
    ws = await said(gateway)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    await gateway.client.post("/v1/events", json=make_batch())
    assert gateway.log.events[0].conn_id
    await ws.close()
