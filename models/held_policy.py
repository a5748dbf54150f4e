"""10 Held policy: what somebody publishes by hand, so that learning leaves it alone until released.

Only qualities and exploration are anybody's to say. Pacing, what was learned until when, and how
well it was predicted stay those of the newest record, so that nobody can write a measurement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from models.names import nearest
from models.policy_checks import PolicyRefused, checked
from schemas.policy import Policy, Quality


class SaidQuality(Quality, frozen=True, gc=False, forbid_unknown_fields=True):
    """A quality as a file says it; see Quality."""


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy file: qualities by campaign, and exploration where it is to change."""

    qualities: dict[str, SaidQuality]
    site: str = ""
    explore_gamma_milli: int | None = None
    explore_floor_ppm: int | None = None


def said_in(data: bytes) -> Said:
    """A policy file's content. Raises PolicyRefused, naming the field."""
    try:
        return msgspec.json.decode(data, type=Said)
    except msgspec.MsgspecError as bad:
        raise PolicyRefused(str(bad)) from bad


def held(newest: Policy, said: Said, campaigns: Collection[str]) -> Policy:
    """The newest policy with what is said in place of what was learned, and held.

    Raises PolicyRefused for a number out of range, or a campaign that the site does not have.
    """
    for name in said.qualities:
        if name not in campaigns:
            close = nearest(name, tuple(campaigns))
            raise PolicyRefused(f"qualities: no campaign {name!r}" + (close and f"; {close}?"))
    gamma, floor = said.explore_gamma_milli, said.explore_floor_ppm
    made = replace(
        newest,
        qualities={name: Quality(**asdict(each)) for name, each in said.qualities.items()},
        explore_gamma_milli=newest.explore_gamma_milli if gamma is None else gamma,
        explore_floor_ppm=newest.explore_floor_ppm if floor is None else floor,
        fallback_reason="",
        held=True,
    )
    return checked(made)


def again(newest: Policy, older: Policy) -> Policy:
    """The newest policy with what an older one said, and held. Raises PolicyRefused."""
    made = replace(
        newest,
        qualities=older.qualities,
        explore_gamma_milli=older.explore_gamma_milli,
        explore_floor_ppm=older.explore_floor_ppm,
        fallback_reason="",
        held=True,
    )
    return checked(made)


def says_the_same(one: Policy, other: Policy) -> bool:
    """Whether two policies let campaigns bid alike, whatever was paced or measured since."""
    return one.qualities == other.qualities and (
        (one.explore_gamma_milli, one.explore_floor_ppm)
        == (other.explore_gamma_milli, other.explore_floor_ppm)
    )


def before(known: Iterable[Policy]) -> Policy | None:
    """Of one site's policies the newest that says something else than its newest of all."""
    ordered = sorted(known, key=lambda each: each.version, reverse=True)
    return next((each for each in ordered if not says_the_same(each, ordered[0])), None)
