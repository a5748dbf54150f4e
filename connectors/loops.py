"""The loops of a step: in C where set-up built them, else models.loops itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from connectors.native import native
from models.loops import IN_PYTHON, Loops

SOURCE = Path(__file__).with_name("loops.pyx")


@cache
def loops() -> Loops:
    """The same for every context of this process."""
    module = native(SOURCE.read_text("utf-8"))
    if module is None:
        return IN_PYTHON
    made: Loops = module.Loops()
    return made
