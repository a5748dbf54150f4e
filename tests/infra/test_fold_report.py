"""Which rows a comparison counts at a time since landing."""

from __future__ import annotations

import numpy as np

from infra.training.data import Data
from infra.training.fold_report import _newest_at
from models.features import FEATURES


def test_one_row_a_visit_counts_and_none_of_a_session_begun_anew() -> None:
    """Ages 0, 6, 20 and 0 again after a long silence; then 0 and 9; the newest at 8 seconds."""
    ages_s, events = [0, 6, 20, 0, 0, 9], [1, 2, 3, 1, 1, 2]
    inputs = np.zeros((6, len(FEATURES)), np.float32)
    inputs[:, FEATURES.index("session_age_s_log")] = np.log1p(ages_s)
    inputs[:, FEATURES.index("events_log")] = np.log1p(events)
    none = np.zeros((6, 1), np.float32)
    data = Data(inputs, none, none, np.array([0, 0, 0, 0, 1, 1]))
    assert _newest_at(data, 8).tolist() == [False, True, False, False, True, False]
    assert _newest_at(data, 30).tolist() == [False, False, True, False, False, True]
