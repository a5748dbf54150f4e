"""Intent models: train one, see how it does on real visitors, sign and publish it, roll back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli import model_publish, model_watch
from cli.model_publish import checked
from cli.output import CommandError, print_result, progress, table
from infra.local.layout import read_layout

NAME = "model"
HELP = "train, evaluate, sign, publish and watch intent models"
EXAMPLE = "kairos model eval --dataset clickstream-dmm ../shared/data --json"
DATASETS = ("clickstream-dmm",)
_FORMAT = argparse.RawDescriptionHelpFormatter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _train_arguments(
        _action(
            actions,
            "train",
            "train on simulated visitors",
            "kairos model train --visitors 6000 --seed 1 --out my-model",
        )
    )
    _eval_arguments(
        _action(actions, "eval", "AUROC and calibration on recorded real visitors", EXAMPLE)
    )
    for name, (text, example, add, _) in _ON_TOPIC.items():
        add(_action(actions, name, text, example))


def _action(actions: Any, name: str, text: str, example: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text, epilog=f"example:\n  {example}", formatter_class=_FORMAT
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--visitors", type=int, default=6000, help="simulated visitors, in all")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same bytes")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("infra/model"),
        metavar="DIR",
        help="where default.json and default.onnx go (infra/model)",
    )


def _eval_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("path", type=Path, metavar="PATH", help="the folder of the data set")
    parser.add_argument("--model", type=Path, metavar="FILE", help="a default.json; else ours")
    parser.add_argument("--sessions", type=int, default=0, help="how many sessions, 0 = all")
    parser.add_argument("--seed", type=int, default=1, help="draws sessions and intervals")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    chosen: Callable[[argparse.Namespace], int] = _ACTIONS[args.action]
    return chosen(args)


def _train(args: argparse.Namespace) -> int:
    from infra.training.environment import TrainingFailed, ensure, train

    if args.visitors < 200:
        raise CommandError("--visitors: at least 200, so that every persona comes often enough")
    layout = read_layout()
    try:
        python = ensure(layout.home, progress)
        text = train(
            python, layout.checkout, visitors=args.visitors, seed=args.seed, out=args.out.resolve()
        )
    except TrainingFailed as failure:
        raise CommandError(f"{failure}.") from failure
    card = json.loads(text)
    head = ("output", "kind", "base rate", "AUROC (simulated)", "from", "to")
    rows = [
        (name, kind, figure["base_rate"], figure["auroc"]["value"], *figure["auroc"]["ci"])
        for kind, figures in card["held_out"].items()
        for name, figure in figures.items()
    ]
    result = {"out": str(args.out), "card": card}
    print_result(result, as_json=args.json, lines=table(head, rows))
    return 0


def _eval(args: argparse.Namespace) -> int:
    from connectors.datasets import DatasetMissing
    from infra.training.evaluate import evaluate

    model = checked(args.model)
    try:
        report = evaluate(model, args.path, sessions=args.sessions, seed=args.seed, tell=progress)
    except DatasetMissing as missing:
        raise CommandError(f"{missing}.") from missing
    print_result(report, as_json=args.json, lines=_eval_lines(report))
    return 0


def _eval_lines(report: dict[str, Any]) -> list[str]:
    out = [
        f"{report['n']} recorded sessions, {report['base_rate']:.1%} buy; evaluation only, the "
        "model was trained on simulated visitors and never saw these",
        "",
    ]
    rows = []
    for key, unit in (("auroc", "events"), ("auroc_at_s", "s")):
        for name, value in report[key].items():
            rows.append((f"AUROC after {name} {unit}", value, *(report[f"{key}_ci"][name] or ())))
    for name in ("auprc", "log_loss", "brier", "ece"):
        rows.append((name, report[name], *(report[f"{name}_ci"] or ())))
    for name, figure in report["concepts"].items():
        if figure["auroc"] is not None:
            rows.append((f"concept {name}: AUROC", figure["auroc"], *figure["auroc_ci"]))
    filled = [(*row, *[None] * (4 - len(row))) for row in rows]
    return [*out, *table(("measure", "value", "from", "to"), filled)]


_ON_TOPIC: dict[str, tuple[str, str, Any, Any]] = {
    "keygen": (
        "make a key pair to sign models with",
        "kairos model keygen ~/keys/models.pem",
        model_publish.keygen_arguments,
        model_publish.keygen,
    ),
    "sign": (
        "sign a model away from the broker",
        "kairos model sign my-model --key ~/keys/models.pem --version 8 --out monday.signed",
        model_publish.sign_arguments,
        model_publish.sign,
    ),
    "publish": (
        "sign a model and put it in force (the shipped one by default)",
        "kairos model publish my-model/default.json",
        model_publish.publish_arguments,
        model_publish.publish,
    ),
    "rollback": (
        "put an older model in force again",
        "kairos model rollback --json",
        model_publish.rollback_arguments,
        model_publish.rollback,
    ),
    "check-skew": (
        "compute the inputs of sampled decisions again from an exported log",
        "kairos model check-skew ./monday --json",
        model_watch.skew_arguments,
        model_watch.run_skew,
    ),
    "check-drift": (
        "whether scores still look as in training and still come true",
        "kairos model check-drift ./monday --site demo --json",
        model_watch.drift_arguments,
        model_watch.run_drift,
    ),
    "list": (
        "models that were published",
        "kairos model list --json",
        lambda _: None,
        model_publish.list_models,
    ),
}
"""Name -> help, example, its arguments, what runs it."""

_ACTIONS = {"train": _train, "eval": _eval, **{name: row[3] for name, row in _ON_TOPIC.items()}}
