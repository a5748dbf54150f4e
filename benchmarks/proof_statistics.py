"""Proof `statistics`: what the report and the evaluation claim, on A/A tests and public data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from math import isclose
from pathlib import Path

from benchmarks.peeking import play
from benchmarks.proof import Proof, Result, Step
from benchmarks.uplift import MENS, NOBODY, WOMENS, Columns, plain, qinis, read, uplift
from evidence.always_valid import always_valid
from evidence.contrast import absolute, fixed_horizon
from evidence.off_policy import REFUSED
from evidence.sample import Sample
from evidence.sample_ratio import MISMATCH, sample_ratio_p
from infra.local.layout import CHECKOUT
from infra.local.stack import Stack
from infra.setup.home import Home
from tests.evidence.asos import looks, newest, samples

DATA = Path(os.environ.get("KAIROS_DATA", CHECKOUT.parent / "shared" / "data"))
SEED, EXPERIMENTS, VISITORS, RATE = 7, 1_000, 2_000, 0.1
SITES, SPLITS = ("all", "men", "women"), 20
DM_ERROR_MAX, EQUAL = 0.2, 1e-9
REFERENCE = {WOMENS: (77.0, 87.0)}
"""Qini x 10,000 of a logistic T-learner on all 64,000 people, its mean and spread over splits."""

KNOWN_DIFFERENCE = 0.0068
"""Conversion of the better arm beyond no mail, as published for all 64,000."""

NOTES = (
    "Data are public and do not ship: `KAIROS_DATA` names their folder, `make prove` fetches "
    "scipy. **A/A**: nothing differs, and after 50 visitors an arm one looks after every "
    "visitor. **ASOS**: 78 experiments, every published look. A verdict given up is a claim that "
    "a later look takes back. Sample ratios are checked where there is one treatment and one "
    "metric's counts. **Open Bandit**: 10,000 rows a policy, 38 to 69 clicks: with so few, the "
    "direct method can say hardly more than the mean of the log, so its small error on `all` "
    "shows that the two policies earn alike there, and on `men` (where they do not) it is far "
    "off. Thompson sampling gave some items chances near zero: from its log nothing can be said "
    "of random, and nothing is. **Hillstrom**: Qini is on the half that the learner did not see, "
    "mean and spread over 20 random halves. The file holds 51,343 of the 64,000 people on whom "
    "the reference of 77 to 87 was measured; a plain least-squares T-learner on these same people "
    "is printed beside ours. The point lies below that reference; what is checked is that the "
    "intervals meet and that ours is no worse than the plain learner."
)


def _aa(stack: Stack) -> Result:
    found = play(EXPERIMENTS, VISITORS, RATE, SEED)
    return {
        "experiments": EXPERIMENTS,
        "looks_each": VISITORS,
        "always_valid_peeking_percent": 100 * found.always_valid_peeking / EXPERIMENTS,
        "fixed_horizon_once_percent": 100 * found.fixed_horizon_once / EXPERIMENTS,
        "fixed_horizon_peeking_percent": 100 * found.fixed_horizon_peeking / EXPERIMENTS,
    }


def _aa_check(result: Result) -> list[str]:
    wrong = []
    if result["always_valid_peeking_percent"] > 5:
        wrong.append("always-valid intervals err in more than 5 % under peeking")
    if not 4 <= result["fixed_horizon_once_percent"] <= 6:
        wrong.append("one look at the horizon does not err in 4 to 6 %")
    return wrong


def _asos(stack: Stack) -> Result:
    sys.path.append(str(Home.from_environment().judges))
    from scipy import stats

    unequal = 0
    for row in newest():
        judged = stats.ttest_ind_from_stats(
            *(row.mean_t, row.variance_t**0.5, row.count_t),
            *(row.mean_c, row.variance_c**0.5, row.count_c),
            equal_var=False,
        )
        made = absolute(*samples(row))
        same = isclose(made.value / made.error, judged.statistic, rel_tol=EQUAL, abs_tol=EQUAL)
        unequal += not (same and isclose(fixed_horizon(made).p, judged.pvalue, rel_tol=EQUAL,
                                         abs_tol=1e-11))  # fmt: skip
    return {
        "experiments": len({row.experiment_id for row in newest()}),
        "last_looks": len(newest()),
        "unequal_to_scipy": unequal,
        **_verdicts(),
        **_ratios(),
    }


def _verdicts() -> Result:
    claimed: Counter[str] = Counter()
    given_up: Counter[str] = Counter()
    agreed = 0
    seen: dict[tuple[str, tuple[str, int, int]], int] = {}
    for row in looks():
        made = absolute(*samples(row))
        verdicts = {
            "always_valid": always_valid(made).verdict,
            "fixed": fixed_horizon(made).verdict,
        }
        agreed += verdicts["always_valid"] == verdicts["fixed"]
        for kind, verdict in verdicts.items():
            before = seen.get((kind, row.test), 0)
            claimed[kind] += bool(verdict)
            given_up[kind] += bool(before) and verdict != before
            seen[kind, row.test] = verdict
    return {
        "looks": len(looks()),
        "looks_with_equal_verdicts": agreed,
        **{f"claims_{kind}": count for kind, count in sorted(claimed.items())},
        **{f"claims_given_up_{kind}": given_up[kind] for kind in sorted(claimed)},
    }


def _ratios() -> Result:
    treatments = Counter(one for one, _ in {(r.experiment_id, r.variant_id) for r in newest()})
    pairs = {
        row.experiment_id: (int(row.count_c), int(row.count_t))
        for row in newest()
        if row.metric_id == 1 and treatments[row.experiment_id] == 1
    }
    flagged = sorted(n for n, pair in pairs.items() if sample_ratio_p(pair, (1, 1)) < MISMATCH)
    return {"ratios_checked": len(pairs), "ratios_mismatched": len(flagged),
            "mismatched": " ".join(flagged)}  # fmt: skip


def _asos_check(result: Result) -> list[str]:
    wrong = [] if result["experiments"] == 78 else ["not all of the 78 experiments were read"]
    if result["unequal_to_scipy"]:
        wrong.append(f"{result['unequal_to_scipy']} Welch tests differ from scipy's")
    if not 0 < result["ratios_mismatched"] < result["ratios_checked"]:
        wrong.append("no sample ratio, or every one, is flagged")
    return wrong


def _open_bandit(stack: Stack) -> Result:
    out: Result = {}
    for site in SITES:
        for ran, asked in (("random", "bts"), ("bts", "random")):
            found = _evaluated(DATA / f"open_bandit_{site}.parquet", ran, asked)
            name, own = f"{site} {ran} -> {asked}", found["on_policy"]
            errors = {each: round(error, 3) for each, error in own["relative_errors"].items()}
            out[f"{name}: relative errors"] = errors
            out[f"{name}: effective rows"] = found["ess"]
            out[f"{name}: largest weight"] = round(found["weight_max"], 1)
            out[f"{name}: verdict"] = found["verdict"]
    return out


def _evaluated(path: Path, ran: str, asked: str) -> Result:
    command = [
        *(sys.executable, "-m", "cli.main", "policy", "evaluate", "--json"),
        *("--log", str(path), "--where", f"behavior_policy={ran}"),
        *("--policy", str(path), "--policy-where", f"behavior_policy={asked}"),
    ]
    done = subprocess.run(command, capture_output=True, check=False, cwd=CHECKOUT)
    if not done.stdout:
        raise RuntimeError(done.stderr.decode())
    found: Result = json.loads(done.stdout)
    return found


def _open_bandit_check(result: Result) -> list[str]:
    wrong = []
    if result["all random -> bts: relative errors"]["dm"] > DM_ERROR_MAX:
        wrong.append(f"the direct method errs by more than {DM_ERROR_MAX}")
    for site in SITES:
        if result[f"{site} bts -> random: verdict"] != REFUSED:
            wrong.append(f"{site}: Thompson sampling's log is said to tell of random")
    return wrong


def _hillstrom(stack: Stack) -> Result:
    columns = read(DATA / "hillstrom_email.parquet")
    out: Result = {"people": len(columns["segment"])}
    for arm in (WOMENS, MENS):
        for name, learner in (("ours", uplift), ("plain T-learner", plain)):
            found = 10_000 * qinis(columns, arm, SPLITS, SEED, learner)
            out[f"Qini {arm}, {name}"] = [
                round(float(found.mean()), 1),
                round(float(found.std()), 1),
            ]
    control, treated = (_sample(columns, arm) for arm in (NOBODY, MENS))
    made = absolute(control, treated)
    for name, each in (("one look", fixed_horizon(made)), ("any look", always_valid(made))):
        out[f"conversion {MENS}, {name}"] = [round(v, 5) for v in (each.value, each.low, each.high)]
    return out


def _sample(columns: Columns, arm: str) -> Sample:
    return Sample.of(columns["conversion"][columns["segment"] == arm].astype(float).tolist())


def _hillstrom_check(result: Result) -> list[str]:
    wrong = []
    for arm, (low, high) in REFERENCE.items():
        mean, spread = result[f"Qini {arm}, ours"]
        if mean + spread < low or mean - spread > high:
            wrong.append(f"Qini of {arm} is {mean} +- {spread}, the reference {low} to {high}")
        plain, _ = result[f"Qini {arm}, plain T-learner"]
        if mean < plain - spread / 2:
            wrong.append(f"Qini of {arm} is {mean}, a plain T-learner has {plain}")
    for look in ("one look", "any look"):
        _, low, high = result[f"conversion {MENS}, {look}"]
        if not 0 < low < KNOWN_DIFFERENCE < high:
            wrong.append(f"{look}: the known difference {KNOWN_DIFFERENCE} is not inside")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| step | figure | value |", "| --- | --- | --- |"]
    lines += [
        f"| {step} | {figure} | {value} |"
        for step, each in results.items()
        for figure, value in each.items()
    ]
    return lines


PROOF = Proof(
    name="statistics",
    help="intervals, tests and off-policy estimates hold on A/A tests and on public experiments",
    seed=SEED,
    steps=(
        Step("aa", _aa, _aa_check),
        Step("asos", _asos, _asos_check),
        Step("open_bandit", _open_bandit, _open_bandit_check),
        Step("hillstrom", _hillstrom, _hillstrom_check),
    ),
    notes=NOTES,
    table=_table,
    services=(),
)
