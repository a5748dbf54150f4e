"""Recorded real visitors through the gateway, exactly as an SDK would send them."""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import uvloop

from benchmarks.openloop import Replay, Settings
from benchmarks.replay_report import report
from cli.output import CommandError, print_result, progress
from connectors.control import ControlWriter
from connectors.datasets import DATASETS, DatasetMissing, load
from connectors.registry import RegistryClient
from infra.local.layout import read_layout
from infra.local.state import State, read_state

NAME = "replay"
HELP = "send recorded real visitors through the gateway and count what became of them"
EXAMPLE = "kairos replay --dataset clickstream-dmm ../shared/data --sessions 500 --rate 200 --json"
DATA_ENV, DATA_DEFAULT = "KAIROS_DATA", "../shared/data"
WARMUP_SHARE = 0.2
WARMUP_S_MAX = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos replay`."""
    parser.add_argument("path", nargs="?", type=Path, help=f"data folder (default ${DATA_ENV})")
    parser.add_argument("--dataset", choices=DATASETS, default=DATASETS[0])
    parser.add_argument("--site", default="demo")
    parser.add_argument("--sessions", type=int, default=500, help="visits to send; 0 = all")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=float, help="events a second; deadlines will not fire")
    pace.add_argument("--speed", type=float, help="times recorded time; 1 fires deadlines")
    parser.add_argument("--resend", type=float, default=0.0, help="share produced twice")
    parser.add_argument("--shuffle", type=int, default=0, help="reorder within N events a visit")
    parser.add_argument("--seed", type=int, default=1)


def run(args: argparse.Namespace) -> int:
    """Replay and print; 1 when conservation fails or a slot has two bodies."""
    state = read_state(read_layout().stack)
    if not state.endpoints:
        raise CommandError("no stack runs here; start one with `kairos up --demo`")
    result = replay(args, state)
    print_result(result, as_json=args.json, lines=lines(result))
    return 0 if result["conserved"] and not result["slots_with_two_bodies"] else 1


def replay(args: argparse.Namespace, state: State) -> dict[str, Any]:
    """One replay against the stack in `state`."""
    path = args.path or Path(os.environ.get(DATA_ENV, DATA_DEFAULT))
    try:
        visits = load(args.dataset, path, sessions=args.sessions, seed=args.seed)
    except DatasetMissing as missing:
        raise CommandError(f"{missing} (argument PATH or {DATA_ENV})") from missing
    rate = args.rate if args.rate or args.speed else 200.0
    settings = Settings(
        gateway=state.endpoints["gateway"],
        brokers=state.endpoints["brokers"],
        registry=state.endpoints["registry"],
        site=args.site,
        rate=rate,
        speed=args.speed,
        resend=args.resend,
        shuffle=args.shuffle,
        seed=args.seed,
        run=f"-{int(time.time()):x}",
    )
    events = sum(len(visit.events) for visit in visits)
    pace = f"{rate:g} events/s" if rate else f"{args.speed:g} x recorded time"
    progress(f"{len(visits)} visits, {events} events at {pace}")
    if rate:
        progress("recorded spacing stays in `ts`, but at a fixed rate deadlines do not fire")
    before = disordered(state)
    after: list[int] = []
    driver = Replay(settings, visits, lambda: after.append(disordered(state)))
    done = uvloop.run(driver.play())
    warmup_s = min(events / rate * WARMUP_SHARE, WARMUP_S_MAX) if rate else WARMUP_S_MAX
    bases = base_ppm(state, args.site)
    result = report(done, driver.decisions, args.site, round(warmup_s, 1), bases)
    result["disordered"] = after[0] - before
    return result


def base_ppm(state: State, site: str) -> dict[str, int]:
    """Campaign -> the quality it has without any score, by the catalogue in force."""
    where = state.endpoints
    writer = ControlWriter(where["brokers"], RegistryClient(where["registry"]))
    catalogue = writer.newest("campaigns", site)
    return {} if catalogue is None else {each.id: each.base_ppm for each in catalogue.campaigns}


def disordered(state: State) -> int:
    """Events at or below the watermark so far, summed over the TaskManagers' metrics."""
    total = 0.0
    for name, port in state.ports.items():
        if name != "prometheus_taskmanager":
            continue
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            continue
        total += sum(map(float, re.findall(r"kairos_disordered\{[^}]*\} ([0-9.eE+]+)", text)))
    return int(total)


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a person."""
    latency = result["latency_ms"]
    return [
        f"sent {result['sent']}   acked {result['acked']}   unanswered {result['unanswered']}   "
        f"resent {result['resent']}   gateway duplicates {result['gateway_duplicates']}",
        f"applied {result['applied']} + duplicate {result['duplicate']} + late {result['late']} + "
        f"dead-lettered {result['dead_lettered']} = acked + unanswered + resent: "
        f"{'yes' if result['conserved'] else 'NO'}   disordered {result['disordered']}",
        f"decisions {result['decisions']}   slots with two bodies "
        f"{result['slots_with_two_bodies']}   repeated records {result['repeated']}",
        f"sessions with an action {result['sessions_with_action']} of {result['sessions']}   "
        f"won on scores {result['won_on_scores']}",
        f"winners {result['by_campaign']}",
        f"none {result['none_reasons']}",
        f"latency ms p50 {latency['p50']}  p90 {latency['p90']}  p99 {latency['p99']}  "
        f"p99.9 {latency['p99_9']}  max {latency['max']}  "
        f"(first {latency['warmup_s']} s left out as warm-up)",
    ]
