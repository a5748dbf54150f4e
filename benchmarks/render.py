"""From a visitor's act to the painted action, in a real Chromium on the demo shop.

Each sample is a new visitor (a fresh browser context) and is timed by the page's own clock: from
the DOM event, or from the SDK's first line for a page view, until the first frame that holds the
action. Simulated visitors load the stack meanwhile. Two campaigns that always win are added to the
demo's eight, so that samples have an action to paint; they win by the same auction.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any, NamedTuple
from urllib.request import urlopen

from msgspec.structs import replace
from playwright.sync_api import Browser, Page

from benchmarks.percentiles import percentile
from benchmarks.rows import Row, machine
from connectors.control import EFFECTIVE_AFTER_MS, ControlWriter
from connectors.registry import RegistryClient
from infra.demo.chromium import Answer, answer, chromium, leave, visitor
from infra.local.layout import CHECKOUT, Layout, read_layout
from infra.local.process import wait_until
from infra.local.services import ALL
from infra.local.stack import Stack
from schemas.campaign import Campaign
from schemas.render import Render

NAME = "render"
HELP = "act -> painted action in a real Chromium; starts a stack of its own"
SAMPLES = 40
RATE = 50.0
WARM_UP = 6
"""Visits of each class before the first sample: they are made and left out."""

PAINTED_WITHIN_MS = 2_000
PAGE_WITHIN_MS = 10_000
BUDGET_MS = {"instant": 100, "standard": 200}
SIMULATED_SPEED = 20.0
RATE_REACHED, RATE_WITHIN_S = 0.8, 90.0
ACCEPTED = 'kairos_gateway_events_total{outcome="accepted"}'


class Sample(NamedTuple):
    """One decision point; `total_ms` is None for a none and infinite where nothing was painted."""

    kind: str
    total_ms: float | None
    stages_ms: dict[str, float]


def rows() -> list[Row]:
    """Few samples of each class, on a stack of its own."""
    layout = Layout(CHECKOUT, read_layout().home, read_layout().home / "proofs/render/stack")
    stack = Stack(layout)
    try:
        stack.up(ALL)
        result = measure(stack, SAMPLES, RATE)
    finally:
        stack.down()
    out = []
    for name, figures in result["classes"].items():
        label = f"render {name}, {result['background_per_s']:g} events/s beside it"
        over = f"render {name}, share over {BUDGET_MS[name]} ms"
        out += [
            Row(f"{label} (value: p95)", "ms", figures["p95"], figures["p50"], figures["p99"]),
            Row(over, "of painted", figures["over_budget"]),
        ]
    for stage, figures in result["stages_ms"].items():
        out.append(Row(f"render stage {stage}", "ms", figures["p95"], figures["p50"],
                       figures["p99"], machine()))  # fmt: skip
    return out


def measure(stack: Stack, samples: int, rate: float) -> dict[str, Any]:
    """So many samples of each class with about `rate` background events a second."""
    where = stack.state.endpoints
    add_winners(where["brokers"], where["registry"])
    with background(stack, rate), chromium() as browser:
        assert wait_until(
            lambda: rate_now(where["gateway"]) >= RATE_REACHED * rate, RATE_WITHIN_S
        ), f"the background never reached {RATE_REACHED:.0%} of {rate:g} events/s"
        for number in range(WARM_UP):
            standard(browser, where["shop"])
            instant(browser, where["shop"], number)
        began_s, before = time.monotonic(), accepted(where["gateway"])
        made = {"standard": [], "instant": []}  # type: dict[str, list[Sample]]
        for number in range(samples):
            made["standard"].append(standard(browser, where["shop"]))
            made["instant"].append(instant(browser, where["shop"], number))
        took_s = time.monotonic() - began_s
        seen_rate = (accepted(where["gateway"]) - before) / took_s
    every = made["standard"] + made["instant"]
    return {
        "asked_per_s": rate,
        "background_per_s": round(seen_rate, 1),
        "warm_up_left_out": 2 * WARM_UP,
        "classes": {name: figures(of, BUDGET_MS[name]) for name, of in made.items()},
        "kinds": {kind: figures(of, 0) for kind, of in by_kind(every).items()},
        "stages_ms": stages(every),
    }


def by_kind(samples: list[Sample]) -> dict[str, list[Sample]]:
    """Samples by the event that asked."""
    out: dict[str, list[Sample]] = {}
    for sample in samples:
        out.setdefault(sample.kind, []).append(sample)
    return out


def figures(samples: list[Sample], budget_ms: float) -> dict[str, Any]:
    """Percentiles of what had an action to paint; what was not painted counts as infinite."""
    timed = sorted(each.total_ms for each in samples if each.total_ms is not None)
    over = sum(ms > budget_ms for ms in timed)
    return {
        "samples": len(samples),
        "none": len(samples) - len(timed),
        "unpainted": timed.count(inf),
        **{f"p{share}": finite(percentile(timed, share / 100)) for share in (50, 95, 99)},
        "over_budget": round(over / len(timed), 4) if timed else None,
    }


def stages(samples: list[Sample]) -> dict[str, dict[str, float | None]]:
    """p50, p95 and p99 of every stage on the way."""
    values: dict[str, list[float]] = {}
    for sample in samples:
        for stage, ms in sample.stages_ms.items():
            values.setdefault(stage, []).append(ms)
    return {
        stage: {f"p{n}": finite(percentile(sorted(all_ms), n / 100)) for n in (50, 95, 99)}
        for stage, all_ms in values.items()
    }


def finite(value: float) -> float | None:
    """Rounded, or None for infinity, which JSON cannot say."""
    return None if value == inf else round(value, 2)


# ---- one visitor ---------------------------------------------------------------------------


def standard(browser: Browser, shop: str) -> Sample:
    """Somebody new views a category."""
    with visitor(browser) as page:
        page.goto(f"{shop}/c/lights", wait_until="commit")
        return sample("page_view", answer(page, "page_view", PAGE_WITHIN_MS))


def instant(browser: Browser, shop: str, number: int) -> Sample:
    """Somebody new fills the cart, leaves, or comes to the cart (which moves the stage)."""
    acts: list[tuple[str, str, Callable[[Page], None]]] = [
        ("/p/p12", "add_to_cart", lambda page: page.click("[data-add]")),
        ("/p/p12", "exit_intent", leave),
        ("/cart", "cart_view", lambda page: None),
    ]
    path, kind, act = acts[number % len(acts)]
    with visitor(browser) as page:
        page.goto(shop + path, wait_until="commit")
        if kind == "cart_view":
            return sample(kind, answer(page, kind, PAGE_WITHIN_MS))
        # The page's own answers come first, so that the act is all that is under way.
        answer(page, "product_view", PAGE_WITHIN_MS)
        act(page)
        return sample(kind, answer(page, kind, PAINTED_WITHIN_MS + 500))


def sample(kind: str, found: Answer | None) -> Sample:
    """What the page saw as numbers."""
    if found is None:
        return Sample(kind, inf, {})
    if found["frame"]["type"] == "none":
        return Sample(kind, None, {})
    painted = found["painted"]
    if painted is None:
        return Sample(kind, inf, {})
    total_ms = painted["painted_ms"] - painted["t0_ms"]
    late = total_ms > PAINTED_WITHIN_MS
    return Sample(kind, inf if late else total_ms, stages_of(painted, found["frame"]["ledger"]))


def stages_of(painted: dict[str, float], ledger: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of each stage; browser and servers share this machine's clock."""
    us = {name: value / 1000 for name, value in ledger["us"].items()}
    in_job_ms = ledger["emitted_at_ms"] - ledger["consumed_at_ms"]
    return {
        "sdk": painted["sent_ms"] - painted["t0_ms"],
        "ingest": ledger["received_at_ms"] - painted["sent_ms"],
        "log_hop": ledger["consumed_at_ms"] - ledger["received_at_ms"],
        "profile": sum(us.get(name, 0.0) for name in ("decode", "state", "dedup", "profile")),
        "intent": us.get("intent", 0.0),
        "ranking": us.get("fusion", 0.0) + us.get("auction", 0.0),
        "encode": us.get("encode", 0.0),
        "job_rest": max(in_job_ms - sum(us.values()), 0.0),
        "decision_hop": ledger["pushed_at_ms"] - ledger["emitted_at_ms"],
        "push": painted["received_ms"] - ledger["pushed_at_ms"],
        "render": painted["painted_ms"] - painted["received_ms"],
    }


