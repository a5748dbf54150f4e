"""The published looks at 78 A/B tests of ASOS (KAIROS_DATA), as rows."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from evidence.sample import Sample

FILE = "asos_digital_experiments.parquet"


class Look(NamedTuple):
    """One look at one metric of one treatment."""

    experiment_id: str
    variant_id: int
    metric_id: int
    time_since_start: float
    count_c: float
    count_t: float
    mean_c: float
    mean_t: float
    variance_c: float
    variance_t: float

    @property
    def test(self) -> tuple[str, int, int]:
        """What is looked at again and again."""
        return self.experiment_id, self.variant_id, self.metric_id


def data() -> Path:
    """The folder of public data sets."""
    return Path(os.environ.get("KAIROS_DATA", Path(__file__).parents[3] / "shared" / "data"))


needs_asos = pytest.mark.skipif(
    not (data() / FILE).is_file(), reason="evaluation data that does not ship: name KAIROS_DATA"
)


@cache
def looks() -> list[Look]:
    """Every look with its variances, in time order; five treatments were published without."""
    from pyarrow import parquet

    columns = parquet.read_table(data() / FILE).to_pydict()
    rows = [Look(*row) for row in zip(*(columns[name] for name in Look._fields), strict=True)]
    whole = [row for row in rows if row.variance_t is not None and row.variance_c is not None]
    return sorted(whole, key=lambda row: (row.test, row.time_since_start))


def newest() -> list[Look]:
    """The last look at each test."""
    return list({row.test: row for row in looks()}.values())


def samples(row: Look) -> tuple[Sample, Sample]:
    """(control, treated)"""
    return (
        Sample(int(row.count_c), row.mean_c, row.variance_c),
        Sample(int(row.count_t), row.mean_t, row.variance_t),
    )
