"""`kairos model check-skew` and `check-drift`: a model watched over an exported log."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from cli import model_publish
from cli.output import CommandError, print_result, table
from connectors.avro import BadFrame
from connectors.log_files import LogFilesError
from connectors.model_watch import PURCHASE_INTENT, Drift, check_drift, check_skew
from models.context import ECE_MAX_PPM

LABELLED_MIN = 1_000
"""Decisions with a known outcome below which no calibration error is published."""

PSI_HIGH = 0.25


def skew_arguments(parser: argparse.ArgumentParser) -> None:
    """`check-skew DIR`."""
    parser.add_argument("log", type=Path, metavar="DIR", help="folder of `kairos log export`")


def drift_arguments(parser: argparse.ArgumentParser) -> None:
    """`check-drift DIR --site SITE [--publish]`."""
    skew_arguments(parser)
    parser.add_argument("--site", default="demo", help="whose decisions (demo)")
    parser.add_argument(
        "--publish",
        action="store_true",
        help=f"publish the calibration error; above {ECE_MAX_PPM / 1e4:g} % rules decide",
    )
    parser.add_argument("--key", type=Path, metavar="PEM", help="private key (the stack's own)")


def run_skew(args: argparse.Namespace) -> int:
    """1 where an input differs, or nothing could be compared."""
    try:
        found = check_skew(args.log)
    except (LogFilesError, BadFrame) as failure:
        raise CommandError(f"{failure}.") from failure
    rows = sorted(found.by_input.items(), key=lambda row: (-row[1], row[0]))
    lines = [
        f"{found.sampled} decisions carry their inputs, {found.compared} computed again, "
        f"{found.differing} differ",
        *table(("input", "differs"), rows),
        *found.examples,
    ]
    print_result(asdict(found), as_json=args.json, lines=lines)
    return 0 if found.compared and found.compared == found.sampled and not found.differing else 1


def run_drift(args: argparse.Namespace) -> int:
    """1 where a distribution has moved far or the scores are off; publishes if asked."""
    try:
        found = check_drift(args.log, args.site)
    except (LogFilesError, BadFrame) as failure:
        raise CommandError(f"{failure}.") from failure
    published = _publish(found, args) if args.publish else 0
    result = {**asdict(found), "published_version": published}
    print_result(result, as_json=args.json, lines=list(_lines(found, published)))
    moved = any(each > PSI_HIGH for each in found.psi.values())
    return 1 if moved or max(found.ece_ppm.values(), default=0) > ECE_MAX_PPM else 0


def _lines(found: Drift, published: int) -> list[str]:
    names = sorted({*found.psi, *found.ece_ppm})
    rows: list[tuple[Any, ...]] = []
    for name in names:
        error = found.ece_ppm.get(name)
        ece = "" if error is None else f"{error / 1e4:.2f} %"
        psi = f"{found.psi[name]:.3f}" if name in found.psi else ""
        rows.append((name, psi, ece, found.labelled.get(name, "")))
    out = [f"model version {found.version} of site {found.site}, {found.decisions} decisions", ""]
    out += table(("name", "psi", "calibration error", "outcomes known"), rows)
    if published:
        out.append(f"published as version {published}, in force in 1 s")
    return out


def _publish(found: Drift, args: argparse.Namespace) -> int:
    known = found.labelled.get(PURCHASE_INTENT, 0)
    if known < LABELLED_MIN:
        raise CommandError(
            f"{known} decisions with a known outcome are too few to judge by; "
            f"export a log with {LABELLED_MIN}."
        )
    # The version that decided is of the site's own model, else of the one for all.
    models = [
        each
        for each in model_publish.trusted(model_publish.history(args.key), args.key)
        if each.version == found.version and each.site in (found.site, model_publish.DEFAULT_SITE)
    ]
    if not models:
        raise CommandError(
            f"topic models holds no version {found.version} by a trusted key; publish one first."
        )
    model = max(models, key=lambda each: each.site == found.site)
    # A published 0 would say that nothing was measured.
    made = replace(model, ece_ppm=max(found.ece_ppm[PURCHASE_INTENT], 1))
    return model_publish.writer(args.key).publish_model(made).version
