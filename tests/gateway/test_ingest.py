"""What one POST may contain: a row for each kind of rubbish, naming the field that is wrong."""

from __future__ import annotations

import gzip
import json
from functools import partial
from typing import Any

import pytest

from gateway.ingest import Accepted, Asked, Refusal, ingest
from gateway.wire import BODY_BYTES_MAX
from schemas.site import Site
from tests.gateway.samples import ORIGIN, SEED, TS_MS, make_batch, make_event, make_site

SITES = {"demo": make_site()}
OUTCOME = {"slot_id": "s_1", "decision_id": "d_1"}
TOO_MANY = {f"p{number}": 1 for number in range(17)}


def post(body: Any, **asked: Any) -> Accepted | Refusal:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ingest(data, Asked(**asked), SITES.get, now_ms=TS_MS)


BAD_EVENTS: list[tuple[Any, str]] = [
    (7, "body"),
    ([], "body"),
    ({}, "event_id"),
    (make_event(event_id=""), "event_id"),
    (make_event(event_id="a b"), "event_id"),
    (make_event(event_id="x" * 65), "event_id"),
    (make_event(event_id=7), "event_id"),
    (make_event(session_index=-1), "session_index"),
    (make_event(session_index=2**31), "session_index"),
    (make_event(session_index=1.5), "session_index"),
    (make_event(session_index=True), "session_index"),
    (make_event(session_index="1"), "session_index"),
    (make_event(ts=0), "ts"),
    (make_event(ts=TS_MS * 1000), "ts"),
    (make_event(ts=TS_MS + 0.5), "ts"),
    (make_event(ts="2024-04-08"), "ts"),
    (make_event(type=""), "type"),
    (make_event(type="x" * 65), "type"),
    (make_event(type="tick"), "type"),
    (make_event(type="probe"), "type"),
    (make_event(type="handoff"), "type"),
    (make_event(type="erase"), "type"),
    (make_event(identity_ref="ann@x.example"), "identity_ref"),
    (make_event(identity_ref="a" * 63), "identity_ref"),
    (make_event(identity_ref="A" * 64), "identity_ref"),
    (make_event(page={"url": 5}), "page.url"),
    (make_event(page={"url": "x" * 2049}), "page.url"),
    (make_event(page={"title": "x" * 513}), "page.title"),
    (make_event(page="home"), "page"),
    (make_event(product={"name": "no id"}), "product.id"),
    (make_event(product={"id": "p", "price": 19.9}), "product.price"),
    (make_event(product={"id": "p", "price": "1e3"}), "product.price"),
    (make_event(product={"id": "p", "price": "-1"}), "product.price"),
    (make_event(product={"id": "p", "currency": "euro"}), "product.currency"),
    (make_event(product={"id": "p", "currency": "USD"}), "product.currency"),
    (make_event(product={"id": "p", "quantity": -1}), "product.quantity"),
    (make_event(source={"utm_source": "x" * 257}), "source.utm_source"),
    (make_event(vectors={"scroll_depth": 1.01}), "vectors.scroll_depth"),
    (make_event(vectors={"scroll_depth_hz": -1}), "vectors.scroll_depth_hz"),
    (make_event(vectors={"tap_velocity_ms": 1e30}), "vectors.tap_velocity_ms"),
    (make_event(vectors={"active_duration_s": "48"}), "vectors.active_duration_s"),
    (make_event(value=59.8), "value"),
    (make_event(value="1,5"), "value"),
    (make_event(properties={"a": None}), "properties"),
    (make_event(properties={"a": {"b": 1}}), "properties"),
    (make_event(properties={"a": "x" * 257}), "properties"),
    (make_event(properties={"a": 1e300}), "properties"),
    (make_event(properties={"": 1}), "properties"),
    (make_event(properties=TOO_MANY), "properties"),
    (make_event(type="impression"), "slot_id"),
    (make_event(type="convert", slot_id="s_1"), "decision_id"),
    (make_event(**OUTCOME, type="impression", source_shown="luck"), "source_shown"),
    (make_event(**OUTCOME, type="impression", painted_at_ms=-1), "painted_at_ms"),
    (make_event(user_mode="root"), "user_mode"),
    (make_event(user_key="demo:v:" + "0" * 32), "user_key"),
    (make_event(received_at_ms=TS_MS), "received_at_ms"),
    (make_event(internal="tick"), "internal"),
    (make_event(gateway_id="gw"), "gateway_id"),
    (make_event(bot=False), "bot"),
    (make_event(pii="x"), "pii"),
]


