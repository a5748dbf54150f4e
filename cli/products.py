"""The products of a site, from the shop's own export."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cli.control import action, as_json, chosen_site, file_text, refuse, run_action, writer
from cli.endpoints import endpoints
from cli.output import CommandError, print_result, progress
from connectors.avro import codec
from connectors.control import ControlWriter
from connectors.feeds import read_feed
from connectors.log_topics import LogReader
from connectors.publish import publish
from connectors.registry import RegistryClient
from connectors.view_log import events_of
from models.baskets import counted
from models.learned import learned, with_known, with_neighbours, with_popularity
from schemas.event import Event
from schemas.products import Products
from schemas.topics import EVENTS

NAME = "products"
HELP = "import the products of a site: YAML, CSV, Shopify JSON or Google merchant XML"
EXAMPLE = "kairos products import products.csv --site demo"
LEARN_EXAMPLE = "kairos products learn --site demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    load = action(actions, "import", "replace the products of a site", EXAMPLE, site=True)
    load.add_argument("file", type=Path, metavar="FILE", help=".yaml, .csv, .tsv, .json or .xml")
    load.add_argument("--skip-bad", action="store_true", help="import the good rows of a bad file")
    action(
        actions, "learn", "learn what is popular and what goes together", LEARN_EXAMPLE, site=True
    )


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return run_action({"import": _import, "learn": _learn}, args)


def _import(args: argparse.Namespace) -> int:
    text = file_text(args.file)
    control = writer()
    site = chosen_site(control, args.site)
    read = read_feed(text, str(args.file), site.currency, skip_bad=args.skip_bad)
    if read.record is None:
        if read.good:
            progress(f"{read.good} rows are good; --skip-bad imports them without the others")
        return refuse(read.errors, args, version=None, products=0, good=read.good)
    for each in read.errors:
        progress(each.sentence())
    known = control.newest("products", site.site)
    made = with_known(replace(read.record, site=site.site), known)
    return _published(args, control, made, as_json(read.errors))


def _learn(args: argparse.Namespace) -> int:
    """Without a feed the views are the assortment; with one they say what is popular.

    What is looked at and bought together becomes the neighbours of each product.
    """
    control = writer()
    site = chosen_site(control, args.site)
    where = endpoints()
    decode = codec(EVENTS, RegistryClient(where.registry)).decode
    reader = LogReader(where.brokers)
    spans = reader.spans(EVENTS)

    def told() -> Iterator[Event]:
        return events_of((each.value for each in reader.read(EVENTS, spans)), decode)

    seen = learned(told(), site.site)
    known = control.newest("products", site.site)
    made = seen if known is None else with_popularity(known, seen)
    made = with_neighbours(made, counted(told(), site.site))
    made = replace(made, learned_until_ms=0, feed_version=0)
    if not made.products:
        raise CommandError(f"site {site.site}: no product was viewed yet; nothing was published.")
    return _published(args, control, made, [])


def _published(
    args: argparse.Namespace, control: ControlWriter, record: Products, errors: list[dict[str, Any]]
) -> int:
    made, new = publish(control, "products", record)
    result = {
        "site": made.site,
        "version": made.version,
        "effective_at_ms": made.effective_at_ms,
        "changed": new,
        "products": len(made.products),
        "errors": errors,
    }
    state = "in force in 1 s" if new else "in force already, nothing changed"
    line = f"{len(made.products)} products of site {made.site} are version {made.version}, {state}"
    print_result(result, as_json=args.json, lines=[line])
    return 0
