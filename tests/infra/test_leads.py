"""Lead time of churn_risk: crossings before exits, against visits that stay."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.training import leads
from infra.training.data import Data
from infra.training.labels import CONCEPTS, INTENTS

EXITS, STAYS, STEPS_S = 120, 5, 10


def crowd(warned_ahead: int) -> tuple[Data, NDArray[np.float64]]:
    """Exits of 4 events whose risk rises so many events before the last; stays of 12 that buy."""
    lengths = [4] * EXITS + [12] * STAYS
    rows = sum(lengths)
    none, age_s = np.zeros((rows, len(CONCEPTS)), np.float32), np.zeros(rows)
    intents = np.zeros((rows, len(INTENTS)), np.float32)
    risk, at = np.full(rows, 0.1), 0
    for number, length in enumerate(lengths):
        age_s[at : at + length] = np.arange(length) * STEPS_S
        if number < EXITS:
            risk[at + length - 1 - warned_ahead : at + length] = 0.9
        else:
            intents[at, list(INTENTS).index("purchase_intent")] = 1
        at += length
    visit = np.repeat(np.arange(len(lengths)), lengths)
    return Data(none, none, intents, visit, age_s, np.zeros(rows, np.bool_)), risk


@pytest.mark.promise("M49")
@pytest.mark.parametrize(("ahead", "share", "seconds"), [(3, 1.0, 30.0), (2, 1.0, 20.0)])
def test_the_time_from_the_crossing_to_the_exit(ahead: int, share: float, seconds: float) -> None:
    """Every exit is told, no stay is, and the time between is that of the events."""
    data, risk = crowd(ahead)
    found = leads.report(data, risk, np.ones(len(risk), np.bool_), 1)
    assert found["exits"] == EXITS and found["stays"] == EXITS
    assert found["exits_crossed"]["value"] == share
    assert found["stays_crossed"]["value"] == 0.0
    assert found["seconds"]["value"] == pytest.approx(seconds, abs=0.01)


@pytest.mark.promise("M49")
def test_a_crossing_at_the_last_event_is_no_warning() -> None:
    """It comes when the visitor is gone."""
    data, risk = crowd(0)
    found = leads.report(data, risk, np.ones(len(risk), np.bool_), 1)
    assert found["exits_crossed"]["value"] == 0.0
    assert found["seconds"] == {"value": None, "ci": None}
