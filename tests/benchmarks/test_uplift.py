"""Qini and the uplift learner, on made-up people and on Hillstrom's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.uplift import MENS, NOBODY, WOMENS, qini, qinis, read
from evidence.always_valid import always_valid
from evidence.contrast import absolute, fixed_horizon
from evidence.sample import Sample

DATA = Path(os.environ.get("KAIROS_DATA", ""))
FILE = DATA / "hillstrom_email.parquet"
REFERENCE_LOW = 77.0
KNOWN_DIFFERENCE = 0.0068
needs_hillstrom = pytest.mark.skipif(
    not os.environ.get("KAIROS_DATA") or not FILE.is_file(),
    reason="evaluation data that does not ship: name KAIROS_DATA",
)


def test_qini_is_high_for_the_true_order_low_for_the_reverse_and_none_for_chance() -> None:
    chance = np.random.default_rng(3)
    gain = chance.random(20_000) * 0.4
    treated = chance.random(20_000) < 0.5
    y = (chance.random(20_000) < 0.1 + gain * treated).astype(float)
    right, reverse = qini(gain, treated, y), qini(-gain, treated, y)
    assert right > 0.02
    assert reverse < -0.02
    assert abs(qini(chance.random(20_000), treated, y)) < 0.01


@needs_hillstrom
@pytest.mark.long
def test_the_linear_learner_finds_whom_the_womens_mail_moves() -> None:
    found = 10_000 * qinis(read(FILE), WOMENS, 10, 7)
    assert found.mean() + found.std() > REFERENCE_LOW
    assert found.mean() > 4 * found.std() / np.sqrt(len(found))


@needs_hillstrom
@pytest.mark.long
def test_the_known_difference_of_the_better_mail_is_inside_its_intervals() -> None:
    columns = read(FILE)
    arms = [columns["conversion"][columns["segment"] == arm] for arm in (NOBODY, MENS)]
    made = absolute(*(Sample.of(arm.astype(float).tolist()) for arm in arms))
    for found in (fixed_horizon(made), always_valid(made)):
        assert 0 < found.low < KNOWN_DIFFERENCE < found.high
