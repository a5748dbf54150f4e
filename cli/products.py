"""The products of a site, from the shop's own export."""

from __future__ import annotations

import argparse
from pathlib import Path

from msgspec.structs import replace

from cli.control import action, chosen_site, file_text, refuse, run_action, writer
from cli.output import print_result
from connectors.feeds import read_feed
from connectors.publish import publish

NAME = "products"
HELP = "import the products of a site: YAML, CSV, Shopify JSON or Google merchant XML"
EXAMPLE = "kairos products import products.csv --site demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    load = action(actions, "import", "replace the products of a site", EXAMPLE, site=True)
    load.add_argument("file", type=Path, metavar="FILE", help=".yaml, .csv, .json or .xml")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return run_action({"import": _import}, args)


def _import(args: argparse.Namespace) -> int:
    text = file_text(args.file)
    control = writer()
    site = chosen_site(control, args.site)
    read = read_feed(text, str(args.file), site.currency)
    if read.record is None:
        return refuse(read.errors, args, version=None, products=0)
    made, new = publish(control, "products", replace(read.record, site=site.site))
    result = {
        "site": made.site,
        "version": made.version,
        "effective_at_ms": made.effective_at_ms,
        "changed": new,
        "products": len(made.products),
        "errors": [],
    }
    state = "in force in 1 s" if new else "in force already, nothing changed"
    line = f"{len(made.products)} products of site {made.site} are version {made.version}, {state}"
    print_result(result, as_json=args.json, lines=[line])
    return 0
