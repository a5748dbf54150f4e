"""Simulated shops keep their promises, and long steps of a proof their pieces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import proof
from benchmarks.playing import ordered
from benchmarks.worlds import DAY, NOTHING, RHYTHM, STATIONARY, SURE, visits

NOON, NIGHT = DAY // 4, 3 * DAY // 4


def test_a_rhythm_moves_chances_and_not_their_mean() -> None:
    tides = [RHYTHM.tide(number) for number in range(DAY)]
    assert sum(tides) / DAY == pytest.approx(1.0)
    assert (max(tides), min(tides)) == (RHYTHM.tide(NOON), RHYTHM.tide(NIGHT)) == (1.5, 0.5)
    assert {STATIONARY.tide(number) for number in range(DAY)} == {1.0}


def test_the_same_visitor_buys_at_noon_and_not_at_night() -> None:
    visitor = replace(visits(RHYTHM, 1, 1)[0], persona=SURE, luck=0.2, robot=False)
    noon, night = (replace(visitor, number=number) for number in (NOON, NIGHT))
    assert ordered(RHYTHM, noon, NOTHING) and not ordered(RHYTHM, night, NOTHING)
    assert ordered(STATIONARY, night, NOTHING)


def test_a_piece_is_measured_once_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    def run() -> dict[str, int]:
        runs.append("run")
        return {"figure": len(runs)}

    for commit in ("abc", "abc", "def", "def + changes", "def + changes"):
        monkeypatch.setattr(proof, "commit", lambda now=commit: now)
        proof.piece(tmp_path, "calm-1", run)
    assert len(runs) == 4, "once for each commit, and each time where files changed"
