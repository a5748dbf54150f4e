"""Explain one decision, of a "none" too: why did this show, and why did nothing show?

ID is the id of a decision, of its slot, or of the event that asked. It is looked up in the running
stack and in its archive, read as one; with --log in an archive, in the folder of `kairos log
export`, or in a file of events as `kairos decide` reads it, which is decided under the given files.

The record is computed again from its own logged values; exit 1 if it does not give what it says.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.archive_place import archive_folder
from cli.decide import given_context
from cli.endpoints import endpoints
from cli.output import CommandError, print_result
from cli.why_json import as_json, undecided_json
from cli.why_text import lines
from connectors.archive_files import is_archive
from connectors.avro import BadFrame
from connectors.control import ControlUnavailable
from connectors.decisions_archived import Live, belongs, in_archive
from connectors.decisions_found import (
    Found,
    NotFound,
    Result,
    Undecided,
    in_export,
    in_lines,
    in_stack,
)
from connectors.event_lines import BadLine
from connectors.given import BadFile
from connectors.log_files import LogFilesError
from connectors.log_topics import LogUnavailable
from connectors.registry import RegistryClient, RegistryUnavailable
from infra.model import BadModel
from models.why import explain

NAME = "why"
HELP = "explain one decision, of a none too"
EXAMPLE = (
    "kairos why d_78291a0c4e6b2f35d1907ab4c83e5f62\n"
    "  kairos why 9f8c4b2a-1e3d-4f7c-8a2b-0c1d2e3f4a5b --log ./monday --json"
)
FAILURES = (
    *(NotFound, LogFilesError, BadLine, BadFile, BadFrame, BadModel, OSError, ValueError),
    *(LogUnavailable, ControlUnavailable, RegistryUnavailable),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos why`."""
    parser.add_argument("id", metavar="ID", help="decision_id, slot_id or event_id")
    parser.add_argument(
        "--log", "--events", dest="events", type=Path, help="archive, exported log or JSON Lines"
    )
    parser.add_argument("--campaigns", type=Path, help="campaigns.yaml, for JSON Lines")
    parser.add_argument("--sites", type=Path, help="sites.yaml, for JSON Lines")
    parser.add_argument("--model", type=Path, help="folder of a model, for JSON Lines")
    parser.add_argument("--policy", type=Path, help="policy record, for JSON Lines")


def run(args: argparse.Namespace) -> int:
    """Explain every decision of the id; 1 when one does not compute again."""
    try:
        found = _found(args)
    except FAILURES as failure:
        raise CommandError(str(failure)) from failure
    explained = [(explain(each.case), each) for each in found if isinstance(each, Found)]
    for each in found:
        if isinstance(each, Undecided):
            told = undecided_json(each.time_out)
            print_result(told, as_json=args.json, lines=[told["sentence"]])
    for number, (why, each) in enumerate(explained):
        if number and not args.json:
            print()
        print_result(as_json(why, each), as_json=args.json, lines=lines(why, each))
    return 0 if all(why.exact for why, _ in explained) else 1


def _found(args: argparse.Namespace) -> Result:
    if args.events is None:
        where, folder = endpoints(), archive_folder(None)
        registry = RegistryClient(where.registry)
        if is_archive(folder) and belongs(folder, where.brokers):
            return in_archive(folder, args.id, Live(where.brokers, registry))
        return in_stack(where.brokers, registry, args.id, where.model_keys)
    if is_archive(args.events):
        return in_archive(args.events, args.id)
    if args.events.is_dir():
        return in_export(args.events, args.id)
    return in_lines(args.events, args.id, given_context(args))
