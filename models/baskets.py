"""10 Baskets: the groups of products that neighbours are counted from, one or two a session.

1. What a session looked at is a group; what it had put into the cart is another once it has bought.
   Of each the first PRODUCTS_MAX count.
2. A session is over after GAP_MS without a look, a change of the cart or a purchase, and where a
   user has more than OPEN_MAX open, the oldest. One that goes on after that counts as another.
3. Reading a log that lies whole before it, `counted` closes nothing before the end of the log, or
   before there are more than SESSIONS_MAX, the oldest first.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.neighbours import BOUGHT, LOOKED, Neighbours
from schemas.basket import Basket, Baskets, Session
from schemas.event import Event
from schemas.profile import NAME_MAX

SESSIONS_MAX = 100_000
PRODUCTS_MAX, OPEN_MAX = 64, 2
GAP_MS = 30 * 60 * 1000
_LOOK, _PUT, _TAKE_OUT, _BUY = "product_view", "add_to_cart", "remove_from_cart", "purchase"
TOLD_BY = frozenset((_LOOK, _PUT, _TAKE_OUT, _BUY))
"""The events that say something of a basket."""


def counted(events: Iterable[Event], site: str) -> Neighbours:
    """The neighbours of a site after these events, in any order of the users."""
    out = Neighbours()
    open_: dict[tuple[str, str], Basket] = {}
    for event in events:
        if event.site != site or not tells(event):
            continue
        key = (event.user_key, event.session_id)
        if key not in open_:
            if len(open_) >= SESSIONS_MAX:
                out.count(groups(open_.pop(next(iter(open_)))))
            open_[key] = Basket(event.session_id)
        take(open_[key], event)
    # By key, so that where a user's partition stands in the log changes nothing.
    for _, basket in sorted(open_.items()):
        out.count(groups(basket))
    return out


def tells(event: Event) -> bool:
    """Whether this event says what goes with what."""
    return event.type in TOLD_BY and not event.internal and not event.bot


def seen(baskets: Baskets, event: Event) -> list[Session]:
    """Take one such event in; the sessions that it finds over."""
    out = over(baskets, event.received_at_ms)
    own = next((each for each in baskets.open if each.session_id == event.session_id), None)
    if own is None:
        own = Basket(event.session_id, looked=[], put=[])
        baskets.open = [*baskets.open, own]
    while len(baskets.open) > OPEN_MAX:
        oldest, *baskets.open = baskets.open
        out.append(Session(event.received_at_ms, groups(oldest)))
    take(own, event)
    return out


def over(baskets: Baskets, until_ms: int) -> list[Session]:
    """The sessions that ended by `until_ms`, at the moment they did."""
    ended = [each for each in baskets.open if each.last_ms + GAP_MS <= until_ms]
    baskets.open = [each for each in baskets.open if each.last_ms + GAP_MS > until_ms]
    return [Session(each.last_ms + GAP_MS, groups(each)) for each in ended]


def next_ms(baskets: Baskets) -> int:
    """Engine time at which the next session is over, 0 for none."""
    return min((each.last_ms + GAP_MS for each in baskets.open), default=0)


def take(basket: Basket, event: Event) -> None:
    """One event of the basket's session."""
    basket.last_ms = max(basket.last_ms, event.received_at_ms)
    basket.bought = basket.bought or event.type == _BUY
    if event.product is None or not event.product.id or event.type == _BUY:
        return
    name = event.product.id[:NAME_MAX]
    if event.type == _TAKE_OUT:
        basket.put = [each for each in basket.put if each != name]
        return
    held = basket.looked if event.type == _LOOK else basket.put
    if name not in held and len(held) < PRODUCTS_MAX:
        held.append(name)


def groups(basket: Basket) -> list[tuple[list[str], int]]:
    """(products, weight) of a session that is over."""
    bought = basket.put if basket.bought else []
    return [(each, weight) for each, weight in ((basket.looked, LOOKED), (bought, BOUGHT)) if each]
