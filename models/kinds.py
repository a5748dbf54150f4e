"""3 Kinds: which sort of page a session is on, and how many of each it has opened.

Shops name their page types as they like, so a type becomes one of eight kinds by its hash: two
types may share one, and a model learns what a kind means in the shop it is trained for. A product
view belongs to the page view just before it and opens no page of its own.
"""

from __future__ import annotations

from zlib import crc32

from schemas.profile import Session

KINDS = 8
COUNT_MAX = 255
_NONE = bytes(KINDS)
_BYTES = tuple(bytes((number,)) for number in range(COUNT_MAX + 1))


def kind_of(page_type: str) -> int:
    """The kind of a page type, 0 to 7; a page without a type is of kind 0."""
    return crc32(page_type.encode()) & KINDS - 1


def open_page(session: Session, page_type: str) -> None:
    """A page of this type was opened."""
    kind = session.kind = kind_of(page_type)
    kinds = session.kinds or _NONE
    if kinds[kind] < COUNT_MAX:
        session.kinds = kinds[:kind] + _BYTES[kinds[kind] + 1] + kinds[kind + 1 :]
