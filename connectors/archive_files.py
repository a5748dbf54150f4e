"""An archive as a folder: which files there are, which of them count, and how far they reach.

    ARCHIVE/archive.json                    what wrote it: cluster, partitions, schemas by id, keys
    ARCHIVE/offsets.json                    how far each partition is archived; replaced as one
    ARCHIVE/TABLE/site=S/day=D/TOPIC-PP-FIRST-END.gN.parquet (and .idx beside some)

A file holds what one partition had for one site and UTC day between offsets FIRST and END
(exclusive). It counts when END is archived by offsets.json and no wider or newer file (N) of the
same place covers it; what does not count is left of a crash and is cleared by the next writer.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from connectors.log_files import LogFilesError
from schemas.model import UNSIGNED

VERSION = 1
ABOUT, OFFSETS = "archive.json", "offsets.json"
ENDING, INDEX_ENDING, PART = ".parquet", ".idx", ".part"
EVENTS_TABLE, OUTCOMES_TABLE, DECISIONS_TABLE = "events", "outcomes", "decisions"
POISON_TABLE, CONTROL_TABLE = "poison", "control"
TABLES = (EVENTS_TABLE, OUTCOMES_TABLE, DECISIONS_TABLE, POISON_TABLE, CONTROL_TABLE)
_NAME = re.compile(r"([a-z-]+)-(\d+)-(\d{15})-(\d{15})\.g(\d+)\.parquet")


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: offsets `first` to `end` (exclusive) of a partition; `folder` is site and day."""

    table: str
    folder: Path
    topic: str
    partition: int
    first: int
    end: int
    generation: int = 0

    @property
    def path(self) -> Path:
        """The Parquet file."""
        span = f"{self.partition:02d}-{self.first:015d}-{self.end:015d}"
        return self.folder / f"{self.topic}-{span}.g{self.generation}{ENDING}"

    @property
    def index(self) -> Path:
        """The index beside it, which only some tables have."""
        return self.path.with_suffix(INDEX_ENDING)

    @property
    def place(self) -> tuple[Path, str, int]:
        """Files of one place may replace each other."""
        return self.folder, self.topic, self.partition

    def covers(self, other: Segment) -> bool:
        """Whether this file holds all that the other one of its place holds."""
        inside = self.first <= other.first and other.end <= self.end
        wider = (self.first, self.end) != (other.first, other.end)
        return inside and (wider or self.generation > other.generation)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a partition is archived. `tick` is the newest tick: offset, stamp, frame as hex."""

    first: int
    end: int
    newest_ms: int = -1
    tick: tuple[int, int, str] | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What an archive is of. `schemas`: registry id in the frames -> schema text.

    `gaps` are (topic, partition, from, to): offsets that the log no longer had. `erased` are
    (hash of a user key, epoch ms): rows of the key up to that time are kept out for ever.
    """

    cluster: str = ""
    schemas: dict[str, str] = field(default_factory=dict)
    model_keys: tuple[str, ...] = (UNSIGNED,)
    gaps: tuple[tuple[str, int, int, int], ...] = ()
    erased: dict[str, int] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    version: int = VERSION


Reaches = dict[str, dict[int, Reach]]
"""Topic -> partition -> how far."""


def is_archive(folder: Path) -> bool:
    """Whether the folder is an archive."""
    return (folder / ABOUT).is_file()


def read_about(folder: Path) -> About:
    """What an archive is of. Raises LogFilesError."""
    fields = _json(folder / ABOUT)
    if fields.get("version") != VERSION:
        raise LogFilesError(
            f"{folder / ABOUT}: version is {fields.get('version')}, this release reads {VERSION}"
        )
    fields["model_keys"] = tuple(fields["model_keys"])
    fields["gaps"] = tuple(tuple(each) for each in fields["gaps"])
    return About(**fields)


