"""Plant each defect in a process of its own and see who notices, and after how long."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from tests.sabotage.defects import DEFECTS, SIMULATOR, TWO_PROCESSES, Defect
from tests.sabotage.plant import named

SEEDS_MAX = 400
SEEDS_TOLD_TWICE = 12
TESTS_FAILED = 1
HASH_SEEDS = ("1", "2")
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Caught:
    """What became of one defect. `cpu_s` is of the process that noticed, or did not."""

    defect: str
    caught_by: str
    caught: bool
    said: str
    cpu_s: float
    took_s: float


def catch(defect: Defect) -> Caught:
    """Run the named test, or seeds until one breaks, with the defect planted."""
    began, before = time.monotonic(), os.times()
    if defect.caught_by == SIMULATOR:
        caught, said = _simulated(defect)
    elif defect.caught_by == TWO_PROCESSES:
        caught, said = _told_twice(defect)
    else:
        caught, said = _tested(defect)
    after = os.times()
    cpu_s = sum(after[2:4]) - sum(before[2:4])
    took_s = time.monotonic() - began
    return Caught(defect.name, defect.caught_by, caught, said, round(cpu_s, 1), round(took_s, 1))


def _planted(defect: Defect, *arguments: str, hash_seed: str = "0") -> Done:
    return subprocess.run(
        [sys.executable, "-m", "tests.sabotage.plant", defect.name, *arguments],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )


def _simulated(defect: Defect) -> tuple[bool, str]:
    """Caught when a seed breaks an invariant that this defect is meant to break."""
    many = ("--until-breach", "--seeds", str(SEEDS_MAX), "--workers", "1", "--json")
    done = _planted(defect, "simulator", *many)
    failures = json.loads(done.stdout)["failures"] if done.stdout.startswith("{") else []
    if done.returncode != TESTS_FAILED or not failures:
        return False, _end(done)
    seed, breach = failures[0]
    return breach.split(" ")[0] in defect.breaks, f"seed {seed}: {breach}"


def _told_twice(defect: Defect) -> tuple[bool, str]:
    """Caught when the same seeds end in other chains where sets have another order."""
    chains = []
    for hash_seed in HASH_SEEDS:
        seeds = ("--seeds", str(SEEDS_TOLD_TWICE), "--workers", "1", "--json")
        done = _planted(defect, "simulator", *seeds, hash_seed=hash_seed)
        if not done.stdout.startswith("{"):
            return False, _end(done)
        chains.append(json.loads(done.stdout)["chains"])
    return chains[0] != chains[1], f"chains of {SEEDS_TOLD_TWICE} seeds: {chains}"


def _tested(defect: Defect) -> tuple[bool, str]:
    """Caught when a test failed; a test that could not even be collected has caught nothing."""
    done = _planted(defect, "pytest", defect.caught_by)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return done.returncode == TESTS_FAILED and bool(failed), failed[0] if failed else _end(done)


def _end(done: Done) -> str:
    return (done.stderr or done.stdout)[-300:].strip()


def main(arguments: list[str] | None = None) -> int:
    """0 when every defect was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("--defect", help="one of them by name")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    chosen = DEFECTS if asked.defect is None else (named(asked.defect),)
    results = []
    for defect in chosen:
        result = catch(defect)
        results.append(result)
        if not asked.json:
            verdict = "caught" if result.caught else "MISSED"
            print(f"{verdict}  {result.defect:<48} {result.cpu_s:>6} s  {result.said[:110]}")
    if asked.json:
        print(json.dumps([asdict(each) for each in results]))
    return 0 if all(each.caught for each in results) else 1
