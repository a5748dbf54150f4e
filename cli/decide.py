"""Decide recorded events by the pure core, without any process.

`--events` is a file of JSON Lines (the public event plus site, visitor_id or user_key,
session_id, tab_id, consent and received_at_ms), decided under the given files; or the folder of
an exported log, decided under its own control records. Decisions come out as JSON Lines.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli.output import CommandError, print_json, progress
from connectors.avro import BadFrame
from connectors.event_lines import BadLine, read_lines
from connectors.given import (
    BadFile,
    campaign_records,
    model_record,
    policy_records,
    site_records,
)
from connectors.log_decide import Decided, as_line, codecs, decide_log, empty_context
from connectors.log_files import LogFilesError
from connectors.memory import MemoryRegistry
from infra.model import BadModel
from models.context import Context
from models.tally import digest
from operators.local import LocalJob
from schemas import profile as profiles
from schemas.chain import total

NAME = "decide"
HELP = "decide recorded events without any process"
EXAMPLE = "kairos decide --events monday.jsonl --campaigns campaigns.yaml --sites sites.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos decide`."""
    parser.add_argument("--events", type=Path, required=True, help="JSON Lines or exported log")
    parser.add_argument("--campaigns", type=Path, help="campaigns.yaml, for JSON Lines")
    parser.add_argument("--sites", type=Path, help="sites.yaml, for JSON Lines")
    parser.add_argument("--model", type=Path, help="folder of a model; default: the shipped one")
    parser.add_argument("--policy", type=Path, help="policy record as JSON")
    parser.add_argument("--at-end", action="store_true", help="run what is due, print digests")
    parser.add_argument("--chain", action="store_true", help="print the SHA-256 chain per key")


def run(args: argparse.Namespace) -> int:
    """Decide and print; 1 when a slot got two bodies."""
    try:
        done = decide_log(args.events) if args.events.is_dir() else _lines(args)
    except (LogFilesError, BadLine, BadFile, BadFrame, BadModel, OSError, ValueError) as failure:
        raise CommandError(str(failure)) from failure
    digests = _at_end(done) if args.at_end else {}
    if args.chain:
        heads = done.chain.heads()
        print_json({"chain": heads, "chain_sha256": total(heads)})
    else:
        for decision in done.decisions:
            sys.stdout.write(as_line(done.job.context, decision) + "\n")
        for key, value in digests.items():
            print_json({"user_key": key, "profile_digest": value})
    counts = done.job.meter.counts
    progress(
        f"{len(done.decisions)} decisions, applied {counts['applied']}, duplicate "
        f"{counts['duplicate']}, late {counts['late']}, dead-lettered {done.letters}, "
        f"disordered {counts['disordered']}"
    )
    return 1 if done.chain.conflicts else 0


def _lines(args: argparse.Namespace) -> Decided:
    """Decide JSON Lines under the given files."""
    context = given_context(args)
    done = Decided(LocalJob(context, codecs(MemoryRegistry())))
    for event in read_lines(args.events, lambda name: context.at(name, 0).site):
        done.take(done.job.applied(event))
    return done


def given_context(args: argparse.Namespace) -> Context:
    """What `--sites --campaigns --model --policy` put in force. Raises CommandError, BadFile."""
    if args.campaigns is None:
        raise CommandError("--campaigns names no file; JSON Lines need one (or give a folder)")
    sites = site_records(args.sites)
    names = [site.site for _, site in sites]
    records = [*sites, *campaign_records(args.campaigns, names), model_record(args.model)]
    if args.policy:
        records += policy_records(args.policy, names)
    context = empty_context()
    for topic, record in records:
        context.add(topic, record)
    return context


def _at_end(done: Decided) -> dict[str, str]:
    """Run the remaining deadlines but no clean-up; user key -> digest of the profile."""
    loaded = {key: profiles.load(data) for key, data in done.job.states.items()}
    known = [each for each in loaded.values() if each]
    pending = [tab.dwell_at_ms for each in known for tab in each.tabs]
    pending += [each.outreach.at_ms for each in known]
    digests = {key: digest(each) for key, each in sorted(loaded.items()) if each is not None}
    done.take(done.job.advance(max(pending, default=0)))
    return digests
