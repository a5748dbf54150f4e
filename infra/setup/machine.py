"""What the machine must have before anything is fetched: Java, Maven, Node, disk."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from infra.setup.home import Home
from infra.setup.java import check_java
from infra.setup.steps import Shell, StepFailed
from infra.setup.venv import check_python

DISK_MIN_BYTES = 2 * 1024**3
NODE_MIN = 20
MAVEN_FIX = "Install Maven 3.6 or later (Debian: apt-get install maven)."
NODE_FIX = "Install Node 20 or later with npm."


def first_version(command: str) -> tuple[int, ...] | None:
    """The first dotted number that `command --version` prints, None when it does not run."""
    path = shutil.which(command)
    if path is None:
        return None
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", told.stdout)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def check_maven() -> str:
    """Raise StepFailed without Maven; else say which."""
    version = first_version("mvn")
    if version is None:
        raise StepFailed("Maven is missing: no `mvn` on PATH.", MAVEN_FIX)
    return "Maven " + ".".join(map(str, version))


def check_node() -> str:
    """Raise StepFailed unless Node 20 or later and npm are on PATH."""
    version = first_version("node")
    if version is None or first_version("npm") is None:
        raise StepFailed("Node is missing: no `node` or no `npm` on PATH.", NODE_FIX)
    if version[0] < NODE_MIN:
        raise StepFailed(f"Node {version[0]} is too old: 20 or later is needed.", NODE_FIX)
    return "Node " + ".".join(map(str, version))


def free_bytes(path: Path) -> int:
    """Free bytes of the disk that a path, or its nearest existing parent, lies on."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def check_disk(path: Path, free: int | None = None) -> str:
    """Raise StepFailed below 2 GiB free; `free` in bytes is measured unless given."""
    free = free_bytes(path) if free is None else free
    gib = free / 1024**3
    if free < DISK_MIN_BYTES:
        raise StepFailed(
            f"Only {gib:.1f} GiB of disk is free at {path}, 2 GiB is needed.",
            "Free some space, or set KAIROS_HOME to a folder on a larger disk.",
        )
    return f"{gib:.0f} GiB free"


def check_machine(home: Home, shell: Shell) -> str:
    """All checks in turn; the first that fails stops set-up."""
    found = [check_python(), check_java(), check_maven(), check_node(), check_disk(home.root)]
    return ", ".join(found)
