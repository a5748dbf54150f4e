"""Stops the local stack: the job with a savepoint first, then every process by its pid.

Data stays, and the next `up` goes on where this one stopped; `kairos clean` removes it.
"""

from __future__ import annotations

import argparse
import shutil

from cli.output import print_result, progress
from cli.stack_errors import told
from infra.local.stack import Stack

NAME = "down"
HELP = "stop the local stack, data stays"
EXAMPLE = "kairos down"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos down`."""
    parser.add_argument("--all", action="store_true", help="also delete the builds of the job")


def run(args: argparse.Namespace) -> int:
    """Stop everything that was started here."""
    stack = Stack(report=progress)
    with told():
        savepoint = stack.down()
    if args.all:
        shutil.rmtree(stack.layout.builds, ignore_errors=True)
    said = f"stopped, savepoint {savepoint}" if savepoint else "stopped"
    print_result({"savepoint": savepoint}, as_json=args.json, lines=[said])
    return 0
