"""Which browser origins may read an answer: those that some site lists, echoed exactly."""

from __future__ import annotations

MAX_AGE_S = 7_200
ALLOWED_HEADERS = "Content-Type, Content-Encoding, Kairos-Visitor, Last-Event-ID, traceparent"


def headers_for(origin: str, *, allowed: bool) -> dict[str, str]:
    """Headers of an answer to this origin."""
    out = {"Vary": "Origin"}
    if origin and allowed:
        out["Access-Control-Allow-Origin"] = origin
        out["Access-Control-Expose-Headers"] = "Retry-After"
    return out


def preflight_headers(origin: str, *, allowed: bool) -> dict[str, str]:
    """Headers of an answer to OPTIONS."""
    out = headers_for(origin, allowed=allowed)
    if origin and allowed:
        out["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        out["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        out["Access-Control-Max-Age"] = str(MAX_AGE_S)
    return out
