"""Prints the log of one process of the local stack, or the names of all logs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from cli.output import CommandError, print_json
from infra.local.layout import read_layout

NAME = "logs"
HELP = "the log of one process"
EXAMPLE = "kairos logs jobmanager -f"
FOLLOW_EVERY_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos logs`."""
    parser.add_argument("name", nargs="?", help="process, such as kafka; none lists them")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as the log grows")
    parser.add_argument("-n", "--lines", type=int, default=100, help="how many last lines (100)")


def run(args: argparse.Namespace) -> int:
    """Print the last lines, then follow if asked."""
    folder = read_layout().logs
    names = sorted(path.stem for path in folder.glob("*.log"))
    if args.name is None:
        print_json({"logs": names}) if args.json else print("\n".join(names))
        return 0
    if args.name not in names:
        raise CommandError(f"no log of {args.name!r}: there are {', '.join(names) or 'none yet'}")
    path = folder / f"{args.name}.log"
    size = path.stat().st_size
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-args.lines :]
    if args.json:
        print_json({"name": args.name, "lines": lines})
        return 0
    print("\n".join(lines), flush=True)
    if args.follow:
        _follow(path, size)
    return 0


def _follow(path: Path, offset: int) -> None:
    """Prints what is appended, from the start again when the log was rotated; until Ctrl-C."""
    while True:
        size = path.stat().st_size if path.exists() else 0
        offset = 0 if size < offset else offset
        if size > offset:
            with path.open("rb") as log:
                log.seek(offset)
                text = log.read(size - offset)
            sys.stdout.write(text.decode("utf-8", errors="replace"))
            sys.stdout.flush()
            offset = size
        time.sleep(FOLLOW_EVERY_S)
