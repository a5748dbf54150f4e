"""A model watched over an exported log: the golden one, with what its job would write."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from connectors import model_watch
from connectors.avro import schema_text
from connectors.log_decide import deciding
from connectors.log_files import (
    LogRecord,
    read_manifest,
    read_records,
    write_manifest,
    write_records,
)
from connectors.model_watch import PURCHASE_INTENT, check_drift, check_skew
from connectors.routes import read_routed
from models import features, skew
from models.features import FEATURES
from schemas.topics import DECISIONS, INPUTS

GOLDEN = Path(__file__).parents[1] / "golden" / "layout_3" / "log"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The golden log, every decision of it with its inputs."""
    monkeypatch.setattr(skew, "SAMPLE_PPM", 1_000_000)
    folder = tmp_path / "log"
    shutil.copytree(GOLDEN, folder)
    manifest = read_manifest(folder)
    ours = {str(1 + max(map(int, manifest.schemas))): schema_text(DECISIONS)}
    write_manifest(folder, replace(manifest, schemas={**manifest.schemas, **ours}))
    _, written = deciding(folder)
    routes = [(key, *read_routed(payload)) for out in written for key, payload in out]
    made = [
        LogRecord(0, at, 0, key.encode(), frame, tuple(headers.items()))
        for at, (key, topic, headers, frame) in enumerate(routes)
        if topic == DECISIONS
    ]
    write_records(folder, DECISIONS, made)
    return folder


def test_inputs_computed_again_are_the_job_s_byte_for_byte(log: Path) -> None:
    """Every decision that an event asked for under a model."""
    found = check_skew(log)
    assert found.sampled == found.compared > 30
    assert (found.differing, found.by_input) == (0, {})


def test_one_changed_byte_is_told_by_its_input(log: Path) -> None:
    """As where a job computed it with another build."""
    at, done = FEATURES.index("scroll"), False
    changed = []
    for record in read_records(log, DECISIONS):
        headers = dict(record.headers)
        if INPUTS in headers and not done:
            vector = bytearray(headers[INPUTS] or b"")
            vector[4 * at] ^= 1
            headers[INPUTS] = bytes(vector)
            done = True
        changed.append(record._replace(headers=tuple(headers.items())))
    write_records(log, DECISIONS, changed)
    found = check_skew(log)
    assert (found.differing, found.by_input) == (1, {"scroll": 1})
    assert "scroll was" in found.examples[0]


def test_another_computation_is_told_by_the_inputs_it_changes(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training and serving must not compute an input two ways."""
    honest = features.vector

    def other(*told):
        made = honest(*told)
        made[FEATURES.index("events_log")] += 1e-6
        return made

    monkeypatch.setattr(features, "vector", other)
    found = check_skew(log)
    assert found.by_input.keys() == {"events_log"} and found.differing > 0


def test_the_drift_of_the_newest_model_is_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PSI where its card has percentiles, calibration where outcomes are known."""
    monkeypatch.setattr(
        model_watch.drift,
        "references_in",
        lambda card: {"stickiness": model_watch.drift.Reference((500_000,), (0.5, 0.5))},
    )
    found = check_drift(log, "demo")
    assert found.decisions > 30 and found.version > 0
    assert found.psi["stickiness"] > 0
    assert 0 < found.labelled[PURCHASE_INTENT] <= found.decisions
    assert found.ece_ppm.keys() == found.labelled.keys()
    assert check_drift(log, "elsewhere").decisions == 0


def test_outcomes_count_only_where_the_log_is_long_enough_to_tell() -> None:
    """A session closes 30 minutes after its last event."""
    minute = 60_000
    times = [0, 10 * minute, 35 * minute, 66 * minute]
    assert model_watch._closes_ms(times, 0) == 65 * minute
    assert model_watch._closes_ms(times, 40 * minute) == 96 * minute
