"""Export the log of a stack to files, or import such files into another stack's empty topics.

An export holds events, the five control topics and the decisions with key, value, headers,
timestamp, partition and offset, and the schemas by id. The records of `sites` carry the sites'
secrets, so the files are readable by their owner alone: treat them like a password file.

An import writes the control topics first, then the events, with the target registry's own schema
ids. Decisions are not imported: the target's job takes them again, and the chains are compared.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cli.endpoints import endpoints
from cli.output import CommandError, print_result, progress
from connectors import log_files
from connectors.log_files import LogFilesError
from connectors.log_topics import LogUnavailable
from connectors.log_transfer import ImportRefused, Transfer, export_log, import_log
from connectors.registry import RegistryClient, RegistryRefused, RegistryUnavailable
from schemas.chain import total
from schemas.model import UNSIGNED

NAME = "log"
HELP = "export the log to files, or import it into empty topics"
EXAMPLE = "kairos log export ./monday && kairos log import ./monday"
FAILURES = (LogFilesError, LogUnavailable, ImportRefused, RegistryRefused, RegistryUnavailable)
HELPS = {
    "export": "write events, control topics, decisions and schemas to a new folder",
    "import": "write an exported log into a stack with empty topics and no ticking gateway",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`export DIR` and `import DIR`."""
    actions = parser.add_subparsers(dest="action", metavar="export|import", required=True)
    for name, text in HELPS.items():
        example = f"example:\n  kairos log {name} ./monday --json"
        action = actions.add_parser(
            name,
            help=text,
            description=text,
            epilog=example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        action.add_argument("dir", type=Path, metavar="DIR", help="folder of the exported log")
        action.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Move the log; print what was moved and the chain of every key."""
    where = endpoints()
    place = (where.brokers, RegistryClient(where.registry), args.dir, progress)
    try:
        if args.action == "export":
            done = export_log(*place, where.model_keys)
        else:
            done = import_log(*place)
            _tell_keys(args.dir, where.model_keys)
    except FAILURES as failure:
        raise CommandError(str(failure)) from failure
    found = result(done)
    print_result(found, as_json=args.json, lines=lines(found))
    return 0 if not done.chain.conflicts else 1


def _tell_keys(folder: Path, trusted: tuple[str, ...]) -> None:
    """Models that this stack's job does not trust would be refused, and rules decide."""
    logged = log_files.read_manifest(folder).model_keys
    if UNSIGNED in trusted:
        return
    others = [key for key in logged if key not in (*trusted, UNSIGNED)]
    if others:
        progress(
            "the models of this log were signed by other keys; start the job with "
            f"KAIROS_MODEL_KEYS={','.join([*trusted, *others])} to take them too"
        )
    if UNSIGNED in logged:
        progress(
            "the job of this log took models that nobody signed; this stack's refuses them and "
            "rules decide: `kairos model publish` signs a model anew"
        )


def result(done: Transfer) -> dict[str, Any]:
    """What `--json` prints."""
    heads = done.chain.heads()
    return {
        "records": done.records,
        "chain": heads,
        "chain_sha256": total(heads),
        "superseded": done.chain.superseded,
        "conflicts": done.chain.conflicts,
        "unreadable": done.unreadable,
        "offsets_kept": done.offsets_kept,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The result for a person; the chain of every key is in `--json`."""
    out = [f"{topic:<12} {count:>9} records" for topic, count in found["records"].items()]
    keys = len(found["chain"])
    out.append(f"chain of {keys} keys' decisions: {found['chain_sha256']}")
    if found["superseded"]:
        out.append(f"{found['superseded']} later decisions of a slot decided before")
    if found["unreadable"]:
        out.append(f"{found['unreadable']} decisions could not be read and are in no chain")
    if not found["offsets_kept"]:
        out.append("offsets changed (the exported log had gaps): restore no savepoint on this log")
    for slot in found["conflicts"]:
        out.append(f"FAULT: slot {slot} has two different bodies under one decision_id")
    return out
