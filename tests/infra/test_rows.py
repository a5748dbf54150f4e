"""Rows to train on: what the job would have asked its model, after every event of a log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connectors.datasets import RecordedEvent, Visit
from connectors.event_lines import as_line
from infra.demo.goods import STAND_IN
from infra.local.layout import CHECKOUT
from infra.training.data import read
from infra.training.labels import CONCEPTS, INTENTS
from infra.training.measures import auroc
from infra.training.rows import LOG, SIMULATED, Source, build
from infra.training.visits import Profiler, visits
from models.features import FEATURES
from schemas.event import Event
from schemas.profile import Profile
from tests.builders import ONE_MINUTE, event, page

SOON_MS, LATE_MS = 4_000, 16_000
PAGES = ("home", "category", "product", "cart")


def journey(user: int) -> list[Event]:
    """Two sessions of one user, an hour apart, of pages of each type."""
    key = f"demo:v:{user:032x}"
    out = []
    for index in range(8):
        at_ms = index * 9_000 + (60 * ONE_MINUTE if index >= 5 else 0)
        name = PAGES[(index + user) % len(PAGES)]
        shown = page(f"/{name}", name)
        out.append(event("page_view", at_ms, index, user_key=key, page=shown))
    return out


def test_rows_of_a_log_are_the_jobs_own_vectors(tmp_path: Path) -> None:
    """Byte for byte, user by user, a session at a time."""
    log = tmp_path / "log.jsonl"
    users = [journey(user) for user in range(6)]
    log.write_bytes(b"".join(as_line(each[at]) for at in range(8) for each in users))
    data = read(build(Source(LOG, log), tmp_path / "cache", CHECKOUT, lambda done, parts: None))
    expected = set()
    profiler = Profiler()
    for events in users:
        profile: Profile | None = None
        for each in events:
            profile, row = profiler.fold(profile, each)
            expected.add(np.array(row, np.float32).tobytes())
    assert {row.tobytes() for row in data.inputs} == expected
    assert data.inputs.shape == (48, len(FEATURES))
    assert sorted(np.bincount(data.visit)) == [3] * 6 + [5] * 6
    five = data.visit == np.flatnonzero(np.bincount(data.visit) == 5)[0]
    assert data.age_s[five].tolist() == [0, 9, 18, 27, 36]
    assert data.concepts.shape[1] == len(CONCEPTS) and data.intents.shape[1] == len(INTENTS)


def test_a_log_is_folded_once(tmp_path: Path) -> None:
    """Until it or the code changes."""
    log, told = tmp_path / "log.jsonl", []
    log.write_bytes(b"".join(as_line(each) for each in journey(1)))
    for _ in range(2):
        file = build(Source(LOG, log), tmp_path, CHECKOUT, lambda done, parts: told.append(done))
    assert len(told) == told[-1]
    with log.open("ab") as more:
        more.write(as_line(event("page_view", 200 * ONE_MINUTE, 9, user_key=f"demo:v:{1:032x}")))
    assert build(Source(LOG, log), tmp_path, CHECKOUT, lambda done, parts: None) != file


def test_chosen_visits_are_numbered_anew() -> None:
    """And keep their rows in order."""
    source = Source(SIMULATED, count=6)
    found = [each for share in range(2) for each in source.visits(share, 2)]
    assert len(found) >= 6 and all(len(each.events) == len(each.rows) for each in found)
    whole = [visit.rows for visit in visits(3, "0:1", STAND_IN)]
    assert [each.rows for each in source.visits(0, 2)] == whole


@pytest.mark.parametrize("kept", [[0], [1, 2]])
def test_a_choice_of_visits(tmp_path: Path, kept: list[int]) -> None:
    """Visits are numbered from 0 whatever was chosen."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(as_line(each) for user in range(2) for each in journey(user)))
    data = read(build(Source(LOG, log), tmp_path, CHECKOUT, lambda done, parts: None))
    chosen = np.isin(np.arange(int(data.visit.max()) + 1), kept)
    part = data.of(chosen)
    assert sorted(set(part.visit.tolist())) == list(range(len(kept)))
    assert (part.inputs == data.inputs[chosen[data.visit]]).all()


def test_a_silence_in_a_recorded_visit_begins_a_session() -> None:
    """As in the job, where the network's state then starts from nothing: so it does in training."""
    shown = page("/a", "home")
    fields = {"type": "page_view", "page": {"url": shown.url, "path": shown.path, "type": "home"}}
    at_ms = (0, 9_000, 40 * ONE_MINUTE, 41 * ONE_MINUTE)
    recorded = Visit("s-1", "0" * 32, 0, tuple(RecordedEvent(each, fields) for each in at_ms))
    found = [begins for _, _, begins in Profiler().recorded(recorded)]
    assert found == [True, False, True, False]


@pytest.mark.promise("M29")
def test_a_canary_of_the_next_event_is_worth_nothing_in_the_rows(tmp_path: Path) -> None:
    """A coin says how soon each next page comes, which is the label `deliberation`.

    No input of the label's own row foresees it; one row later it is known for certain.
    """
    coins = np.random.default_rng(4).random((200, 9)) < 0.5
    log = tmp_path / "log.jsonl"
    with log.open("wb") as out:
        for user, waits in enumerate(np.where(coins, LATE_MS, SOON_MS).tolist()):
            key, at_ms = f"demo:v:{user:032x}", 0
            for index, wait_ms in enumerate(waits):
                made = event("page_view", at_ms, index, user_key=key, page=page("/a", "home"))
                out.write(as_line(made))
                at_ms += wait_ms
    data = read(build(Source(LOG, log), tmp_path / "cache", CHECKOUT, lambda done, parts: None))
    rows = np.flatnonzero(np.append(data.visit[1:] == data.visit[:-1], False))
    label = data.concepts[rows, list(CONCEPTS).index("deliberation")] > 0.5
    ones, varying = np.ones(len(rows)), 0
    assert 0.4 < label.mean() < 0.6
    for at, name in enumerate(FEATURES):
        spread = np.ptp(data.inputs[:, at]) or 1.0
        told = (data.inputs[:, at].astype(np.float64) - data.inputs[:, at].min()) / spread
        varying += np.ptp(told[rows]) > 0
        assert abs(auroc(told[rows], label, ones) - 0.5) < 0.06, name
        if name == "gap_s_log":
            assert auroc(told[rows + 1], label, ones) > 0.99
    assert varying > 8
