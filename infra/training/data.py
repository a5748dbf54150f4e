"""Rows to train on as they lie in a file: inputs and labels after every event of every visit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Data:
    """Rows: inputs [n, f], concept labels [n, k], intent labels [n, m], visit numbers [n].

    Visits are numbered from 0 and lie one after the other, their rows in the order of events.
    """

    inputs: Floats
    concepts: Floats
    intents: Floats
    visit: Ints

    def of(self, chosen: NDArray[np.bool_]) -> Data:
        """The visits chosen, numbered anew."""
        rows = chosen[self.visit]
        _, visit = np.unique(self.visit[rows], return_inverse=True)
        return Data(self.inputs[rows], self.concepts[rows], self.intents[rows], visit)


def read(file: Path) -> Data:
    """The rows of such a file."""
    with np.load(file) as held:
        return Data(held["inputs"], held["concepts"], held["intents"], held["visit"])
