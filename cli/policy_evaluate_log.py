"""kairos' own log, evaluated under a policy: an exported log or an archive."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cli.output import CommandError
from cli.policy_evaluate_target import numbered
from cli.progress import Bar
from connectors.avro import BadFrame, codec
from connectors.log_decide import control_records, logged_context, registry_of
from connectors.log_files import LogFilesError
from connectors.log_folder import read_manifest, read_records
from connectors.routes import Origin
from evidence.bootstrap import DRAWS
from evidence.off_policy import Logged, Target, evaluated
from evidence.rechoice import chances_ppm, logged_ppm, under
from models.context import Context, View
from models.held_policy import again, held, said_in
from models.policy_checks import PolicyRefused
from operators.local_learning import GRACE_MS, LocalLearning
from schemas.decision import Decision
from schemas.ids import MILLION
from schemas.policy import Policy
from schemas.reward import Reward
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS, POLICY, PROFILES

Chances = dict[str, int]


class Told(Struct):
    """Rows of decisions with their rewards, and why others are left out."""

    decisions: list[Decision]
    rewards: list[float]
    chances: list[Chances]
    left_out: Counter[str]


def of_log(args: argparse.Namespace) -> dict[str, Any]:
    """Every figure of an exported log or archive under a policy. Raises CommandError."""
    try:
        context = logged_context(args.log)
        policy = _policy(args, context)
        told = _told(args.log, policy, context, _rewards(args.log))
    except (LogFilesError, BadFrame, OSError, ValueError) as failure:
        raise CommandError(str(failure)) from failure
    if len(told.decisions) < 2:
        why = ", ".join(f"{count:,} {name}" for name, count in told.left_out.items())
        raise CommandError(
            f"{args.log}: no decision can tell of a policy ({why or 'it has none'}); a log tells "
            "once exploration is on and reward windows have closed"
        )
    logged, target = _columns(told)
    with Bar(DRAWS, "bootstrap draws") as bar:
        found = evaluated(logged, target, np.random.default_rng(args.seed), bar.update)
    return {
        **found,
        "log": str(args.log),
        "policy": Path(args.policy).name,
        "site": policy.site,
        "left_out": dict(sorted(told.left_out.items())),
    }


def _policy(args: argparse.Namespace, context: Context) -> Policy:
    """A policy file over the log's newest policy, or a version that the log holds."""
    known = [each for topic, each in control_records(args.log) if topic == POLICY]
    sites = {each.site for topic, each in control_records(args.log) if topic == "sites"}
    site = args.site or (min(sites) if len(sites) == 1 else "")
    if not site:
        raise CommandError(f"--site: which site? The log has {', '.join(sorted(sites))}")
    own = sorted((each for each in known if each.site == site), key=lambda each: each.version)
    newest = own[-1] if own else Policy(site=site)
    catalogue = context.at(site, 1 << 61).catalogue
    try:
        if Path(args.policy).is_file():
            names = catalogue.ids if catalogue is not None else ()
            return held(newest, said_in(Path(args.policy).read_bytes()), names)
        if args.policy.isdigit():
            wanted = [each for each in own if each.version == int(args.policy)]
            if wanted:
                return again(newest, wanted[0])
    except PolicyRefused as refused:
        raise CommandError(f"--policy {args.policy}: {refused}") from refused
    raise CommandError(
        f"--policy {args.policy}: neither a policy file that exists nor one of the {len(own)} "
        f"versions that the log has of site {site}"
    )


def _rewards(folder: Path) -> dict[str, Reward]:
    """The last word on each slot: attribution over the whole log, as the learning job does it."""
    manifest, newest = read_manifest(folder), 0
    topics = [each for each in (*CONTROL_TOPICS, EVENTS, PROFILES, DECISIONS)
              if each in manifest.topics]  # fmt: skip
    total, done = sum(manifest.topics[each].records for each in topics), 0

    def records() -> Iterator[tuple[str, Origin]]:
        nonlocal newest, done
        with Bar(total, "records") as bar:
            for topic in topics:
                for each in read_records(folder, topic):
                    done += 1
                    bar.update(done)
                    if topic in (EVENTS, DECISIONS):
                        newest = max(newest, each.timestamp_ms)
                    if each.value is not None:
                        place = (each.partition, each.offset, each.timestamp_ms)
                        yield topic, Origin(*place, each.key, each.value)

    job = LocalLearning(registry_of(manifest)).fold(records())
    job.advance(newest - GRACE_MS - 1)
    return {reward.slot_id: reward for reward in job.rewards}


def _told(folder: Path, policy: Policy, context: Context, rewards: dict[str, Reward]) -> Told:
    reader, told = codec(DECISIONS, registry_of(read_manifest(folder))), Told([], [], [], Counter())
    seen: set[str] = set()
    for record in read_records(folder, DECISIONS):
        if record.value is None:
            continue
        made = reader.decode(record.value)
        if made.site != policy.site or not made.candidates or made.slot_id in seen:
            continue
        seen.add(made.slot_id)
        view, reward = context.at(made.site, made.decided_at_ms), rewards.get(made.slot_id)
        why = _unfit(made, view, reward)
        if why or reward is None:
            told.left_out[why] += 1
            continue
        told.decisions.append(made)
        told.rewards.append(reward.reward_micros / MILLION)
        told.chances.append(chances_ppm(made, under(view, policy, made.decided_at_ms)))
    return told


def _unfit(made: Decision, view: View, reward: Reward | None) -> str:
    """Why a decision tells nothing of another policy; empty where it does."""
    if made.withheld:
        return "withheld"
    if reward is None:
        return "without a reward yet"
    if logged_ppm(made) in (0, MILLION):
        return "not explored"
    if view.catalogue is None or view.market is None:
        return "without their catalogue"
    try:
        again_ppm = chances_ppm(made, view).get(made.campaign_id, 0)
    except KeyError:
        return "without their catalogue"
    return "" if again_ppm == logged_ppm(made) else "not recomputed to their logged chance"


def _columns(told: Told) -> tuple[Logged, Target]:
    actions = sorted({name for row in told.chances for name in row}
                     | {each.campaign_id for each in told.decisions})  # fmt: skip
    at = {name: number for number, name in enumerate(actions)}
    rows = len(told.decisions)
    table = np.zeros((rows, len(actions)))
    for row, chances in enumerate(told.chances):
        for name, chance in chances.items():
            table[row, at[name]] = chance / MILLION
    logged = Logged(
        np.array(told.rewards),
        np.array([at[each.campaign_id] for each in told.decisions]),
        np.array([logged_ppm(each) / MILLION for each in told.decisions]),
        _context(told.decisions),
        numbered([each.user_key for each in told.decisions])[1],
    )
    return logged, Target(np.arange(rows), table)


def _context(decisions: list[Decision]) -> NDArray[np.float64]:
    known = [{**each.concepts, **each.scores} for each in decisions]
    names = sorted({name for each in known for name in each})
    made = np.array([[each.get(name, 0) / MILLION for name in names] for each in known])
    made = made.reshape(len(known), len(names))
    spread = made.std(axis=0)
    scaled: NDArray[np.float64] = (made - made.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled[:, spread > 0]
