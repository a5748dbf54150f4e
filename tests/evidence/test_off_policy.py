"""Off-policy estimates against truth that is known, naive sums, and planted defects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import off_policy
from evidence.direct_method import FOLDS, direct, predictions
from evidence.off_policy import (
    ESS_MIN,
    ESTIMATORS,
    NOT_SHOWN,
    PASSED,
    REFUSED,
    Logged,
    Target,
    columns,
    effective,
    estimates,
    evaluated,
    verdict,
)

RATES = np.array([0.05, 0.15, 0.30])
LOGGING = np.array([0.6, 0.3, 0.1])
BETTER = np.array([[0.1, 0.2, 0.7]])


def world(rows: int, seed: int) -> Logged:
    """Rewards by action and by context, logged under known chances."""
    chance = np.random.default_rng(seed)
    actions = chance.choice(3, rows, p=LOGGING)
    context = chance.normal(size=(rows, 2))
    rates = np.clip(RATES[actions] + 0.04 * context[:, 0], 0, 1)
    rewards = (chance.random(rows) < rates).astype(float)
    return Logged(rewards, actions, LOGGING[actions], context, np.arange(rows))


def same(rows: int, table: Any) -> Target:
    return Target(np.zeros(rows, np.int64), np.asarray(table, float))


def evaluate(logged: Logged, table: Any, seed: int = 1) -> dict[str, Any]:
    target = same(len(logged.rewards), table)
    return evaluated(logged, target, np.random.default_rng(seed), draws=200)


@pytest.mark.parametrize("seed", range(4))
def test_every_estimate_finds_the_truth_within_its_interval(seed: int) -> None:
    found = evaluate(world(8_000, seed), BETTER)
    truth = float(BETTER[0] @ RATES)
    for name in ESTIMATORS:
        each = found["estimates"][name]
        half = (each["ci"][1] - each["ci"][0]) / 2
        assert abs(each["value"] - truth) < 2 * max(half, 0.01), name
    assert found["verdict"] == PASSED
    assert abs(found["weight_mean"] - 1) < 0.1


def test_the_policy_that_ran_is_no_better_than_itself() -> None:
    logged = world(4_000, 1)
    found = evaluate(logged, [LOGGING])
    assert found["ess"] == len(logged.rewards)
    assert found["weight_max"] == pytest.approx(1)
    for name in ("ips", "snips"):
        assert found["estimates"][name]["difference"] == pytest.approx(0, abs=1e-12)
    assert found["verdict"] == NOT_SHOWN


def test_a_model_takes_variance_away_and_wrong_propensities_move_ips_alone() -> None:
    logged = world(20_000, 3)
    truth = float(BETTER[0] @ RATES)
    doubled = Logged(logged.rewards, logged.actions, logged.propensities / 2,
                     logged.context, logged.groups)  # fmt: skip
    found = evaluate(doubled, BETTER)
    errors = {name: abs(found["estimates"][name]["value"] - truth) for name in ESTIMATORS}
    assert errors["ips"] > truth / 2
    assert max(errors["snips"], errors["dm"], errors["dr"]) < 0.03
    assert abs(found["weight_mean"] - 2) < 0.1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(30, 200))
def test_the_sums_equal_naive_ones(seed: int, rows: int) -> None:
    logged = world(rows, seed)
    made, _ = columns(logged, same(rows, BETTER))
    found = estimates(made.matrix().sum(axis=0)[None, :])
    naive_ips = naive_weights = naive_dr = naive_dm = 0.0
    for i in range(rows):
        w = BETTER[0][logged.actions[i]] / logged.propensities[i]
        naive_ips += w * logged.rewards[i]
        naive_weights += w
        naive_dm += made.expected[i]
        naive_dr += made.expected[i] + w * (logged.rewards[i] - made.predicted[i])
    wanted = {"ips": naive_ips / rows, "snips": naive_ips / naive_weights,
              "dm": naive_dm / rows, "dr": naive_dr / rows}  # fmt: skip
    for name, value in wanted.items():
        assert found[name][0] == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_no_row_is_predicted_by_a_fit_that_has_seen_it() -> None:
    """Rewards of pure noise: a fit that saw them would explain some, and err by less."""
    chance = np.random.default_rng(5)
    rows = 300
    context, actions = chance.normal(size=(rows, 40)), chance.integers(0, 3, rows)
    rewards = chance.normal(size=rows)
    folds = np.arange(rows) % FOLDS
    model = direct(context, actions, 3, rewards, folds)
    said, _ = predictions(model, context, actions, np.zeros(rows, np.int64), BETTER, folds)
    assert float(said @ (rewards - rewards.mean())) / rows < 0.02
    shifted, _ = predictions(
        model, context, actions, np.zeros(rows, np.int64), BETTER, (folds + 1) % FOLDS
    )
    assert float(shifted @ rewards) > float(said @ rewards)


def test_rows_of_one_visitor_are_resampled_together() -> None:
    logged = world(3_000, 7)
    twice = Logged(
        np.repeat(logged.rewards, 4),
        np.repeat(logged.actions, 4),
        np.repeat(logged.propensities, 4),
        np.repeat(logged.context, 4, axis=0),
        np.repeat(logged.groups, 4),
    )
    one = evaluate(logged, BETTER)["estimates"]["ips"]["ci"]
    four = evaluate(twice, BETTER)["estimates"]["ips"]["ci"]
    assert four[1] - four[0] == pytest.approx(one[1] - one[0], rel=0.2)


def test_a_policy_nobody_acted_like_is_refused() -> None:
    found = evaluate(world(5_000, 2), [[0.0, 0.0, 1.0]])
    assert found["ess"] < ESS_MIN
    assert found["verdict"] == REFUSED


@pytest.mark.parametrize(
    ("ess", "lows", "said"),
    [
        (ESS_MIN - 1, (0.1, 0.1), REFUSED),
        (ESS_MIN, (0.1, 0.1), PASSED),
        (ESS_MIN, (0.1, 0.0), NOT_SHOWN),
        (ESS_MIN, (-0.1, 0.1), NOT_SHOWN),
        (ESS_MIN, (None, 0.1), NOT_SHOWN),
    ],
)
def test_the_gate(ess: float, lows: tuple[float | None, float | None], said: str) -> None:
    pairs = zip(("snips", "dr"), lows, strict=True)
    assert verdict(ess, {name: {"difference_ci": [low, 1.0]} for name, low in pairs}) == said


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_effective_rows_are_between_one_and_all(weights: list[float]) -> None:
    found = effective(np.array(weights))
    assert 1 - 1e-9 <= found <= len(weights) + 1e-9
    assert effective(7.0 * np.array(weights)) == pytest.approx(found)


def test_a_planted_weight_turned_upside_down_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = off_policy.columns

    def planted(logged: Logged, target: Target) -> Any:
        made, strength = real(logged, target)
        upside = 1 / np.maximum(made.weights, 1e-9)
        return off_policy.Columns(made.rewards, upside, made.predicted, made.expected), strength

    monkeypatch.setattr(off_policy, "columns", planted)
    found = evaluate(world(8_000, 0), BETTER)
    assert abs(found["estimates"]["snips"]["value"] - float(BETTER[0] @ RATES)) > 0.05
