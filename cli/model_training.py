"""What `kairos model train` and `compare` do: rows here, training in its own environment."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from cli.archive import FAILURES
from cli.archive_current import archive_to_the_end
from cli.archive_place import archive_folder
from cli.model_picture import reliability
from cli.output import CommandError, progress, table
from cli.progress import Bar
from infra.local.layout import read_layout

VISITORS_MIN = 200
MODELS = ("network", "trees", "twin")
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


def picture(report: dict[str, Any], file: Path) -> None:
    """Write the reliability diagram as an SVG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(reliability(report["reliability"]), encoding="utf-8")


def compare_lines(report: dict[str, Any]) -> list[str]:
    """The report as text."""
    rows = []
    for key, unit in (("after", "events"), ("at_s", "s")):
        for k, each in report[key].items():
            for name in (name for name in MODELS if name in each):
                rows.append((f"AUROC after {k} {unit}", name, *_figure(each[name])))
    for name in ("auroc", "auprc", "log_loss", "brier", "ece"):
        rows += [(name, model, *_figure(each)) for model, each in report[name].items()]
    rows += [(f"concept {name}: AUROC", "network", *_figure(each))
             for name, each in report["concepts"].items()]  # fmt: skip
    for name in ("completeness", "leakage"):
        rows += [(name, str(of), value, None, None) for of, value in report.get(name, {}).items()]
    head = ("measure", "model", "value", "from", "to")
    return [*table(head, rows), "", f"ships: {report['ships']}"]


def _figure(each: dict[str, Any]) -> tuple[Any, Any, Any]:
    low, high = each["ci"] or (None, None)
    return each["value"], low, high


def _rows(args: argparse.Namespace) -> Path:
    from connectors.datasets import DatasetMissing
    from connectors.event_lines import BadLine
    from infra.training.rows import build

    layout = read_layout()
    try:
        with Bar(1, "parts folded") as bar:
            return build(
                _source(args), layout.home / "training", layout.checkout, bar.update,
                os.cpu_count() or 1,
            )  # fmt: skip
    except (*FAILURES, DatasetMissing, BadLine) as bad:
        raise CommandError(f"{bad}.") from bad


def _source(args: argparse.Namespace) -> Any:
    from infra.training.rows import DATASET, LOG, SIMULATED, Source

    if args.archive is not None:
        folder = archive_folder(Path(args.archive) if args.archive else None)
        archive_to_the_end(folder)
        return Source(LOG, folder)
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
    if args.log or args.archive is not None:
        name = args.log.name if args.log else "the archive"
        return {
            "name": "kairos-intent-own-log", "data": f"events of {name}",
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
