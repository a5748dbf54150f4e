"""Stop campaigns at once, or let them go on: a new version of the catalogue.

The job stops deciding for them in 1 s; gateways take them off open pages as the record arrives.
"""

from __future__ import annotations

import argparse

from msgspec.structs import replace

from cli.control import chosen_site, unreachable_is_one_sentence, writer
from cli.output import CommandError, print_result
from connectors.publish import publish
from models.names import nearest

NAME = "pause"
HELP = "stop one campaign or all, on open pages too; --resume lets them go on"
EXAMPLE = "kairos pause WINTER_FLASH_SALE_15"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos pause`."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("campaign", nargs="?", metavar="CAMPAIGN", help="campaign id")
    which.add_argument("--all", action="store_true", help="every campaign of the site")
    parser.add_argument("--resume", action="store_true", help="let them go on")
    parser.add_argument("--site", help="site id (default: the only one)")


@unreachable_is_one_sentence
def run(args: argparse.Namespace) -> int:
    """Publish the catalogue with the campaigns paused or not."""
    control = writer()
    site = chosen_site(control, args.site)
    catalogue = control.newest("campaigns", site.site)
    known = tuple(each.id for each in catalogue.campaigns) if catalogue else ()
    if not args.all and args.campaign not in known:
        close = nearest(args.campaign, known)
        fix = f"did you mean {close}?" if close else "there is " + (", ".join(known) or "none")
        raise CommandError(f"campaign: no {args.campaign!r} on site {site.site}; {fix}")
    if catalogue is None:
        raise CommandError(f"site {site.site} has no campaigns; apply a file first.")
    changed = tuple(
        replace(each, paused=not args.resume) if args.all or each.id == args.campaign else each
        for each in catalogue.campaigns
    )
    made, new = publish(control, "campaigns", replace(catalogue, campaigns=changed))
    paused = [each.id for each in made.campaigns if each.paused]
    result = {"site": made.site, "version": made.version, "changed": new, "paused": paused}
    line = f"version {made.version} of site {made.site}: paused are {', '.join(paused) or 'none'}"
    print_result(result, as_json=args.json, lines=[line])
    return 0
