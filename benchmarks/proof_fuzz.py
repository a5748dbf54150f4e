"""Proof `fuzz`: a hundred thousand mutated requests and frames against the real edge."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping

from benchmarks.proof import Proof, Result, Step
from infra.local.layout import CHECKOUT
from infra.local.stack import Stack

SEED, STEPS, REQUESTS_A_STEP = 7_000, 10, 10_000
GROWTH_MIB_MAX = 64
NOTES = (
    "Good requests of every route and first frames of a push connection, changed in meaning or in "
    "bytes, over real sockets; the log behind the gateway is in memory. Rules: no 5xx, no logged "
    "error, a reason with each refusal, nothing accepted that the job would not apply, no "
    "connection left over. Growth is counted after the first quarter of each step. "
    "tests/gateway/fuzz.py explains it."
)


def _step(number: int) -> Step:
    seed = SEED + number

    def run(stack: Stack) -> Result:
        command = ["-m", "tests.gateway.fuzz", "--requests", str(REQUESTS_A_STEP)]
        done = subprocess.run(
            [sys.executable, *command, "--seed", str(seed)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout.startswith("{"):
            raise RuntimeError(f"the fuzzer told nothing: {done.stderr[-500:]}")
        found: Result = json.loads(done.stdout)
        return found

    return Step(f"seed-{seed}", run, _check)


def _check(result: Result) -> list[str]:
    wrong = list(result["wrong"])
    if result["requests"] != REQUESTS_A_STEP:
        wrong.append(f"{result['requests']} requests instead of {REQUESTS_A_STEP}")
    if result["growth_mib"] > GROWTH_MIB_MAX:
        wrong.append(f"{result['growth_mib']} MiB more than at the first quarter")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    statuses: Counter[str] = Counter()
    for result in results.values():
        statuses.update(result["statuses"])
    requests = sum(result["requests"] for result in results.values())
    accepted = sum(result["accepted"] for result in results.values())
    growth_mib = max(result["growth_mib"] for result in results.values())
    lines = [
        f"{requests:,} requests, {accepted:,} events accepted, growth {growth_mib} MiB at most."
    ]
    lines += ["", "| route or frame, and its end | times |", "| --- | ---: |"]
    return [*lines, *(f"| {name} | {statuses[name]:,} |" for name in sorted(statuses))]


PROOF = Proof(
    name="fuzz",
    help="a hundred thousand mutated requests and frames: no 5xx, no error, no growth",
    seed=SEED,
    steps=tuple(_step(number) for number in range(STEPS)),
    notes=NOTES,
    table=_table,
    services=(),
)