def write_about(folder: Path, about: About) -> None:
    """Replace it in one step; the folder is its owner's alone, since sites carry secrets."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(folder / ABOUT, json.dumps(asdict(about), indent=1).encode())


def read_reaches(folder: Path) -> Reaches:
    """How far each partition is archived; nothing before the first commit. Raises LogFilesError."""
    if not (folder / OFFSETS).exists():
        return {}
    return {
        topic: {int(number): _reach(each) for number, each in partitions.items()}
        for topic, partitions in _json(folder / OFFSETS).items()
    }


def _reach(fields: dict[str, Any]) -> Reach:
    tick = fields["tick"]
    return Reach(**{**fields, "tick": tick and tuple(tick)})


def write_reaches(folder: Path, reaches: Reaches) -> None:
    """The commit: from here on the files up to these offsets count."""
    made = {
        topic: {str(number): asdict(each) for number, each in sorted(partitions.items())}
        for topic, partitions in sorted(reaches.items())
    }
    replace_file(folder / OFFSETS, json.dumps(made, indent=1).encode())


def segments(folder: Path, tables: tuple[str, ...] = TABLES) -> list[Segment]:
    """The files that count, in the order of topic, partition, first offset, then path."""
    reaches = read_reaches(folder)
    places: dict[tuple[Path, str, int], list[Segment]] = {}
    for each in found(folder, tables):
        reach = reaches.get(each.topic, {}).get(each.partition)
        if reach is not None and each.end <= reach.end:
            places.setdefault(each.place, []).append(each)
    kept = [
        each
        for own in places.values()
        for each in own
        if len(own) == 1 or not any(other.covers(each) for other in own)
    ]
    return sorted(kept, key=lambda each: (each.topic, each.partition, each.first, each.path))


def found(folder: Path, tables: tuple[str, ...] = TABLES) -> Iterator[Segment]:
    """Every file, whether it counts or not."""
    for table in tables:
        for path in (folder / table).glob(f"site=*/day=*/*{ENDING}"):
            match = _NAME.fullmatch(path.name)
            if match:
                topic, *numbers = match.groups()
                yield Segment(table, path.parent, topic, *map(int, numbers))


def clear_leftovers(folder: Path) -> int:
    """Remove what does not count: parts, files past the commit, files that others cover."""
    counting = {each.path for each in segments(folder)}
    stale = [each.path for each in found(folder) if each.path not in counting]
    own = counting | {path.with_suffix(INDEX_ENDING) for path in counting}
    stale += [path for path in folder.glob(f"*/*/*/*{INDEX_ENDING}") if path not in own]
    stale += [*folder.glob(f"*/*/*/*{PART}"), *folder.glob(f"*{PART}")]
    for path in stale:
        path.unlink(missing_ok=True)
        path.with_suffix(INDEX_ENDING).unlink(missing_ok=True)
    return len(stale)


def replace_file(path: Path, data: bytes) -> None:
    """Write a whole file in one step that survives a power cut."""
    part = path.with_name(path.name + PART)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    settle(part, path)


def settle(part: Path, path: Path) -> None:
    """Give a finished and synced part its name, and the name to the disk."""
    os.replace(part, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """Bring a written file to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def bytes_of(folder: Path) -> int:
    """Bytes of all files of an archive."""
    return sum(path.stat().st_size for path in folder.glob("*/*/*/*") if path.is_file())


@contextmanager
def locked(folder: Path, name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the archive's lock of that name, released by the kernel if the process dies.

    `write`: whoever changes files; `run`: the one process that reads the log. Raises LogFilesError
    where it is held and `wait` is false.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / f".{name}.lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise LogFilesError(f"{folder} is in use by another `kairos archive`") from held
        yield


def _json(path: Path) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as failure:
        raise LogFilesError(f"{path} is missing: {path.parent} is no archive") from failure
    except ValueError as failure:
        raise LogFilesError(f"{path} is damaged: {failure}; restore it") from failure
    return fields
