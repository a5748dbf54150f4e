"""The push interface as AsyncAPI 3.0, generated from the types that the tests hold it to."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.messages import CLOSE_CODES, HEARD, SENT, Measured
from gateway.openapi import REF, VERSION

CHANNELS = {
    "stream": ("/v1/stream", "WebSocket, text frames; hello first", (*HEARD, *SENT[:-1])),
    "sse": ("/v1/sse", "server-sent events; token, place and position in the request", SENT),
}


def document() -> dict[str, Any]:
    """The whole document."""
    _, schemas = msgspec.json.schema_components((*HEARD, *SENT, Measured), ref_template=REF)
    messages = {
        each.__name__: {
            "name": each.__name__,
            "summary": (each.__doc__ or "").strip().partition("\n")[0],
            "contentType": "application/json",
            "payload": _ref("schemas", each.__name__),
        }
        for each in (*HEARD, *SENT)
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "kairos push",
            "version": VERSION,
            "description": "Fields of Measured come beside a message where a site says push: full.",
            "x-close-codes": CLOSE_CODES,
        },
        "channels": {name: _channel(*each) for name, each in CHANNELS.items()},
        "operations": {
            **{f"send-{name}": _operation("send", name, SENT) for name in CHANNELS},
            "receive-stream": _operation("receive", "stream", HEARD),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(address: str, summary: str, types: tuple[type, ...]) -> dict[str, Any]:
    named = {each.__name__: _ref("messages", each.__name__) for each in types}
    return {"address": address, "summary": summary, "messages": named}


def _operation(action: str, channel: str, types: tuple[type, ...]) -> dict[str, Any]:
    known = CHANNELS[channel][2]
    named = [f"#/channels/{channel}/messages/{each.__name__}" for each in types if each in known]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": each} for each in named],
    }


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
