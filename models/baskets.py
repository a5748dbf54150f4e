"""10 Baskets: the groups of products that neighbours are counted from, one or two a session.

What a session looked at is a group; what it had put into the cart is another once it has bought.
Sessions are counted when the log is read, or when there are more than SESSIONS_MAX, the oldest
first; a session that goes on after that counts as another.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from models.neighbours import BOUGHT, GROUP_MAX, LOOKED, Neighbours
from schemas.event import Event
from schemas.profile import NAME_MAX

SESSIONS_MAX = 100_000


class _Session(Struct):
    looked: set[str] = field(default_factory=set)
    put: set[str] = field(default_factory=set)
    bought: bool = False


def counted(events: Iterable[Event], site: str) -> Neighbours:
    """The neighbours of a site after these events, in any order of the users."""
    out = Neighbours()
    open_: dict[tuple[str, str], _Session] = {}
    for event in events:
        if event.site != site or event.internal or event.bot:
            continue
        key = (event.user_key, event.session_id)
        if key not in open_:
            if len(open_) >= SESSIONS_MAX:
                _count(out, open_.pop(next(iter(open_))))
            open_[key] = _Session()
        _take(open_[key], event)
    # By key, so that where a user's partition stands in the log changes nothing.
    for _, session in sorted(open_.items()):
        _count(out, session)
    return out


def _take(session: _Session, event: Event) -> None:
    session.bought = session.bought or event.type == "purchase"
    if event.product is None or not event.product.id:
        return
    name = event.product.id[:NAME_MAX]
    if event.type == "product_view" and len(session.looked) < GROUP_MAX:
        session.looked.add(name)
    elif event.type == "add_to_cart" and len(session.put) < GROUP_MAX:
        session.put.add(name)
    elif event.type == "remove_from_cart":
        session.put.discard(name)


def _count(out: Neighbours, session: _Session) -> None:
    out.add(session.looked, LOOKED)
    if session.bought:
        out.add(session.put, BOUGHT)
