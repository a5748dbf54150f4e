"""Intent models: train one, see how it does on real visitors, sign and publish it, roll back."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli import model_publish, model_training, model_watch
from cli.model_publish import checked
from cli.output import CommandError, print_result, progress, table

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
            "train on a log, a data set, or simulated visitors",
            "kairos model train --log export/ --out my-model/model.json",
        )
    )
    _eval_arguments(
        _action(actions, "eval", "AUROC and calibration on recorded real visitors", EXAMPLE)
    )
    _compare_arguments(
        _action(
            actions,
            "compare",
            "the network against boosted trees, on visits neither has seen",
            "kairos model compare --dataset clickstream-dmm --path ../shared/data --json",
        )
    )
    for name, (text, example, add, _) in _ON_TOPIC.items():
        add(_action(actions, name, text, example))


def _action(actions: Any, name: str, text: str, example: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text, epilog=f"example:\n  {example}", formatter_class=_FORMAT
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _source_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--log", type=Path, metavar="PATH", help="an exported log, or JSON Lines")
    where.add_argument(
        "--archive", nargs="?", const="", metavar="DIR",
        help="an archive and what only the running log holds yet, as one",
    )  # fmt: skip
    where.add_argument("--dataset", choices=DATASETS, help="evaluation only: never publish it")
    parser.add_argument("--path", type=Path, metavar="DIR", help="the folder of the data set")
    parser.add_argument("--visitors", type=int, default=6000, help="simulated, without --log")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same bytes")


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    _source_arguments(parser)
    parser.add_argument(
        "--kind", choices=("network", "trees"), default="network", help="trees: the fallback scorer"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("infra/model/default.json"),
        metavar="FILE",
        help="the model's record; its network goes beside it (infra/model/default.json)",
    )


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    _source_arguments(parser)
    parser.add_argument("--folds", type=int, default=5, choices=range(1, 6))
    parser.add_argument("--twin", action="store_true", help="also without the bottleneck")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="write the reliability diagram there, an SVG"
    )
    parser.add_argument("--sessions", type=int, default=0, help="how many sessions, 0 = all")


def _eval_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("place", nargs="?", type=Path, metavar="PATH", help="as --path")
    parser.add_argument("--path", type=Path, metavar="DIR", help="the folder of the data set")
    parser.add_argument("--model", type=Path, metavar="FILE", help="a model's record; else ours")
    parser.add_argument("--sessions", type=int, default=0, help="how many sessions, 0 = all")
    parser.add_argument("--seed", type=int, default=1, help="draws sessions and intervals")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    chosen: Callable[[argparse.Namespace], int] = _ACTIONS[args.action]
    return chosen(args)


def _train(args: argparse.Namespace) -> int:
    card = model_training.train(args)
    head = ("output", "kind", "base rate", "AUROC (held out)", "from", "to")
    rows = [
        (name, kind, figure["base_rate"], figure["auroc"]["value"],
         *(figure["auroc"]["ci"] or (None, None)))
        for kind, figures in card["held_out"].items()
        for name, figure in figures.items()
    ]  # fmt: skip
    result = {"out": str(args.out), "card": card}
    print_result(result, as_json=args.json, lines=table(head, rows))
    return 0


def _compare(args: argparse.Namespace) -> int:
    report = model_training.compare(args)
    if args.picture:
        model_training.picture(report, args.picture)
    print_result(report, as_json=args.json, lines=model_training.compare_lines(report))
    return 0


def _eval(args: argparse.Namespace) -> int:
    from connectors.datasets import DatasetMissing
    from infra.training.evaluate import evaluate

    model, path = checked(args.model), args.path or args.place
    if path is None:
        raise CommandError("--path: name the folder of the data set.")
    try:
        report = evaluate(model, path, sessions=args.sessions, seed=args.seed, tell=progress)
    except DatasetMissing as missing:
        raise CommandError(f"{missing}.") from missing
    print_result(report, as_json=args.json, lines=_eval_lines(report))
    return 0


def _eval_lines(report: dict[str, Any]) -> list[str]:
    out = [
        f"{report['n']} recorded sessions, {report['base_rate']:.1%} buy; "
        f"model {report['model']['name']}",
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
    rows.append(("completeness, held out at training", report["completeness"],
                 *(report["completeness_ci"] or ())))  # fmt: skip
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

_ACTIONS = {
    "train": _train,
    "eval": _eval,
    "compare": _compare,
    **{name: row[3] for name, row in _ON_TOPIC.items()},
}
