"""What a catalogue would have done on recorded traffic, before anybody is shown anything.

SOURCE is an archive, an exported log, events as JSON Lines, or a file that `kairos import` reads
(CSV, GA4, Segment). Told are the moments at which something would have fired, and which campaign;
what a discount would have given to people who bought without it; and how many visitors and weeks a
test would take. What an action adds cannot be read from such a log: the lift is a simulated range.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from cli.audit_figures import Figures, figures_of
from cli.audit_html import page
from cli.audit_text import lines
from cli.output import CommandError, print_result, progress
from cli.progress import Bar
from cli.reading import add_reading, consent_of, reading_of
from connectors.archive_erase import IMPORTED
from connectors.archive_files import is_archive
from connectors.audit_log import Audited, audit_log, logged, watched
from connectors.avro import BadFrame
from connectors.event_lines import BadLine
from connectors.given import BadFile, Record, campaign_records, model_record, site_records
from connectors.human_units import share_ppm
from connectors.import_formats import EVENTS, format_of
from connectors.import_log import import_told
from connectors.log_by_user import records_in
from connectors.log_files import LogFilesError
from infra.local.layout import CHECKOUT
from infra.model import BadModel
from schemas.campaign import Campaigns
from schemas.site import Site

NAME = "audit"
HELP = "what campaigns would have done on recorded traffic, and what a test would take"
EXAMPLE = (
    "kairos audit ga4.jsonl --campaigns campaigns.yaml --html audit.html\n"
    "  kairos audit ./archive --discount 15%"
)
EXAMPLES = CHECKOUT / "infra" / "demo" / "campaigns.yaml"
VERSION = 1_000_001
"""Of given records: above those that a log counts to."""

WORKERS_MAX = 64
FAILURES = (LogFilesError, BadLine, BadFile, BadFrame, BadModel, OSError, ValueError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos audit`."""
    add = parser.add_argument
    add("source", type=Path, metavar="SOURCE", help="archive, exported log, JSON Lines or a file")
    add("--campaigns", type=Path, help="campaigns.yaml; default: the log's newest, else examples")
    add("--sites", type=Path, help="sites.yaml, for currency and reserve")
    add("--model", type=Path, help="folder of a model; default: the shipped one")
    add("--discount", default="10%", help="what a discount gives of an order (10%%)")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes; default: one a core")
    add("--html", type=Path, metavar="FILE", help="also write the result as a page of its own")
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Audit and print; the page too where asked."""
    started = time.monotonic()
    try:
        discount_ppm = share_ppm(args.discount)
        with _logs(args) as paths:
            audited, site, what = _records(args, paths)
            total = sum(map(records_in, paths))
            with Bar(total, "events") as bar:
                workers = max(1, min(args.workers, WORKERS_MAX))
                audit, cpu_s = audit_log(audited, workers, bar.update)
    except FAILURES as failure:
        raise CommandError(str(failure)) from failure
    if not audit.events:
        raise CommandError(f"{args.source} holds no event of a visitor; nothing can be audited")
    found = figures_of(audit, audited.catalogue, site.currency, discount_ppm)
    found = replace(found, catalogue=what, source=args.source.name,
                    took_s=round(time.monotonic() - started, 1), cpu_s=round(cpu_s, 1))  # fmt: skip
    _write(args, found)
    return 0


def _write(args: argparse.Namespace, found: Figures) -> None:
    if args.html:
        args.html.write_text(page(found), encoding="utf-8")
        progress(f"written to {args.html}")
    print_result(found.as_json(), as_json=args.json, lines=lines(found))


@contextmanager
def _logs(args: argparse.Namespace) -> Iterator[tuple[Path, ...]]:
    """The logs to fold: an archive with what was imported, or a file imported for this once."""
    if is_archive(args.source) or is_archive(args.source / IMPORTED):
        both = (args.source, args.source / IMPORTED)
        yield tuple(each for each in both if is_archive(each))
    elif args.source.is_dir() or not (args.format or format_of(args.source)):
        yield (args.source,)
    else:
        reading = reading_of(args, args.source, EVENTS)
        errors = reading.problems.errors
        if errors and not args.skip_bad:
            raise CommandError(f"{errors[0].sentence()}; --skip-bad audits the good lines")
        with TemporaryDirectory(prefix="kairos-audit-") as folder:
            import_told(Path(folder), args.source, reading.told, args.site, args.currency,
                        consent_of(args.consent))  # fmt: skip
            yield (Path(folder) / IMPORTED,)


def _records(args: argparse.Namespace, paths: tuple[Path, ...]) -> tuple[Audited, Site, str]:
    """What is in force, the log's own or what is given instead, and where campaigns are from."""
    own = [record for path in paths for record in logged(path)]
    sites = [record for topic, record in own if topic == "sites"]
    if args.sites or not sites:
        sites = [record for _, record in site_records(args.sites)] if args.sites else [
            Site(site=args.site, currency=args.currency)
        ]  # fmt: skip
    names = sorted({each.site for each in sites})
    given, what = _catalogue(args, own, names)
    records: list[Record] = [("sites", watched(each)) for each in sites]
    records += [each for each in own if each[0] not in ("sites", "campaigns", "models")]
    models = [each for each in own if each[0] == "models"]
    records += models if models and not args.model else [model_record(args.model)]
    catalogue = given[-1]
    records += [("campaigns", each) for each in given]
    return Audited(paths, tuple(records), catalogue), sites[-1], what


def _catalogue(
    args: argparse.Namespace, own: list[Record], names: list[str]
) -> tuple[list[Campaigns], str]:
    """One catalogue for each site, in force from the start: a whole log under one set of rules."""
    if args.campaigns is None:
        newest: dict[str, Campaigns] = {}
        for topic, record in own:
            if topic == "campaigns":
                newest[record.site] = record
        if newest:
            made = [_from_start(each) for each in newest.values()]
            return made, "the newest catalogue of the log"
    path = args.campaigns or EXAMPLES
    made = [record for _, record in campaign_records(path, names, VERSION)]
    return made, path.name if args.campaigns else "kairos' example campaigns"


def _from_start(record: Campaigns) -> Campaigns:
    return structs.replace(record, effective_at_ms=0, version=VERSION)
