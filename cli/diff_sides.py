"""What `kairos diff` compares: the control records of both sides, and how they are called."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from cli.output import CommandError
from connectors.diff_log import Sides
from connectors.given import (
    Record,
    campaign_records,
    model_record,
    policy_records,
    site_records,
)
from connectors.log_decide import control_records

COMPARED = ("campaigns", "model", "policy")
AS_LOGGED = "as logged"
VERSIONS = (1_000_001, 1_000_002)
"""Versions of given records, above those a log counts to: two records never share a number."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Both sides; `what` is compared under the names `a` and `b`, amounts are in `currency`."""

    sides: Sides
    what: str
    a: str
    b: str
    currency: str


def chosen(args: argparse.Namespace) -> Chosen:
    """The sides that the arguments name. Raises CommandError, BadFile, LogFilesError, OSError."""
    logged = args.events.is_dir()
    what, paths = _compared(args, logged)
    if logged and args.sites:
        raise CommandError("--sites is for JSON Lines; an exported log has its own sites")
    sites = [each for each in control_records(args.events) if each[0] == "sites"] if logged else []
    sites = sites or site_records(args.sites)
    names = sorted({record.site for _, record in sites})
    base = _base(args, what, names, logged, [] if logged else sites)
    given = [
        _records(what, path, names, version) for path, version in zip(paths, VERSIONS, strict=False)
    ]
    first = tuple(given[0]) if len(given) == 2 else ()
    sides = Sides(args.events, (*base, *first), (*base, *given[-1]))
    a = str(paths[0]) if len(paths) == 2 else AS_LOGGED
    return Chosen(sides, what, a, str(paths[-1]), sites[0][1].currency)


def _compared(args: argparse.Namespace, logged: bool) -> tuple[str, list[Path]]:
    """(what, one or two paths): the option given twice, or on an export the only one given."""
    given = {name: getattr(args, name) for name in COMPARED if getattr(args, name)}
    twice = [name for name, paths in given.items() if len(paths) > 1]
    if len(twice) > 1 or any(len(paths) > 2 for paths in given.values()):
        raise CommandError(
            "compare two of one kind: give one of --campaigns, --model, --policy twice"
        )
    if twice:
        return twice[0], given[twice[0]]
    if logged and len(given) == 1:
        return next(iter(given.items()))
    raise CommandError(
        "nothing to compare: give --campaigns twice (or --model, or --policy); "
        "once is enough for an exported log"
    )


def _base(
    args: argparse.Namespace, what: str, names: list[str], logged: bool, sites: list[Record]
) -> list[Record]:
    """What both sides share beside the log's own records."""
    out = list(sites)
    for name in COMPARED:
        paths = getattr(args, name)
        if name == what:
            continue
        if paths:
            out += _records(name, paths[0], names, VERSIONS[0])
        elif name == "model" and not logged:
            out.append(model_record(None))
        elif name == "campaigns" and not logged:
            raise CommandError("--campaigns names no file; JSON Lines need one")
    return out


def _records(what: str, path: Path, sites: list[str], version: int) -> list[Record]:
    if what == "campaigns":
        return campaign_records(path, sites, version)
    return (
        [model_record(path, version)] if what == "model" else policy_records(path, sites, version)
    )
