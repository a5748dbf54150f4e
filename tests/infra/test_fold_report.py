"""Which rows a comparison counts at a time since landing."""

from __future__ import annotations

import numpy as np

from infra.training.data import Data
from infra.training.fold_report import _newest_at


def test_one_row_a_visit_counts_at_a_time_since_landing() -> None:
    """A session that begins anew after a long silence begins no landing."""
    none = np.zeros((6, 1), np.float32)
    ages_s = np.array([0, 6, 20, 9000, 0, 9.0])
    data = Data(none, none, none, np.array([0, 0, 0, 0, 1, 1]), ages_s, np.zeros(6, np.bool_))
    assert _newest_at(data, 8).tolist() == [False, True, False, False, True, False]
    assert _newest_at(data, 30).tolist() == [False, False, True, False, False, True]