@pytest.mark.parametrize(("bad", "field"), BAD_EVENTS)
def test_one_bad_event_is_named_and_its_neighbours_are_taken(bad: Any, field: str) -> None:
    first, last = make_event(event_id="first"), make_event(event_id="last")
    result = post(make_batch(first, bad, last))
    assert isinstance(result, Accepted)
    assert [taken.event.event_id for taken in result.taken] == ["first", "last"]
    assert [(each.index, each.field) for each in result.rejected] == [(1, field)]
    assert result.rejected[0].error


zipped = partial(gzip.compress, mtime=0)
"""The same bytes in every process: they name a test."""

BAD_REQUESTS: list[tuple[Any, dict[str, Any], int, str]] = [
    (b"", {}, 400, "body"),
    (b"{", {}, 400, "body"),
    (b"[]", {}, 400, "body"),
    (b"\xff\xfe", {}, 400, "body"),
    (b'{"site": NaN}', {}, 400, "body"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, {}, 400, "body"),
    (b'{"n": ' + b"9" * 5000 + b"}", {}, 400, "body"),
    (b'{"site": "demo", "site": "other"}', {}, 400, "site"),
    (make_batch(make_event(page={"title": "\ud800"})), {}, 400, "text"),
    (make_batch(site=None), {}, 400, "site"),
    (make_batch(site="Demo"), {}, 400, "site"),
    (make_batch(site="other"), {}, 404, "site"),
    (make_batch(session_id=None), {}, 400, "session_id"),
    (make_batch(session_id="a\nb"), {}, 400, "session_id"),
    (make_batch(tab_id=""), {}, 400, "tab_id"),
    (make_batch(sent_at=1), {}, 400, "sent_at"),
    (make_batch(visitor_seed=None), {}, 400, "visitor_seed"),
    (make_batch(visitor_seed="me"), {}, 400, "visitor_seed"),
    (make_batch(visitor_token="me"), {}, 401, "visitor_token"),
    (make_batch(consent="yes"), {}, 400, "consent"),
    (make_batch(consent={"analytics": 1}), {}, 400, "consent.analytics"),
    (make_batch(events=[]), {}, 400, "events"),
    (make_batch(events={}), {}, 400, "events"),
    (make_batch(events=[make_event()] * 101), {}, 413, "events"),
    (make_batch(7), {}, 400, "events"),
    (make_batch(), {"content_type": "text/html"}, 415, "Content-Type"),
    (make_batch(), {"encoding": "br"}, 415, "Content-Encoding"),
    (make_batch(), {"encoding": "gzip"}, 400, "body"),
    (b" " * (BODY_BYTES_MAX + 1), {}, 413, "body"),
    (zipped(b" " * (BODY_BYTES_MAX + 1)), {"encoding": "gzip"}, 413, "body"),
    (zipped(b" " * 60_000), {"encoding": "gzip"}, 413, "body"),
    (zipped(b"{}")[:-1], {"encoding": "gzip"}, 400, "body"),
    (zipped(b"{}") * 2, {"encoding": "gzip"}, 400, "body"),
    (make_batch(), {"origin": "https://evil.example"}, 403, "Origin"),
    (make_batch(), {"origin": "null"}, 403, "Origin"),
    (make_batch(), {"origin": ORIGIN + ".evil.example"}, 403, "Origin"),
    ({"event_id": "e", "session_index": 1, "timestamp": TS_MS}, {}, 400, "site"),
    ({"event_id": "e"}, {"site": "demo", "session_id": "s"}, 400, "session_index"),
]


@pytest.mark.parametrize(("body", "asked", "status", "field"), BAD_REQUESTS)
def test_a_bad_request_is_refused_by_name(
    body: Any, asked: dict[str, Any], status: int, field: str
) -> None:
    result = post(body, **asked)
    assert isinstance(result, Refusal)
    assert (result.status, result.body.field) == (status, field)
    assert result.body.error


def test_a_refusal_never_quotes_what_was_sent() -> None:
    canary = "canary-7f3a"
    result = post(make_batch(make_event(source_shown=canary, event_id=[canary], value=canary)))
    assert isinstance(result, Refusal)
    assert canary not in repr(result)


