"""What a returning client has missed, and whether that is all of it.

A visitor's sequence numbers count what is pushed, over all tabs. So a client that names the last
number it has seen has missed nothing else if every number since then is known here. Where one is
not, the answer says so: there is no partial replay that looks like a whole one.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from schemas.decision import Decision

Epoch = int | str | None


class Missed(Struct, frozen=True):
    """`seq` is the newest number known; withdrawn slots go before the actions, in log order."""

    epoch: Epoch
    seq: int
    resumed: bool
    cancels: tuple[str, ...] = ()
    actions: tuple[Decision, ...] = ()


def missed(
    known: Iterable[Decision],
    session_id: str,
    tab_id: str,
    *,
    last_seq: int,
    epoch: Epoch,
    now_ms: float,
) -> Missed:
    """What the tab should hear now: nothing past its expiry, the newest action of a placement.

    `known` are one visitor's decisions, oldest first; the first of a slot counts.
    """
    first: dict[str, Decision] = {}
    for each in known:
        if each.seq:
            first.setdefault(each.slot_id, each)
    if not first:
        return Missed(epoch, last_seq, resumed=False)
    here = max(each.epoch_ms for each in first.values())
    of_epoch = [each for each in first.values() if each.epoch_ms == here]
    # Sequence numbers of another epoch say nothing about this one.
    same = str(here) == str(epoch)
    since = last_seq if same else 0
    fresh = sorted((each for each in of_epoch if each.seq > since), key=lambda each: each.seq)
    newest = max(since, *(each.seq for each in of_epoch))
    withdrawn = {slot for each in of_epoch for slot in each.cancels}
    newest_of: dict[str, Decision] = {}
    for each in fresh:
        shows = each.render is not None and each.expires_at_ms > now_ms
        if shows and each.slot_id not in withdrawn and is_for(each, session_id, tab_id):
            newest_of[each.placement] = each
    return Missed(
        here,
        newest,
        resumed=same and len({each.seq for each in fresh}) == newest - since,
        cancels=tuple(slot for each in fresh for slot in each.cancels),
        actions=tuple(sorted(newest_of.values(), key=lambda each: each.seq)),
    )


def is_for(decision: Decision, session_id: str, tab_id: str) -> bool:
    """An action goes to the tab whose visit caused it."""
    return decision.session_id == session_id and decision.tab_id == tab_id
