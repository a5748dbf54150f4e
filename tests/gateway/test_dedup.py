"""Layer 1 of de-duplication: one send per event, and no answer before the original's durability."""

from __future__ import annotations

import asyncio
from asyncio import Future

from gateway.dedup import Recent, Verdict
from gateway.log import LogUnavailable
from tests.gateway.conftest import Gateway
from tests.gateway.samples import make_batch, make_event

KEY = ("demo:v:1", "e1")


async def test_a_duplicate_in_flight_waits_for_the_same_future() -> None:
    recent, future = Recent(), Future[None]()
    recent.start(KEY, b"a", future)
    assert recent.look(KEY, b"a") == (Verdict.DUPLICATE, future)


async def test_a_durable_event_is_remembered_and_a_failed_one_is_not() -> None:
    recent, good, bad = Recent(), Future[None](), Future[None]()
    recent.start(KEY, b"a", good)
    recent.start(("demo:v:1", "e2"), b"a", bad)
    good.set_result(None)
    bad.set_exception(LogUnavailable("down"))
    await asyncio.sleep(0)
    assert recent.look(KEY, b"a") == (Verdict.DUPLICATE, None)
    assert recent.look(("demo:v:1", "e2"), b"a") == (Verdict.NEW, None)


async def test_the_same_id_with_other_content_is_a_conflict() -> None:
    recent, future = Recent(), Future[None]()
    recent.start(KEY, b"a", future)
    assert recent.look(KEY, b"b") == (Verdict.CONFLICT, future)
    assert recent.look(("demo:v:2", "e1"), b"b") == (Verdict.NEW, None)
    future.set_result(None)
    await asyncio.sleep(0)
    assert recent.look(KEY, b"b") == (Verdict.CONFLICT, None)


async def test_memory_is_bounded() -> None:
    recent = Recent(remembered_max=2)
    for number in range(3):
        future = Future[None]()
        recent.start(("k", str(number)), b"a", future)
        future.set_result(None)
        await asyncio.sleep(0)
    verdicts = [recent.look(("k", str(number)), b"a")[0] for number in range(3)]
    assert verdicts == [Verdict.NEW, Verdict.DUPLICATE, Verdict.DUPLICATE]


async def test_a_batch_sent_again_is_answered_but_not_appended(gateway: Gateway) -> None:
    batch = make_batch(make_event(event_id="a"), make_event(event_id="b"))
    first, second = [
        await (await gateway.client.post("/v1/events", json=batch)).json() for _ in range(2)
    ]
    assert (first["accepted"], first["duplicates"]) == (2, 0)
    assert (second["accepted"], second["duplicates"]) == (0, 2)
    assert first["visitor_token"] == second["visitor_token"]
    assert len(gateway.log.events) == 2


async def test_a_duplicate_gets_no_202_before_its_original_is_durable(gateway: Gateway) -> None:
    gateway.log.hold = True
    posts = [
        asyncio.create_task(gateway.client.post("/v1/events", json=make_batch())) for _ in range(2)
    ]
    done, pending = await asyncio.wait(posts, timeout=0.1)
    assert not done and len(pending) == 2
    gateway.log.release()
    answers = [await (await each).json() for each in posts]
    assert sorted(each["accepted"] for each in answers) == [0, 1]
    assert len(gateway.log.events) == 1


async def test_an_event_that_failed_is_taken_when_sent_again(gateway: Gateway) -> None:
    gateway.log.down = True
    refused = await gateway.client.post("/v1/events", json=make_batch())
    assert refused.status == 503 and refused.headers["Retry-After"] == "1"
    gateway.log.down = False
    taken = await (await gateway.client.post("/v1/events", json=make_batch())).json()
    assert taken["accepted"] == 1


async def test_a_late_acknowledgement_is_503_and_the_event_stays_one(gateway: Gateway) -> None:
    gateway.log.hold = True
    late = await gateway.client.post("/v1/events", json=make_batch())
    assert late.status == 503
    gateway.log.hold = False
    gateway.log.release()
    again = await (await gateway.client.post("/v1/events", json=make_batch())).json()
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    assert len(gateway.log.events) == 1


async def test_an_id_used_twice_is_named_and_the_first_stays(gateway: Gateway) -> None:
    batch = make_batch(make_event(), make_event(type="click"), make_event(event_id="other"))
    answer = await (await gateway.client.post("/v1/events", json=batch)).json()
    assert answer["accepted"] == 2
    assert [(each["index"], each["field"]) for each in answer["rejected"]] == [(1, "event_id")]
    assert [event.type for event in gateway.log.events] == ["product_view", "product_view"]
