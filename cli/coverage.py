"""What `kairos campaigns check --events` tells: each campaign over recorded events."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from cli.output import CommandError, progress, table
from connectors.avro import BadFrame
from connectors.event_lines import BadLine
from connectors.files import read_sites, text_of
from connectors.log_files import LogFilesError
from connectors.rehearsal import rehearse
from infra.model import BadModel
from infra.model import load as load_model
from models.coverage import Coverage, Reach
from models.coverage_findings import Finding, of_coverage
from schemas.campaign import Campaigns
from schemas.site import Site

HEAD = ("campaign", "slots", "asked", "held", "eligible", "won", "stopped most by")
FAILURES = (LogFilesError, BadLine, BadFrame, BadModel, OSError, ValueError)
DEFAULT_SITE = "demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that turn a check into a rehearsal."""
    parser.add_argument(
        "--events", type=Path, help="decide these again under the file: JSON Lines or exported log"
    )
    parser.add_argument("--sites", type=Path, help="sites.yaml, for JSON Lines")
    parser.add_argument("--model", type=Path, help="folder of a model; default: the shipped one")


def covered(args: argparse.Namespace, record: Campaigns) -> Coverage:
    """Decide the events again and count. Raises CommandError."""
    coverage = Coverage(tuple(each.id for each in record.campaigns))
    try:
        sites = _sites(args.sites, record.site or DEFAULT_SITE)
        model = load_model(args.model) if args.model else load_model()
        for decision in rehearse(args.events, record, sites, model, progress):
            coverage.add(decision)
    except FAILURES as failure:
        raise CommandError(f"--events: {failure}") from failure
    if not coverage.decisions:
        raise CommandError(
            f"--events: {args.events} holds no decision for this file; "
            "check its sites, and that they are those of the file"
        )
    return coverage


def _sites(path: Path | None, default: str) -> tuple[Site, ...]:
    if path is None:
        return (Site(site=default),)
    read = read_sites(text_of(path), str(path))
    if read.record is None:
        raise CommandError(read.errors[0].sentence())
    return read.record


def as_json(record: Campaigns, coverage: Coverage) -> dict[str, Any]:
    """The counts as --json prints them."""
    return {
        "decisions": coverage.decisions,
        "rules": [_row(name, reach) for name, reach in coverage.campaigns.items()],
        "moments": [
            {"stage": stage, "trigger": kind, "slots": times, "answered": coverage.answered[moment]}
            for moment, times in sorted(coverage.moments.items())
            for stage, kind in [moment]
        ],
        "findings": as_findings(of_coverage(record, coverage)),
    }


def _row(name: str, reach: Reach) -> dict[str, Any]:
    row = asdict(reach)
    for counts in ("stopped", "beaten_by"):
        row[counts] = dict(sorted(row[counts].items()))
    return {"id": name, **row}


def as_findings(findings: list[Finding]) -> list[dict[str, str]]:
    """Findings with their keys."""
    return [asdict(each) for each in findings]


def lines(record: Campaigns, coverage: Coverage) -> list[str]:
    """The counts for people: campaigns, moments nobody answers, findings."""
    rows = [
        (name, r.slots, r.asked, r.held, r.eligible, r.won, _most(r))
        for name, r in coverage.campaigns.items()
    ]
    moments = [
        (stage, kind, times, coverage.answered[stage, kind])
        for (stage, kind), times in sorted(coverage.moments.items())
    ]
    return [
        f"{coverage.decisions:,} decisions taken again under this file",
        "",
        *table(HEAD, rows),
        "",
        *table(("stage", "trigger", "moments", "with a bidder"), moments),
        *sentences(of_coverage(record, coverage)),
    ]


def sentences(findings: list[Finding]) -> list[str]:
    """Findings for people, after an empty line."""
    if not findings:
        return []
    return [
        "",
        *table(("finding", "about", "what"), [tuple(asdict(each).values()) for each in findings]),
    ]


def _most(reach: Reach) -> str:
    counted = sorted(reach.stopped.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {times}" for reason, times in counted[:2]) or "-"
