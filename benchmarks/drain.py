"""How fast the job reads a full topic: the real broker, the real engine, one core for the job.

Beside it, the same source, keying and sink around a hop that decides nothing. CPU time is that of
the whole TaskManager process (JVM, Python, RocksDB, Kafka clients), so neighbours on the machine
bend the rate more than the CPU per event; the ratio of the two rows is what to compare. The
first WARM_UP events, in which most users are met for the first time, are left out.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from confluent_kafka import KafkaError, Message, Producer
from msgspec.structs import replace

from benchmarks.rows import Row, machine
from benchmarks.workloads import campaigns, mix, site
from connectors.avro import codec
from connectors.registry import RegistryClient
from infra.local.layout import CHECKOUT, Layout, read_layout
from infra.local.service import endpoints
from infra.local.services import BASE
from infra.local.stack import Stack
from infra.local.supervisor import OWNER_ENV
from infra.model import load as load_model
from operators.build import PACKAGES
from schemas.event import Event
from schemas.topics import BATCH_BYTES_MAX, EVENTS

NAME = "drain"
HELP = "the job on one core reading a full topic, beside a pass-through; starts stacks of its own"
EVENTS_WRITTEN = 400_000
KEYS = 100_000
WARM_UP = 150_000
MEASURED_S = 40.0
SAMPLE_S = 0.5
PATIENCE_S = 200.0
SLOWEST_PER_S = 1_000
QUEUED_MAX = 200_000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
RECORDS_IN = re.compile(r'operator_numRecordsIn\{[^}]*operator_name="decide"[^}]*\} ([0-9.E]+)')


class Sample(NamedTuple):
    """What had been read by the hop and spent by its process at one moment."""

    at_s: float
    records: int
    cpu_s: float


def rows() -> list[Row]:
    """Drain the job, then the pass-through, each on a stack of its own."""
    out = []
    for name, code in (("job", CHECKOUT), ("pass-through", None)):
        with tempfile.TemporaryDirectory(prefix="kairos-drain-") as folder:
            out += _drained(name, Path(folder), code or _passthrough(Path(folder) / "code"))
    return out


def _passthrough(code: Path) -> Path:
    """The job's packages with the hop replaced."""
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, code / package)
    shutil.copy(Path(__file__).with_name("passthrough.py"), code / "operators" / "decide.py")
    return code


def _drained(name: str, folder: Path, code: Path) -> list[Row]:
    with running(Layout(CHECKOUT, read_layout().home, folder / "stack"), code) as stack:
        stack.up(BASE, demo=False, job=False, keep_forever=True)
        fill(endpoints(stack.state.ports), mix(EVENTS_WRITTEN, KEYS))
        stack.up(BASE, demo=False, keep_forever=True)
        rate, us = speed(stack, WARM_UP, EVENTS_WRITTEN)
    about = machine()
    return [
        Row(f"drain {name}", "events/s on one core", round(rate), machine=about),
        Row(f"drain {name} CPU", "us/event of the TaskManager", round(us, 1), machine=about),
    ]


@contextmanager
def running(layout: Layout, code: Path = CHECKOUT) -> Iterator[Stack]:
    """A stack that is stopped in the end, also when this program is killed."""
    stack = Stack(layout, code=code, env={**os.environ, OWNER_ENV: str(os.getpid())})
    try:
        yield stack
    finally:
        stack.down()


def fill(where: dict[str, str], events: Iterable[Event]) -> None:
    """The control records of the mix in force from the start, then these events."""
    registry = RegistryClient(where["registry"])
    producer = Producer(
        {
            "bootstrap.servers": where["brokers"],
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": QUEUED_MAX,
            "message.max.bytes": 8 * 1024 * 1024,
            "batch.size": BATCH_BYTES_MAX,
        }
    )
    model = replace(load_model(), version=1, effective_at_ms=0)
    for topic, record in (("sites", site()), ("campaigns", campaigns()), ("models", model)):
        frame = codec(topic, registry).encode(record)
        producer.produce(topic, key=record.site.encode(), value=frame)
    encode = codec(EVENTS, registry).encode
    failures: list[str] = []

    def failed(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.str())

    for event in events:
        key, at_ms = event.user_key.encode(), event.received_at_ms
        producer.produce(EVENTS, key=key, value=encode(event), timestamp=at_ms, on_delivery=failed)
        producer.poll(0)
        while len(producer) > QUEUED_MAX // 2:
            producer.poll(0.01)
    assert producer.flush(60) == 0, "the broker did not take every event within 60 s"
    assert not failures, f"{len(failures)} events not taken: {failures[0]}"


def speed(stack: Stack, after: int, written: int) -> tuple[float, float]:
    """(events a second, us of the TaskManager's CPU an event) on one core.

    Counted from the moment `after` events were read, until MEASURED_S later or shortly before the
    `written` ones are used up.
    """
    begin, end = _measured(stack, after, written)
    events = end.records - begin.records
    return events / (end.at_s - begin.at_s), (end.cpu_s - begin.cpu_s) * 1e6 / events


def _measured(stack: Stack, after: int, written: int) -> tuple[Sample, Sample]:
    pid = stack.state.pids["taskmanager-1"]
    url = f"http://127.0.0.1:{stack.state.ports['prometheus_taskmanager']}/metrics"
    _pin(pid)
    first: Sample | None = None
    last: Sample | None = None
    deadline = time.monotonic() + PATIENCE_S + after / SLOWEST_PER_S
    while time.monotonic() < deadline:
        sample = _sample(pid, url)
        if sample.records >= written:
            break
        if sample.records >= after:
            first, last = first or sample, sample
            if last.at_s - first.at_s >= MEASURED_S:
                break
        time.sleep(SAMPLE_S)
    assert first is not None and last is not None, f"{after} events took over {PATIENCE_S} s"
    assert last.records > first.records, "too few events to measure: the topic is empty already"
    return first, last


def _pin(pid: int) -> None:
    """Give the process one core, and later threads with it."""
    core = {max(os.sched_getaffinity(0))}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), core)


def _sample(pid: int, url: str) -> Sample:
    with urlopen(url, timeout=10) as answer:
        found = RECORDS_IN.findall(answer.read().decode())
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return Sample(time.monotonic(), int(float(found[0])) if found else 0, cpu_s)
