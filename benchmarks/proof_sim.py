"""Proof `sim`: a hundred thousand seeded worlds, every invariant checked after every step."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping

from benchmarks.proof import Proof, Result, Step
from infra.local.layout import CHECKOUT
from infra.local.stack import Stack

SEED = 1_000_000
STEPS, SEEDS_A_STEP = 20, 5_000
CPU_S_A_SEED_MAX = 0.25
NOTES = (
    "Each seed is one world: two or three simulated visitors with two tabs each, two gateways, one "
    "log, one job with the shipped model, and about half of the fault points turned on. The core, "
    "its codecs, ingest, stamps, the first layer of de-duplication and the push hub are the real "
    "code; the log, the job's engine, the browser and the gateway's answer by fallback are models. "
    "Invariants and the faults are explained in tests/simulator/."
)


def _lived(first: int) -> Result:
    command = ["-m", "tests.simulator", "--first", str(first), "--seeds", str(SEEDS_A_STEP)]
    done = subprocess.run(
        [sys.executable, *command, "--json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.startswith("{"):
        raise RuntimeError(f"the simulator told nothing: {done.stderr[-500:]}")
    found: Result = json.loads(done.stdout)
    return found


def _check(result: Result) -> list[str]:
    wrong = [f"seed {seed}: {breach}" for seed, breach in result["failures"][:10]]
    if result["seeds"] != SEEDS_A_STEP:
        wrong.append(f"{result['seeds']} seeds instead of {SEEDS_A_STEP}")
    wrong += [f"fault point {name} never fired" for name in result["missing"]]
    if result["cpu_s"] > CPU_S_A_SEED_MAX * result["seeds"]:
        wrong.append(f"{result['cpu_s'] / result['seeds']:.2f} s of CPU a seed")
    return wrong


def _step(number: int) -> Step:
    first = SEED + number * SEEDS_A_STEP

    def run(stack: Stack) -> Result:
        return _lived(first)

    return Step(f"seeds-{first}", run, _check)


def _table(results: Mapping[str, Result]) -> list[str]:
    fired, sizes = Counter[str](), Counter[str]()
    for result in results.values():
        fired.update(result["fired"])
        sizes.update(result["sizes"])
    seeds = sum(result["seeds"] for result in results.values())
    cpu_s = sum(result["cpu_s"] for result in results.values())
    failures = sum(len(result["failures"]) for result in results.values())
    head = f"{seeds:,} seeds, {failures} breaches, {cpu_s / seeds:.3f} s of CPU a seed. In all: "
    lines = [head + ", ".join(f"{count:,} {name}" for name, count in sorted(sizes.items())) + "."]
    lines += ["", "| fault point | times fired |", "| --- | --- |"]
    return [*lines, *(f"| {name} | {fired[name]:,} |" for name in sorted(fired))]


PROOF = Proof(
    name="sim",
    help="seeded worlds with faults at every seam, their invariants checked after every step",
    seed=SEED,
    steps=tuple(_step(number) for number in range(STEPS)),
    notes=NOTES,
    table=_table,
    services=(),
)
