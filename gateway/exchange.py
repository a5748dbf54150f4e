"""POST /v1/events around its body: what the headers and the query ask, and the answer's headers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway import cors
from gateway.ingest import Asked

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
NO_QUERY: dict[str, str] = {}
_BOT = re.compile(r"bot\b|crawl|spider|slurp", re.IGNORECASE)
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")


def asked_of(headers: Mapping[str, str], query: Mapping[str, str] = NO_QUERY) -> Asked:
    """What is asked, from headers whose names are looked up in any case."""
    trace = headers.get("traceparent", "")
    return Asked(
        content_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        encoding=headers.get("Content-Encoding", "").strip().lower(),
        origin=headers.get("Origin", ""),
        site=query.get("site", ""),
        session_id=query.get("session_id", ""),
        type=query.get("type", ""),
        visitor_token=headers.get("Kairos-Visitor", ""),
        traceparent=trace if _TRACE.match(trace) else None,
        opted_out=headers.get("Sec-GPC") == "1",
        bot=_BOT.search(headers.get("User-Agent", "")) is not None,
    )


def answer_headers(origin: str, *, allowed: bool, retry_after_s: int = 0) -> dict[str, str]:
    """Headers of an answer to this origin; `retry_after_s` 0 means no such header."""
    headers = {**NO_STORE, **cors.headers_for(origin, allowed=allowed)}
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    return headers
