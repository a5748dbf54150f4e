"""The whole loop in a real browser: from a click in the shop to the outcome of its action."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page

from connectors.avro import codec
from connectors.control import ControlWriter
from connectors.registry import RegistryClient
from connectors.topic_tail import Tailed, TopicTail
from infra.demo.chromium import answer, chromium, visitor
from infra.local.layout import CHECKOUT
from infra.local.process import wait_until
from infra.local.stack import Stack
from schemas.campaign import Campaign
from schemas.decision import Decision
from schemas.event import Event
from schemas.ids import TICK_KEY
from schemas.render import Render
from tests.stack.conftest import Kairos

WITHIN_MS = 60_000
WITHIN_S = 60.0
PAUSED_WITHIN_S = 2.0
TITLE, BUTTON = "Keep it dry for free", "To the cart"
PAGES = [
    ("/", "page_view"),
    ("/c/lights", "page_view"),
    ("/p/p1", "product_view"),
    ("/cart", "cart_view"),
    ("/search?q=lantern", "page_view"),
]
ALL_ANSWERED = """(() => {
  const { tracked, acked, duplicates, beaconed } = kairos.debug.counts;
  return acked + duplicates + beaconed >= tracked;
})()"""
PICTURE = CHECKOUT / ".kairos" / "screenshots" / "shop_loop.png"


@dataclass
class Log:
    """What appears in `events` and `decisions`, decoded from Avro as it arrives."""

    stack: Stack
    events: list[Event] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def __post_init__(self) -> None:
        where = self.stack.state.endpoints
        registry = RegistryClient(where["registry"])
        events, decisions = codec("events", registry), codec("decisions", registry)

        def heard(record: Tailed) -> None:
            if record.key != TICK_KEY.encode():
                self.events.append(events.decode(record.value))

        def decided(record: Tailed) -> None:
            self.decisions.append(decisions.decode(record.value))

        self.tails = [
            TopicTail(where["brokers"], "events", heard).start(),
            TopicTail(where["brokers"], "decisions", decided).start(),
        ]

    def event(self, page: Page, matches: Callable[[Event], bool]) -> Event:
        """The first such event, once it is in the log."""
        return until(page, lambda: next(filter(matches, list(self.events)), None))

    def decision(self, page: Page, matches: Callable[[Decision], bool]) -> Decision:
        """The first such decision, once it is in the log."""
        return until(page, lambda: next(filter(matches, list(self.decisions)), None))


def until(page: Page, probe: Callable[[], Any]) -> Any:
    """The first true answer of `probe`; the page goes on meanwhile."""
    deadline_s = time.monotonic() + WITHIN_S
    while not (found := probe()):
        assert time.monotonic() < deadline_s, "it did not happen in time"
        page.wait_for_timeout(50)
    return found


def said(page: Page) -> tuple[Any, list[Any], list[tuple[str, str]]]:
    """What a screen reader finds, also in a closed shadow root: nodes, roles with names."""
    devtools = page.context.new_cdp_session(page)
    nodes = devtools.send("Accessibility.getFullAXTree")["nodes"]
    found = [
        (each.get("role", {}).get("value"), each.get("name", {}).get("value")) for each in nodes
    ]
    return devtools, nodes, found


def shows(page: Page, role: str, name: str) -> bool:
    """Whether the page has this."""
    return (role, name) in said(page)[2]


def place(page: Page, role: str, name: str) -> tuple[float, float]:
    """The middle of what a screen reader finds."""
    devtools, nodes, found = said(page)
    assert (role, name) in found, f"no {role} named {name}"
    node = nodes[found.index((role, name))]["backendDOMNodeId"]
    corners = devtools.send("DOM.getBoxModel", {"backendNodeId": node})["model"]["border"]
    return (corners[0] + corners[4]) / 2, (corners[1] + corners[5]) / 2


@pytest.fixture
def log(stack: Stack, shop: str) -> Iterator[Log]:
    made = Log(stack)
    yield made
    for tail in made.tails:
        tail.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as engine:
        yield engine


@pytest.fixture(scope="module")
def winner(stack: Stack) -> Iterator[None]:
    """A campaign for the click on the cart button, worth more than any other of the demo."""
    where = stack.state.endpoints
    writer = ControlWriter(where["brokers"], RegistryClient(where["registry"]))
    before = writer.newest("campaigns", "demo")
    made = Campaign(
        id="LOOP",
        action_type="free_shipping_banner",
        on=("add_to_cart",),
        margin_micros=50_000_000,
        base_ppm=500_000,
        fallback=False,
        render=Render(kind="banner", title=TITLE, cta_label=BUTTON, cta_url="/cart"),
    )
    published = writer.publish_campaigns(replace(before, campaigns=(*before.campaigns, made)))
    in_force_ms = published.effective_at_ms + 500
    assert wait_until(lambda: time.time() * 1000 > in_force_ms, WITHIN_S)
    yield
    writer.publish_campaigns(before)


def added(page: Page, product: str) -> dict[str, Any]:
    """What was painted when the product of this page was put into the cart."""
    page.goto(product)
    assert answer(page, "product_view", WITHIN_MS), "the view of the page was not decided"
    page.click("[data-add]")
    shown: dict[str, Any] = answer(page, "add_to_cart", WITHIN_MS)
    assert shown and shown["painted"], f"nothing was painted: {shown}"
    return shown


@pytest.mark.promise("C63", "C8", "C13", "C73", "M3")
def test_a_click_becomes_an_action_on_the_page_and_the_click_on_it_an_outcome(
    shop: str, browser: Browser, winner: None, log: Log
) -> None:
    with visitor(browser) as page:
        shown = added(page, f"{shop}/p/p12")
        frame, painted = shown["frame"], shown["painted"]
        assert (frame["type"], frame["campaign_id"]) == ("decision", "LOOP")
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURE)
        assert place(page, "region", TITLE) and place(page, "heading", TITLE)

        clicked = log.event(page, lambda each: each.event_id == frame["event_id"])
        assert (clicked.type, clicked.product and clicked.product.id) == ("add_to_cart", "p12")
        made = log.decision(page, lambda each: each.slot_id == frame["slot_id"])
        assert made.trigger.event_id == clicked.event_id and made.user_key == clicked.user_key
        assert (made.campaign_id, made.decision_id) == ("LOOP", frame["decision_id"])
        assert made.candidates[0].campaign_id == "LOOP" and made.price_micros > 0

        def outcome(name: str) -> Event:
            return log.event(page, lambda each: (each.type, each.slot_id) == (name, made.slot_id))

        impression = outcome("impression")
        # JavaScript rounds a half up, Python to even.
        assert abs(impression.painted_at_ms - painted["painted_ms"]) <= 0.5
        assert impression.user_key == made.user_key
        page.mouse.click(*place(page, "link", BUTTON))
        assert outcome("action_click").decision_id == made.decision_id
        page.wait_for_url(f"{shop}/cart")
        assert page.evaluate("watched.violations") == []


def test_a_paused_campaign_leaves_the_open_page_within_two_seconds(
    shop: str, browser: Browser, winner: None, kairos: Kairos
) -> None:
    """From the command's return; the page is neither touched nor loaded again."""
    with visitor(browser) as page:
        assert added(page, f"{shop}/p/p14")["frame"]["campaign_id"] == "LOOP"
        assert shows(page, "region", TITLE)
        done = kairos("pause", "LOOP", "--site", "demo")
        began = time.monotonic()
        assert done.returncode == 0, done.stderr
        until(page, lambda: not shows(page, "region", TITLE))
        took_s = time.monotonic() - began
    resumed = kairos("pause", "LOOP", "--resume", "--site", "demo")
    assert resumed.returncode == 0, resumed.stderr
    print(f"pause to an empty page: {took_s:.2f} s after the command")
    assert took_s <= PAUSED_WITHIN_S


