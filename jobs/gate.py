"""A submission in two halves, so that a deploy stops the old job only when the new one is ready.

Building a plan takes seconds: a JVM, a Python interpreter, every import. Whoever submits the job
may therefore set KAIROS_SUBMIT_GATE to a folder:

1. The plan is built and checked; `wait_at_gate` writes the file `built` into the folder.
2. The submitter stops the old job with a savepoint and writes the file `go`, whose content is the
   path to restore from, or nothing for an empty start.
3. `wait_at_gate` takes the path into the environment's settings and returns; the job is executed.

Without the variable the job is submitted at once, as a plain `flink run` does.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

GATE_ENV = "KAIROS_SUBMIT_GATE"
WAIT_S_MAX = 300.0
POLL_S = 0.02


def wait_at_gate(env: Any) -> None:
    """Waits for the submitter, if there is one. `env` is the StreamExecutionEnvironment.

    Raises SystemExit when the submitter does not answer within WAIT_S_MAX seconds.
    """
    folder = os.environ.get(GATE_ENV)
    if not folder:
        return
    gate = Path(folder)
    (gate / "built").touch()
    deadline = time.monotonic() + WAIT_S_MAX
    while not (gate / "go").exists():
        if time.monotonic() >= deadline:
            raise SystemExit(f"{gate}/go did not appear within {WAIT_S_MAX:.0f} s: not submitted")
        time.sleep(POLL_S)
    restore_from(env, (gate / "go").read_text(encoding="utf-8").strip())


def restore_from(env: Any, path: str) -> None:
    """Makes the job start from the savepoint or checkpoint at `path`; empty means empty."""
    if not path:
        return
    from pyflink.common import Configuration

    settings = Configuration()
    settings.set_string("execution.state-recovery.path", path)
    # In the other mode every checkpoint after the restore would have to be written in full, which
    # the state changelog refuses: the job would restart for ever.
    settings.set_string("execution.state-recovery.claim-mode", "CLAIM")
    # All state must find its operator: a dropped uid is an error, not a silent loss.
    settings.set_string("execution.state-recovery.ignore-unclaimed-state", "false")
    env.configure(settings)
