"""Fault points: named places where the world may go wrong, counted, so that none stays unused.

Each seed turns about half of them on, at one to three times their usual probability, so that some
worlds are calm in one respect and hard in another.
"""

from __future__ import annotations

from collections import Counter
from random import Random

MILLION = 1_000_000
FAULTS: dict[str, tuple[int, str]] = {
    "net.request_lost": (50_000, "a POST never reaches a gateway"),
    "net.response_lost": (50_000, "the answer to a POST is lost after the events were taken"),
    "net.request_twice": (60_000, "a POST arrives at two gateways"),
    "net.slow": (60_000, "a POST is up to 3 s on its way, others overtake it"),
    "client.clock_wrong": (400_000, "a client's clock is up to a day off"),
    "client.offline": (20_000, "events wait in an offline queue for longer than 30 s"),
    "client.index_jump": (20_000, "an index far ahead overtakes one that is then late"),
    "client.index_reused": (20_000, "two events of a tab carry one index"),
    "client.hidden_gap": (250_000, "a visitor comes back after more than 30 minutes"),
    "client.consent_changed": (
        40_000,
        "a visitor grants or withdraws consent, and with it the key",
    ),
    "client.erase": (30_000, "a visitor is erased while events are on their way"),
    "gateway.restart": (6_000, "a gateway process ends and starts empty"),
    "gateway.crash_after_append": (15_000, "it dies between the append and the answer"),
    "gateway.clock_back": (30_000, "its wall clock is 5 minutes behind for 20 ms"),
    "gateway.read_again": (20_000, "it reads the last decisions a second time"),
    "disk.full": (20_000, "a gateway's disk has no room; the client has to come again"),
    "power.cut_in_sync": (6_000, "a machine loses power before a sync; what it wrote is torn"),
    "power.cut": (100_000, "a gateway's machine loses power while the broker is away"),
    "log.unavailable": (40_000, "the broker is away for up to 1.5 s; events wait on the disks"),
    "log.appended_twice": (20_000, "a producer's retry writes a record twice"),
    "job.crash": (6_000, "the job dies and restarts from its last checkpoint"),
    "job.crash_between": (1_500, "it dies between two records of one poll"),
    "job.stall": (15_000, "the job stands still for up to 2 s"),
    "job.watermark_held": (50_000, "its watermark trails, timers fire late"),
    "checkpoint.lost": (100_000, "the last checkpoint is unreadable, the one before is used"),
    "control.published_twice": (200_000, "one control record is written twice"),
    "control.rolled_back": (200_000, "an older catalogue is published again as a new version"),
    "control.slow": (300_000, "a control record reaches the job just before it takes effect"),
    "control.poison": (150_000, "a control record the job must refuse"),
    "cache.flushed": (4_000, "a gateway forgets the decisions it held for those who resume"),
    "socket.dropped": (12_000, "a push socket is cut and resumes"),
    "socket.slow": (80_000, "a frame is up to 1.5 s on its way"),
    "edge.time_out": (40_000, "the gateway answers with the tab's fallback before the decision"),
    "poison.unreadable": (15_000, "bytes that are no event, under a visitor's key"),
    "poison.refused": (15_000, "an event whose key, time, type or value cannot be"),
    "poison.nobody": (10_000, "a record under a key that is nobody's"),
}
"""Name -> (probability in ppm each time the point is passed, what goes wrong)."""


class Faults:
    """The faults of one world. A quiet one has none any more."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._ppm = {
            name: ppm * chance.randint(1, 3) if chance.random() < 0.5 else 0
            for name, (ppm, _) in FAULTS.items()
        }
        self.fired: Counter[str] = Counter()
        self.quiet = False

    def hit(self, name: str) -> bool:
        """Whether this named point goes wrong now; counted when it does."""
        ppm = self._ppm[name]
        if self.quiet or not ppm or self._chance.randrange(MILLION) >= ppm:
            return False
        self.fired[name] += 1
        return True


def coverage(fired: Counter[str]) -> list[str]:
    """One line a fault point: how often it fired, and what it does."""
    return [f"{fired[name]:>9}  {name:<24} {what}" for name, (_, what) in FAULTS.items()]


def missing(fired: Counter[str]) -> list[str]:
    """Fault points that never fired."""
    return [name for name in FAULTS if not fired[name]]
