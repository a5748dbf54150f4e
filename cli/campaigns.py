"""The campaigns of a site: check a file, put it in force, see what is, go back."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cli import coverage
from cli.control import action, chosen_site, file_text, refuse, run_action, writer
from cli.output import CommandError, print_result, table
from connectors.file_fields import FileError
from connectors.files import Read, json_schema, read_campaigns
from connectors.publish import publish, same
from gateway.preview import PARAMETER, VALID_MS, Preview, sign
from models.coverage_findings import of_conditions
from models.names import HOW_WRITTEN, NAMES
from schemas.campaign import EMAIL, Campaign, Campaigns
from schemas.site import Site

NAME = "campaigns"
HELP = "check, apply, list and roll back the campaigns of a site"
EXAMPLE = "kairos campaigns apply campaigns.yaml --site demo"
FILE = Path("campaigns.yaml")
WIDTH_MAX = 50
"""Characters of a column of the names; docs/campaigns.md has them in full."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = action(
        actions,
        "check",
        "say what is wrong with a file, and what it would have done",
        "kairos campaigns check campaigns.yaml --events ./monday",
    )
    coverage.add_arguments(check)
    apply = action(actions, "apply", "put a file in force", EXAMPLE, site=True)
    for each in (check, apply):
        each.add_argument("file", nargs="?", type=Path, default=FILE, metavar="FILE")
    action(actions, "list", "what is in force", "kairos campaigns list --json", site=True)
    back = action(
        actions,
        "rollback",
        "put an earlier version in force, as a new version",
        "kairos campaigns rollback 3",
        site=True,
    )
    back.add_argument("version", nargs="?", type=int, help="default: the one before the newest")
    look = action(
        actions,
        "preview",
        "print a signed link that shows one campaign to whoever opens it, and books nothing",
        "kairos campaigns preview WELCOME_10 --page https://shop.example/",
        site=True,
    )
    look.add_argument("id", metavar="CAMPAIGN")
    look.add_argument("--page", default="/", help="address of a page of the shop (/)")
    action(actions, "schema", "print the JSON Schema of the file", "kairos campaigns schema")
    action(actions, "names", "what a condition may read", "kairos campaigns names")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return run_action(_ACTIONS, args)


def _read(args: argparse.Namespace) -> Read[Campaigns]:
    return read_campaigns(file_text(args.file), str(args.file))


def _check(args: argparse.Namespace) -> int:
    read = _read(args)
    if read.record is None:
        return refuse(read.errors, args, version=None, campaigns=0)
    record = read.record
    count, found = len(record.campaigns), of_conditions(record)
    result: dict[str, Any] = {"version": None, "campaigns": count, "errors": []}
    result["findings"] = coverage.as_findings(found)
    told = [f"{args.file}: {count} campaigns, no errors", *coverage.sentences(found)]
    if args.events is not None:
        done = coverage.covered(args, record)
        over = coverage.as_json(record, done)
        result |= {**over, "findings": [*result["findings"], *over["findings"]]}
        told += ["", *coverage.lines(record, done)]
    print_result(result, as_json=args.json, lines=told)
    return 0


def _apply(args: argparse.Namespace) -> int:
    read = _read(args)
    if read.record is None:
        return refuse(read.errors, args, version=None, campaigns=0)
    control = writer()
    site = chosen_site(control, args.site, read.record.site)
    misplaced = _misplaced(read.record, site, str(args.file))
    if misplaced:
        return refuse(misplaced, args, version=None, campaigns=0)
    made, new = publish(control, "campaigns", replace(read.record, site=site.site))
    return _told(made, args, "in force in 1 s" if new else "in force already, nothing changed", new)


def _misplaced(record: Campaigns, site: Site, file: str) -> tuple[FileError, ...]:
    """Campaigns whose placement the site does not have: they could never show."""
    return tuple(
        FileError(
            file,
            1,
            f"campaigns[{index}].placement",
            f"site {site.site} has no placement {campaign.placement!r}",
            "use one of " + ", ".join(site.placements),
        )
        for index, campaign in enumerate(record.campaigns)
        if campaign.placement not in (*site.placements, EMAIL)
    )


