"""The shops: add one and get its three lines, apply a file, list, rotate a key, remove."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cli.control import (
    action,
    chosen_site,
    file_text,
    newest_sites,
    refuse,
    run_action,
    writer,
)
from cli.output import CommandError, print_result, table
from cli.site_arrival import wait_for_first_event
from cli.site_samples import identify_samples, pasted, snippet
from connectors.control import ControlWriter
from connectors.files import Read, json_schema, read_sites
from connectors.publish import publish
from infra.local.layout import read_layout
from infra.local.site_keys import rotated, with_keys, with_secret
from infra.local.state import read_state
from models.readiness import marked, missing, shown_ppm
from schemas.site import LIVE, OBSERVE, Site
from schemas.topics import POLICY

NAME = "sites"
HELP = "add, apply, list, rotate, connect and remove sites"
EXAMPLE = "kairos sites add my-shop --origin https://shop.example"
DEFAULT_OVERLAP_HOURS = 168
HOURS_MAX = 24 * 400
BY_SECRET = ("shopify",)
"""Systems that sign with a secret; Segment's write key is the public site key."""

NEW = Site(mode=OBSERVE)
SHOWING = {"mode": "mode", "rollout": "rollout_ppm"}
"""What says who may see actions: name in a file -> field."""

ROTATED = {
    "site-key": "site_key",
    "identify-secret": "identify_secret",
    "mint-secret": "mint_secret",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = action(actions, "add", "make a site with its keys and print what to paste", EXAMPLE)
    add.add_argument("id", metavar="SITE", help="small letters, digits and -")
    add.add_argument("--origin", action="append", required=True, help="web origin; may repeat")
    add.add_argument("--currency", default="EUR", help="ISO 4217 code (EUR)")
    add.add_argument("--time-zone", default="UTC", help="IANA name (UTC)")
    add.add_argument("--consent", default="required", choices=("required", "implied"))
    add.add_argument(
        "--mode",
        default=OBSERVE,
        choices=(OBSERVE, LIVE),
        help="observe decides and shows nothing, until `kairos rollout` says so (observe)",
    )
    add.add_argument(
        "--no-wait",
        action="store_true",
        help="do not wait for the first event (it is waited for in a terminal only)",
    )
    apply = action(actions, "apply", "put a sites.yaml in force", "kairos sites apply sites.yaml")
    apply.add_argument("file", nargs="?", type=Path, default=Path("sites.yaml"), metavar="FILE")
    action(actions, "list", "the sites there are", "kairos sites list --json")
    _add_key_arguments(actions)
    remove = action(actions, "remove", "take a site out", "kairos sites remove my-shop")
    remove.add_argument("site", metavar="SITE")
    action(actions, "schema", "print the JSON Schema of sites.yaml", "kairos sites schema")


def _add_key_arguments(actions: Any) -> None:
    rotate = action(
        actions,
        "rotate",
        "give a site a new key or secret; the old one holds until the overlap ends",
        "kairos sites rotate my-shop --what identify-secret --overlap-hours 24",
    )
    rotate.add_argument("site", metavar="SITE")
    rotate.add_argument("--what", choices=tuple(ROTATED), default="site-key")
    rotate.add_argument(
        "--overlap-hours",
        type=_hours,
        default=DEFAULT_OVERLAP_HOURS,
        help=f"how long the old one still holds; 0 after a leak ({DEFAULT_OVERLAP_HOURS})",
    )
    secret = action(
        actions,
        "secret",
        "write the identify secret to a file of the shop's back end",
        "kairos sites secret my-shop --to identify.secret",
    )
    secret.add_argument("site", metavar="SITE")
    secret.add_argument("--to", type=Path, required=True, metavar="FILE", help="a new file, 0600")
    connect = action(
        actions,
        "connect",
        "let another system tell events, signed with a secret of its own",
        "kairos sites connect my-shop shopify --secret-file shopify.secret",
    )
    connect.add_argument("site", metavar="SITE")
    connect.add_argument("system", choices=tuple(BY_SECRET))
    connect.add_argument("--secret-file", type=Path, required=True, metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return run_action(_ACTIONS, args)


def _gateway() -> str:
    running = read_state(read_layout().stack).endpoints
    found = os.environ.get("KAIROS_GATEWAY_URL") or running.get("gateway")
    return (found or "https://gateway.example").rstrip("/")


def _add(args: argparse.Namespace) -> int:
    fields = {
        "id": args.id,
        "origins": args.origin,
        "currency": args.currency,
        "time_zone": args.time_zone,
        "consent": args.consent,
        "mode": args.mode,
    }
    read = read_sites(json.dumps({"sites": [fields]}), "command line")
    if read.record is None:
        return refuse(read.errors, args, site=None, snippet=None)
    control = writer()
    if args.id in newest_sites(control):
        raise CommandError(f"site {args.id} is there already; change it with `kairos sites apply`.")
    made, _ = _published(control, read.record[0], read.given[0])
    lines, samples = snippet(made.site, _gateway()), identify_samples(made.site)
    result = {**_shown(made), "snippet": "\n".join(lines), "identify": samples}
    head = f"site {made.site} is version {made.version}, in force in 1 s; paste into its pages:"
    shows = f"{_showing(made)}; `kairos rollout 10` lets it show"
    more = [shows] if made.mode == OBSERVE else [_showing(made)]
    print_result(result, as_json=args.json, lines=[head, *pasted(made.site, _gateway()), *more])
    if not args.json and not args.no_wait and sys.stdout.isatty():
        wait_for_first_event(made.site)
    return 0


def _published(control: ControlWriter, site: Site, given: frozenset[str]) -> tuple[Site, bool]:
    """Publish what a file says; what it does not say of showing stays, or is to observe."""
    known = control.newest("sites", site.site)
    before = NEW if known is None or known.removed else known
    kept = {field: getattr(before, field) for name, field in SHOWING.items() if name not in given}
    site = replace(site, **kept, forced=before.forced)
    raised = shown_ppm(site) > shown_ppm(before)
    lacking = missing(control.newest(POLICY, site.site)) if raised else ""
    site = marked(site, shown_ppm(before), lacking)
    return publish(control, "sites", with_keys(site, read_layout().stack, known))


def _apply(args: argparse.Namespace) -> int:
    read: Read[tuple[Site, ...]] = read_sites(file_text(args.file), str(args.file))
    if read.record is None:
        return refuse(read.errors, args, sites=[])
    control = writer()
    rows = []
    for each, given in zip(read.record, read.given, strict=True):
        made, new = _published(control, each, given)
        rows.append({**_shown(made), "changed": new})
    lines = [
        f"site {row['site']} is version {row['version']}, "
        + ("in force in 1 s" if row["changed"] else "nothing changed")
        for row in rows
    ]
    print_result({"sites": rows, "errors": []}, as_json=args.json, lines=lines)
    return 0


def _showing(site: Site) -> str:
    if site.mode == OBSERVE:
        return "it observes: decides, logs and reports, and shows nothing"
    forced = ", before calibration was measured on its own outcomes" if site.forced else ""
    return f"{site.rollout_ppm / 10_000:g} % of its visitors may see actions{forced}"


def _shown(site: Site) -> dict[str, Any]:
    """What may be shown of a site: never a secret."""
    return {
        "site": site.site,
        "version": site.version,
        "origins": list(site.origins),
        "currency": site.currency,
        "mode": site.mode,
        "consent": site.consent,
        "rollout_ppm": site.rollout_ppm,
        "forced": site.forced,
        "holdout_ppm": site.holdout_ppm,
        "site_key": site.site_key,
    }


def _list(args: argparse.Namespace) -> int:
    rows = [_shown(each) for each in newest_sites(writer()).values()]
    head = ("site", "version", "origins", "currency", "mode", "rollout", "consent", "site_key")
    cells = [[_cell(row, name) for name in head] for row in rows]
    print_result({"sites": rows}, as_json=args.json, lines=table(head, cells))
    return 0


def _cell(row: dict[str, Any], name: str) -> object:
    if name == "rollout":
        forced = ", forced" if row["forced"] else ""
        return f"{row['rollout_ppm'] / 10_000:g} %{forced}" if row["mode"] == LIVE else None
    return " ".join(row[name]) if name == "origins" else row[name]


def _rotate(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site)
    until_ms = int(time.time() * 1000) + args.overlap_hours * 3_600_000
    fresh = rotated(site, read_layout().stack, (ROTATED[args.what],), until_ms)
    made, _ = publish(control, "sites", fresh)
    line = f"site {made.site} has a new {args.what}, version {made.version}, in force in 1 s"
    holds = f"; the old one holds {args.overlap_hours} h more" if args.overlap_hours else ""
    result = {**_shown(made), "rotated": args.what, "overlap_hours": args.overlap_hours}
    print_result(result, as_json=args.json, lines=[line + holds])
    return 0


def _hours(text: str) -> int:
    if not text.isdecimal() or int(text) > HOURS_MAX:
        raise argparse.ArgumentTypeError(f"want whole hours from 0 to {HOURS_MAX}")
    return int(text)


def _secret(args: argparse.Namespace) -> int:
    """Into a file only its owner can read: a terminal keeps what is printed."""
    site = chosen_site(writer(), args.site)
    try:
        handle = os.open(args.to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as failure:
        raise CommandError(f"{args.to} cannot be made: {failure.strerror}.") from failure
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(site.identify_secret.hex() + "\n")
    line = f"the identify secret of {site.site} is in {args.to}; give it to the back end alone"
    print_result({"site": site.site, "file": str(args.to)}, as_json=args.json, lines=[line])
    return 0


def _connect(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site)
    secret = file_text(args.secret_file).strip().encode()
    if not secret:
        raise CommandError(f"{args.secret_file} is empty; put the system's signing secret there.")
    connected = with_secret(site, read_layout().stack, args.system, secret)
    made, _ = publish(control, "sites", connected)
    line = f"{args.system} may send to /v1/in/{args.system}?site={made.site} in 1 s"
    result = {**_shown(made), "connected": args.system}
    print_result(result, as_json=args.json, lines=[line])
    return 0


def _remove(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site)
    made, _ = publish(control, "sites", replace(site, removed=True))
    line = f"site {made.site} is removed with version {made.version}; its keys are kept"
    print_result({**_shown(made), "removed": True}, as_json=args.json, lines=[line])
    return 0


def _schema(args: argparse.Namespace) -> int:
    print(json.dumps(json_schema("sites"), indent=None if args.json else 2))
    return 0


_ACTIONS = {
    "add": _add,
    "apply": _apply,
    "list": _list,
    "rotate": _rotate,
    "secret": _secret,
    "connect": _connect,
    "remove": _remove,
    "schema": _schema,
}
