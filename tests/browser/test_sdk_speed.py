"""What the SDK costs a page, at a CPU four times slower than this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page

from tests.browser.conftest import until
from tests.browser.decisions import carousel
from tests.browser.fixture_shop import FixtureShop

pytestmark = pytest.mark.alone

Visit = Callable[..., Page]
SLOWER = 4
HANDED_OVER_MS = 25
"""Five times what is promised (docs/sdk.md has the figure): only a wait for another task, such as
a timer's, is beyond it on a busy machine."""

LOAD_MS = 80
LONG_TASK_MS = 50
PAGES = 5

ROUNDS = 4
HUNDRED_CLICKS = """() => {
  const sent = [], original = window.fetch;
  window.fetch = (...given) => (sent.push(performance.now()), original(...given));
  const buy = document.querySelector('#buy');
  const taken = Array.from({length: 100}, () => {
    const began = performance.now(), before = sent.length;
    buy.click();
    return sent.length > before ? sent[before] - began : null;
  });
  window.fetch = original;
  return taken;
}"""


@pytest.fixture
def slow(page: Page) -> Iterator[CDPSession]:
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    yield session
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})


def test_a_handler_hands_over_in_its_own_task(
    visit: Visit, shop: FixtureShop, slow: CDPSession
) -> None:
    """From the DOM event to the request, for a decision point; the figure is printed."""
    page = visit()
    rounds = [page.evaluate(HUNDRED_CLICKS) for _ in range(ROUNDS)]
    # Not even the slowest waits for another task, which would be a click without a request.
    assert all(ms is not None for each in rounds for ms in each)
    # Other work on the machine only ever adds, so the best round speaks for the handler.
    best_ms = min(sorted(each)[98] for each in rounds)
    print("p99 from the click to the request, ms:", best_ms)
    assert best_ms <= HANDED_OVER_MS


def test_the_sdk_makes_no_long_task_while_a_page_loads(visit: Visit, slow: CDPSession) -> None:
    slow.send("Profiler.enable")
    slow.send("Profiler.setSamplingInterval", {"interval": 200})
    spent = []
    for number in range(PAGES):
        slow.send("Profiler.start")
        visit(f"/p/{number + 1}")
        spent.append(_within_sdk(slow.send("Profiler.stop")["profile"]))
    print("ms in the SDK while a page loads, longest stretch:", spent)
    # The profiler and other work on the machine only ever add; docs/sdk.md has the figure.
    assert min(total_ms for total_ms, _ in spent) <= LOAD_MS
    assert min(longest_ms for _, longest_ms in spent) <= LONG_TASK_MS


def test_drawing_an_action_is_no_long_task(
    visit: Visit, shop: FixtureShop, slow: CDPSession
) -> None:
    slow.send("Profiler.enable")
    slow.send("Profiler.setSamplingInterval", {"interval": 200})
    spent = []
    for number in range(3):
        page = visit(f"/p/{number + 1}")
        slow.send("Profiler.start")
        shop.push(carousel(f"s_{number}", picture=False))
        until(partial(_shown, shop, number + 1), page)
        spent.append(_within_sdk(slow.send("Profiler.stop")["profile"]))
    print("ms in the SDK for an action, longest stretch:", spent)
    assert min(longest_ms for _, longest_ms in spent) <= LONG_TASK_MS


def _shown(shop: FixtureShop, actions: int) -> bool:
    """So many actions were painted."""
    return len(shop.of("impression")) >= actions


def _within_sdk(profile: dict[str, Any]) -> tuple[float, float]:
    """Milliseconds of samples whose stack holds a function of the SDK: all, longest stretch."""
    nodes = {node["id"]: node for node in profile["nodes"]}
    parent = {child: node["id"] for node in profile["nodes"] for child in node.get("children", [])}
    total_us = stretch_us = longest_us = 0
    for sampled, delta_us in zip(profile["samples"], profile["timeDeltas"], strict=True):
        at: Any = sampled
        while at in nodes and "/sdk/" not in nodes[at]["callFrame"]["url"]:
            at = parent.get(at)
        stretch_us = stretch_us + delta_us if at in nodes else 0
        total_us += delta_us if at in nodes else 0
        longest_us = max(longest_us, stretch_us)
    return total_us / 1000, longest_us / 1000
