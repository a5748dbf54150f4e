"""What must hold before anything is started; each refusal says the fix."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.local.layout import Layout
from infra.setup.java import JAVA_FIX, installed_version, tool, version_problem

DISK_MIN_BYTES = 2 * 1024**3
EXECUTION_MODE = "python.execution-mode"


class Refused(Exception):
    """The stack does not start on this machine as it is; the message says the fix."""


def check_machine(layout: Layout) -> Path:
    """The Java to use. Raises Refused: Java, disk, or software that set-up did not install."""
    problem = version_problem(installed_version())
    java = tool("java")
    if problem or java is None:
        raise Refused(f"{problem or 'Java is missing.'} {JAVA_FIX}")
    check_disk(layout.stack, shutil.disk_usage(_existing(layout.stack)).free)
    needed = (
        layout.python,
        layout.flink_home / "lib",
        layout.flink_home / "conf" / "config.yaml",
        layout.kafka_jars,
    )
    for path in needed:
        if not path.exists():
            raise Refused(f"{path} is missing: run `make setup`")
    return Path(java)


def check_disk(path: Path, free_bytes: int) -> None:
    """Raises Refused below 2 GiB: a full disk stops the log and every checkpoint."""
    if free_bytes < DISK_MIN_BYTES:
        raise Refused(
            f"{path} has {free_bytes / 1024**3:.1f} GiB free, 2 GiB are needed: "
            "free some space, run `kairos clean`, or set KAIROS_STACK_DIR to another disk"
        )


def check_execution_mode(config: Mapping[str, object]) -> None:
    """Raises Refused unless Python runs inside the TaskManager's JVM.

    Flink takes any value but exactly `thread` for process mode, without a word: every event would
    then cross a socket and take seconds.
    """
    mode = config.get(EXECUTION_MODE)
    if mode != "thread":
        raise Refused(
            f"{EXECUTION_MODE} is {mode!r} in infra/flink/config.yaml.template: operators would "
            "run in process mode; write exactly `thread`"
        )


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
