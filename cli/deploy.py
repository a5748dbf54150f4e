"""Replaces the code of the running job without losing an event.

The new TaskManagers and the new plan come first; then the old job stops with a savepoint and the
new one goes on from it. A build that does not run is rolled back by itself, and the exit code is 1.
"""

from __future__ import annotations

import argparse

from cli.output import print_result, progress
from cli.stack_errors import told
from infra.local.stack import Stack

NAME = "deploy"
HELP = "replace the job's code from a savepoint"
EXAMPLE = "kairos deploy --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos deploy`."""
    parser.add_argument("--rollback", action="store_true", help="go back to the build before")


def run(args: argparse.Namespace) -> int:
    """Deploy the checkout's code, or the build before it."""
    with told():
        result = Stack(report=progress).deploy(rollback=args.rollback)
    failed = "error" in result
    lines = [
        f"build      {result['build_id']}",
        f"savepoint  {result['savepoint'] or 'none was needed'}",
        f"gap        {result['gap_ms']} ms",
    ]
    if failed:
        lines.append(f"rolled back, because {result['error']}")
    print_result(result, as_json=args.json, lines=lines)
    return 1 if failed else 0
