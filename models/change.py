"""10 Change: whether a campaign still brings what the memory foresees of it.

A long memory knows more, and follows a change of taste too late. So each arm keeps, over about the
last RECENT rewards that closed, what was foreseen of them, what came, and the squares of that.

1. Hours, seasons and what has not arrived yet move all arms alike, doing nothing too. What doing
   nothing brought beside what was foreseen of it is therefore the tide; it is taken to be 1 as far
   as TIDE orders would say so, as doing nothing is rare.
2. A campaign that brought less than DROP of what was foreseen times the tide, by more than SURE
   standard deviations of both, has changed. It is then known no better than KEPT rewards say, and
   is young again (models/learning.py).

What is new and better than thought is not looked for here: it is shown seldom, and seen as soon as
what fell leaves it the room.
"""

from __future__ import annotations

from math import sqrt

from numpy import array, float64
from numpy.typing import NDArray

Seen = NDArray[float64]
SEEN = 3
"""Numbers of an arm: foreseen, came, squares of what came."""

RECENT = 1_650.0
TIDE = 10.0
DROP = 0.6
SURE = 2.5
KEPT = 200.0


def faded(closed: Seen, count: int) -> None:
    """Fade an arm's numbers by as many rewards as closed, of all arms."""
    factor = (1.0 - 1.0 / RECENT) ** count
    closed *= array([factor, factor, factor * factor])


def close(closed: Seen, foreseen: float, came: float, *, correction: bool) -> None:
    """One reward closed; a `correction` was foreseen when its negative did."""
    closed += (0.0 if correction else max(foreseen, 0.0), came, came * came)


def changed(closed: Seen, nothing: Seen, worth: float) -> bool:
    """Whether a campaign brings less than was foreseen; `worth` is a conversion's at most.

    >>> calm = array([50.0, 55.0, 28.0])
    >>> changed(array([60.0, 58.0, 29.0]), calm, 1.0), changed(array([60.0, 15.0, 8.0]), calm, 1.0)
    (False, True)
    >>> changed(array([60.0, 15.0, 8.0]), array([50.0, 14.0, 7.0]), 1.0)
    False
    """
    said, came, squares = nothing.tolist()
    whole = said + TIDE * worth
    tide = (came + TIDE * worth) / whole
    blur = (squares + TIDE * worth * worth / 2.0) / (whole * whole)
    said, came, squares = closed.tolist()
    fair = said * tide
    noise = max(squares, fair * worth / 2.0) + said * said * blur
    return bool(fair - came > SURE * sqrt(noise) and came < DROP * fair)
