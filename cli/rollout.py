"""Show actions to a share of the visitors: ramp up slowly, or down at once."""

from __future__ import annotations

import argparse

from msgspec.structs import replace

from cli.control import chosen_site, unreachable_is_one_sentence, writer
from cli.output import CommandError, print_result
from connectors.human_units import BadValue, share_ppm
from connectors.publish import publish

NAME = "rollout"
HELP = "show actions to a share of the visitors; who is in stays in while it grows"
EXAMPLE = "kairos rollout 10%"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos rollout`."""
    parser.add_argument("percent", metavar="PERCENT", help="such as 10%% or 10, up to 100")
    parser.add_argument("--site", help="site id (default: the only one)")


@unreachable_is_one_sentence
def run(args: argparse.Namespace) -> int:
    """Publish the site with another share."""
    try:
        share = share_ppm(args.percent.removesuffix("%") + "%")
    except BadValue as bad:
        raise CommandError(f"percent: {args.percent!r} is no percentage; write 10%.") from bad
    control = writer()
    site = chosen_site(control, args.site)
    made, new = publish(control, "sites", replace(site, rollout_ppm=share))
    result = {
        "site": made.site,
        "version": made.version,
        "changed": new,
        "rollout_ppm": made.rollout_ppm,
    }
    line = f"site {made.site}, version {made.version}: {share / 10_000:g} % may see actions"
    print_result(result, as_json=args.json, lines=[line])
    return 0
