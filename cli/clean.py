"""Deletes the data, logs and pids of the local stack; asks first. Installed software stays."""

from __future__ import annotations

import argparse
import shutil
import sys

from cli.output import CommandError, print_result, progress
from cli.stack_errors import told
from infra.local.stack import Stack

NAME = "clean"
HELP = "delete the local stack's data"
EXAMPLE = "kairos clean --yes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos clean`."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Stop the stack if it runs, then delete its folder."""
    stack = Stack(report=progress)
    folder = stack.layout.stack
    if not folder.exists():
        print_result({"deleted": None}, as_json=args.json, lines=[f"{folder} does not exist"])
        return 0
    if not (folder / "run").exists():
        raise CommandError(f"{folder} is not the folder of a stack (it has no run/): not deleted")
    if not args.yes and not _confirmed(str(folder)):
        raise CommandError("nothing deleted; `kairos clean --yes` does not ask")
    with told():
        stack.down()
    shutil.rmtree(folder)
    print_result({"deleted": str(folder)}, as_json=args.json, lines=[f"deleted {folder}"])
    return 0


def _confirmed(folder: str) -> bool:
    if not sys.stdin.isatty():
        return False
    print(f"Delete the log, all state and all logs in {folder}? [y/N] ", end="", file=sys.stderr)
    return input().strip().lower() in ("y", "yes")
