"""What commands on control topics share: the writer, the site they mean, and errors of a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from cli.endpoints import endpoints
from cli.output import CommandError, print_json, progress
from connectors.control import ControlUnavailable, ControlWriter
from connectors.file_fields import FileError
from connectors.files import text_of
from connectors.registry import RegistryClient, RegistryUnavailable
from schemas.site import Site

ERRORS_SHOWN = 20


def action(
    actions: Any, name: str, text: str, example: str, *, site: bool = False
) -> argparse.ArgumentParser:
    """One sub-command with its help and example."""
    made: argparse.ArgumentParser = actions.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")
    if site:
        made.add_argument("--site", help="site id (default: the only one)")
    return made


def writer() -> ControlWriter:
    """The writer to the running stack."""
    where = endpoints()
    return ControlWriter(where.brokers, RegistryClient(where.registry))


def unreachable_is_one_sentence(
    run: Callable[[argparse.Namespace], int],
) -> Callable[[argparse.Namespace], int]:
    """A command whose broker or registry cannot be reached says so and fails."""

    @wraps(run)
    def told(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except (ControlUnavailable, RegistryUnavailable) as failure:
            raise CommandError(str(failure)) from failure

    return told


@unreachable_is_one_sentence
def _chosen(args: argparse.Namespace) -> int:
    return int(args.actions[args.action](args))


def run_action(
    actions: Mapping[str, Callable[[argparse.Namespace], int]], args: argparse.Namespace
) -> int:
    """Run the chosen sub-command."""
    args.actions = actions
    return _chosen(args)


def newest_sites(control: ControlWriter) -> dict[str, Site]:
    """Site id -> its newest record, removed ones left out."""
    newest: dict[str, Site] = {}
    for record in control.history("sites"):
        if record.site not in newest or newest[record.site].version < record.version:
            newest[record.site] = record
    return {name: site for name, site in sorted(newest.items()) if not site.removed}


def chosen_site(control: ControlWriter, *asked: str | None) -> Site:
    """The first site that is asked for, else the only one. Raises CommandError."""
    known = newest_sites(control)
    name = next((each for each in asked if each), None)
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if name is None:
        there = ", ".join(known) or "none; make one with `kairos sites add`"
        raise CommandError(f"--site: which site? There is {there}.")
    if name not in known:
        there = ", ".join(known) or "none"
        raise CommandError(f"--site: no site {name!r}; there is {there}.")
    return known[name]


def file_text(path: Path) -> str:
    """A file's text. Raises CommandError."""
    try:
        return text_of(path)
    except OSError as failure:
        raise CommandError(f"{path}: {failure.strerror}; name an existing file.") from failure
    except ValueError as failure:
        raise CommandError(f"{failure}.") from failure


def as_json(errors: Iterable[FileError]) -> list[dict[str, Any]]:
    """Errors with their keys, as --json prints them."""
    return [
        {name: getattr(each, name) for name in ("file", "line", "field", "error", "fix")}
        for each in errors
    ]


def refuse(errors: tuple[FileError, ...], args: argparse.Namespace, **keys: Any) -> int:
    """Tell every error of a file and how many there are; exit code 1."""
    if args.json:
        print_json({**keys, "errors": as_json(errors)})
    else:
        for each in errors[:ERRORS_SHOWN]:
            progress(each.sentence())
    count = f"{len(errors)} error" + ("s" if len(errors) > 1 else "")
    raise CommandError(f"{errors[0].file}: {count}; nothing was published.")
