"""Persona visitors through the gateway as an SDK would send them; they answer what they are shown.

All figures are simulated: the visitors and their hidden answers are made up (infra/demo).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from typing import Any

from cli.output import CommandError, print_result, progress
from infra.local.layout import read_layout
from infra.local.state import State, read_state

NAME = "simulate"
HELP = "send simulated persona visitors through the gateway; they react to what they are shown"
EXAMPLE = "kairos simulate --visitors 40 --minutes 3 --seed 7 --truth --json"
RATE = 5.0
REPORT_MINUTES_MAX = 120
"""A longer run keeps nothing of what it saw and reports its counters only."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos simulate`."""
    parser.add_argument("--visitors", type=int, default=0, help="how many; 0 = by --rate")
    parser.add_argument("--minutes", type=float, default=0.0, help="over how long they land (2)")
    parser.add_argument("--rate", type=float, default=RATE, help="events a second, about (5)")
    parser.add_argument("--speed", type=float, default=1.0, help="shorten the visitors' time")
    parser.add_argument(
        "--turn-minutes", type=float, default=0.0, help="after this long tastes change; 0 = never"
    )
    parser.add_argument("--seed", help="same seed, same visitors; a new one each run if left out")
    parser.add_argument("--site", default="demo")
    parser.add_argument("--truth", action="store_true", help="print learned against true")


def run(args: argparse.Namespace) -> int:
    """Simulate and print; 1 when conservation fails or a slot has two bodies."""
    for name in ("rate", "speed"):
        if getattr(args, name) <= 0:
            raise CommandError(f"--{name}: must be above 0")
    state = read_state(read_layout().stack)
    gateway = os.environ.get("KAIROS_GATEWAY_URL") or state.endpoints.get("gateway")
    if not gateway:
        raise CommandError("no stack runs here; start one with `kairos up --demo`")
    if args.minutes > REPORT_MINUTES_MAX:
        return _endless(args, gateway)
    result = simulate(args, state, gateway)
    print_result(result, as_json=args.json, lines=lines(result))
    return 0 if result["conserved"] and not result["slots_with_two_bodies"] else 1


def _crowd(args: argparse.Namespace, gateway: str) -> Any:
    from infra.demo.simulation import Crowd

    minutes = args.minutes or (0.0 if args.visitors else 2.0)
    return Crowd(
        gateway=gateway,
        site=args.site,
        seed=args.seed or str(time.time_ns()),
        rate=args.rate,
        seconds=minutes * 60,
        visitors=args.visitors,
        speed=args.speed,
        turn_s=args.turn_minutes * 60,
    )


def simulate(args: argparse.Namespace, state: State, gateway: str) -> dict[str, Any]:
    """One crowd, watched and counted."""
    from benchmarks.openloop import Settings
    from cli.replay import base_ppm
    from infra.demo.goods import demo_goods
    from infra.demo.simulation_report import Simulated, summarise

    crowd = _crowd(args, gateway)
    settings = Settings(
        gateway=gateway,
        brokers=state.endpoints["brokers"],
        registry=state.endpoints["registry"],
        site=args.site,
        rate=args.rate,
        speed=args.speed,
        resend=0.0,
        shuffle=0,
        seed=0,
    )
    progress(f"simulated visitors, seed {crowd.seed}, about {args.rate:g} events/s")
    done = Simulated(settings, crowd, demo_goods())
    asyncio.run(done.play())
    return summarise(done, base_ppm(state, args.site), truth=args.truth)


def _endless(args: argparse.Namespace, gateway: str) -> int:
    from infra.demo.goods import demo_goods
    from infra.demo.simulation import Simulation

    crowd = _crowd(args, gateway)
    progress(f"simulated visitors, seed {crowd.seed}, about {args.rate:g} events/s, until stopped")
    simulation = Simulation(crowd, demo_goods(), remember=False)
    asyncio.run(simulation.play())
    result = {"simulated": True, "visitors": simulation.landed, "acked": simulation.run.accepted}
    print_result(result, as_json=args.json, lines=[f"{simulation.landed} visitors (simulated)"])
    return 0


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a person."""
    latency = result["latency_ms"]
    out = [
        f"simulated: {result['visitors']} visitors, {result['purchases']} bought, "
        f"outcomes {result['outcomes']}",
        f"sent {result['sent']}   acked {result['acked']}   unanswered {result['unanswered']}   "
        f"conserved {'yes' if result['conserved'] else 'NO'}",
        f"decisions {result['decisions']}   sessions with an action "
        f"{result['sessions_with_action']} of {result['sessions']}",
        f"winners {result['by_campaign']}",
        f"none {result['none_reasons']}",
        f"latency ms p50 {latency['p50']}  p99 {latency['p99']}  max {latency['max']}",
    ]
    learned = result.get("learned_vs_true")
    if learned:
        for after, figure in learned["purchase_intent_auroc"].items():
            out.append(
                f"purchase_intent against who will buy, after {after} decisions: AUROC "
                f"{figure['value']} {figure['ci']} over {figure['n']} visits (simulated)"
            )
        for name, each in learned["personas"].items():
            out.append(
                f"  {name:<18} {each['visitors']:>4} visitors, {each['will_buy']} would buy, "
                f"{each['bought']} bought; mean scores {each['mean_scores']}"
            )
    return out
