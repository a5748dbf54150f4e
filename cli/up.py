"""Starts the real processes on this machine and the job, and waits until all of them serve.

What runs already is kept; a job of other code is replaced from a savepoint. A second `up` is
therefore always safe. Default ports move when taken; ports set by KAIROS_PORT_<NAME> do not.
"""

from __future__ import annotations

import argparse

from cli.output import CommandError, print_result, progress
from cli.stack_errors import told
from infra.local.gateway import NAMES
from infra.local.services import ALL
from infra.local.stack import Stack

NAME = "up"
HELP = "start the local stack and its job"
EXAMPLE = "kairos up --demo"
OPTIONAL = ("gateway", "shop", "job")
PARALLELISM_MAX = 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos up`."""
    parser.add_argument("--demo", action="store_true", help="with the demo shop and its catalogue")
    parser.add_argument("--archive", action="store_true", help="with the archiver (kairos archive)")
    parser.add_argument(
        "--parallelism", type=int, default=1, metavar="N", help="single-slot TaskManagers (1)"
    )
    parser.add_argument(
        "--gateways", type=int, default=1, metavar="N", help=f"1 to {len(NAMES)} side by side (1)"
    )
    parser.add_argument(
        "--no-learning", action="store_true", help="without the learning job and its cluster"
    )
    parser.add_argument(
        "--without", default="", metavar="NAMES", help=f"leave out some of {','.join(OPTIONAL)}"
    )


def run(args: argparse.Namespace) -> int:
    """Start what is missing; print where everything is."""
    without = {name for name in args.without.split(",") if name}
    if without - set(OPTIONAL):
        raise CommandError(f"--without {args.without}: choose from {', '.join(OPTIONAL)}")
    if not 1 <= args.parallelism <= PARALLELISM_MAX:
        raise CommandError(f"--parallelism {args.parallelism}: choose 1 to {PARALLELISM_MAX}")
    if not 1 <= args.gateways <= len(NAMES):
        raise CommandError(f"--gateways {args.gateways}: choose 1 to {len(NAMES)}")
    if not args.demo:
        without.add("shop")
    services = [name for name in ALL if name not in without]
    if "gateway" not in without:
        services += NAMES[1 : args.gateways]
    if args.archive:
        services.append("archive")
    stack = Stack(report=progress)
    with told():
        stack.up(
            services,
            parallelism=args.parallelism,
            demo=args.demo,
            job="job" not in without,
            learning="job" not in without and not args.no_learning,
        )
    status = stack.status()
    lines = [f"{name:<10} {url}" for name, url in status["urls"].items()]
    print_result(status, as_json=args.json, lines=lines)
    return 0
