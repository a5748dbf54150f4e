"""Proof `audit`: a million events of a GA4 export are audited within ten minutes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping

from benchmarks.proof import Proof, Result, Step
from benchmarks.shop_traffic import write_ga4
from infra.local.layout import CHECKOUT, read_layout
from infra.local.stack import Stack

EVENTS, SEED = int(os.environ.get("KAIROS_PROOF_EVENTS", "1000000")), 9
MINUTES_MAX = 10.0
NOTES = (
    "The traffic is made up (benchmarks/shop_traffic.py): no figure of it says anything about "
    "people, only the time counts. It holds reading the file, hashing ids, the temporary archive, "
    "deciding every event under the demo's campaigns with the model that ships, and the page."
)


def _audit(stack: Stack) -> Result:
    home = read_layout().home / "proofs" / "audit"
    file, page = home / f"ga4-{EVENTS}.jsonl", home / "audit.html"
    count = write_ga4(file, EVENTS, SEED)
    command = [sys.executable, "-m", "cli.main", "audit", str(file), "--html", str(page), "--json"]
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=True, env=env, cwd=CHECKOUT)
    took_s, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(done.stdout)
    file.unlink()
    return {
        "events": found["events"],
        "rows": count,
        "visitors": found["visitors"],
        "decisions": found["decisions"],
        "fired": found["fired"],
        "minutes": round(took_s / 60, 2),
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "rss_mib_max": after.ru_maxrss // 1024,
        "page_bytes": page.stat().st_size,
    }


def _check(result: Result) -> list[str]:
    wrong = []
    if result["minutes"] > MINUTES_MAX:
        wrong.append(f"took {result['minutes']} minutes, promised {MINUTES_MAX}")
    if result["events"] != result["rows"]:
        wrong.append(f"{result['events']} of {result['rows']} rows were audited")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| figure | value |", "| --- | --- |"]
    lines += [
        f"| {figure} | {value} |" for each in results.values() for figure, value in each.items()
    ]
    return lines


PROOF = Proof(
    name="audit",
    help="a million recorded events are audited within ten minutes",
    seed=SEED,
    steps=(Step("audit", _audit, _check),),
    notes=NOTES,
    table=_table,
    services=(),
)
