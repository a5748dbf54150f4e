"""Looking often: always-valid intervals keep their promise, fixed ones were never made for it."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import sqrt

import pytest

from benchmarks.peeking import FalsePositives, play
from evidence import always_valid as module
from evidence.always_valid import always_valid
from evidence.contrast import ALPHA, absolute, fixed_horizon
from evidence.sample_ratio import MISMATCH, sample_ratio_p
from tests.evidence.asos import looks, needs_asos, newest, samples

pytestmark = pytest.mark.long
EXPERIMENTS, VISITORS, RATE, SEED = 1_000, 2_000, 0.1, 7
SPREAD = sqrt(ALPHA * (1 - ALPHA) / EXPERIMENTS)
"""Of the share of false positives among so many experiments: 0.7 points."""


@cache
def played() -> FalsePositives:
    return play(EXPERIMENTS, VISITORS, RATE, SEED)


def test_always_valid_intervals_err_in_at_most_5_percent_of_aa_tests_under_peeking() -> None:
    assert played().always_valid_peeking <= ALPHA * EXPERIMENTS


def test_one_look_at_the_horizon_errs_in_5_percent() -> None:
    """Within 1.45 standard errors of 5 %: 4 to 6 %."""
    assert abs(played().fixed_horizon_once / EXPERIMENTS - ALPHA) <= 1.45 * SPREAD


def test_planted_fixed_intervals_under_peeking_err_far_more_often() -> None:
    assert played().fixed_horizon_peeking > 3 * ALPHA * EXPERIMENTS


def test_a_planted_width_without_its_growth_errs_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.peeking.width_in_errors", lambda n, alpha, tuned_for: 2.3)
    assert play(200, VISITORS, RATE, SEED).always_valid_peeking > ALPHA * 200
    assert module.width_in_errors(4_000) > 2.3


@needs_asos
def test_over_all_looks_at_78_experiments_the_fixed_verdicts_waver_more() -> None:
    """ASOS: a verdict once given that later falls or turns, per test of one metric."""
    wavered: Counter[str] = Counter()
    claimed: Counter[str] = Counter()
    seen: dict[tuple[str, str, int, int], int] = {}
    for row in looks():
        made = absolute(*samples(row))
        for kind, found in (("always", always_valid(made)), ("fixed", fixed_horizon(made))):
            before = seen.get((kind, *row.test), 0)
            wavered[kind] += bool(before) and found.verdict != before
            claimed[kind] += bool(found.verdict)
            seen[kind, *row.test] = found.verdict
    print(f"\n{len(looks())} looks: claims {dict(claimed)}, verdicts given up {dict(wavered)}")
    assert wavered["always"] < wavered["fixed"]
    assert 0 < claimed["always"] < claimed["fixed"]


@needs_asos
def test_mismatched_sample_ratios_of_real_experiments_are_flagged() -> None:
    """Arms of equal share: with one treatment, halves."""
    treatments = Counter(one for one, _ in {(r.experiment_id, r.variant_id) for r in newest()})
    pairs = {
        row.experiment_id: (int(row.count_c), int(row.count_t))
        for row in newest()
        if row.metric_id == 1 and treatments[row.experiment_id] == 1
    }
    flagged = {name for name, pair in pairs.items() if sample_ratio_p(pair, (1, 1)) < MISMATCH}
    print(f"\nsample-ratio mismatch in {len(flagged)} of {len(pairs)}: {sorted(flagged)}")
    assert 0 < len(flagged) < len(pairs)
    even = next(pair for name, pair in pairs.items() if name not in flagged)
    planted = (even[0], int(even[1] * 0.97))
    assert sample_ratio_p(planted, (1, 1)) < MISMATCH
