"""Defects planted in a copy of the job's code and really run: what a check is worth.

A defect is lines at the end of a module, so that it outlives changes to the rest. Should it no
longer take hold, the test that plants it goes red.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.stack import Stack
from operators.build import PACKAGES

DEFECTS = {
    "dedup always fresh": (
        "models/dedup.py",
        "def check(*_):\n    return FRESH\n",
    ),
    "version in the slot key": (
        "models/decision.py",
        "_honest = decide\n"
        "def decide(*arguments):\n"
        "    return [replace(each, slot_id=each.decision_id) for each in _honest(*arguments)]\n",
    ),
    "wall clock in a decision": (
        "models/decision.py",
        "import time\n"
        "_honest = decide\n"
        "def decide(*arguments):\n"
        "    now_ms = time.time_ns() // 1_000_000\n"
        "    return [replace(each, decided_at_ms=now_ms) for each in _honest(*arguments)]\n",
    ),
    "dead letter dropped": (
        "operators/hop.py",
        "from connectors.routes import read_routed\n"
        "_honest = UserHop.element\n"
        "def element(*arguments):\n"
        "    out = _honest(*arguments)\n"
        "    return [each for each in out if read_routed(each[1])[0] != DEAD_LETTERS]\n"
        "UserHop.element = element\n",
    ),
    "broken at import": (
        "jobs/decisioning.py",
        "raise RuntimeError('broken at import')\n",
    ),
    "broken at open": (
        "operators/decide.py",
        "def require_build(_):\n    raise RuntimeError('broken at open')\n",
    ),
    "none, only other bytes": ("operators/decide.py", "# Changed.\n"),
    "exception on a bad record": (
        "operators/hop.py",
        "def letter(self, origin, reason, *_):\n"
        "    raise ValueError(reason)\n"
        "UserHop.letter = letter\n",
    ),
}
"""Name -> (file, what is added at its end)."""


def code_with(code: Path, folder: Path, *defects: str) -> Path:
    """A copy of the job's code with these defects; none gives a plain copy."""
    for package in PACKAGES:
        shutil.copytree(code / package, folder / package, dirs_exist_ok=True)
    for name in defects:
        path, lines = DEFECTS[name]
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(f"\n\n{lines}")
    return folder


@contextmanager
def running_with(stack: Stack, folder: Path, *defects: str) -> Iterator[None]:
    """The job with these defects deployed; the honest code is back at the end."""
    broken = Stack(
        stack.layout, code=code_with(stack.code, folder, *defects), env=stack.env, report=print
    )
    try:
        assert broken.deploy()["rolled_back"] is False
        yield
    finally:
        stack.deploy()
