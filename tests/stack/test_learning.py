"""Learning on the real stack: seconds from an order to another chance; kills lose no reward."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.avro import Codec, codec
from connectors.control import ControlLog, ControlWriter
from connectors.registry import RegistryClient
from connectors.topic_tail import Tailed, TopicTail
from infra.local.cluster import LEARNING
from infra.local.process import wait_until
from infra.local.services import ALL
from infra.local.stack import Stack
from operators.local_learning import LocalLearning
from schemas.decision import Decision
from schemas.ids import MILLION
from schemas.lesson import Seal, seal_of
from schemas.policy import Policy
from schemas.topics import DECISIONS, EVENTS, POLICY, PROFILES
from tests import checks
from tests.stack.conftest import Kairos, left_behind
from tests.stack.healing import await_that, kill, only, running
from tests.stack.replaying import await_decisions, replayed
from tests.stack.test_login import CAMPAIGNS, ORIGIN, SHOWS, Shop

SITE, TAUGHT_WITHIN_S, FOLDED_WITHIN_S = "lab", 5.0, 60.0
LAMP = {"id": "lamp", "price": "20.00", "quantity": 3}
OPTIONS = ("--sessions", "70", "--rate", "25", "--resend", "0.05")
READ = (EVENTS, DECISIONS, PROFILES, "sites", "campaigns", "products")


@pytest.fixture(scope="module")
def learning(stack: Stack) -> Iterator[Stack]:
    """The shared stack with its second job; that ends with these tests."""
    stack.up([name for name in ALL if name != "shop"], learning=True)
    yield stack
    stack.unlearn()
    assert not [each for each in left_behind(stack.layout.stack).values() if "learning" in each]


def newest(stack: Stack, site: str) -> Policy | None:
    """The newest policy of a site in the topic."""
    where = stack.state.endpoints
    writer = ControlWriter(where["brokers"], RegistryClient(where["registry"]))
    found: Policy | None = writer.newest(POLICY, site)
    return found


class Lab:
    """A site whose visitors ask once each, and what was decided for them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        where = stack.state.endpoints
        self.decisions: Codec[Decision] = codec(DECISIONS, RegistryClient(where["registry"]))
        self.seen: list[Tailed] = []
        self.tail = TopicTail(where["brokers"], DECISIONS, self.seen.append).start()

    def visitor(self) -> Shop:
        """Somebody new with a filled cart."""
        shop = Shop(self.stack, SITE, uuid4().hex)
        shop.token = shop.send("page_view")[1].get("visitor_token", "")
        shop.send("add_to_cart", product=LAMP)
        return shop

    def decision(self) -> Decision:
        """A new visitor's decision at the cart."""
        at = len(self.seen)
        self.visitor().send("cart_view")
        found: list[Decision] = []

        def decided() -> bool:
            every = [self.decisions.decode(each.value) for each in self.seen[at:]]
            ours[:] = [each for each in every if each.site == SITE]
            found[:] = [each for each in ours if each.candidates]
            return bool(found)

        ours: list[Decision] = []
        assert wait_until(decided, 20.0), [(each.trigger, each.reason) for each in ours]
        return found[0]

    def knows_campaigns(self) -> bool:
        """Whether a new visitor's decisions are taken under a catalogue: it has to take effect."""
        at = len(self.seen)
        self.visitor().send("cart_view")

        def decided() -> bool:
            every = [self.decisions.decode(each.value) for each in self.seen[at:]]
            return any(each.site == SITE and each.versions.catalogue for each in every)

        return wait_until(decided, 2.0)

    def buys(self) -> None:
        """A new visitor is asked at the cart, and buys."""
        shop = self.visitor()
        shop.send("cart_view")
        status, said = shop.send("purchase", value="60.00")
        assert status == 202, said


def chance_ppm(decision: Decision) -> int:
    """The winner's probability."""
    return decision.candidates[0].propensity_ppm


@pytest.fixture
def lab(learning: Stack, kairos: Kairos, tmp_path: Path) -> Iterator[Lab]:
    """The site, taught by one order so far, so that it explores."""
    done = kairos("sites", "add", SITE, "--origin", ORIGIN, *SHOWS)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "campaigns.yaml"
    file.write_text(CAMPAIGNS.replace("SITE", SITE))
    done = kairos("campaigns", "apply", str(file), "--site", SITE)
    assert done.returncode == 0, done.stderr + done.stdout
    made = Lab(learning)
    assert wait_until(lambda: Shop(learning, SITE).send("page_view")[0] == 202, 30.0)
    await_that("campaigns in force", made.knows_campaigns, 30.0)
    made.buys()
    await_that("exploration", lambda: chance_ppm(made.decision()) < MILLION, 30.0)
    yield made
    made.tail.stop()


@pytest.mark.promise("C65", "C68")
def test_an_order_changes_the_next_decisions_chances_within_five_seconds(lab: Lab) -> None:
    """From the order's answer to a decision under another probability."""
    first = newest(lab.stack, SITE)
    assert first is not None
    before = chance_ppm(lab.decision())
    lab.buys()
    began = time.monotonic()

    taught: list[int] = []

    def changed() -> bool:
        policy = newest(lab.stack, SITE)
        if policy is not None and policy.rewards > first.rewards:
            taught.append(policy.version)
        made = lab.decision()
        return bool(taught) and made.versions.policy >= taught[0] and chance_ppm(made) != before

    await_that("another chance", changed, 30.0)
    took_s = time.monotonic() - began
    print(f"order to changed probability: {took_s:.1f} s")
    assert took_s <= TAUGHT_WITHIN_S


def folded(stack: Stack, site: str) -> Seal:
    """What a fold of the whole log, made here, has learned once every window is closed."""
    where = stack.state.endpoints
    records = ControlLog(where["brokers"]).read(READ)
    made = LocalLearning(RegistryClient(where["registry"]))
    made.fold((each.topic, each.origin) for each in records)
    newest_ms = max(each.origin.timestamp_ms for each in records if each.topic == EVENTS)
    made.advance(newest_ms)
    print(f"{site}: {made.lesson(site).seal}, {len(made.rewards)} rewards of the log")
    return made.lesson(site).seal


def test_kills_of_both_jobs_lose_and_double_no_reward(
    learning: Stack, env: Mapping[str, str]
) -> None:
    """The published seal of what was learned comes to equal that of an offline fold of the log."""

    def killed() -> None:
        await_decisions(learning, 60)
        kill(learning, only(learning, LEARNING.taskmanager))
        await_decisions(learning, 40)
        kill(learning, only(learning, "taskmanager"))

    result = replayed(env, *OPTIONS, meanwhile=killed)
    assert checks.counts(result) == []
    assert checks.slots(result) == []
    await_that("both jobs", lambda: running(learning) and _learns(learning), 90.0)
    wanted: list[Seal] = []

    def equal() -> bool:
        policy = newest(learning, "demo")
        if policy is None or not policy.snapshot:
            return False
        wanted[:] = [folded(learning, "demo")]
        print(seal_of(policy.snapshot))
        return seal_of(policy.snapshot) == wanted[0] and wanted[0].rewards > 0

    await_that("the rewards of the log", equal, FOLDED_WITHIN_S)


def _learns(stack: Stack) -> bool:
    job = stack.status()["learning"]
    return job is not None and job["state"] == "RUNNING"
