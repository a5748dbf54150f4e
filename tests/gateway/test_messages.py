"""Each message the gateway sends is one of its published types, and the documents name them all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Union

import msgspec
import pytest

from gateway import codes, line, present
from gateway.asyncapi import document
from gateway.deadlines import Pending
from gateway.messages import FULL_ONLY, SENT, Measured, Welcome
from gateway.time_out import answer_instead
from schemas.decision import Decision, Fallback
from schemas.event import Event
from schemas.render import Render
from tests.gateway.conftest import Gateway
from tests.gateway.samples import make_decision, make_site
from tests.gateway.test_push import HEARD_WITHIN_S, KEY, said

DOC = (Path(__file__).parents[2] / "docs" / "edge.md").read_text(encoding="utf-8")
MESSAGE: Any = Union[SENT]  # noqa: UP007
FALLBACK = Fallback("SPARE", "page", "discount_popup", Render(title="Spare"), 2)


def frames() -> list[dict[str, Any]]:
    """One of each that is written for a decision, minimal and full."""
    shown, silent = make_decision(KEY), make_decision(KEY, render=None, reason="no_eligible")
    full = make_site(push="full")
    event = Event(event_id="e1", session_id="s-91", tab_id="t1")
    pending = Pending(event, {"page": "s_1"}, "instant", 0.0, 80.0)  # type: ignore[dict-item]
    holds = [msgspec.structs.replace(silent, fallback=FALLBACK)]
    none: list[Decision] = []
    return [
        present.decision_frame(shown, make_site(), {}, now_ms=1.0),
        present.decision_frame(shown, full, {}, now_ms=1.0),
        present.none_frame(silent, {}, now_ms=1.0),
        *present.cancel_frames(("s_1", "s_2"), 3, 1),
        *(answer_instead(pending, each, (), 1.0).frame for each in (holds, none)),
        {"type": "reconnect", "after_ms": 1},
        {"type": "close", "code": codes.SLOW, "reason": "too slow"},
        msgspec.json.decode(line.PING.text),
    ]


@pytest.mark.parametrize("frame", frames(), ids=lambda frame: str(frame["type"]))
def test_what_is_sent_is_what_is_published(frame: dict[str, Any]) -> None:
    """An unknown field, a missing one or another type is an error."""
    extra = {name: frame[name] for name in FULL_ONLY if name in frame}
    if extra:
        msgspec.convert(msgspec.to_builtins(extra), Measured)
    rest = {name: each for name, each in frame.items() if name not in {*extra, "orchestration"}}
    assert type(msgspec.convert(msgspec.to_builtins(rest), MESSAGE)) in SENT


def test_the_check_finds_a_field_that_nobody_published() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "ping", "secret": 1}, MESSAGE)


async def test_a_welcome_is_what_is_published(gateway: Gateway) -> None:
    ws = await said(gateway)
    told = msgspec.convert(await ws.receive_json(timeout=HEARD_WITHIN_S), MESSAGE)
    assert isinstance(told, Welcome)
    await ws.close()


async def test_the_document_is_served_and_points_nowhere(gateway: Gateway) -> None:
    served = await (await gateway.client.get("/asyncapi.json")).json()
    assert served == msgspec.to_builtins(document())
    for reference in re.findall(r"'\$ref': '#/([^']+)'", str(served)):
        node: Any = served
        for step in reference.split("/"):
            node = node[step]


def test_the_page_names_every_message_field_and_code() -> None:
    """Somebody writes a client from it."""
    for each in SENT:
        tag = each.__struct_config__.tag
        assert f"`{tag}`" in DOC, tag
        for name in each.__struct_encode_fields__:
            assert f"`{name}`" in DOC, (tag, name)
    for code in codes.CODES:
        assert f"| {code} |" in DOC, code
