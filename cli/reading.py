"""A file of another system as commands read it: which format, which site, what is wrong with it."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.output import CommandError
from connectors.import_formats import FORMATS, Reading, format_of, read_file
from schemas.event import Consent
from schemas.ids import SITE

PURPOSES = ("analytics", "personalization", "marketing")
GIVEN = "analytics,personalization"


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Options of whatever reads such a file."""
    add = parser.add_argument
    add("--site", default="demo", help="site the file is of (demo)")
    add("--format", choices=FORMATS, help="default: what the first line looks like")
    add("--currency", default="EUR", help="of all amounts (EUR)")
    add("--skip-bad", action="store_true", help="take the good lines of a bad file")
    add("--consent", default=GIVEN, help=f"purposes the visitors agreed to ({GIVEN})")


def reading_of(args: argparse.Namespace, file: Path, what: str) -> Reading:
    """What the file of the arguments tells. Raises CommandError, OSError."""
    name = args.format or format_of(file)
    if not name:
        raise CommandError(
            f"{file}: its first line looks like no known format; "
            f"choose one with --format: {', '.join(FORMATS)}"
        )
    if SITE.fullmatch(args.site) is None:
        raise CommandError(f"--site {args.site}: use a-z, 0-9 and -, at most 32")
    reading = read_file(file, name, what)
    if not reading.told and not reading.problems.errors:
        raise CommandError(f"{file} tells of no {what}; check that this is the file")
    return reading


def consent_of(text: str) -> Consent:
    """The purposes a text names. Raises CommandError."""
    named = {each.strip() for each in text.split(",") if each.strip()}
    if named - set(PURPOSES):
        raise CommandError(f"--consent {text}: choose from {', '.join(PURPOSES)}")
    return Consent(**{each: each in named for each in PURPOSES})
