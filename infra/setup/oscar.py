"""django-oscar for the proof `oscar`, in a folder of its own: nothing of it is in the product."""

from __future__ import annotations

from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, inputs_hash
from infra.setup.venv import install_aside

LOCK = Path("infra/setup/oscar.lock")


def oscar_inputs(home: Home) -> str:
    """The lock."""
    return inputs_hash(home.checkout, [home.checkout / LOCK], "1")


def oscar_outputs(home: Home) -> list[Path]:
    """The folder."""
    return [home.oscar]


def fetch_oscar(home: Home, shell: Shell) -> str:
    """Install it anew; its folder is the path of the shop's process alone."""
    install_aside(home, shell, LOCK, home.oscar)
    return "all packages match the lock"
