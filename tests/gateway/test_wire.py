"""Whatever arrives, the answer is an answer: never a 5xx, never an exception."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from gateway.ingest import Accepted, Asked, Refusal, ingest
from tests.gateway.samples import TS_MS, make_batch, make_event, make_site

SITES = {"demo": make_site()}
EVENTS = codec("events", MemoryRegistry())
BARE = {"event_id": "e", "session_index": 1, "timestamp": TS_MS}
UNHURRIED = settings(deadline=None, max_examples=100)
"""A busy machine is slow now and then, which is no fault of the code."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def judged(data: bytes, asked: Asked) -> Accepted | Refusal:
    """The result, checked for what must hold of any."""
    result = ingest(data, asked, SITES.get, now_ms=TS_MS)
    if isinstance(result, Refusal):
        assert 400 <= result.status < 500 and result.body.error
    else:
        assert result.taken
        for taken in result.taken:
            assert EVENTS.decode(EVENTS.encode(taken.event)) == taken.event
            assert taken.event.internal == "" and taken.event.received_at_ms == 0
    return result


@UNHURRIED
@given(st.binary(), st.sampled_from(["", "gzip", "br"]))
def test_any_bytes_get_an_answer(data: bytes, encoding: str) -> None:
    assert judged(data, Asked(encoding=encoding))


@UNHURRIED
@given(JSON)
def test_any_json_gets_an_answer(value: Any) -> None:
    assert judged(json.dumps(value).encode(), Asked())


@UNHURRIED
@given(st.sampled_from(sorted(make_batch())), JSON)
def test_any_json_in_a_field_of_the_envelope_gets_an_answer(name: str, value: Any) -> None:
    assert judged(json.dumps({**make_batch(), name: value}).encode(), Asked())


FIELDS = [*make_event(), "page", "product", "source", "vectors", "value", "slot_id", "properties"]
INNER = {
    "page": ["url", "path", "type", "title"],
    "product": ["id", "name", "category", "price", "currency", "quantity"],
    "vectors": ["scroll_depth", "scroll_depth_hz", "tap_velocity_ms", "active_duration_s"],
}


@UNHURRIED
@given(st.sampled_from(FIELDS), JSON)
def test_any_json_in_a_field_of_an_event_gets_an_answer(name: str, value: Any) -> None:
    assert judged(json.dumps(make_batch(make_event(**{name: value}))).encode(), Asked())


@UNHURRIED
@given(st.sampled_from([(outer, name) for outer in INNER for name in INNER[outer]]), JSON)
def test_any_json_deep_in_an_event_gets_an_answer(place: tuple[str, str], value: Any) -> None:
    outer, name = place
    event = make_event(**{outer: {"id": "p1", name: value}})
    assert judged(json.dumps(make_batch(event)).encode(), Asked())


SMALL = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just([])


@UNHURRIED
@given(st.dictionaries(st.text(max_size=3), SMALL, max_size=18))
def test_any_properties_get_an_answer(properties: dict[str, Any]) -> None:
    assert judged(json.dumps(make_batch(make_event(properties=properties))).encode(), Asked())


@UNHURRIED
@given(st.sampled_from(sorted(BARE)), JSON, st.text(), st.text(), st.text())
def test_any_bare_event_gets_an_answer(
    name: str, value: Any, session_id: str, kind: str, token: str
) -> None:
    asked = Asked(site="demo", session_id=session_id, type=kind, visitor_token=token)
    assert judged(json.dumps({**BARE, name: value}).encode(), asked)


@UNHURRIED
@given(st.integers(min_value=0, max_value=600), st.binary(max_size=4))
def test_a_damaged_batch_gets_an_answer(place: int, patch: bytes) -> None:
    data = json.dumps(make_batch()).encode()
    assert judged(data[:place] + patch + data[place + len(patch) :], Asked())