# ---- around it -----------------------------------------------------------------------------


def add_winners(brokers: str, registry: str) -> None:
    """Publish the demo's campaigns and two more whose quality is beyond any other's."""
    writer = ControlWriter(brokers, RegistryClient(registry))
    known = writer.newest("campaigns", "demo")
    assert known is not None, "the stack has no demo campaigns"
    names = {each.id for each in winners()}
    others = tuple(each for each in known.campaigns if each.id not in names)
    writer.publish_campaigns(replace(known, campaigns=(*others, *winners())))
    time.sleep(2 * EFFECTIVE_AFTER_MS / 1000)


def winners() -> tuple[Campaign, Campaign]:
    """One for page views of categories, one for the instant decision points."""
    sure = Campaign(
        id="", action_type="", margin_micros=50_000_000, base_ppm=500_000, cap_day=0, fallback=False
    )
    on_view = Render(kind="inline", title="Seen on a page view", body="Always wins.")
    at_once = Render(kind="banner", title="Seen at once", body="Always wins.")
    return (
        replace(sure, id="RENDER_VIEW", action_type="product_carousel", on=("page_view",),
                when="page_type == category", render=on_view),
        replace(sure, id="RENDER_INSTANT", action_type="free_shipping_banner",
                on=("add_to_cart", "exit_intent", "cart_view"), render=at_once),
    )  # fmt: skip


@contextmanager
def background(stack: Stack, rate: float) -> Iterator[None]:
    """Simulated visitors in a process of their own until the block ends."""
    command = [sys.executable, "-m", "cli.main", "simulate", "--rate", str(rate)]
    command += ["--speed", str(SIMULATED_SPEED), "--minutes", "600", "--seed", "render"]
    env = {**stack.env, "KAIROS_STACK_DIR": str(stack.layout.stack)}
    env.pop("KAIROS_GATEWAY_URL", None)
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def accepted(gateway: str) -> float:
    """Events the gateway has taken so far."""
    with urlopen(f"{gateway}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(ACCEPTED))


def rate_now(gateway: str, over_s: float = 2.0) -> float:
    """Events a second, measured over the next two seconds."""
    before = accepted(gateway)
    time.sleep(over_s)
    return (accepted(gateway) - before) / over_s
