"""Events or orders of another system into the archive, with their original times.

They are for looking back: `audit`, `campaigns check --events`, `model train` and `products learn`
use them, and nothing imported ever asks for a decision. FILE is a CSV table, Google Analytics 4's
BigQuery export or Segment's calls as JSON Lines (docs/import.md has all columns). A file with bad
lines is refused whole, each named with its fix; --skip-bad takes the others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.archive_place import ENV, archive_folder
from cli.control import action, as_json, refuse
from cli.output import CommandError, print_result, progress
from cli.reading import add_reading, consent_of, reading_of
from connectors.import_formats import EVENTS, FORMATS, ORDERS
from connectors.import_log import import_told
from connectors.log_files import LogFilesError

NAME = "import"
HELP = "take events or orders of another system into the archive"
EXAMPLE = (
    "kairos import events ga4.jsonl --site demo\n  kairos import orders orders.csv --site demo"
)
HELPS = {
    EVENTS: "what visitors did: CSV, GA4 or Segment",
    ORDERS: "what customers bought: CSV, or the orders of a GA4 or Segment file",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`events FILE` and `orders FILE`."""
    actions = parser.add_subparsers(dest="action", metavar="events|orders", required=True)
    for name, text in HELPS.items():
        made = action(actions, name, text, f"kairos import {name} {name}.csv --site demo")
        made.add_argument("file", type=Path, metavar="FILE", help=", ".join(FORMATS))
        add_reading(made)
        made.add_argument("--archive", type=Path, metavar="DIR", help=f"its folder; else ${ENV}")


def run(args: argparse.Namespace) -> int:
    """Read, refuse or import."""
    try:
        reading = reading_of(args, args.file, args.action)
        if reading.problems.errors and not args.skip_bad:
            return refuse(tuple(reading.problems.errors), args, events=0, good=len(reading.told))
        for each in reading.problems.errors:
            progress(each.sentence())
        folder = archive_folder(args.archive)
        done = import_told(
            folder, args.file, reading.told, args.site, args.currency, consent_of(args.consent)
        )
    except (OSError, LogFilesError) as failure:
        raise CommandError(str(failure)) from failure
    result = {
        "format": reading.format,
        "archive": str(folder),
        **{name: getattr(done, name) for name in ("events", "users", "sessions", "skipped")},
        "errors": as_json(reading.problems.errors),
    }
    line = (
        f"{done.events:,} events of {done.users:,} users in {done.sessions:,} visits "
        f"({reading.format}) are in {folder}; `kairos audit {folder}` reads them"
    )
    print_result(result, as_json=args.json, lines=[line])
    return 0
