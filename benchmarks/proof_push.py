"""Proof `push`: a million pushed messages, none of which reaches anybody it is not for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.proof import Proof, Result, Step
from infra.local.layout import CHECKOUT
from infra.local.stack import Stack

PUSHED, SEED = 1_000_000, 7
NOTES = (
    "Random visitors of two sites with the same ids, sessions and tabs around the real hub "
    "(tests/gateway/isolation.py). Each message says whom it is for. Connections come and go, some "
    "records lie about their key, and deadlines run out. The test beside it drops the filter, and "
    "the check then finds strangers."
)


def _isolated(stack: Stack) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "tests.gateway.isolation", "--pushed", str(PUSHED)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.startswith("{"):
        raise RuntimeError(f"nothing was pushed: {done.stderr[-500:]}")
    found: Result = json.loads(done.stdout)
    return found


def _check(result: Result) -> list[str]:
    wrong = []
    if result["pushed"] < PUSHED:
        wrong.append(f"{result['pushed']} pushed, promised {PUSHED}")
    if result["strangers"]:
        wrong.append(f"{result['strangers']} reached a stranger")
    return wrong + [
        f"no {name} among them" for name, count in result.items() if _unused(name, count)
    ]


def _unused(name: str, count: object) -> bool:
    return name in ("fallback", "resumed", "mismatched") and not count


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| pushed | to strangers | fallbacks | at a hello | under a false key |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for each in results.values():
        row = [each[name] for name in "pushed strangers fallback resumed mismatched".split()]
        lines.append("| " + " | ".join(f"{count:,}" for count in row) + " |")
    return lines


PROOF = Proof(
    name="push",
    help="a million pushed messages, and whether one reaches a stranger",
    seed=SEED,
    steps=(Step("isolated", _isolated, _check),),
    notes=NOTES,
    table=_table,
    services=(),
)
