"""`stack.json`: what a stack is now, for every command that talks to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

VERSION = 1


@dataclass(frozen=True, slots=True)
class State:
    """Endpoints and pids of the running processes, and the job as last submitted.

    `model_keys` are what that job was told to trust.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    pids: Mapping[str, int] = field(default_factory=dict)
    build_id: str = ""
    job_id: str = ""
    previous_build_id: str = ""
    parallelism: int = 1
    model_keys: Sequence[str] = ()

    def with_job(self, job_id: str, build_id: str) -> State:
        """The state after a submission; another build becomes the one to roll back to."""
        changed = bool(self.build_id) and self.build_id != build_id
        previous = self.build_id if changed else self.previous_build_id
        return replace(self, job_id=job_id, build_id=build_id, previous_build_id=previous)

    def with_pids(self, pids: Mapping[str, int]) -> State:
        """The state with the pids as they are now."""
        return replace(self, pids=dict(pids))


def read_state(stack: Path) -> State:
    """The recorded state; an empty one when the stack was never up."""
    try:
        fields = json.loads((stack / "stack.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    return State(**{key: value for key, value in fields.items() if key != "version"})


def write_state(stack: Path, state: State) -> None:
    """Replaces the record in one step, so that no reader sees half of it."""
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__}
    part = stack / "stack.json.part"
    part.write_text(json.dumps({"version": VERSION, **fields}, indent=2), encoding="utf-8")
    part.replace(stack / "stack.json")
