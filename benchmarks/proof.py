"""A full-size proof: steps on a stack of its own, and a report that can be repeated.

What was measured on this commit is kept in `.kairos/proofs/NAME/`, step by step and piece by piece
of long ones, so that a proof that was interrupted goes on where it stopped. The report is a page
in docs/proofs/.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rows import machine
from infra.local.layout import CHECKOUT, Layout, read_layout
from infra.local.services import ALL
from infra.local.stack import Stack
from infra.local.state import State

Result = dict[str, Any]
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement. `run` gets the stack and returns numbers; `check` says what is wrong."""

    name: str
    run: Callable[[Stack], Result]
    check: Callable[[Result], list[str]]


@dataclass(frozen=True, slots=True)
class Proof:
    """A named proof. `services` are those of its stack, none where it starts no stack; `notes`
    stand in the report; `compare` says what is wrong between steps; `pictures` gives the text of
    each SVG beside it, by name of file.
    """

    name: str
    help: str
    seed: int
    steps: tuple[Step, ...]
    notes: str
    table: Callable[[Mapping[str, Result]], list[str]]
    services: tuple[str, ...] = tuple(name for name in ALL if name != "shop")
    compare: Callable[[Mapping[str, Result]], list[str]] = lambda results: []
    pictures: Callable[[Mapping[str, Result]], Mapping[str, str]] = lambda results: {}


def folder(proof: Proof) -> Path:
    """Where a proof keeps its stack and the results of its steps."""
    return read_layout().home / "proofs" / proof.name


def commit() -> str:
    """The commit the checkout stands on, with a mark for changes that are not in it."""
    name = _git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{name} + changes" if _git("status", "--porcelain", "--untracked-files=no") else name


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def perform(proof: Proof, report: Callable[[str], None]) -> tuple[dict[str, Result], list[str]]:
    """Run what is missing. Returns the results by step and everything that fell short."""
    home = folder(proof)
    home.mkdir(parents=True, exist_ok=True)
    done = {step.name: _kept(home, step.name, commit()) for step in proof.steps}
    if not all(done.values()):
        layout = read_layout({**os.environ, "KAIROS_STACK_DIR": str(home / "stack")})
        _run_missing(proof, layout, home, done, report)
    results = {name: result for name, result in done.items() if result is not None}
    problems = [
        f"{step.name}: {problem}"
        for step in proof.steps
        for problem in step.check(results[step.name])
    ]
    return results, problems + proof.compare(results)


def _run_missing(
    proof: Proof,
    layout: Layout,
    home: Path,
    done: dict[str, Result | None],
    report: Callable[[str], None],
) -> None:
    stack = Stack(layout, report=report)
    try:
        if proof.services:
            stack.up(list(proof.services), demo=True, job="jobmanager" in proof.services)
        for step in proof.steps:
            if done[step.name] is None:
                report(f"step {step.name} ...")
                load = os.getloadavg()[0]
                run = measured if proof.services else timed
                result = {**run(stack, step.run), "load_before": round(load, 2)}
                _keep(home, step.name, result)
                done[step.name] = result
    finally:
        if proof.services:
            stack.down()


def timed(stack: Stack, run: Callable[[Stack], Result]) -> Result:
    """The numbers of a step that starts no stack; what else it measures it says itself."""
    began = time.monotonic()
    result = run(stack)
    return {**result, "took_s": round(time.monotonic() - began, 1)}


def measured(stack: Stack, run: Callable[[Stack], Result]) -> Result:
    """The step's own numbers, with CPU seconds and memory of each process beside them."""
    before, began = _cpu_s(stack.state), time.monotonic()
    result = run(stack)
    took_s = time.monotonic() - began
    cpu = {n: round(s - before.get(n, 0.0), 2) for n, s in _cpu_s(stack.state).items()}
    rss = {row["name"]: round(row["rss_mib"]) for row in stack.status()["processes"]}
    return {**result, "took_s": round(took_s, 1), "cpu_s": cpu, "rss_mib": rss}


def _cpu_s(state: State) -> dict[str, float]:
    out = {}
    for name, pid in state.pids.items():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        out[name] = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
    return out


def piece(home: Path, name: str, run: Callable[[], Result]) -> Result:
    """A part of a long step, kept in the proof's folder as steps are."""
    known = _kept(home, name, commit())
    if known is not None:
        return known
    made = run()
    _keep(home, name, made)
    return made


def _keep(home: Path, name: str, result: Result) -> None:
    (home / f"{name}.json").write_text(json.dumps({"commit": commit(), "result": result}))


def _kept(home: Path, name: str, now: str) -> Result | None:
    try:
        kept = json.loads((home / f"{name}.json").read_text())
    except (OSError, json.JSONDecodeError):
        return None
    return kept["result"] if kept["commit"] == now and "changes" not in now else None


def page(proof: Proof, results: Mapping[str, Result], problems: list[str]) -> str:
    """The report as Markdown."""
    lines = [
        f"# Proof: {proof.name}",
        "",
        proof.help[0].upper() + proof.help[1:] + ".",
        "",
        f"- command: `make prove {proof.name}`",
        f"- machine: {machine()}",
        f"- load before each step: {[r['load_before'] for r in results.values()]}",
        f"- seed: {proof.seed}",
        f"- commit: {commit()}",
        f"- verdict: {'passed' if not problems else 'FELL SHORT'}",
        "",
        *proof.table(results),
        "",
        proof.notes,
        "",
    ]
    if problems:
        lines += ["Fell short:", "", *(f"- {problem}" for problem in problems), ""]
    return "\n".join(lines)
