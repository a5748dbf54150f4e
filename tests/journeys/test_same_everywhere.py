"""No decision depends on the hash seed, on threads or on when state went through its bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from models.effects import Decide
from models.user import step
from schemas import profile as profiles
from schemas.decision import Decision
from schemas.event import Event
from schemas.profile import Profile, dump, load
from tests.builders import ONE_SECOND
from tests.journeys.chains import chains
from tests.journeys.crowd import crowd
from tests.journeys.play import demo

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SEED, VISITORS = "everywhere", 12
GOLDEN = sorted((ROOT / "tests" / "golden").glob("layout_*/users.json"))


def elsewhere(hash_seed: str, threads: str) -> dict[str, str]:
    """The chains by another process."""
    threaded = ("OMP_NUM_THREADS", "ORT_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(threaded, threads) | {"PYTHONHASHSEED": hash_seed}
    argv = [sys.executable, "-m", "tests.journeys.chains", SEED, str(VISITORS)]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.promise("M27", "M51")
def test_hash_seeds_and_threads_leave_every_chain_as_it_is() -> None:
    """One log in three processes: this one, and two that order sets and split sums otherwise."""
    here = chains(SEED, VISITORS)
    assert len(here) == VISITORS
    assert here == elsewhere("1", "1") == elsewhere("4711", "4")
    assert here != chains(SEED + "!", VISITORS)


def folded(log: list[Event], *, through_bytes: bool) -> tuple[list[Decision], dict[str, bytes]]:
    """Decisions and final state bytes; state goes through its bytes after each event, or never."""
    ctx, kept = demo(), dict[str, Profile | None]()
    made: list[Decision] = []
    for event in log:
        key = event.user_key
        before = kept.get(key)
        if through_bytes and before is not None:
            data = dump(before)
            before = load(data)
            assert before is not None and dump(before) == data
        kept[key], effects, _ = step(before, event, key, ctx)
        made += [effect.decision for effect in effects if isinstance(effect, Decide)]
    return made, {key: dump(each) for key, each in kept.items() if each is not None}


@pytest.mark.promise("M51")
def test_state_that_went_through_its_bytes_after_any_event_decides_alike() -> None:
    """A restart between any two events changes neither a decision nor a byte of state."""
    log = crowd("restarts", 8)
    assert folded(log, through_bytes=True) == folded(log, through_bytes=False)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parent.name)
def test_golden_states_of_every_layout_go_on(path: Path) -> None:
    """Upgraded once or at each event: the same decisions, and bytes that read back as they are."""
    states = {
        key: bytes.fromhex(each["state"]) for key, each in json.loads(path.read_text()).items()
    }
    going_on = crowd("upgraded", len(states), 10)
    names = dict(zip(dict.fromkeys(e.user_key for e in going_on), states, strict=True))
    ends = []
    for each_time in (True, False):
        ctx, now, made = demo(), {key: load(data) for key, data in states.items()}, []
        for event in going_on:
            key = names[event.user_key]
            profile = now[key]
            assert profile is not None
            moved = replace(event, user_key=key, received_at_ms=_later(profile, event))
            if each_time:
                profile = load(dump(profile))
            now[key], effects, _ = step(profile, moved, key, ctx)
            made += [effect.decision for effect in effects if isinstance(effect, Decide)]
        ends.append((made, {key: dump(each) for key, each in now.items() if each is not None}))
    assert ends[0] == ends[1] and len(ends[0][0]) > len(states)
    assert all(data[2] == profiles.LAYOUT for data in ends[0][1].values())


def _later(profile: Profile, event: Event) -> int:
    return max(event.received_at_ms, profile.now_ms + ONE_SECOND)
