"""Outside judges: packages that our learner and statistics are held against, for tests alone.

They lie in `.kairos/judges`, a folder of their own: one of them asks for an older numpy and pandas
than the engine's, though it works with these, so it could not be resolved beside them.
"""

from __future__ import annotations

from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, inputs_hash
from infra.setup.venv import install_aside

LOCK = Path("infra/setup/judges.lock")


def judges_inputs(home: Home) -> str:
    """The lock."""
    return inputs_hash(home.checkout, [home.checkout / LOCK], "1")


def judges_outputs(home: Home) -> list[Path]:
    """The folder."""
    return [home.judges]


def fetch_judges(home: Home, shell: Shell) -> str:
    """Install them anew, without what they ask for, for the tests' path (tests/conftest.py)."""
    install_aside(home, shell, LOCK, home.judges)
    return "all packages match the lock"
