"""Show actions to a share of the visitors: ramp up slowly, or down at once.

A new site observes. More visitors may see actions once calibration is measured on its own outcomes
(models/readiness.py), or with --force, which the site's record keeps; fewer may at any time.
"""

from __future__ import annotations

import argparse

from msgspec.structs import replace

from cli.control import chosen_site, unreachable_is_one_sentence, writer
from cli.output import CommandError, print_result
from connectors.human_units import BadValue, share_ppm
from connectors.publish import publish
from models.readiness import marked, missing, shown_ppm
from schemas.site import LIVE, OBSERVE, Site
from schemas.topics import POLICY

NAME = "rollout"
HELP = "show actions to a share of the visitors; who is in stays in while it grows"
EXAMPLE = "kairos rollout 10%"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos rollout`."""
    parser.add_argument(
        "percent", metavar="PERCENT", help="such as 10%% or 10, up to 100; 0 observes"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="show actions before calibration is measured on the site's own outcomes",
    )
    parser.add_argument("--site", help="site id (default: the only one)")


@unreachable_is_one_sentence
def run(args: argparse.Namespace) -> int:
    """Publish the site with another share; a larger one has to be earned, or forced."""
    try:
        share = share_ppm(args.percent.removesuffix("%") + "%")
    except BadValue as bad:
        raise CommandError(f"percent: {args.percent!r} is no percentage; write 10%.") from bad
    control = writer()
    site = chosen_site(control, args.site)
    wanted = replace(site, mode=LIVE if share else OBSERVE, rollout_ppm=share)
    before = shown_ppm(site)
    lacking = missing(control.newest(POLICY, site.site)) if share > before else ""
    if lacking and not args.force:
        raise CommandError(refusal(site, lacking))
    made, new = publish(control, "sites", marked(wanted, before, lacking))
    names = ("site", "version", "mode", "rollout_ppm", "forced")
    result = {**{name: getattr(made, name) for name in names}, "changed": new, "lacking": lacking}
    line = f"site {made.site}, version {made.version}: {share / 10_000:g} % may see actions"
    why = f"; forced, although {lacking}" if lacking else ""
    print_result(result, as_json=args.json, lines=[line + why])
    return 0


def refusal(site: Site, lacking: str) -> str:
    """Why no more visitors may see actions, and what to do about it."""
    stays = "stays in observe" if not shown_ppm(site) else "stays as it is"
    return (
        f"site {site.site} {stays}: {lacking}. Its visitors' outcomes close by themselves while "
        "the learning job runs; `kairos policy list` counts them. --force lets actions show now."
    )
