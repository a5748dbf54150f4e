"""Intent models: train one, see how it does on recorded visitors, publish it, list what is out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cli.endpoints import endpoints
from cli.output import CommandError, print_json, print_result, progress, table
from infra.local.layout import read_layout
from infra.training.labels import CONCEPTS, INTENTS

NAME = "model"
HELP = "train, evaluate, publish and list intent models"
EXAMPLE = "kairos model eval --dataset clickstream-dmm ../shared/data --json"
DATASETS = ("clickstream-dmm",)
DEFAULT_SITE = "default"
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
    publish = _action(
        actions,
        "publish",
        "put a model in force (the shipped one by default)",
        "kairos model publish my-model/default.json",
    )
    publish.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="its default.json, with default.onnx beside it",
    )
    publish.add_argument("--site", default=DEFAULT_SITE, help="one site, else every site")
    _action(actions, "list", "models that were published", "kairos model list --json")


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
    return _ACTIONS[args.action](args)


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

    model = _load(args.model)
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


def _publish(args: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from connectors.onnx import ModelRefused, OnnxScorer
    from models.inputs import UnknownInput, compiled

    model = replace(_load(args.file), site=args.site)
    try:
        compiled(model.features)
    except UnknownInput as unknown:
        raise CommandError(
            f"features: {unknown}; train it again with `kairos model train`."
        ) from unknown
    try:
        OnnxScorer.from_model(model)
    except ModelRefused as refused:
        raise CommandError(f"{refused}.") from refused
    made = _writer().publish_model(model)
    result = {
        "site": made.site,
        "version": made.version,
        "effective_at_ms": made.effective_at_ms,
        "name": made.name,
        "sha256": made.sha256,
    }
    lines = [f"model {made.name} is version {made.version} for site {made.site}, in force in 1 s"]
    print_result(result, as_json=args.json, lines=lines)
    return 0


def _list(args: argparse.Namespace) -> int:
    rows = [
        {
            "site": model.site,
            "version": model.version,
            "effective_at_ms": model.effective_at_ms,
            "name": model.name,
            "sha256": model.sha256,
            "onnx_bytes": len(model.onnx),
        }
        for model in _writer().history("models")
    ]
    if args.json:
        print_json({"models": rows})
        return 0
    head = ("site", "version", "effective_at_ms", "name", "sha256", "onnx_bytes")
    for line in table(head, [tuple(row[name] for name in head) for row in rows]):
        print(line)
    return 0


def _load(file: Path | None) -> Any:
    from infra.model import FOLDER, BadModel, load

    folder = FOLDER if file is None else file if file.is_dir() else file.parent
    try:
        model = load(folder)
    except FileNotFoundError as missing:
        raise CommandError(f"{missing.filename} is not there; train a model first.") from missing
    except (BadModel, ValueError, KeyError, TypeError) as bad:
        raise CommandError(f"{folder}: no model record ({bad}).") from bad
    unknown = [name for name in model.concepts if name not in CONCEPTS]
    unknown += [head.name for head in model.heads if head.name not in INTENTS]
    if unknown:
        raise CommandError(f"{folder}: no campaign can read {unknown[0]}; it has no meaning here.")
    return model


def _writer() -> Any:
    from connectors.control import ControlWriter
    from connectors.registry import RegistryClient

    where = endpoints()
    return ControlWriter(where.brokers, RegistryClient(where.registry))


_ACTIONS = {"train": _train, "eval": _eval, "publish": _publish, "list": _list}