def _told(made: Campaigns, args: argparse.Namespace, state: str, changed: bool) -> int:
    result = {
        "site": made.site,
        "version": made.version,
        "effective_at_ms": made.effective_at_ms,
        "changed": changed,
        "campaigns": len(made.campaigns),
        "errors": [],
    }
    count = len(made.campaigns)
    line = f"{count} campaigns of site {made.site} are version {made.version}, {state}"
    print_result(result, as_json=args.json, lines=[line])
    return 0


def _list(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site)
    made = control.newest("campaigns", site.site) or Campaigns(site=site.site)
    rows = [_shown(each) for each in made.campaigns]
    result = {
        "site": site.site,
        "version": made.version,
        "effective_at_ms": made.effective_at_ms,
        "campaigns": rows,
        "errors": [],
    }
    head = ("id", "action", "margin", "stages", "when", "paused")
    lines = [f"site {site.site}, version {made.version}"]
    lines += table(head, [[each[name] for name in head] for each in rows])
    print_result(result, as_json=args.json, lines=lines)
    return 0


def _shown(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "action": campaign.action_type,
        "margin": f"{campaign.margin_micros / 1_000_000:.2f}",
        "stages": " ".join(campaign.stages) or "all",
        "when": campaign.when or "always",
        "paused": "yes" if campaign.paused else "no",
    }


def _rollback(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site)
    known = {each.version: each for each in control.history("campaigns") if each.site == site.site}
    if not known:
        raise CommandError(f"site {site.site} has no campaigns; apply a file first.")
    newest = known[max(known)]
    wanted = args.version
    if wanted is None:
        others = [number for number, each in known.items() if not same(each, newest)]
        if not others:
            raise CommandError(f"version {newest.version} is the only one there is.")
        wanted = max(others)
    if wanted not in known:
        there = ", ".join(str(number) for number in sorted(known))
        raise CommandError(f"version: no version {wanted}; there is {there}.")
    made, new = publish(control, "campaigns", known[wanted])
    return _told(made, args, f"the same as version {wanted}, in force in 1 s", new)


def _preview(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site)
    known = control.newest("campaigns", site.site)
    found = next((each for each in known.campaigns if each.id == args.id), None) if known else None
    if found is None:
        raise CommandError(f"site {site.site} has no campaign {args.id}; apply its file first.")
    link = preview_link(site, found, args.page, int(time.time() * 1000))
    print_result({"site": site.site, "campaign": found.id, "link": link}, as_json=args.json,
                 lines=[link])  # fmt: skip
    return 0


def preview_link(site: Site, campaign: Campaign, page: str, now_ms: int) -> str:
    """The address of a page that shows this campaign for a week."""
    shown = Preview(campaign.id, campaign.action_type, campaign.render, now_ms + VALID_MS)
    token = sign(site.site, site.mint_secret, shown)
    return f"{page}{'&' if '?' in page else '?'}{PARAMETER}={token}"


def _schema(args: argparse.Namespace) -> int:
    print(json.dumps(json_schema("campaigns"), indent=None if args.json else 2))
    return 0


def names_rows() -> list[tuple[str, str, str, str]]:
    """(name, type, how it is written, meaning) of everything a condition may read."""
    return [
        (
            each.name,
            each.type,
            " ".join(each.choices) if each.choices else HOW_WRITTEN[each.type].split(": ")[-1],
            each.doc,
        )
        for each in NAMES.values()
    ]


def _names(args: argparse.Namespace) -> int:
    head = ("name", "type", "written", "meaning")
    rows = names_rows()
    result = {"names": [dict(zip(head, row, strict=True)) for row in rows]}
    short = [(*row[:2], row[2] if len(row[2]) <= WIDTH_MAX else "...", row[3]) for row in rows]
    print_result(result, as_json=args.json, lines=table(head, short))
    return 0


_ACTIONS = {
    "check": _check,
    "apply": _apply,
    "list": _list,
    "rollback": _rollback,
    "preview": _preview,
    "schema": _schema,
    "names": _names,
}
