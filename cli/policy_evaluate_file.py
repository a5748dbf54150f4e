"""A file of logged bandit data, evaluated under a policy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from cli.output import CommandError
from cli.policy_evaluate import ROLES
from cli.policy_evaluate_rows import Rows, context_of, read_rows
from cli.policy_evaluate_target import ALWAYS, UNIFORM, file_target, named_target, numbered
from cli.progress import Bar
from evidence.bootstrap import DRAWS, clustered, percentile_interval, resampled_sums
from evidence.off_policy import ESTIMATORS, Logged, Target, evaluated

ACTIONS_MAX = 1_000


def of_file(args: argparse.Namespace) -> dict[str, Any]:
    """Every figure of a file of logged decisions. Raises CommandError."""
    named = {role: getattr(args, f"{role}_column") for role in ROLES}
    rows = read_rows(args.log, args.where, named)
    actions, codes = numbered(rows.words("action"))
    if not 1 < len(actions) <= ACTIONS_MAX:
        raise CommandError(
            f"{args.log}: {rows.roles['action']}: {len(actions)} different actions; "
            f"between 2 and {ACTIONS_MAX:,} can be compared"
        )
    own, target = _target(args, rows, actions)
    chance = np.random.default_rng(args.seed)
    with Bar(DRAWS, "bootstrap draws") as bar:
        found = evaluated(_logged(args, rows, codes), target, chance, bar.update)
    found |= {"log": str(args.log), "policy": Path(args.policy).name}
    if own is not None:
        found["on_policy"] = _on_policy(own, chance, found)
    return found


def _target(args: argparse.Namespace, rows: Rows, actions: list[str]) -> tuple[Rows | None, Target]:
    """The policy, and its own log where it has one that tells of rewards."""
    if args.policy == UNIFORM or args.policy.startswith(ALWAYS):
        return None, named_target(args.policy, actions, rows.table.num_rows)
    path = Path(args.policy)
    if not path.is_file():
        raise CommandError(
            f"--policy {args.policy}: neither {UNIFORM}, {ALWAYS}ACTION nor a file that exists"
        )
    again = path.resolve() == args.log.resolve()
    named = {role: getattr(args, f"{role}_column") for role in ROLES} if again else {}
    policy = read_rows(path, args.policy_where, named)
    told = "probability" not in policy.roles and "reward" in policy.roles
    return policy if told else None, file_target(policy, rows, actions)


def _logged(args: argparse.Namespace, rows: Rows, codes: Any) -> Logged:
    propensities = rows.numbers("propensity")
    wrong = np.flatnonzero((propensities <= 0) | (propensities > 1))
    if len(wrong):
        raise CommandError(
            f"{args.log}: {rows.roles['propensity']}: row {wrong[0] + 1} has "
            f"{propensities[wrong[0]]:g}; a propensity is the chance that this action had, above 0 "
            "and at most 1"
        )
    fixed = [each.partition("=")[0] for each in args.where]
    context = context_of(rows, args.context.split(",") if args.context else None, fixed)
    groups = np.arange(len(codes))
    if "user" in rows.roles:
        groups = numbered(rows.words("user"))[1]
    return Logged(rows.numbers("reward"), codes, propensities, context, groups)


def _on_policy(own: Rows, chance: np.random.Generator, found: dict[str, Any]) -> dict[str, Any]:
    """What the policy earned where it ran itself, and how far each estimate is from that."""
    rewards = own.numbers("reward")
    groups = numbered(own.words("user"))[1] if "user" in own.roles else np.arange(len(rewards))
    both = clustered(np.column_stack([np.ones(len(rewards)), rewards]), groups)
    sums = resampled_sums(both, chance)
    mean = float(rewards.mean())
    values = {name: found["estimates"][name]["value"] for name in ESTIMATORS}
    return {
        "rows": len(rewards),
        "value": mean,
        "ci": list(percentile_interval(sums[:, 1] / sums[:, 0])),
        "relative_errors": {
            name: None if value is None or not mean else abs(value / mean - 1)
            for name, value in values.items()
        },
    }
