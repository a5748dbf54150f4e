"""Records written past the gateways that no job can apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from schemas.event import Event
from tests.simulator.shop import SITE, hop_codecs

if TYPE_CHECKING:
    from tests.simulator.world import World

NOBODY = (None, b"", b"\xff\xfe", b"shop:v:short", b"~tick")


def spoil(world: World) -> None:
    """Perhaps one record of each kind."""
    scheduler, faults = world.scheduler, world.faults
    chance = scheduler.chance
    key = chance.choice(world.visitors).key()
    at_ms = world.any_gateway().stamp_ms()
    good = Event(
        event_id=world.new_id(),
        type="page_view",
        site=SITE,
        user_key=key,
        session_id="poison",
        tab_id="poison",
        ts_ms=at_ms,
        received_at_ms=at_ms,
    )
    encode = hop_codecs().events.encode
    if faults.hit("poison.unreadable"):
        frame = encode(good)
        bad = chance.choice(
            (None, b"", b"{}", frame[:-3], frame + b"x", b"\0\0\0\x27\x0f" + frame[5:])
        )
        _write(world, key.encode(), bad, at_ms)
    if faults.hit("poison.refused"):
        other = f"{SITE}:v:{'0' * 32}"
        changes = chance.choice(
            (
                {"user_key": other},
                {"received_at_ms": at_ms + 1},
                {"type": "levitate"},
                {"internal": "reboot"},
                {"session_index": -5},
                {"event_id": ""},
            )
        )
        _write(world, key.encode(), encode(replace(good, **changes)), at_ms)
    if faults.hit("poison.nobody"):
        _write(world, chance.choice(NOBODY), encode(good), at_ms)


def _write(world: World, key: bytes | None, value: bytes | None, at_ms: int) -> None:
    made = world.log.write(key, value, at_ms)
    world.scheduler.say(f"poison under {key!r} at {made.partition}/{made.offset}")
    world.refused.add((made.partition, made.offset))
    world.job.wake()
