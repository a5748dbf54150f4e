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

    `model_keys` are what that job was told to trust. `learning` are job_id, build_id and
    previous_build_id of the learning job, empty where none was ever submitted.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    pids: Mapping[str, int] = field(default_factory=dict)
    build_id: str = ""
    job_id: str = ""
    previous_build_id: str = ""
    parallelism: int = 1
    model_keys: Sequence[str] = ()
    learning: Mapping[str, str] = field(default_factory=dict)

    def with_job(self, job_id: str, build_id: str) -> State:
        """The state after a submission; another build becomes the one to roll back to."""
        changed = bool(self.build_id) and self.build_id != build_id
        previous = self.build_id if changed else self.previous_build_id
        return replace(self, job_id=job_id, build_id=build_id, previous_build_id=previous)

    def job_of(self, job: str) -> str:
        """The id under which `decisioning` or `learning` was submitted last; empty for never."""
        return self.learning.get("job_id", "") if job == "learning" else self.job_id

    def build_of(self, job: str) -> str:
        """The build of that submission."""
        return self.learning.get("build_id", "") if job == "learning" else self.build_id

    def with_learning(self, job_id: str, build_id: str) -> State:
        """The same for the learning job."""
        before = self.learning
        known = State(
            job_id=before.get("job_id", ""),
            build_id=before.get("build_id", ""),
            previous_build_id=before.get("previous_build_id", ""),
        ).with_job(job_id, build_id)
        names = ("job_id", "build_id", "previous_build_id")
        return replace(self, learning={name: getattr(known, name) for name in names})

    def with_pids(self, pids: Mapping[str, int]) -> State:
        """The state with the pids as they are now."""
        return replace(self, pids=dict(pids))

    def without(self, prefix: str) -> State:
        """The state once the processes have ended whose names begin so; all for an empty prefix."""
        return self.with_pids({n: p for n, p in self.pids.items() if not n.startswith(prefix)})


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
