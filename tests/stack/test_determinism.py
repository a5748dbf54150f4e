"""The same log through fresh stacks and through the pure core: the same bytes for every key."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.openloop import Replay, Settings
from cli.replay import disordered
from connectors.avro import RegistryClient, codec
from connectors.datasets import RecordedEvent, Visit, load
from connectors.log_decide import decide_log
from connectors.log_files import read_records
from connectors.topic_tail import Tailed, TopicTail
from infra.local.services import ALL
from schemas.chain import total
from schemas.topics import DECISIONS
from tests.stack.conftest import Kairos
from tests.stack.healing import await_that
from tests.stack.replaying import recorded
from tests.stack.servers import Servers

DWELLERS = 60
DEADLINES_MIN = 50


def dweller(number: int) -> Visit:
    """Somebody who opens a product and stays there, and does nothing."""
    product = {"id": f"p{number}", "category": "light", "price": "39.00", "currency": "EUR"}
    page = {"url": "https://shop.example/p", "path": f"/p/{number}", "type": "product"}
    view = RecordedEvent(0, {"type": "product_view", "product": product, "page": page})
    return Visit(f"dwell-{number}", f"{number:032x}", 0, (view,))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, servers: Servers, kairos: Kairos) -> Path:
    """A log of real visitors and of dwellers, from a stack that held nothing else."""
    folder = tmp_path_factory.mktemp("origin")
    stack = servers.fresh([name for name in ALL if name != "shop"])
    where = stack.state.endpoints
    decisions = codec(DECISIONS, RegistryClient(where["registry"]))
    dwelt: list[str] = []

    def count(record: Tailed) -> None:
        if decisions.decode(record.value).trigger.kind == "dwell":
            dwelt.append("")

    tail = TopicTail(where["brokers"], DECISIONS, count).start()
    visits = load("clickstream-dmm", Path(recorded()), sessions=60, seed=3)
    visits = [dweller(number) for number in range(DWELLERS)] + visits
    settings = Settings(
        where["gateway"], where["brokers"], where["registry"], "demo", 60, None, 0.0, 4, 3
    )
    unordered: list[int] = []
    state = stack.state
    asyncio.run(Replay(settings, visits, lambda: unordered.append(disordered(state))).play())
    assert unordered == [0], "equality is claimed where nothing is disordered"
    await_that("dwell deadlines", lambda: len(dwelt) >= DEADLINES_MIN, 60)
    tail.stop()
    done = kairos("log", "export", str(folder / "log"), "--json")
    assert done.returncode == 0, done.stderr
    return folder / "log"


@pytest.fixture(scope="module")
def by_core(exported: Path):
    """The exported log, decided without any process."""
    return decide_log(exported)


def decided_again(exported: Path, out: Path, servers: Servers, kairos: Kairos, parallelism: int):
    """Chain per key of a job that never ran before, on the imported log."""
    stack, env = servers.holding(exported)
    expected = len(decide_log(exported).decisions)
    seen: list[Tailed] = []
    tail = TopicTail(stack.state.endpoints["brokers"], DECISIONS, seen.append).start()
    servers.decide(parallelism)
    await_that("all decisions", lambda: len(seen) >= expected, 90)
    tail.stop()
    assert disordered(stack.state) == 0
    done = kairos("log", "export", str(out), "--json", env=env)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["chain"])


@pytest.mark.promise("M27", "C9")
@pytest.mark.parametrize("parallelism", [1, 2])
def test_an_imported_log_gives_the_same_chain_for_every_key(
    parallelism: int, exported: Path, by_core, tmp_path: Path, servers: Servers, kairos: Kairos
) -> None:
    """New jobs on new topics, at parallelism 1 and 2, against the pure core."""
    heads = decided_again(exported, tmp_path / "again", servers, kairos, parallelism)
    expected = by_core.chain.heads()
    assert heads.keys() == expected.keys()
    assert total(heads) == total(expected)


def test_the_core_agrees_with_what_the_first_stack_decided(exported: Path, by_core) -> None:
    """The live run itself, deadlines included."""
    assert sum(each.trigger.kind == "dwell" for each in by_core.decisions) >= DEADLINES_MIN
    assert not by_core.chain.conflicts
    live = len(list(read_records(exported, DECISIONS)))
    assert live == len(by_core.decisions)


def test_a_wall_clock_in_a_rule_would_break_the_chain(
    exported: Path, by_core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: a decision that reads this machine's time is found at once."""
    import time

    from models import record as rules

    honest = rules._counts

    def dishonest(profile):
        return honest(profile).__class__(applied=time.time_ns())

    monkeypatch.setattr(rules, "_counts", dishonest)
    assert total(decide_log(exported).chain.heads()) != total(by_core.chain.heads())


def test_the_hash_seed_of_a_process_does_not_change_the_chain(exported: Path) -> None:
    """Hash seeds differ between processes; the chain does not."""
    import subprocess
    import sys

    from infra.local.layout import CHECKOUT

    heads = set()
    for seed in ("1", "2"):
        env: Mapping[str, str] = {**os.environ, "PYTHONHASHSEED": seed}
        argv = [sys.executable, "-m", "cli.main", "decide", "--events", str(exported), "--chain"]
        done = subprocess.run(argv, cwd=CHECKOUT, env=env, capture_output=True, check=True)
        heads.add(json.loads(done.stdout)["chain_sha256"])
    assert len(heads) == 1
