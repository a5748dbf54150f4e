"""Shows what runs: each process with pid, port and memory, the job with its build, the URLs,
and what the gateway's write-ahead log holds."""

from __future__ import annotations

import argparse
from typing import Any

from cli.output import print_result, table
from cli.wal_gauges import gauges, line
from infra.local.stack import Stack

NAME = "status"
HELP = "what runs: processes, job, write-ahead log, URLs"
EXAMPLE = "kairos status --json"
HEAD = ("process", "pid", "port", "state", "rss_mib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Only `--json`, which every command takes."""


def run(args: argparse.Namespace) -> int:
    """Print the state of the stack; 1 when a process that should run does not."""
    status = Stack().status()
    if "gateway" in status["urls"]:
        status["wal"] = gauges(status["urls"]["gateway"])
    print_result(status, as_json=args.json, lines=_lines(status))
    return 0 if all(row["state"] == "running" for row in status["processes"]) else 1


def _lines(status: dict[str, Any]) -> list[str]:
    rows = status["processes"]
    if not rows:
        return ["nothing runs; start it with `kairos up`"]
    total = round(sum(row["rss_mib"] for row in rows))
    return [
        *table(HEAD, [[row[key] for key in ("name", *HEAD[1:])] for row in rows]),
        f"memory {total} MiB",
        f"job    {_job(status['job'])}",
        f"learns {_job(status['learning'])}",
        *([line(status["wal"])] if "wal" in status else []),
        *(f"{name:<10} {url}" for name, url in status["urls"].items()),
    ]


def _job(job: dict[str, Any] | None) -> str:
    return f"{job['state']}, build {job['build_id']}, id {job['id']}" if job else "none"
