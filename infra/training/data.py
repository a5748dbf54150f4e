"""Rows to train on as they lie in a file: inputs and labels after every event of every visit."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Data:
    """Rows: inputs [n, f], concept labels [n, k], intent labels [n, m], visit numbers [n], seconds
    since the visit's first event [n], and whether the job begins a session there [n]: a network's
    state starts from nothing. A recorded visit may have silences in it and so several sessions.

    Visits are numbered from 0 and lie one after the other, their rows in the order of events.
    """

    inputs: Floats
    concepts: Floats
    intents: Floats
    visit: Ints
    age_s: NDArray[np.float64]
    begins: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.bool_]) -> Data:
        """The visits chosen, numbered anew."""
        rows = chosen[self.visit]
        of = Data(*(getattr(self, each.name)[rows] for each in fields(Data)))
        return replace(of, visit=np.unique(of.visit, return_inverse=True)[1])


def read(file: Path) -> Data:
    """The rows of such a file."""
    with np.load(file) as held:
        return Data(*(held[each.name] for each in fields(Data)))
