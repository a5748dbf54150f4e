"""Which decisions of a recorded log change under other campaigns, another model or policy, and why.

PATH is the folder of `kairos log export`, or a file of events as `kairos decide` reads it. Give one
of --campaigns, --model, --policy twice: the first is side a, the second side b. On an exported log
one suffices: side a is then what the log itself had in force.

The log stays as it was recorded: a visitor who would have seen another action still does what was
recorded. So this says what would have been decided, not what it would have earned.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from cli.diff_html import page
from cli.diff_sides import chosen
from cli.diff_text import as_json, lines
from cli.output import CommandError, print_result
from cli.progress import Bar
from connectors.avro import BadFrame
from connectors.diff_log import contexts, work
from connectors.event_lines import BadLine
from connectors.given import BadFile
from connectors.log_by_user import records_in
from connectors.log_files import LogFilesError
from connectors.onnx import ModelRefused
from infra.model import BadModel

NAME = "diff"
HELP = "which decisions of a log change under other campaigns, and why"
EXAMPLE = (
    "kairos diff --events ./monday --campaigns new.yaml --html changes.html\n"
    "  kairos diff --events monday.jsonl --sites sites.yaml --campaigns a.yaml --campaigns b.yaml"
)
FAILURES = (LogFilesError, BadLine, BadFile, BadFrame, BadModel, ModelRefused, OSError, ValueError)
WORKERS_MAX = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos diff`."""
    add = parser.add_argument
    two = {"type": Path, "action": "append", "default": []}
    add("--events", "--log", dest="events", type=Path, required=True, metavar="PATH",
        help="exported log or JSON Lines of events")  # fmt: skip
    add("--campaigns", **two, help="campaigns.yaml; twice to compare")  # type: ignore[arg-type]
    add("--model", **two, help="folder of a model; twice to compare")  # type: ignore[arg-type]
    add("--policy", **two, help="policy record as JSON; twice to compare")  # type: ignore[arg-type]
    add("--sites", type=Path, help="sites.yaml, for JSON Lines")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes; default: one a core")
    add("--html", type=Path, metavar="FILE", help="also write the result as a page of its own")


def run(args: argparse.Namespace) -> int:
    """Compare and print; the page too where asked."""
    started = time.monotonic()
    try:
        found = chosen(args)
        contexts(found.sides)  # Whatever is wrong with a record is told before any worker starts.
        with Bar(records_in(args.events), "events") as bar:
            worked = work(found.sides, max(1, min(args.workers, WORKERS_MAX)), bar.update)
    except FAILURES as failure:
        raise CommandError(str(failure)) from failure
    took_s = time.monotonic() - started
    if args.html:
        args.html.write_text(page(worked.totals, found), encoding="utf-8")
    result = as_json(worked, found, took_s)
    print_result(result, as_json=args.json, lines=lines(worked, found, took_s))
    return 0
