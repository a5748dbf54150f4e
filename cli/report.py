"""What actions add to doing nothing: lift against the visitors from whom they are withheld.

Per visitor from the first decision with a winner, shown or withheld, never per impression. Reads
the folder of `kairos log export` or of an archive. The always-valid interval may be looked at as
often as you like; the fixed one holds for a single look.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cli.output import CommandError, print_result
from cli.report_html import page
from cli.report_text import lines
from connectors.avro import BadFrame, codec
from connectors.log_decide import logged_context, registry_of
from connectors.log_files import LogFilesError, Manifest, read_manifest, read_records
from evidence import message_arms
from evidence.message_arms import Messages
from evidence.report import report
from evidence.report_state import ReportState, decided, happened
from models.order_margin import margin_micros, priced
from schemas.outcome import outcome_of
from schemas.site import LIVE, Site
from schemas.topics import DECISIONS, EVENTS, TRIGGERS

NAME = "report"
HELP = "lift against holdout, each figure with its interval"
EXAMPLE = "kairos report --log ./monday --html report.html"
DAY_MS = 86_400_000
SIMULATED_SITES = ("demo",)
"""Sites of kairos' own simulated visitors (infra/demo)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos report`."""
    add = parser.add_argument
    add("--log", "--events", dest="log", type=Path, required=True, help="exported log or archive")
    add("--site", help="site id (default: every site of the log)")
    add("--days", type=float, default=7.0, help="orders count so long after the entry; default 7")
    add("--html", type=Path, metavar="FILE", help="also write the report as a page of its own")
    add("--simulated", action="store_true", help="say that the visitors were simulated")


def run(args: argparse.Namespace) -> int:
    """Fold the log and print."""
    try:
        state, messages, sites = folded(args.log, args.site)
    except (LogFilesError, BadFrame, OSError, ValueError) as failure:
        raise CommandError(str(failure)) from failure
    simulated = [name for name in sorted(sites) if args.simulated or name in SIMULATED_SITES]
    found: dict[str, Any] = report(state, round(args.days * DAY_MS), simulated)
    found["messages"] = message_arms.arms(messages, round(args.days * DAY_MS))
    found["sites"] = sorted(sites)
    if args.html:
        args.html.write_text(page(found), encoding="utf-8")
    print_result(found, as_json=args.json, lines=lines(found))
    return 0


def folded(folder: Path, wanted: str | None) -> tuple[ReportState, Messages, set[str]]:
    """The state of a log's visitors and messages, and their sites. Raises LogFilesError."""
    manifest, context = read_manifest(folder), logged_context(folder)
    registry = registry_of(manifest)
    state, sites = ReportState(), set[str]()
    messages = _messages(folder, manifest, wanted, sites)
    decisions, events = codec(DECISIONS, registry), codec(EVENTS, registry)
    for record in read_records(folder, DECISIONS):
        if record.value is not None:
            made = decisions.decode(record.value)
            if wanted in (None, made.site):
                site = context.at(made.site, made.decided_at_ms).site
                sites.add(made.site)
                decided(state, made, LIVE if site is None else site.mode)
    for record in read_records(folder, EVENTS):
        try:
            event = events.decode(record.value)
        except BadFrame:
            continue
        if wanted not in (None, event.site):
            continue
        message_arms.visited(messages, event)
        outcome = outcome_of(event)
        if outcome is not None:
            view = context.at(event.site, event.received_at_ms)
            order = priced(outcome, view.assortment.by_id)
            margin = margin_micros(order, (view.site or Site()).margin_ppm)
            happened(state, event.user_key, outcome, margin)
            message_arms.happened(messages, event.user_key, outcome, margin)
    return state, messages, sites


def _messages(folder: Path, manifest: Manifest, wanted: str | None, sites: set[str]) -> Messages:
    """Who is in which arm; nobody where the log holds no topic `triggers`, as an archive does."""
    state = Messages()
    if TRIGGERS not in manifest.topics:
        return state
    triggers = codec(TRIGGERS, registry_of(manifest))
    for record in read_records(folder, TRIGGERS):
        if record.value is not None:
            trigger = triggers.decode(record.value)
            if wanted in (None, trigger.site):
                sites.add(trigger.site)
                message_arms.planned(state, trigger)
    return state
