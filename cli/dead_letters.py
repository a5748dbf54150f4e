"""Look at records that could not be applied, and send them again once their cause is gone.

A dead letter keeps the original key and value. Its id is where the original lay:
topic/partition/offset. A replay writes the original bytes to the original topic and partition
again, each letter at most once: `replay` a second time sends nothing.
"""

from __future__ import annotations

import argparse
import base64
import sys
from collections import Counter, deque
from typing import Any

from cli.endpoints import Endpoints, endpoints
from cli.output import CommandError, print_result, table
from connectors.dead_letters import Item, Replayed, obstacle, read_items, replay
from connectors.log_topics import LogReader, LogUnavailable
from connectors.registry import RegistryClient, RegistryUnavailable

NAME = "dead-letters"
HELP = "list, show or replay records that could not be applied"
EXAMPLE = "kairos dead-letters list --reason bad_magic"
LIST_MAX = 50
HEX_BYTES_SHOWN = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`list`, `show ID` and `replay`."""
    actions = parser.add_subparsers(dest="action", metavar="list|show|replay", required=True)
    found = _action(actions, "list", "the newest letters, and how many of each reason", "list")
    found.add_argument("--reason", help="only letters of this reason")
    found.add_argument("--limit", type=int, default=LIST_MAX, help="how many of the newest")
    shown = _action(actions, "show", "one letter with its original bytes", "show events/3/17")
    shown.add_argument("id", metavar="ID", help="topic/partition/offset")
    shown.add_argument("--raw", action="store_true", help="write the value's bytes and no more")
    again = _action(actions, "replay", "send originals again, each at most once", "replay --all")
    again.add_argument("id", metavar="ID", nargs="*", help="topic/partition/offset")
    again.add_argument("--reason", help="all letters of this reason")
    again.add_argument("--all", action="store_true", help="all letters")
    again.add_argument("--dry-run", action="store_true", help="tell what would be sent")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, example: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"example:\n  kairos dead-letters {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action.add_argument("--json", action="store_true", help="print one JSON object")
    return action


def run(args: argparse.Namespace) -> int:
    """Carry out the action."""
    where = endpoints()
    try:
        if args.action == "list":
            return _list(args, where)
        return _show(args, where) if args.action == "show" else _replay(args, where)
    except (LogUnavailable, RegistryUnavailable) as failure:
        raise CommandError(str(failure)) from failure


def _items(where: Endpoints) -> Any:
    return read_items(LogReader(where.brokers), RegistryClient(where.registry))


def _list(args: argparse.Namespace, where: Endpoints) -> int:
    if args.limit < 1:
        raise CommandError("--limit must be at least 1")
    newest: deque[dict[str, Any]] = deque(maxlen=args.limit)
    reasons: Counter[str] = Counter()
    for item in _items(where):
        if args.reason in (None, item.letter.reason):
            reasons[item.letter.reason] += 1
            newest.append(headline(item))
    items = list(reversed(newest))
    found = {"items": items, "reasons": dict(reasons.most_common()), "total": reasons.total()}
    columns = ("id", "reason", "value_length", "schema_id", "detail")
    rows = [[item[column] for column in columns] for item in items]
    lines = [f"{reasons.total()} dead letters", *(f"{n:>7} {r}" for r, n in reasons.most_common())]
    lines += table(columns, rows) if rows else []
    print_result(found, as_json=args.json, lines=lines)
    return 0


def headline(item: Item) -> dict[str, Any]:
    """A letter without its bytes."""
    letter = item.letter
    return {
        "id": item.id,
        "reason": letter.reason,
        "detail": letter.detail,
        "timestamp_ms": letter.origin_timestamp_ms,
        "key": None if letter.key is None else letter.key.decode("utf-8", "backslashreplace"),
        "value_length": letter.value_length,
        "value_sha256": letter.value_sha256,
        "schema_id": letter.schema_id,
        "build_id": letter.build_id,
    }


def _show(args: argparse.Namespace, where: Endpoints) -> int:
    item = next((each for each in _items(where) if each.id == args.id), None)
    if item is None:
        raise CommandError(f"no dead letter {args.id}; `kairos dead-letters list` names them")
    value = item.letter.value
    if args.raw:
        sys.stdout.buffer.write(value or b"")
        return 0
    head = headline(item)
    head["replayable"] = not obstacle(item)
    lines = [f"{name:<13} {text}" for name, text in head.items()]
    lines.append(f"value         {(value or b'')[:HEX_BYTES_SHOWN].hex(' ')}")
    if len(value or b"") > HEX_BYTES_SHOWN:
        lines.append(f"              first {HEX_BYTES_SHOWN} bytes; --raw writes all")
    full = {**head, "key_base64": _base64(item.letter.key), "value_base64": _base64(value)}
    print_result({"items": [full]}, as_json=args.json, lines=lines)
    return 0


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _replay(args: argparse.Namespace, where: Endpoints) -> int:
    if not (args.id or args.reason or args.all):
        raise CommandError("name letters by ID, or give --reason REASON or --all")
    wanted = set(args.id)

    def chosen(item: Item) -> bool:
        return bool(args.all or item.id in wanted or item.letter.reason == args.reason)

    registry = RegistryClient(where.registry)
    done = replay(where.brokers, registry, chosen, dry_run=args.dry_run)
    unknown = sorted(wanted - {*done.sent, *done.already, *done.skipped})
    if unknown:
        done.skipped.update(dict.fromkeys(unknown, "there is no such dead letter"))
    print_result(result(done), as_json=args.json, lines=replay_lines(done, args.dry_run))
    return 1 if unknown else 0


def result(done: Replayed) -> dict[str, Any]:
    """What `replay --json` prints."""
    items = [{"id": name, "state": "sent"} for name in done.sent]
    items += [{"id": name, "state": "already"} for name in done.already]
    items += [{"id": name, "state": "skipped", "why": why} for name, why in done.skipped.items()]
    counts = {"sent": len(done.sent), "already": len(done.already), "skipped": len(done.skipped)}
    return {"items": items, **counts}


def replay_lines(done: Replayed, dry_run: bool) -> list[str]:
    """The result for a person."""
    verb = "would be sent" if dry_run else "sent"
    lines = [f"{len(done.sent)} {verb}, {len(done.already)} were sent before"]
    lines += [f"skipped {name}: {why}" for name, why in done.skipped.items()]
    return lines
