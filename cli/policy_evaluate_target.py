"""The policy asked about: a named one, a table of chances, or how often another log chose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli.output import CommandError
from cli.policy_evaluate_rows import Rows, text_of
from evidence.off_policy import Target

UNIFORM, ALWAYS = "uniform", "always:"
OFF_MAX = 1e-6
"""How far chances may be from one together."""

Ints = NDArray[np.int64]


def numbered(words: list[str]) -> tuple[list[str], Ints]:
    """Names in order, and each word's number among them."""
    names, codes = np.unique(np.array(words), return_inverse=True)
    return [str(each) for each in names], codes.astype(np.int64)


def named_target(policy: str, actions: list[str], rows: int) -> Target:
    """`uniform` over the actions of the log, or `always:ACTION`. Raises CommandError."""
    keys = np.zeros(rows, np.int64)
    if policy == UNIFORM:
        return Target(keys, np.full((1, len(actions)), 1 / len(actions)))
    chosen = policy.removeprefix(ALWAYS)
    if chosen not in actions:
        raise CommandError(
            f"--policy {policy}: the log never chose {chosen}, so it says nothing of it; "
            f"it chose {', '.join(actions[:12])}"
        )
    table = np.zeros((1, len(actions)))
    table[0, actions.index(chosen)] = 1.0
    return Target(keys, table)


def file_target(policy: Rows, log: Rows, actions: list[str]) -> Target:
    """A table with a column of probabilities, or else another log. Raises CommandError."""
    path: Path = policy.path
    names = policy.words("action")
    strange = sorted(set(names) - set(actions))
    if "probability" in policy.roles:
        weights = policy.numbers("probability")
        if (weights < 0).any():
            raise CommandError(f"{path}: probability: a chance is negative")
        strange = sorted({n for n, w in zip(names, weights, strict=True) if w} - set(actions))
        own = (policy.roles["action"], policy.roles["probability"])
        key_names = [each for each in policy.table.column_names if each not in own]
    else:
        weights = np.ones(len(names))
        both = "position" in policy.roles and "position" in log.roles
        key_names = [policy.roles["position"]] if both else []
    if strange:
        raise CommandError(
            f"{path}: the log never chose {', '.join(strange[:5])} ({len(strange)} in all), so "
            "it says nothing of a policy that would; leave them out, or take another log"
        )
    return _tabled(policy, log, key_names, (names, weights, actions))


def _tabled(
    policy: Rows,
    log: Rows,
    key_names: list[str],
    chosen: tuple[list[str], NDArray[np.float64], list[str]],
) -> Target:
    names, weights, actions = chosen
    known, codes = numbered(_keys(policy, key_names))
    places = {name: at for at, name in enumerate(actions)}
    table = np.zeros((len(known), len(actions)))
    kept = [places.get(name, 0) for name in names]
    np.add.at(table, (codes, np.array(kept)), weights)
    sums = table.sum(axis=1)
    if "probability" in policy.roles:
        for name, total in zip(known, sums, strict=True):
            if abs(total - 1) > OFF_MAX:
                where = f" at {', '.join(key_names)} = {name}" if key_names else ""
                raise CommandError(
                    f"{policy.path}: probability: the chances{where} sum to {total:.6g}, not 1"
                )
    at = {name: number for number, name in enumerate(known)}
    asked = _keys(log, key_names)
    lost = sorted(set(asked) - set(known))
    if lost:
        raise CommandError(
            f"{policy.path}: no chances at {', '.join(key_names)} = {lost[0]}, which the log has; "
            "add its rows"
        )
    return Target(np.array([at[each] for each in asked], np.int64), table / sums[:, None])


def _keys(rows: Rows, names: list[str]) -> list[str]:
    """The values of some columns as one word a row."""
    if not names:
        return [""] * rows.table.num_rows
    for name in names:
        if name not in rows.table.column_names:
            raise CommandError(f"{rows.path}: the policy depends on {name}, which it does not have")
    columns = [text_of(rows.table[name], f"{rows.path}: {name}") for name in names]
    return [" ".join(each) for each in zip(*columns, strict=True)]
