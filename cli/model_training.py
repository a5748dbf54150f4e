"""What `kairos model train` and `compare` do: rows here, training in its own environment."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from cli.output import CommandError, progress, table
from infra.local.layout import read_layout

VISITORS_MIN = 200
ALLOWED_UNDER = 0.005
"""By how much the network's AUROC may lie under the trees' after any number of events."""


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Fold, train, write; returns the card. Raises CommandError."""
    from infra.training.environment import TrainingFailed, ensure
    from infra.training.environment import train as trained

    layout = read_layout()
    try:
        python = ensure(layout.home, progress)
        text = trained(
            python, layout.checkout, rows=_rows(args), told=_told(args), kind=args.kind,
            seed=args.seed, out=args.out.resolve(),
        )  # fmt: skip
    except TrainingFailed as failure:
        raise CommandError(f"{failure}.") from failure
    card: dict[str, Any] = json.loads(text)
    return card


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """The report of infra/training/folds.py and which model ships. Raises CommandError."""
    from infra.training.environment import TrainingFailed, ensure, run

    layout = read_layout()
    command = ["--seed", str(args.seed), "--folds", str(args.folds)]
    command += ["--visits", str(args.sessions), *(["--twin"] if args.twin else [])]
    try:
        python = ensure(layout.home, progress)
        rows = ["--rows", str(_rows(args))]
        text = run(python, layout.checkout, "infra.training.folds", [*rows, *command])
    except TrainingFailed as failure:
        raise CommandError(f"{failure}.") from failure
    report: dict[str, Any] = json.loads(text)
    behind = max(
        each["trees"]["value"] - each["network"]["value"] for each in report["after"].values()
    )
    report["ships"] = "network" if behind <= ALLOWED_UNDER else "trees"
    return report


def compare_lines(report: dict[str, Any]) -> list[str]:
    """The report as text."""
    rows = []
    for k, each in report["after"].items():
        for name in ("network", "trees", "twin"):
            if name in each:
                rows.append((f"AUROC after {k} events", name, *_figure(each[name])))
    for name in ("auroc", "auprc", "brier", "ece"):
        rows += [(name, model, *_figure(each)) for model, each in report[name].items()]
    rows += [(f"concept {name}: AUROC", "network", *_figure(each))
             for name, each in report["concepts"].items()]  # fmt: skip
    head = ("measure", "model", "value", "from", "to")
    return [*table(head, rows), "", f"ships: {report['ships']}"]


def _figure(each: dict[str, Any]) -> tuple[Any, Any, Any]:
    low, high = each["ci"] or (None, None)
    return each["value"], low, high


def _rows(args: argparse.Namespace) -> Path:
    from connectors.datasets import DatasetMissing
    from connectors.event_lines import BadLine
    from connectors.log_files import LogFilesError
    from infra.training.rows import build

    layout = read_layout()
    try:
        return build(
            _source(args), layout.home / "training", layout.checkout, _bar, os.cpu_count() or 1
        )
    except (DatasetMissing, BadLine, LogFilesError, OSError) as bad:
        raise CommandError(f"{bad}.") from bad


def _source(args: argparse.Namespace) -> Any:
    from infra.training.rows import DATASET, LOG, SIMULATED, Source

    if args.log:
        return Source(LOG, args.log)
    if args.dataset:
        if args.path is None:
            raise CommandError("--path: name the folder of the data set.")
        return Source(DATASET, args.path)
    if args.visitors < VISITORS_MIN:
        raise CommandError(
            f"--visitors: at least {VISITORS_MIN}, so that every persona comes often enough"
        )
    return Source(SIMULATED, count=args.visitors, seed=args.seed)


def _told(args: argparse.Namespace) -> dict[str, Any]:
    """What the card says of the data."""
    if args.log:
        return {
            "name": "kairos-intent-own-log", "data": f"events of {args.log.name}",
            "simulated": False, "validated_on": "real", "licence": "of the log's owner",
        }  # fmt: skip
    if args.dataset:
        return {
            "name": f"kairos-intent-{args.dataset}", "data": f"{args.dataset}: evaluation only",
            "simulated": False, "validated_on": "real",
            "licence": "none stated by the publisher: never ship or publish these weights",
        }  # fmt: skip
    return {
        "name": "kairos-intent-simulated",
        "data": "simulated persona visitors (infra/demo/personas.py), shown no action",
        "simulated": True, "validated_on": "simulated", "licence": "Apache-2.0",
        "period": "seven simulated days from 2025-10-09, 15 % of the visitors return a day later",
    }  # fmt: skip


def _bar(done: int, parts: int) -> None:
    progress(f"events folded: {done} of {parts} parts")
