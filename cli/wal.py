"""The write-ahead logs of this stack's gateways: what they hold, whether it is sound, send again.

`replay` sends acknowledged events to the broker once more, for when it lost the end of its log; the
job applies each event once however often it comes. Segments are kept 10 minutes after delivery.
A log is named by --dir, else by KAIROS_WAL_DIR as for its gateway, else all of the stack are meant.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from cli.control import action
from cli.endpoints import endpoints
from cli.output import CommandError, print_result, progress, table
from connectors.human_units import duration_ms
from connectors.registry import RegistryRefused, RegistryUnavailable
from gateway.log import LogUnavailable
from gateway.wal_look import Look, Skipped, directories, look, since
from gateway.wal_replay import send_again
from infra.local.layout import read_layout

NAME = "wal"
HELP = "write-ahead logs of the gateways: status, verify, replay"
EXAMPLE = "kairos wal replay --since 15m"
HEAD = ("directory", "in use", "segments", "bytes", "undelivered", "oldest s", "set aside")
SINCE = "a duration such as 15m or 2h, or a time such as 2026-05-01T12:00:00Z"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`status`, `verify` and `replay --since WHEN`."""
    actions = parser.add_subparsers(dest="action", metavar="status|verify|replay", required=True)
    made = [
        action(actions, "status", "depth, age and size of each log", "kairos wal status --json"),
        action(actions, "verify", "read every record and check it", "kairos wal verify"),
        action(
            actions,
            "replay",
            "send events to the broker again, in order, stamped now; they count once",
            "kairos wal replay --since 15m",
        ),
    ]
    made[2].add_argument("--since", required=True, metavar="WHEN", help=SINCE)
    for each in made:
        text = "a log's directory (default: KAIROS_WAL_DIR, else all under the stack's data/wal)"
        each.add_argument("--dir", type=Path, metavar="DIR", help=text)


def run(args: argparse.Namespace) -> int:
    """Look, verify or send again; 1 when `verify` or `replay` meets records that are lost."""
    paths = _paths(args.dir)
    try:
        if args.action == "replay":
            return _replay(args, paths)
        return _look(args, paths, verify=args.action == "verify")
    except OSError as failure:
        raise CommandError(f"{failure.filename}: {failure.strerror}.") from failure


def _paths(named: Path | None) -> list[Path]:
    """Directories to work on, at least one. Raises CommandError that names what to give."""
    given = named or Path(os.environ.get("KAIROS_WAL_DIR", ""))
    origin = "--dir" if named else "KAIROS_WAL_DIR"
    if given == Path():
        root = read_layout().data / "wal"
        paths = directories(root)
        if not paths:
            text = f"{root} holds no write-ahead log; name one with --dir or KAIROS_WAL_DIR."
            raise CommandError(text)
        return paths
    if not given.is_dir():
        raise CommandError(f"{origin}: {given} is no directory; name a write-ahead log's own.")
    return [given]


def _look(args: argparse.Namespace, paths: list[Path], *, verify: bool) -> int:
    now_ms = int(time.time() * 1000)
    looks = [look(each, now_ms, verify=verify) for each in paths]
    lost = sum(each["lost"] for found in looks for each in found.damage)
    lines = table(HEAD, [_row(each) for each in looks])
    if verify:
        lines += [line for each in looks for line in _verdict(each)]
    print_result({"logs": [asdict(each) for each in looks]}, as_json=args.json, lines=lines)
    return 1 if lost else 0


def _row(found: Look) -> tuple[Any, ...]:
    used, aside = "yes" if found.in_use else "no", len(found.set_aside)
    name, age = Path(found.directory).name, round(found.oldest_age_s, 1)
    return (name, used, found.segments, found.bytes, found.undelivered, age, aside)


def _verdict(found: Look) -> list[str]:
    """What verifying found, a line for each damaged place."""
    lines = [f"{found.directory}: {found.verified} records read, all sound"]
    if found.damage:
        lines = [
            f"{found.directory}/{each['segment']}: {each['lost']} records from seq {each['seq']} "
            f"on are damaged or missing ({each['size']} bytes at {each['offset']})"
            for each in found.damage
        ]
    if found.torn_bytes:
        why = "being written" if found.in_use else "never acknowledged, cut at the next start"
        lines.append(f"{found.directory}: {found.torn_bytes} bytes at the end are {why}")
    return lines


def _replay(args: argparse.Namespace, paths: list[Path]) -> int:
    since_ms, where = since_of(args.since, time.time()), endpoints()
    counts, skipped = {}, Skipped()
    for path in paths:
        progress(f"{path}: events accepted since {args.since} ...")
        try:
            sending = send_again(where.brokers, where.registry, since(path, since_ms, skipped))
            counts[str(path)] = asyncio.run(sending)
        except (LogUnavailable, RegistryUnavailable, RegistryRefused) as failure:
            raise CommandError(f"{failure}; run it again, events count once.") from failure
    total = sum(counts.values())
    lines = [f"{total} events sent again from {len(counts)} logs; the job drops those it has"]
    if lost := skipped.damaged + skipped.unreadable:
        lines.append(
            f"{lost} acknowledged records were not sent: {skipped.damaged} damaged or missing, "
            f"{skipped.unreadable} unreadable; `kairos wal verify` names the damage"
        )
    found = {"sent": total, "logs": counts, **asdict(skipped)}
    print_result(found, as_json=args.json, lines=lines)
    return 1 if lost else 0


def since_of(text: str, now_s: float) -> int:
    """Epoch milliseconds of a duration before now, or of a time; no zone is UTC."""
    try:
        return int(now_s * 1000) - duration_ms(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--since: {text!r} is neither; give {SINCE}.") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