def test_the_drawer_accounts_for_every_event_and_the_pages_obey_their_policy(
    shop: str, browser: Browser
) -> None:
    with visitor(browser) as page:
        violations = []
        for path, kind in PAGES:
            page.goto(shop + path)
            assert answer(page, kind, WITHIN_MS), f"{path} was not decided"
            violations += page.evaluate("watched.violations")
        assert violations == []
        until(page, lambda: page.evaluate(ALL_ANSWERED))
        page.evaluate("kairos.track('ask')")
        panel = page.get_by_label("What kairos sees", exact=True)
        text = until(page, lambda: balanced(panel.inner_text()))
        assert "slots decided twice: 0" in text
        assert "purchase intent" in text and "drop off" in text


def balanced(text: str) -> str:
    """The drawer's text once what was applied is all that was handed over."""
    words = text.replace(",", " ").split()
    if "=" not in words or "since" in words:
        return ""
    applied = int(words[words.index("=") + 1])
    handed = int(words[words.index("acknowledged") - 1])
    if "beacon" in words:
        handed += int(words[words.index("beacon") - 2])
    return text if applied == handed else ""


def test_a_visitor_who_wants_to_be_forgotten_gets_a_key_of_the_page(
    shop: str, browser: Browser, log: Log
) -> None:
    with visitor(browser) as page:
        page.goto(f"{shop}/p/p17")
        remembered = answer(page, "product_view", WITHIN_MS)
        assert remembered is not None
        page.get_by_role("button", name="Forget me").click()
        page.get_by_text("The shop forgets your visit").wait_for()
        forgotten = answer(page, "product_view", WITHIN_MS)
        assert forgotten is not None
        keys = [
            log.event(page, lambda each, id_=found["frame"]["event_id"]: each.event_id == id_)
            for found in (remembered, forgotten)
        ]
        assert [each.user_key.split(":")[1] for each in keys] == ["v", "p"]
        assert not keys[1].consent.personalization
        assert page.evaluate("Object.keys(localStorage)") in ([], ["drawer.open"])
