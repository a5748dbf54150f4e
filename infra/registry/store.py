"""Subjects, versions, ids and settings: what the registry knows, and the rules for changing it.

Each change is one record, written to the journal first and applied after; replaying the journal
gives the same state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.registry import errors
from infra.registry.compatibility import LEVELS, canonical, problems
from infra.registry.journal import Journal, Record

MODES = ("READWRITE", "READONLY")
DEFAULT_LEVEL, DEFAULT_MODE = "BACKWARD", "READWRITE"
GLOBAL = ""
VERSION_MAX = 2**31 - 1
COMPACT_AFTER = 1000


@dataclass(slots=True)
class Version:
    """One version of a subject; soft-deleted ones are hidden, their ids stay readable."""

    version: int
    id: int
    deleted: bool = False


@dataclass(slots=True)
class State:
    """Everything, in memory. `levels` and `modes` hold the global setting under ''."""

    schemas: dict[int, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    subjects: dict[str, list[Version]] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)

    def apply(self, record: Record) -> None:
        """Carry out one journal record; unknown operations are programmer errors."""
        operation: Any = getattr(self, "_" + record["op"])
        operation(**{name: value for name, value in record.items() if name != "op"})

    def _register(self, subject: str, version: int, id: int, schema: str) -> None:
        self.schemas[id], self.ids[schema] = schema, id
        self.subjects.setdefault(subject, []).append(Version(version, id))
        self.newest[subject] = version

    def _delete(self, subject: str, versions: list[int], permanent: bool) -> None:
        held = self.subjects[subject]
        if permanent:
            held = [each for each in held if each.version not in versions]
        for each in held:
            each.deleted = each.deleted or each.version in versions
        self.subjects[subject] = held
        if not held:
            del self.subjects[subject]

    def _level(self, subject: str, level: str | None) -> None:
        _set(self.levels, subject, level)

    def _mode(self, subject: str, mode: str | None) -> None:
        _set(self.modes, subject, mode)

    def _all(self, **parts: Any) -> None:
        self.schemas = {int(id): schema for id, schema in parts["schemas"].items()}
        self.ids = {schema: id for id, schema in self.schemas.items()}
        self.subjects = {
            name: [Version(*each) for each in held] for name, held in parts["subjects"].items()
        }
        self.newest = parts["newest"]
        self.levels, self.modes = parts["levels"], parts["modes"]

    def record(self) -> Record:
        """The whole state as one record, for compaction."""
        subjects = {
            name: [[each.version, each.id, each.deleted] for each in held]
            for name, held in self.subjects.items()
        }
        schemas = {str(id): schema for id, schema in self.schemas.items()}
        rest = {"newest": self.newest, "levels": self.levels, "modes": self.modes}
        return {"op": "all", "schemas": schemas, "subjects": subjects, **rest}


def _set(settings: dict[str, str], subject: str, value: str | None) -> None:
    if value is None:
        settings.pop(subject, None)
    else:
        settings[subject] = value


class Store:
    """The state and its journal. Calls are made from one thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.state = State()
        records = journal.read()
        for record in records:
            self.state.apply(record)
        if len(records) > COMPACT_AFTER:
            journal.replace([self.state.record()])

    def _change(self, **record: Any) -> None:
        self._journal.append(record)
        self.state.apply(record)

    def versions(self, subject: str, *, deleted: bool = False) -> list[Version]:
        """Versions of a subject, oldest first. Raises 40401 when there are none."""
        held = self.state.subjects.get(subject, [])
        shown = [each for each in held if deleted or not each.deleted]
        if not shown:
            raise errors.subject_not_found(subject)
        return shown

    def version(self, subject: str, text: str, *, deleted: bool = False) -> Version:
        """One version by number, 'latest' or '-1'. Raises 40401, 40402, 42202."""
        number = _version_number(text)
        shown = self.versions(subject, deleted=deleted)
        if number < 0:
            return shown[-1]
        for each in shown:
            if each.version == number:
                return each
        raise errors.version_not_found(number)

    def level(self, subject: str) -> str:
        """Rule in force for a subject: its own, else the global one."""
        levels = self.state.levels
        return levels.get(subject) or levels.get(GLOBAL, DEFAULT_LEVEL)

    def mode(self, subject: str) -> str:
        """Mode in force for a subject: its own, else the global one."""
        modes = self.state.modes
        return modes.get(subject) or modes.get(GLOBAL, DEFAULT_MODE)

    def register(self, subject: str, text: str) -> int:
        """Id of a schema under a subject, a new version if it is not there yet.

        Raises 409, 42201, 42205.
        """
        schema = canonical(text)
        held = self.state.subjects.get(subject, [])
        live = [each for each in held if not each.deleted]
        schema_id = self.state.ids.get(schema)
        if schema_id is not None and any(each.id == schema_id for each in live):
            return schema_id
        self._writable(subject)
        level = self.level(subject)
        found = problems(schema, self._texts(live), level)
        if found:
            raise errors.incompatible([*found, f"level {level}"])
        schema_id = schema_id or max(self.state.schemas, default=0) + 1
        version = self.state.newest.get(subject, 0) + 1
        self._change(op="register", subject=subject, version=version, id=schema_id, schema=schema)
        return schema_id

    def lookup(self, subject: str, text: str, *, deleted: bool) -> Version:
        """The version that holds this schema. Raises 40401, 40403, 42201."""
        shown = self.versions(subject, deleted=deleted)
        schema_id = self.state.ids.get(canonical(text))
        for each in reversed(shown):
            if each.id == schema_id:
                return each
        raise errors.schema_not_found()

    def check(self, subject: str, text: str, version: str | None) -> list[str]:
        """Why a schema may not follow a version (all of them for None); empty if it may."""
        schema = canonical(text)
        if version is None:
            olds = [each for each in self.state.subjects.get(subject, []) if not each.deleted]
        else:
            olds = [self.version(subject, version)]
        return problems(schema, self._texts(olds), self.level(subject))

    def delete_subject(self, subject: str, *, permanent: bool) -> list[int]:
        """Hide a subject, or remove a hidden one. Raises 40401, 40404, 40405, 42205."""
        held = self.versions(subject, deleted=True)
        live = [each.version for each in held if not each.deleted]
        self._writable(subject)
        if permanent and live:
            raise errors.subject_not_soft_deleted(subject)
        if not permanent and not live:
            raise errors.subject_soft_deleted(subject)
        gone = [each.version for each in held] if permanent else live
        self._change(op="delete", subject=subject, versions=gone, permanent=permanent)
        if permanent:
            self.set_level(subject, None)
        return gone

    def delete_version(self, subject: str, text: str, *, permanent: bool) -> int:
        """Hide a version, or remove a hidden one. Raises 40401, 40402, 40406, 40407, 42205."""
        number = _version_number(text)
        found = self.version(subject, text, deleted=number > 0)
        self._writable(subject)
        if permanent and not found.deleted:
            raise errors.version_not_soft_deleted(subject, found.version)
        if not permanent and found.deleted:
            raise errors.version_soft_deleted(subject, found.version)
        gone = [found.version]
        self._change(op="delete", subject=subject, versions=gone, permanent=permanent)
        return found.version

    def schema(self, schema_id: int) -> str:
        """Schema text of an id that some version holds. Raises 40403."""
        if not self.uses(schema_id, deleted=True):
            raise errors.schema_not_found(f"Schema {schema_id}")
        return self.state.schemas[schema_id]

    def uses(self, schema_id: int, *, deleted: bool = False) -> list[tuple[str, int]]:
        """(subject, version) pairs that hold an id."""
        return [
            (name, each.version)
            for name, held in sorted(self.state.subjects.items())
            for each in held
            if each.id == schema_id and (deleted or not each.deleted)
        ]

    def set_level(self, subject: str, level: str | None) -> None:
        """Set or (None) remove a rule; subject '' is the global one. Raises 42203."""
        if level is not None and level not in LEVELS:
            raise errors.invalid_level(LEVELS)
        if self.state.levels.get(subject) != level:
            self._change(op="level", subject=subject, level=level)

    def set_mode(self, subject: str, mode: str | None) -> None:
        """Set or (None) remove a mode; subject '' is the global one. Raises 42204."""
        if mode is not None and mode not in MODES:
            raise errors.invalid_mode(MODES)
        if self.state.modes.get(subject) != mode:
            self._change(op="mode", subject=subject, mode=mode)

    def _texts(self, versions: list[Version]) -> list[str]:
        return [self.state.schemas[each.id] for each in versions]

    def _writable(self, subject: str) -> None:
        if self.mode(subject) != DEFAULT_MODE:
            raise errors.read_only(subject)


def _version_number(text: str) -> int:
    """A version's number, -1 for the newest. Raises 42202."""
    if text in ("latest", "-1"):
        return -1
    if text.isascii() and text.isdigit() and 0 < int(text) <= VERSION_MAX:
        return int(text)
    raise errors.invalid_version(text)
