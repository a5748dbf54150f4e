"""Everything at once: the real stack, the demo shop and simulated visitors, until Ctrl-C.

Visitors answer actions in their own way, which changes after three minutes: what kairos learns of
it shows in the drawer of the shop. Prints the addresses, then one live line: events and decisions
a second, the time from event to decision over the last ten seconds, dead letters since the start.
Ctrl-C stops every process; data stays.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli.output import CommandError, progress
from cli.stack_errors import told
from infra.demo.live import Live
from infra.demo.publish import publish_run
from infra.local.layout import read_layout
from infra.local.services import ALL
from infra.local.stack import Stack

NAME = "run"
HELP = "start everything with the demo shop and its visitors, until Ctrl-C"
EXAMPLE = "kairos run"
LINE_S = 1.0
PLAIN_LINE_S = 10.0
VISITOR_STOP_S = 10.0
CROWD = ("--rate", "40", "--speed", "4", "--turn-minutes", "3")
"""Enough visitors, in a hurry, for learning to show; after three minutes their tastes change."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos run`."""
    parser.add_argument("--no-visitors", action="store_true", help="the shop without visitors")
    parser.add_argument("--parallelism", type=int, default=1, metavar="N")
    parser.add_argument("--minutes", type=float, help="stop by itself after this long")


def run(args: argparse.Namespace) -> int:
    """Start, show, stop."""
    began = time.monotonic()
    stop = threading.Event()
    with _stopping(stop):
        stack = Stack(report=progress)
        try:
            with told():
                stack.up(ALL, parallelism=args.parallelism, demo=True)
            _show(args, stack, stop, began)
        finally:
            progress("\nstopping; data stays, `make run` goes on from here")
            with told():
                stack.down()
    return 0


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set `stop` once; the handlers of before come back afterwards."""

    def ask(signum: int, frame: object) -> None:
        if stop.is_set():
            progress("already stopping; every process is ended by its id")
        stop.set()

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _show(args: argparse.Namespace, stack: Stack, stop: threading.Event, began: float) -> None:
    where = stack.state.endpoints
    if stop.is_set():
        return
    publish_run(where["brokers"], where["registry"])
    live = Live(where["brokers"]).start()
    learning = threading.Thread(target=_learn, args=(stack, live, stop), name="learning")
    learning.start()
    visitors = None if args.no_visitors else _visitors(stack)
    try:
        progress("")
        progress(f"  shop      {where['shop']}")
        progress(f"  gateway   {where['gateway']}")
        progress(f"  Flink     {where['flink']}")
        progress("  logs      kairos logs NAME   ·   stop with Ctrl-C\n")
        ends = None if args.minutes is None else began + args.minutes * 60
        _lines(live, stop, began, ends, visitors)
    finally:
        _end(visitors)
        stop.set()
        learning.join()
        live.stop()


def _learn(stack: Stack, live: Live, stop: threading.Event) -> None:
    """Add the learning job once the first decision is there: nobody waits for it."""
    while not live.first_decision.wait(LINE_S):
        if stop.is_set():
            return
    try:
        with told():
            stack.learn()
    except CommandError as failed:
        progress(f"learning does not run, decisions go on: {failed}")


def _visitors(stack: Stack) -> subprocess.Popen[bytes]:
    """Simulated visitors in a process of their own; their log lies beside the others."""
    layout = read_layout()
    log = (layout.logs / "visitors.log").open("ab")
    argv = [sys.executable, "-m", "cli.main", "simulate", "--minutes", "100000", *CROWD]
    env = {**os.environ, "PYTHONPATH": str(layout.checkout)}
    # A session of its own: Ctrl-C at the terminal must end the visitors through us alone.
    return subprocess.Popen(
        argv, cwd=layout.checkout, env=env, stdout=log, stderr=log, start_new_session=True
    )


def _lines(
    live: Live,
    stop: threading.Event,
    began: float,
    ends: float | None,
    visitors: subprocess.Popen[bytes] | None,
) -> None:
    terminal = sys.stderr.isatty()
    told_first = False
    while not stop.wait(LINE_S if terminal else PLAIN_LINE_S if told_first else LINE_S):
        if not told_first and live.first_decision.is_set():
            told_first = True
            progress(f"first decision {time.monotonic() - began:.0f} s after the start\n")
        if visitors is not None and visitors.poll() is not None:
            raise CommandError(
                f"the simulated visitors ended with code {visitors.returncode}; "
                "read visitors.log beside the other logs, or use --no-visitors"
            )
        line = live.figures().line()
        if terminal:
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
        elif told_first:
            progress(line)
        if ends is not None and time.monotonic() >= ends:
            return


def _end(visitors: subprocess.Popen[bytes] | None) -> None:
    if visitors is None or visitors.poll() is not None:
        return
    visitors.terminate()
    try:
        visitors.wait(VISITOR_STOP_S)
    except subprocess.TimeoutExpired:
        visitors.kill()
        visitors.wait()