@pytest.mark.promise("M32", "M35", "M36", "M37")
def test_every_field_of_the_public_event_arrives_in_units_of_the_log() -> None:
    sent = make_event(
        page={"url": "https://shop.example/p/1#reviews", "path": "/p/1", "type": "product"},
        product={"id": "p1", "price": "19.90", "currency": "EUR", "quantity": 2},
        source={"referrer": "https://search.example/", "utm_source": "mail"},
        vectors={"scroll_depth": 0.72, "tap_velocity_ms": 120, "active_duration_s": 48},
        value="59.80",
        properties={"size": "M", "stars": 4, "new": True},
    )
    result = post(make_batch(sent), traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert isinstance(result, Accepted)
    event = result.taken[0].event
    assert event.page is not None and event.page.url == "https://shop.example/p/1"
    assert event.product is not None and event.product.price_micros == 19_900_000
    assert event.source is not None and event.source.utm_source == "mail"
    assert (event.scroll_depth_ppm, event.tap_velocity_ms) == (720_000, 120)
    assert (event.active_duration_ms, event.value_micros) == (48_000, 59_800_000)
    assert event.properties == {"size": "M", "stars": 4.0, "new": True}
    assert (event.session_index, event.ts_ms, event.sent_at_ms) == (42, TS_MS, TS_MS + 10)
    assert (event.session_id, event.tab_id) == ("s-91", "t1")
    assert event.traceparent and event.user_key.startswith("demo:v:")


def test_an_unknown_type_travels_as_custom_and_keeps_its_name() -> None:
    result = post(make_batch(make_event(type="spin_wheel", properties={"prize": "10"})))
    assert isinstance(result, Accepted)
    event = result.taken[0].event
    assert (event.type, event.properties) == ("custom", {"prize": "10", "type": "spin_wheel"})


def test_unknown_fields_are_ignored() -> None:
    result = post({**make_batch(make_event(colour="red")), "sdk": "2.0"})
    assert isinstance(result, Accepted) and not result.rejected


def test_gzip_and_plain_text_mean_the_same() -> None:
    data = json.dumps(make_batch()).encode()
    plain = post(data, content_type="text/plain")
    packed = post(zipped(data), content_type="application/json", encoding="gzip")
    assert isinstance(plain, Accepted) and plain == packed


BARE = {
    "event_id": "9f8c4b2a-1e3d-4f7c-8a2b-0c1d2e3f4a5b",
    "session_index": 42,
    "user_mode": "authenticated",
    "vectors": {"scroll_depth_hz": 72.4, "tap_velocity_ms": 120, "active_duration_s": 48},
    "timestamp": TS_MS,
}


@pytest.mark.promise("M32", "M33", "M34", "M36", "M37")
def test_the_bare_event_is_taken_as_printed() -> None:
    result = post(BARE, site="demo", session_id="s-91")
    assert isinstance(result, Accepted)
    event = result.taken[0].event
    assert (event.type, event.tab_id, event.user_mode) == ("ask", "0", "authenticated")
    assert (event.scroll_depth_ppm, event.active_duration_ms) == (724_000, 48_000)
    assert (event.ts_ms, event.session_index) == (TS_MS, 42)


def test_a_percentage_beyond_the_page_is_clipped() -> None:
    vectors = {"scroll_depth_hz": 140}
    result = post({**BARE, "vectors": vectors}, site="demo", session_id="s-91", type="scroll")
    assert isinstance(result, Accepted)
    event = result.taken[0].event
    assert (event.type, event.scroll_depth_ppm) == ("scroll", 1_000_000)


def test_a_bare_event_is_its_sessions_visitor_unless_a_token_names_one() -> None:
    by_session = [post(BARE, site="demo", session_id=name) for name in ("a", "a", "b")]
    keys = [each.subject.user_key for each in by_session if isinstance(each, Accepted)]
    assert keys[0] == keys[1] != keys[2]
    assert isinstance(by_session[0], Accepted)
    token = by_session[0].subject.token
    with_token = post(BARE, site="demo", session_id="b", visitor_token=token)
    assert isinstance(with_token, Accepted) and with_token.subject.user_key == keys[0]


def test_a_removed_site_is_unknown() -> None:
    gone: dict[str, Site | None] = {"demo": None}
    result = ingest(json.dumps(make_batch()).encode(), Asked(), gone.get, now_ms=TS_MS)
    assert isinstance(result, Refusal) and result.status == 404


def test_the_seed_in_capitals_is_the_same_visitor() -> None:
    keys = {
        each.subject.user_key
        for each in (post(make_batch(visitor_seed=seed)) for seed in (SEED, SEED.upper()))
        if isinstance(each, Accepted)
    }
    assert len(keys) == 1


def test_a_digest_of_an_address_is_hashed_again_under_the_salt() -> None:
    """Whoever reads the log cannot try addresses; one address stays one reference."""
    sent = make_batch(make_event(type="identify", identity_ref="a" * 64))
    kept = set()
    for salt in (b"s" * 32, b"t" * 32, b"s" * 32):
        site = make_site(salt=salt)
        result = ingest(json.dumps(sent).encode(), Asked(), {"demo": site}.get, now_ms=TS_MS)
        assert isinstance(result, Accepted)
        kept.add(result.taken[0].event.identity_ref)
    assert len(kept) == 2 and "a" * 64 not in kept
