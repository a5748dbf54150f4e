"""What was wrong with a JSON field, in words: the decoder's message -> (field, what to send)."""

from __future__ import annotations

import re

import msgspec

_PATH = re.compile(r" - at (?:`key` in )?`\$?\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")
ID_WANTED = "want 1 to 64 of A-Z a-z 0-9 _ . : -"
MONEY_WANTED = 'want a decimal string such as "19.90": digits, at most 6 after the point'
WANTED = {
    "event_id": ID_WANTED,
    "session_id": ID_WANTED,
    "tab_id": ID_WANTED,
    "slot_id": ID_WANTED,
    "decision_id": ID_WANTED,
    "site": "want 1 to 32 of a-z 0-9 -",
    "visitor_seed": "want 128 random bits in hex (32 digits)",
    "price": MONEY_WANTED,
    "value": MONEY_WANTED,
    "currency": "want three capital letters such as EUR",
    "ts": "want epoch milliseconds as a whole number, years 2000 to 2100",
    "timestamp": "want epoch milliseconds as a whole number, years 2000 to 2100",
    "sent_at": "want epoch milliseconds as a whole number, years 2000 to 2100",
    "painted_at_ms": "want epoch milliseconds as a whole number, years 2000 to 2100",
    "session_index": "want a whole number from 0 to 2147483647",
    "source_shown": "want model, rule or fallback",
    "user_mode": "want anonymous or authenticated",
    "type": "want 1 to 64 characters",
    "properties": "want an object of strings (<= 256), numbers and booleans, names 1 to 64 long",
}
"""Field -> the fix, where the decoder's own message would show a pattern or nothing useful."""


def refusal_of(error: msgspec.DecodeError) -> tuple[str, str]:
    """(field, what is wrong); the value itself is never quoted."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return "text", "the text is no valid Unicode, such as half of a surrogate pair"
    found = _PATH.search(text)
    path = found["path"] if found else ""
    missing = _MISSING.search(text)
    if missing:
        return ".".join(filter(None, (path, missing["name"]))), "this field is required"
    field = re.sub(r"\[\.\.\.\]$", "", path)
    name = field.rpartition(".")[2]
    if name in WANTED:
        return field, WANTED[name]
    problem = _PATH.sub("", text).replace("`", "")
    return field or "body", problem[:1].lower() + problem[1:]
