"""`kairos archive`: a process that is killed for real, what it tells, and who reads it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from cli.archive_current import archive_to_the_end
from cli.main import main
from connectors.archive_files import segments
from connectors.archive_run import TOPICS
from connectors.archive_status import status_of
from connectors.avro import codec
from connectors.log_folder import read_records
from connectors.registry import RegistryClient
from schemas.ids import TICK_KEY
from schemas.topics import DECISIONS, EVENTS
from tests.connectors.archives import USERS, decision, event
from tests.infra.registry_process import RegistryProcess

ROOT = Path(__file__).parents[2]
KILLS = 2
PATIENCE_S = 60.0


@pytest.fixture
def place(brokers, tmp_path, monkeypatch):
    """A broker with all topics, a registry, and a folder for the archive."""
    registry = RegistryProcess(tmp_path / "registry")
    registry.start()
    owner = Producer({"bootstrap.servers": brokers})
    for topic in TOPICS:
        owner.list_topics(topic, timeout=10)
    monkeypatch.setenv("KAIROS_BROKERS", brokers)
    monkeypatch.setenv("KAIROS_REGISTRY_URL", registry.url)
    monkeypatch.setenv("KAIROS_ARCHIVE", str(tmp_path / "archive"))
    yield tmp_path / "archive", owner, RegistryClient(registry.url)
    registry.kill()


class Writing:
    """Writes events, decisions and some poison, and remembers what it wrote by topic."""

    def __init__(self, owner, registry):
        self.owner, self.sent = owner, {EVENTS: [], DECISIONS: []}
        self.codecs = {topic: codec(topic, registry) for topic in self.sent}
        self.number = 0

    def some(self, count):
        """So many more events with their decisions."""
        for number in range(self.number, self.number + count):
            made = event(number)
            value = b"poison %d" % number if number % 9 == 4 else self.codecs[EVENTS].encode(made)
            self._send(EVENTS, made, value)
            self._send(DECISIONS, made, self.codecs[DECISIONS].encode(decision(number)))
        self.number += count
        self.owner.flush(10)

    def _send(self, topic, made, value):
        key = made.user_key.encode()
        self.owner.produce(topic, value, key, timestamp=made.received_at_ms)
        self.sent[topic].append((key, value))


def archiver(folder, every_s="0.05"):
    """`kairos archive run` as a process of its own, committing all the time."""
    command = ("archive", "run", "--archive", str(folder), "--every", every_s)
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )


def held(folder, topic):
    """(key, value) of what the archive has of a topic, sorted."""
    records = read_records(folder, topic)
    return sorted((each.key, each.value) for each in records if each.key != TICK_KEY.encode())


def until(condition):
    """Wait for a condition of another process."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"


def rows(folder):
    """How many files count by now; none before the first commit."""
    return len(segments(folder)) if (folder / "archive.json").exists() else 0


@pytest.mark.long
@pytest.mark.promise("C71")
def test_an_archiver_that_is_killed_neither_loses_nor_doubles(place):
    """SIGKILL at chance moments while records come; at the end the archive is the log."""
    folder, owner, registry = place
    writing, rng = Writing(owner, registry), random.Random(7)
    for _ in range(KILLS):
        writing.some(40)
        running, before = archiver(folder), rows(folder)
        until(lambda: rows(folder) != before)  # noqa: B023
        for _ in range(rng.randrange(6)):
            writing.some(10)
        running.send_signal(signal.SIGKILL)
        running.wait()
    writing.some(5)
    assert main(["archive", "run", "--once", "--json"]) == 0
    for topic, sent in writing.sent.items():
        assert held(folder, topic) == sorted(sent)


