"""Proof `sabotage`: defects in a module or in a running job, each noticed by a named test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial

from benchmarks.proof import Proof, Result, Step
from infra.local.layout import CHECKOUT
from infra.local.stack import Stack

DEFECTS_MIN, RUNNING_MIN = 12, 2
RUNNING = ("-m", "proof", "-q", "-rA", "tests/stack")
NOTES = (
    "A defect is one changed place of one source file, put in as the module is imported, in a "
    "process of its own (tests/sabotage/). The simulator has caught it when a seed breaks an "
    "invariant that it is meant to break; a test when it fails. CPU seconds include the start of "
    "the process. The last rows are defects in a copy of the job's code that is deployed on a real "
    "stack and replayed against: the test passes when its check sees what it has to."
)


def _planted(stack: Stack) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sabotage", "--json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.startswith("["):
        raise RuntimeError(f"nothing was planted: {done.stderr[-500:]}")
    return {"defects": json.loads(done.stdout)}


def _running(stack: Stack) -> Result:
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *RUNNING],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    after = os.times()
    rows = told_by(done.stdout)
    # Of the tests' own process: the stack's detach themselves.
    cpu_s = round((sum(after[2:4]) - sum(before[2:4])) / max(len(rows), 1), 1)
    return {"defects": [{**row, "cpu_s": cpu_s} for row in rows]}


def told_by(report: str) -> list[Result]:
    """A row for each test that pytest's short summary names; caught where it passed."""
    verdicts = [line.split(" ", 1) for line in report.splitlines()]
    named = [(each[0], each[1]) for each in verdicts if each[0] in ("PASSED", "FAILED", "ERROR")]
    return [
        {
            "defect": test.split("::")[-1].split(" - ")[0].replace("_", " "),
            "caught_by": test.split(" - ")[0],
            "caught": verdict == "PASSED",
            "said": f"{verdict} {test}",
        }
        for verdict, test in named
    ]


def _check(result: Result, least: int = DEFECTS_MIN) -> list[str]:
    rows = result["defects"]
    wrong = [f"{row['defect']}: nobody noticed; {row['said']}" for row in rows if not row["caught"]]
    if len(rows) < least:
        wrong.append(f"{len(rows)} defects, promised {least}")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| defect | caught by | what it said | CPU s |", "| --- | --- | --- | --- |"]
    for result in results.values():
        for row in result["defects"]:
            said = row["said"].split("\n")[0][:100].replace("|", "/") if row["caught"] else "MISSED"
            lines.append(f"| {row['defect']} | {row['caught_by']} | {said} | {row['cpu_s']} |")
    return lines


PROOF = Proof(
    name="sabotage",
    help="planted defects, and who noticed each",
    seed=0,
    steps=(
        Step("planted", _planted, _check),
        Step("running", _running, partial(_check, least=RUNNING_MIN)),
    ),
    notes=NOTES,
    table=_table,
    services=(),
)
