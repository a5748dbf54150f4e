"""Learned policies: list what was published, put one in force by hand, go back, let learning go on.

What is published here is held: learning goes on counting and pacing, and leaves the qualities alone
until `release`.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from cli import policy_evaluate
from cli.control import action, chosen_site, run_action, writer
from cli.output import CommandError, print_result, table
from connectors.control import EFFECTIVE_AFTER_MS, ControlWriter
from infra.local.process import wait_until
from models.held_policy import again, before, held, said_in
from models.policy_checks import PolicyRefused
from schemas.policy import Policy
from schemas.topics import POLICY

NAME = "policy"
HELP = "list, publish, roll back, release and evaluate what a site has learned"
EXAMPLE = "kairos policy list"
ROWS, TRIES_MAX = 20, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    shown = action(actions, "list", "the newest versions of a site's policy", EXAMPLE, site=True)
    shown.add_argument("--last", type=int, default=ROWS, metavar="N", help=f"how many ({ROWS})")
    text = "put a policy file in force, and hold it against learning"
    publish = action(actions, "publish", text, "kairos policy publish policy.json", site=True)
    publish.add_argument("file", type=Path, metavar="FILE", help="JSON: qualities by campaign")
    text = "put an earlier version's qualities in force again, as a new version that is held"
    back = action(actions, "rollback", text, "kairos policy rollback", site=True)
    text = "default: the newest that says something else"
    back.add_argument("version", nargs="?", type=int, metavar="VERSION", help=text)
    text = "let learning set the qualities again"
    action(actions, "release", text, "kairos policy release", site=True)
    text, example = policy_evaluate.TEXT, policy_evaluate.EXAMPLE
    policy_evaluate.add_arguments(action(actions, "evaluate", text, example))


def run(args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return run_action(_ACTIONS, args)


def _versions(control: ControlWriter, site: str) -> list[Policy]:
    """A site's policies, the newest first."""
    found = [each for each in control.history(POLICY) if each.site == site]
    return sorted(found, key=lambda each: each.version, reverse=True)


def _list(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site).site
    found = _versions(control, site)
    head = ("version", "in force", "learned until", "outcomes", "off by", "qualities", "says")
    rows = [
        (
            each.version,
            _at(each.effective_at_ms),
            _at(each.learned_until_ms),
            each.rewards,
            f"{each.ece_ppm / 10_000:.2f} %",
            len(each.qualities),
            _verdict(each),
        )
        for each in found[: max(0, args.last)]
    ]
    shown = [_row(each) for each in found[: max(0, args.last)]]
    lines = table(head, rows) if rows else [f"nothing was learned for site {site} yet"]
    result = {"site": site, "versions": len(found), "policies": shown}
    print_result(result, as_json=args.json, lines=lines)
    return 0


def _at(time_ms: int) -> str | None:
    if not time_ms:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _verdict(policy: Policy) -> str:
    if policy.held:
        return "held"
    return f"rules, {policy.fallback_reason}" if policy.fallback_reason else "learned"


def _row(policy: Policy) -> dict[str, Any]:
    """A policy as --json prints it; `qualities` and `explore_*` are what `publish` reads."""
    row = asdict(policy)
    return {
        **{name: value for name, value in row.items() if name != "snapshot"},
        "qualities": {name: asdict(each) for name, each in policy.qualities.items()},
    }


def _publish(args: argparse.Namespace) -> int:
    try:
        said = said_in(args.file.read_bytes())
    except OSError as failure:
        raise CommandError(f"{args.file}: {failure.strerror}; name an existing file.") from failure
    except PolicyRefused as refused:
        raise _refused(args.file, refused) from refused
    control = writer()
    site = chosen_site(control, args.site, said.site).site
    catalogue = control.newest("campaigns", site)
    campaigns = [each.id for each in catalogue.campaigns] if catalogue else []
    newest = control.newest(POLICY, site) or Policy(site=site)
    try:
        made = held(newest, said, campaigns)
    except PolicyRefused as refused:
        raise _refused(args.file, refused) from refused
    return _told(_put(control, made), args, "held until `kairos policy release`")


def _refused(what: object, refused: PolicyRefused) -> CommandError:
    return CommandError(f"{what}: {refused}; nothing was published.")


def _rollback(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site).site
    known = _versions(control, site)
    if args.version is None:
        older = before(known)
    else:
        older = next((each for each in known if each.version == args.version), None)
    if older is None:
        wanted = "other policy" if args.version is None else f"version {args.version}"
        raise CommandError(f"site {site} has no {wanted}; `kairos policy list` shows what it has.")
    try:
        made = again(known[0], older)
    except PolicyRefused as refused:
        raise _refused(f"version {older.version}", refused) from refused
    line = f"says what version {older.version} did, held until `kairos policy release`"
    return _told(_put(control, made), args, line)


def _release(args: argparse.Namespace) -> int:
    control = writer()
    site = chosen_site(control, args.site).site
    newest = control.newest(POLICY, site)
    if newest is None or not newest.held:
        raise CommandError(f"site {site} holds no policy; there is nothing to release.")
    made = _put(control, replace(newest, held=False))
    return _told(made, args, "learning sets its qualities again with the next outcomes")


def _put(control: ControlWriter, policy: Policy) -> Policy:
    """Publish, and again where learning published from what was before at the same moment."""
    for _ in range(TRIES_MAX):
        made = control.publish_policy(policy)

        def crossed(made: Policy = made) -> bool:
            newest = control.newest(POLICY, made.site)
            return newest is not None and newest.held != made.held

        if not wait_until(crossed, EFFECTIVE_AFTER_MS / 1000):
            return made
    raise CommandError(f"learning published over it {TRIES_MAX} times; try again.")


def _told(made: Policy, args: argparse.Namespace, text: str) -> int:
    line = f"site {made.site}, version {made.version}, in force: {text}"
    print_result(_row(made), as_json=args.json, lines=[line])
    return 0


_ACTIONS = {
    "list": _list,
    "publish": _publish,
    "rollback": _rollback,
    "release": _release,
    "evaluate": policy_evaluate.run,
}