def test_status_tells_rows_poison_and_lag(place, kairos):
    """What is not archived yet is the lag; a poison record is counted and kept as it is."""
    folder, owner, registry = place
    writing = Writing(owner, registry)
    writing.some(20)
    code, done, _ = kairos("archive", "run", "--once")
    assert code == 0 and done["records"] == 40
    writing.some(3)
    _, told, _ = kairos("archive", "status")
    assert told["lag"][EVENTS] == told["lag"][DECISIONS] == 3
    assert told["poison"] == 2 and not told["running"] and told["gaps"] == []
    by_table = {each["table"]: each for each in told["tables"]}
    assert by_table["events"]["rows"] == 18 and by_table["decisions"]["rows"] == 20
    assert held(folder, EVENTS) == sorted(writing.sent[EVENTS][:20])


def test_an_erased_user_is_gone_and_stays_out(place, kairos):
    """By the command; what the log holds of the user later than that is archived again."""
    folder, owner, registry = place
    writing = Writing(owner, registry)
    writing.some(20)
    kairos("archive", "run", "--once")
    code, done, _ = kairos("archive", "erase", USERS[1])
    assert code == 0 and done["rows"] == 8
    writing.some(10)
    kairos("archive", "run", "--once")
    assert all(key != USERS[1].encode() for key, _ in held(folder, EVENTS))
    assert len(held(folder, DECISIONS)) == 24
    code, _, told = kairos("archive", "erase", "a name")
    assert code == 1 and "is no user key" in told


def test_an_archive_of_another_cluster_is_refused(place, kairos):
    """Offsets of two logs must not meet."""
    folder, _, _ = place
    kairos("archive", "run", "--once")
    about = json.loads((folder / "archive.json").read_text())
    (folder / "archive.json").write_text(json.dumps({**about, "cluster": "another"}))
    code, _, told = kairos("archive", "run", "--once")
    assert code == 1 and "is the archive of cluster another" in told


def test_a_full_archive_reads_nothing_more_and_says_so(place, kairos):
    """The log keeps what comes; with room again it goes on where it was."""
    folder, owner, registry = place
    writing = Writing(owner, registry)
    writing.some(10)
    kairos("archive", "run", "--once")
    writing.some(10)
    stopped = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "archive", "run", "--disk-max", "0.000001",
         "--every", "0.05"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert stopped.stderr is not None
    lines = iter(stopped.stderr.readline, "")
    assert any("is full and reads nothing more" in line for line in lines)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(PATIENCE_S) == 0
    stopped.stderr.close()
    kairos("archive", "run", "--once")
    assert held(folder, EVENTS) == sorted(writing.sent[EVENTS])


def test_why_finds_an_id_in_archive_and_topic_as_one(place, kairos):
    """An archived decision by index, a new one in the topic beyond, and an id of nobody."""
    _, owner, registry = place
    writing = Writing(owner, registry)
    writing.some(20)
    kairos("archive", "run", "--once")
    writing.some(3)
    for number in (2, 21):
        _, told, _ = kairos("why", f"s_{number:032x}")
        assert told["decision_id"] == f"d_{number:032x}"
    code, _, told = kairos("why", "s_nobody")
    assert code == 1 and "in archive" in told and "nor on" in told


def test_archive_and_topic_are_one_for_training(place, kairos):
    """What only the log holds is archived first: by a run here, then by the archiver that runs."""
    folder, owner, registry = place
    writing = Writing(owner, registry)
    writing.some(20)
    kairos("archive", "run", "--once")
    writing.some(5)
    archive_to_the_end(folder)
    assert held(folder, EVENTS) == sorted(writing.sent[EVENTS])
    running = archiver(folder, every_s="600")
    until(lambda: status_of(folder, "").running)
    writing.some(5)
    archive_to_the_end(folder)
    running.terminate()
    assert running.wait(PATIENCE_S) == 0
    assert held(folder, EVENTS) == sorted(writing.sent[EVENTS])


def test_a_folder_that_is_no_archive_is_named(place, kairos):
    """Before anything is made."""
    folder, _, _ = place
    code, _, told = kairos("model", "train", "--archive", str(folder / "none"))
    assert code == 1 and "is no archive" in told and not (folder / "none").exists()
