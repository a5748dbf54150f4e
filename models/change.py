"""10 Change: whether a campaign still brings what the memory foresees of it.

A long memory knows more, and follows a change of taste too late. So each arm keeps, over about the
last RECENT rewards that closed, what was foreseen as decisions were taken and as they closed, what
came, and the squares of that.

1. Hours, seasons and what has not arrived yet move all arms alike, doing nothing too. What doing
   nothing brought beside what was foreseen of it is therefore the tide; it is taken to be 1 as far
   as TIDE orders would say so: doing nothing is rare.
2. Orders close early and negatives late. Of an arm that is shown more and more, what was foreseen
   as decisions were taken runs ahead of its orders; of one that is shown less, what closes is
   mostly old negatives. So the lesser of both is what was to come.
3. A campaign that brought less than DROP of what was foreseen times the tide, by more than SURE
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
SEEN = 4
"""Numbers of an arm: foreseen of what was taken and of what closed, came, squares of that."""

RECENT = 1_650.0
TIDE = 10.0
DROP = 0.6
SURE = 1.5
KEPT = 200.0


def faded(closed: Seen, count: int) -> None:
    """Fade an arm's numbers by as many rewards as closed, of all arms."""
    factor = (1.0 - 1.0 / RECENT) ** count
    closed *= array([factor, factor, factor, factor * factor])


def take(closed: Seen, foreseen: float) -> None:
    """One decision was taken."""
    closed[0] += max(foreseen, 0.0)


def close(closed: Seen, foreseen: float, came: float, *, correction: bool) -> None:
    """One reward closed; a `correction` was foreseen when its negative did."""
    closed[1:] += (0.0 if correction else max(foreseen, 0.0), came, came * came)


def changed(closed: Seen, nothing: Seen, worth: float) -> bool:
    """Whether a campaign brings less than was foreseen; `worth` is a conversion's at most.

    >>> calm, low = array([50.0, 50.0, 55.0, 28.0]), array([50.0, 50.0, 14.0, 7.0])
    >>> well, ill = array([60.0, 60.0, 58.0, 29.0]), array([60.0, 60.0, 15.0, 8.0])
    >>> changed(well, calm, 1.0), changed(ill, calm, 1.0), changed(ill, low, 1.0)
    (False, True, False)
    >>> changed(array([15.0, 60.0, 15.0, 8.0]), calm, 1.0)
    False
    """
    prior = TIDE * worth
    came, squares = float(closed[2]), float(closed[3])
    tides = (nothing[2] + prior) / (nothing[:2] + prior)
    fair = float((closed[:2] * tides).min())
    blur = float((nothing[3] + prior * worth / 2.0) / (nothing[:2] + prior).min() ** 2)
    noise = max(squares, fair * worth / 2.0) + float(closed[1]) ** 2 * blur
    return fair - came > SURE * sqrt(noise) and came < DROP * fair
