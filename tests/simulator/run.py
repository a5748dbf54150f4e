"""Many seeds in worker processes, or one with its trace.

python -m tests.simulator --seeds 2000            # seeds 0 to 1999
python -m tests.simulator --seed 17 --trace       # one alone, readable
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from schemas.chain import total
from tests.simulator.faults import coverage, missing
from tests.simulator.invariants import Violation
from tests.simulator.replays import digest
from tests.simulator.world import World

CHUNK = 25
FAILURES_SHOWN = 10
RETOLD = ".kairos/venv/bin/python -m tests.simulator --seed {} --trace"


@dataclass
class Tally:
    """What some seeds came to; tallies add up."""

    seeds: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    chains: dict[str, str] = field(default_factory=dict)
    cpu_s: float = 0.0

    def add(self, other: Tally) -> None:
        """Take in another one."""
        self.seeds += other.seeds
        self.failures += other.failures
        self.fired += other.fired
        self.sizes += other.sizes
        self.chains |= other.chains
        self.cpu_s += other.cpu_s

    def as_json(self) -> dict[str, Any]:
        """Plain values, failures in order of their seeds."""
        return {
            "seeds": self.seeds,
            "failures": sorted(self.failures),
            "fired": dict(self.fired),
            "missing": missing(self.fired),
            "sizes": dict(self.sizes),
            "chains": total(self.chains),
            "cpu_s": round(self.cpu_s, 1),
        }


def live(seed: int, *, trace: bool = False) -> tuple[World, str]:
    """Live through one seed; the breach of an invariant, or an empty string."""
    world = World(seed, trace=trace)
    try:
        world.run()
    except Violation as breach:
        return world, str(breach)
    except Exception as failure:
        return world, f"a bug: {type(failure).__name__}: {failure}"
    return world, ""


def chunk(first: int, count: int, *, until_breach: bool = False) -> Tally:
    """The seeds first to first + count - 1, in this process; or up to the first that breaks."""
    tally, began = Tally(), time.process_time()
    for seed in range(first, first + count):
        world, breach = live(seed)
        tally.seeds += 1
        tally.fired += world.faults.fired
        tally.sizes["records"] += sum(world.log.ends())
        tally.sizes["decisions"] += len(world.checks.decided)
        tally.sizes["triggers"] += len(world.checks.triggers)
        tally.sizes["rendered"] += len(world.checks.rendered)
        tally.sizes["crashes"] += world.job.crashes
        tally.sizes["steps"] += world.scheduler.steps
        tally.chains[f"seed {seed}"] = digest(world)
        if breach:
            tally.failures.append((seed, breach))
            if until_breach:
                break
    tally.cpu_s = time.process_time() - began
    return tally


def many(first: int, count: int, workers: int) -> Tally:
    """`count` seeds from `first` on, over worker processes."""
    tally = Tally()
    starts = range(first, first + count, CHUNK)
    sizes = [min(CHUNK, first + count - start) for start in starts]
    if workers == 1:
        for each in map(chunk, starts, sizes):
            tally.add(each)
        return tally
    with ProcessPoolExecutor(workers) as pool:
        for each in pool.map(chunk, starts, sizes):
            tally.add(each)
    return tally


def report(tally: Tally) -> list[str]:
    """What people read."""
    each = {name: round(number / tally.seeds, 1) for name, number in tally.sizes.items()}
    lines = ["fault points, times fired:", *coverage(tally.fired), ""]
    lines.append(f"{tally.seeds} seeds, a seed: {each}, CPU {tally.cpu_s / tally.seeds:.3f} s")
    for seed, breach in sorted(tally.failures)[:FAILURES_SHOWN]:
        lines += [f"seed {seed}: {breach}", f"  again: {RETOLD.format(seed)}"]
    lines.append(f"failures={len(tally.failures)} uncovered={missing(tally.fired)}")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """0 when every invariant held; 1 after a breach."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument("--trace", action="store_true", help="tell what happens in that seed")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--until-breach", action="store_true", help="stop at the first breach")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        world, breach = live(asked.seed, trace=asked.trace)
        print(breach or f"seed {asked.seed}: every invariant held, chains {digest(world)}")
        return 1 if breach else 0
    if asked.until_breach:
        tally = chunk(asked.first, asked.seeds, until_breach=True)
    else:
        tally = many(asked.first, asked.seeds, asked.workers)
    print(json.dumps(tally.as_json()) if asked.json else "\n".join(report(tally)))
    return 1 if tally.failures else 0
