"""2-7 Exposure: one action given to a user, and what is kept of it once there is no room.

The newest EXPOSURES_MAX are kept whole. One that has to go but counts is folded into the tallies
of its campaign and of its channel, never to the user's favour: what it counted for in a day goes
on counting until a day after the newest that was folded. So caps hold however many there were.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

EXPOSURES_MAX = 16
GIVEN_MAX = 16
RESERVED, SHOWN, WITHHELD, HELD, RELEASED = 0, 1, 2, 3, 4
LAPSE_MS = 10_000
DAY_MS = 24 * 3600 * 1000
REST = ""
"""Name of the tally of all campaigns beyond the first GIVEN_MAX."""

OF_CHANNEL = "#"
"""Before a channel's name, so that no campaign's id is alike."""


class Exposure(Struct, array_like=True):
    """One action given to this user, from reservation to impression.

    `state`: 0 reserved, 1 shown, 2 withheld (counts as shown), 3 fallback held, 4 released. An
    empty channel is the site itself.
    """

    slot_id: str
    decision: int
    campaign_id: str
    placement: str
    session: int
    stage_entry: int
    tab: int
    decided_ms: int
    expires_ms: int
    state: int = 0
    clicked: bool = False
    dismissed: bool = False
    channel: str = ""


class Given(Struct, array_like=True):
    """Counts of one campaign or channel among folded exposures; `newest_ms` is engine time."""

    name: str
    session: int = 0
    in_session: int = 0
    newest_ms: int = 0
    in_day: int = 0
    in_all: int = 0


given_of = msgspec.msgpack.Decoder(list[Given]).decode
_packed = msgspec.msgpack.Encoder().encode


def counts_now(exposure: Exposure, now_ms: int) -> bool:
    """Whether this exposure uses up caps and its stage."""
    state = exposure.state
    if state in (SHOWN, WITHHELD):
        return True
    if state == HELD:
        return now_ms <= exposure.expires_ms
    return state == RESERVED and now_ms <= exposure.expires_ms + LAPSE_MS


def retired(
    exposures: list[Exposure], given: bytes, room: int, now_ms: int
) -> tuple[list[Exposure], bytes]:
    """The newest `room` exposures and the tallies; what counts no longer goes first."""
    kept, tallies = list(exposures), None
    while len(kept) > room:
        gone = next((each for each in kept if not counts_now(each, now_ms)), kept[0])
        kept = [each for each in kept if each is not gone]
        if counts_now(gone, now_ms):
            tallies = tallies if tallies is not None else given_of(given) if given else []
            _fold(tallies, gone.campaign_id, gone, GIVEN_MAX)
            _fold(tallies, OF_CHANNEL + gone.channel, gone, len(tallies) + 1)
    return kept, given if tallies is None else _packed(tallies)


def counted_in(given: bytes, was: int, now: int) -> list[Given]:
    """Tallies whose session `was` is called `now`; what they count of any other is over."""
    tallies = given_of(given) if given else []
    for each in tallies:
        running = was > 0 and each.session == was
        each.session, each.in_session = (now, each.in_session) if running else (0, 0)
    return tallies


def united(own: list[Given], given: list[Given]) -> bytes:
    """Tallies of both within the bounds of one.

    A campaign that one side never folded by name may be among that side's REST, so it counts.
    """
    sides = [{each.name: each for each in side} for side in (own, given)]
    rests = [[side[REST]] if REST in side else [] for side in sides]
    channels, campaigns = list[Given](), list[Given]()
    for name in sorted({*sides[0], *sides[1]} - {REST}):
        of_channel = name.startswith(OF_CHANNEL)
        parts = [
            [side[name]] if name in side else [] if of_channel else rest
            for side, rest in zip(sides, rests, strict=True)
        ]
        (channels if of_channel else campaigns).append(_sum(name, [*parts[0], *parts[1]]))
    campaigns.sort(key=lambda each: (each.newest_ms, each.name))
    surplus = {each.name for each in campaigns[:-GIVEN_MAX]} | {REST}
    beyond = [each for each in [*own, *given] if each.name in surplus]
    rest = [_sum(REST, beyond)] if beyond else []
    every = [*campaigns[-GIVEN_MAX:], *rest, *channels]
    return _packed(every) if every else b""


def _sum(name: str, parts: list[Given]) -> Given:
    return Given(
        name,
        max(each.session for each in parts),
        sum(each.in_session for each in parts),
        max(each.newest_ms for each in parts),
        sum(each.in_day for each in parts),
        sum(each.in_all for each in parts),
    )


def _fold(tallies: list[Given], name: str, gone: Exposure, room: int) -> None:
    tally = next((each for each in tallies if each.name == name), None)
    if tally is None and sum(not each.name.startswith(OF_CHANNEL) for each in tallies) >= room:
        return _fold(tallies, REST, gone, len(tallies) + 1)
    if tally is None:
        tally = Given(name)
        tallies.append(tally)
    if gone.session > tally.session:
        tally.session, tally.in_session = gone.session, 0
    if gone.decided_ms - tally.newest_ms >= DAY_MS:
        tally.in_day = 0
    tally.in_session += gone.session == tally.session
    tally.newest_ms = max(tally.newest_ms, gone.decided_ms)
    tally.in_day += 1
    tally.in_all += 1
    return None
