"""The heads of a model: in C where set-up built them, else models.intent itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from connectors.native import native
from models.intent import LIMIT_MICRO, ODDS, SIGMOID_PPM, STEP_MICRO, HeadsScorer, Intents
from schemas.model import Head

SOURCE = Path(__file__).with_name("intents.pyx")


def intents_of(heads: tuple[Head, ...]) -> HeadsScorer:
    """Scores all heads at once; numbers that C cannot hold are left to Python."""
    module = _module()
    if module is None:
        return Intents(heads)
    try:
        made: HeadsScorer = module.Intents(heads, SIGMOID_PPM, ODDS, STEP_MICRO, LIMIT_MICRO)
    except OverflowError:
        return Intents(heads)
    return made


@cache
def _module() -> Any:
    return native(SOURCE.read_text("utf-8"))
