"""Proof `sabotage`: defects planted one at a time, each of which a named test has to notice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.proof import Proof, Result, Step
from infra.local.layout import CHECKOUT
from infra.local.stack import Stack

DEFECTS_MIN = 12
NOTES = (
    "A defect is one changed place of one source file, put in as the module is imported, in a "
    "process of its own (tests/sabotage/). The simulator has caught it when a seed breaks an "
    "invariant that it is meant to break; a test when it fails. CPU seconds include the start of "
    "the process."
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


def _check(result: Result) -> list[str]:
    rows = result["defects"]
    wrong = [f"{row['defect']}: nobody noticed; {row['said']}" for row in rows if not row["caught"]]
    if len(rows) < DEFECTS_MIN:
        wrong.append(f"{len(rows)} defects, promised {DEFECTS_MIN}")
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
    steps=(Step("planted", _planted, _check),),
    notes=NOTES,
    table=_table,
    services=(),
)
