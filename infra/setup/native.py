"""The hot modules as C. Without a C compiler kairos runs too, only slower."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, StepFailed, inputs_hash

COMPILERS = ("cc", "gcc", "clang")
SOURCES = (
    "connectors/avro*.p*",
    "connectors/*native*.py",
    "connectors/intents.py*",
    "connectors/loops.py*",
    "connectors/plain*",
    "connectors/state_bytes.pxi",
    "models/*.py",
    "schemas/**/*.py",
    "schemas/avro/*.avsc",
    "infra/setup/build.lock",
)
FIX = "Install a C compiler and Python's headers (Debian: apt-get install gcc python3.11-dev)."


def native_inputs(home: Home) -> str:
    """Schemas, rules with their bounds, what writes the modules, where they are built into."""
    paths = {path for pattern in SOURCES for path in home.checkout.glob(pattern)}
    return inputs_hash(home.checkout, paths, str(home.site_packages))


def build_native(home: Home, shell: Shell) -> str:
    """Build the modules with the environment's own interpreter."""
    if not any(map(shutil.which, COMPILERS)):
        return "skipped: no C compiler, so Python does it all (slower)"
    command: list[str | Path] = [home.python, "-m", "connectors.native_build"]
    try:
        shell.run([str(part) for part in command], cwd=home.checkout, fix=FIX)
    except StepFailed as failure:
        return f"skipped, Python does it all (slower): {failure.cause}. {FIX}"
    return "codecs of events and decisions, heads of the model, loops and plain events of a step"
