"""Events, decisions and outcomes kept as Parquet files by site and day, beyond the log's days.

A process of its own reads the log; stopping it changes no decision, and where it stopped it goes
on. The files hold user keys only, and every record's original bytes beside typed columns. What
takes a log (`why`, `diff`, `report`, `audit`, `model train`) takes the folder of an archive too.
"""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.archive_metrics import ArchiveMetrics
from cli.archive_place import ENV, archive_folder
from cli.control import action
from cli.endpoints import endpoints
from cli.output import CommandError, print_result, progress, table
from connectors.archive_erase import erase
from connectors.archive_files import is_archive
from connectors.archive_run import ArchiveRun, Limits, Seen
from connectors.archive_status import Status, status_of
from connectors.log_files import LogFilesError
from connectors.log_topics import LogUnavailable
from connectors.registry import RegistryClient, RegistryUnavailable
from schemas.ids import USER_KEY

NAME = "archive"
HELP = "keep events, decisions and outcomes as Parquet files by site and day"
EXAMPLE = (
    "kairos archive run --archive ./archive\n"
    "  kairos archive status\n"
    "  kairos archive erase demo:v:0f8fad5bd9cb469fa16570867728950e"
)
FAILURES = (LogFilesError, LogUnavailable, RegistryUnavailable, OSError)
GIB = 1024**3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run_it = action(actions, "run", "archive the log until it is stopped", "kairos archive run")
    add = run_it.add_argument
    add("--once", action="store_true", help="only up to the log's end as it is now")
    add("--every", type=float, default=60.0, metavar="S", help="seconds between two commits (60)")
    add("--disk-max", type=float, default=20.0, metavar="GIB", help="stop reading there (20)")
    add("--keep-days", type=int, default=0, metavar="N", help="remove older days; 0 keeps all (0)")
    add("--port", type=int, default=0, help="serve /metrics there; 0 does not")
    shown = action(actions, "status", "what is held, and the lag", "kairos archive status --json")
    gone = action(actions, "erase", "take a user out", "kairos archive erase demo:u:5c1f...")
    gone.add_argument("user_key", metavar="USER_KEY", help="site:v:..., site:p:... or site:u:...")
    for each in (run_it, shown, gone):
        each.add_argument("--archive", type=Path, metavar="DIR", help=f"its folder; else ${ENV}")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    try:
        return {"run": _run, "status": _status, "erase": _erase}[args.action](args)
    except FAILURES as failure:
        raise CommandError(str(failure)) from failure


def _run(args: argparse.Namespace) -> int:
    where, folder = endpoints(), archive_folder(args.archive)
    limits = Limits(
        age_s_max=args.every,
        disk_bytes_max=round(args.disk_max * GIB),
        keep_days=args.keep_days,
    )
    metrics = ArchiveMetrics(limits.disk_bytes_max)
    if args.port:
        metrics.serve(args.port)
    registry = RegistryClient(where.registry)
    made = ArchiveRun(folder, where.brokers, registry, limits, model_keys=where.model_keys)
    progress(f"archiving {where.brokers} into {folder}")
    seen = made.run(_stopped(), _teller(metrics), once=args.once)
    result = {"archive": str(folder), "records": seen.records, "written": seen.written}
    lines = [f"{seen.records:,} records read; {folder} holds {seen.bytes / GIB:.2f} GiB"]
    print_result(result, as_json=args.json, lines=lines)
    return 0


def _stopped() -> Callable[[], bool]:
    """Whether somebody asked to end; the last commit is still made then."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    return asked.is_set


def _teller(metrics: ArchiveMetrics) -> Callable[[Seen], None]:
    was_full = False

    def told(seen: Seen) -> None:
        nonlocal was_full
        metrics.tell(seen)
        if seen.full and not was_full:
            progress("the archive is full and reads nothing more: raise --disk-max or --keep-days")
        was_full = seen.full

    return told


def _status(args: argparse.Namespace) -> int:
    folder = archive_folder(args.archive)
    if not is_archive(folder):
        raise CommandError(f"{folder} is no archive; `kairos archive run` makes one.")
    try:
        brokers = endpoints().brokers
    except CommandError:
        brokers = ""  # Without a stack the files can still be told.
    found = status_of(folder, brokers)
    print_result(found.as_json(), as_json=args.json, lines=_lines(folder, found))
    return 0


def _lines(folder: Path, found: Status) -> list[str]:
    rows: list[tuple[Any, ...]] = [
        (each.table, each.rows, each.files, each.bytes, each.first_day, each.last_day)
        for each in found.tables
    ]
    out = [
        f"{folder}: {'an archiver is running' if found.running else 'no archiver is running'}",
        *table(("table", "rows", "files", "bytes", "from", "to"), rows),
    ]
    if found.lag is None:
        out.append("lag: unknown, no broker answers")
    else:
        out.append("lag: " + ", ".join(f"{name} {count}" for name, count in found.lag.items()))
    out += [f"GAP: {t}/{p} offsets {a} to {b} were gone from the log" for t, p, a, b in found.gaps]
    return out


def _erase(args: argparse.Namespace) -> int:
    folder = archive_folder(args.archive)
    if USER_KEY.fullmatch(args.user_key) is None:
        raise CommandError(f"{args.user_key} is no user key; it looks like demo:v:32 hex digits.")
    if not is_archive(folder):
        raise CommandError(f"{folder} is no archive; name one with --archive.")
    done = erase(folder, args.user_key, time.time_ns() // 1_000_000)
    result = {"archive": str(folder), "rows": done.rows, "files": done.files}
    line = f"{done.rows} rows taken out of {done.files} files; what the log still holds stays out"
    print_result(result, as_json=args.json, lines=[line])
    return 0
