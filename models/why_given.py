"""2-7 What a decision changes of a profile: all in which two sides of a comparison may differ."""

from __future__ import annotations

import msgspec

from schemas.exposure import Exposure
from schemas.profile import Profile
from schemas.sections import packed

Given = bytes
"""Exposures, those folded away, and the last push's number, packed."""

NOTHING_GIVEN: Given = packed(([], b"", 0))

_given_of = msgspec.msgpack.Decoder(tuple[list[Exposure], bytes, int]).decode


def given_to(profile: Profile | None) -> Given:
    """What the profile has been given so far."""
    if profile is None:
        return NOTHING_GIVEN
    return packed((profile.exposures, profile.given, profile.seq))


def swapped(profile: Profile, given: Given) -> Given:
    """Put these gifts into the profile; returns those that were in it."""
    before = given_to(profile)
    profile.exposures, profile.given, profile.seq = _given_of(given)
    return before
