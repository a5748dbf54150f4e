"""A segment of the write-ahead log, and what is wrong with one: the same verdict for the gateway
that opens it and for `kairos wal verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gateway.wal_files import Folder
from gateway.wal_record import Damage, Record, scan

SUFFIX = ".wal"


@dataclass(slots=True, eq=False)
class Segment:
    """One file: seqs from `first` up to, not including, `end`.

    Seconds of a clock that does not go back: `opened_s` when it was first seen to hold records,
    `since_s` when it was seen to be delivered and closed.
    """

    first: int
    end: int
    size: int
    since_s: float | None = None
    opened_s: float | None = None
    old: bool = False

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.first:020d}{SUFFIX}"


class Verdict(NamedTuple):
    """Its good records, each stretch of acknowledged records that is gone, and a torn end."""

    records: list[Record]
    damage: list[Damage]
    torn: Damage | None


def segments_of(folder: Folder) -> list[Segment]:
    """The segments of a folder by their seqs; where each ends is not known yet."""
    made = []
    for name in folder.names():
        first = name.removesuffix(SUFFIX)
        if name.endswith(SUFFIX) and first.isdecimal():
            made.append(Segment(int(first), int(first), folder.size(name)))
    return made


def judged(data: bytes, first: int, following: int | None) -> Verdict:
    """What a segment's bytes hold; `following` is the next segment's first seq.

    Only the newest segment, which nothing follows, may end in a write that was not acknowledged.
    Elsewhere the next segment's name tells how many records are missing at the end.
    """
    records: list[Record] = []
    damage: list[Damage] = []
    torn, end = None, first
    for each in scan(data, first)[0]:
        if isinstance(each, Record):
            records.append(each)
            end = each.seq + 1
        elif each.lost or following is None:
            torn = each if each.lost == 0 else torn
            damage += [each] if each.lost else []
        else:
            damage.append(each._replace(lost=following - each.seq))
            end = following
    if following is not None and end < following:
        damage.append(Damage(len(data), 0, end, following - end))
    return Verdict(records, damage, torn)
