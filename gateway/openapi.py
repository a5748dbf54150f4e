"""The interface as OpenAPI 3.1, generated from the types that validate it."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.identify import IdentifiedBody, Identify
from gateway.inbound import InboundBody
from gateway.post import AcceptedBody
from gateway.systems import BY_NAME
from gateway.wire import BareEvent, Batch, Refused, WireEvent

VERSION = "1"
REF = "#/components/schemas/{name}"
ERRORS = {
    "400": "nothing was acceptable; field, and for each event index and field, say why",
    "401": "the visitor token does not hold",
    "403": "the origin is not one of the site's",
    "404": "no such site",
    "413": "more than 64 KiB or 100 events",
    "415": "neither JSON nor text, or neither plain nor gzip",
    "429": "too many events; Retry-After says when",
    "503": "nothing could be made durable; Retry-After says when",
}


def document() -> dict[str, Any]:
    """The whole document."""
    types = (
        Batch,
        BareEvent,
        WireEvent,
        AcceptedBody,
        Identify,
        IdentifiedBody,
        InboundBody,
        Refused,
    )
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    # The envelope keeps its events raw to judge each alone; the document says what they are.
    schemas["Batch"]["properties"]["events"]["items"] = _ref("WireEvent")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kairos gateway",
            "version": VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/events": {"post": _post_events()},
            "/v1/identify": {"post": _post_identify()},
            "/v1/in/{system}": {"post": _post_inbound()},
            "/v1/stream": {"get": _plain("101", "WebSocket: hello, welcome, decision, cancel")},
            "/v1/sse": {"get": _plain("200", "the same messages as server-sent events")},
            "/healthz": {"get": _plain("200", "the process runs")},
            "/readyz": {"get": _plain("200", "ready for traffic; 503 names what is missing")},
            "/metrics": {"get": _plain("200", "Prometheus text")},
            "/sdk/kairos.js": {"get": _plain("200", "the browser SDK")},
            "/v1/preview": {"post": _plain("200", "the creative of a signed preview link")},
            "/sdk/kairos-render.js": {"get": _plain("200", "its renderer")},
            "/sdk/kairos-more.js": {"get": _plain("200", "what a page watches after its view")},
            "/sdk/kairos-debug.js": {"get": _plain("200", "overlay and preview, on demand")},
            "/openapi.json": {"get": _plain("200", "this document")},
            "/asyncapi.json": {"get": _plain("200", "the messages of a push connection")},
        },
        "components": {"schemas": schemas},
    }


def _post_events() -> dict[str, Any]:
    body = {"anyOf": [_ref("Batch"), _ref("BareEvent")]}
    content = {kind: {"schema": body} for kind in ("application/json", "text/plain")}
    errors = {
        status: {
            "description": text,
            "content": {"application/json": {"schema": _ref("Refused")}},
        }
        for status, text in ERRORS.items()
    }
    accepted = {
        "description": "durable; duplicates were durable before",
        "content": {"application/json": {"schema": _ref("AcceptedBody")}},
    }
    return {
        "summary": "Take in events; answer once they are durable",
        "parameters": [
            _parameter("query", "wait", {"type": "integer", "minimum": 0, "maximum": 999_999}),
            _parameter("query", "site", {"type": "string"}),
            _parameter("query", "session_id", {"type": "string"}),
            _parameter("query", "type", {"type": "string"}),
            _parameter("header", "Kairos-Visitor", {"type": "string"}),
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {"202": accepted, **errors},
    }


def _post_identify() -> dict[str, Any]:
    content = {kind: {"schema": _ref("Identify")} for kind in ("application/json", "text/plain")}
    return {
        "summary": "Name the visitor, in words that the shop's back end has signed",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _answer("a token of the known user", "IdentifiedBody"),
            "401": _answer("signature, its age or the visitor token does not hold", "Refused"),
            **{
                status: _answer(ERRORS[status], "Refused")
                for status in ("400", "404", "413", "415", "429", "503")
            },
            "403": _answer("not an origin of the site, or no consent", "Refused"),
        },
    }


def _post_inbound() -> dict[str, Any]:
    system = _parameter("path", "system", {"type": "string", "enum": sorted(BY_NAME)})
    return {
        "summary": "Events of another system, in its own form and signed in its own way",
        "parameters": [
            {**system, "required": True},
            _parameter("query", "site", {"type": "string"}),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {
            "200": _answer("taken, or of no use here", "InboundBody"),
            **{
                status: _answer(ERRORS[status], "Refused")
                for status in ("400", "404", "413", "429", "503")
            },
            "401": _answer("not signed by the site's system", "Refused"),
            "403": _answer("the site has no secret for this system", "Refused"),
        },
    }


def _answer(text: str, body: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _ref(body)}}}


def _parameter(place: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"in": place, "name": name, "required": False, "schema": schema}


def _plain(status: str, text: str) -> dict[str, Any]:
    return {"summary": text, "responses": {status: {"description": text}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": REF.format(name=name)}
