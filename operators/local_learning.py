"""The learning job without an engine: the same hops over dicts and a heap, for one process.

Folds a log that lies whole before it: what `kairos` and tests compare the running job with. The
topics are read in order of their records' time, so that nothing is late.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from connectors.avro import Registry, codec
from connectors.routes import Origin, read_routed, write_origin
from operators.attribute import AttributionHop
from operators.learn import LearningHop
from operators.learn_products import ProductsHop, is_of_products
from operators.learning_shell import TOPICS, LearningMeter, Mirror, Out
from operators.relate import RelateHop
from schemas import lesson as lessons
from schemas.lesson import REWARD, SESSION, Lesson
from schemas.policy import Policy
from schemas.products import Products
from schemas.reward import Reward
from schemas.topics import DEAD_LETTERS, DECISIONS, EVENTS, POLICY, PRODUCTS, PROFILES

GRACE_MS = 50
NO_WATERMARK = -(1 << 62)


class _Value:
    """State value of a hop's current key, its timers too."""

    def __init__(self, job: LocalLearning, hop: str) -> None:
        self._job, self._hop = job, hop
        self.kept: dict[str, bytes] = {}
        self.key = ""

    def value(self) -> bytes | None:
        """State bytes, None for a new key."""
        return self.kept.get(self.key)

    def update(self, data: bytes) -> None:
        """Replace them."""
        self.kept[self.key] = data

    def clear(self) -> None:
        """Forget the key."""
        self.kept.pop(self.key, None)

    def register_event_time_timer(self, timestamp: int) -> None:
        """Wake this key once the watermark passes `timestamp`, once for each moment."""
        entry = (timestamp, self._hop, self.key)
        if entry not in self._job.timers:
            heappush(self._job.timers, entry)

    def current_watermark(self) -> int:
        """Engine time up to which timers have run."""
        return self._job.watermark_ms


class _Pending:
    """List state of the current site."""

    def __init__(self, lesson: _Value) -> None:
        self._lesson = lesson
        self._kept: dict[str, list[bytes]] = {}

    def add(self, value: bytes) -> None:
        """Append."""
        self._kept.setdefault(self._lesson.key, []).append(value)

    def get(self) -> list[bytes]:
        """All of them."""
        return list(self._kept.get(self._lesson.key, ()))

    def clear(self) -> None:
        """Empty it."""
        self._kept.pop(self._lesson.key, None)


class LocalLearning:
    """All keys of a log; `rewards`, `policies`, `products`, `letters` came out, in order."""

    def __init__(self, registry: Registry, build_id: str = "local") -> None:
        self.rewards: list[Reward] = []
        self.policies: list[Policy] = []
        self.products: list[Products] = []
        self.letters: list[bytes] = []
        self.timers: list[tuple[int, str, str]] = []
        self.watermark_ms = NO_WATERMARK
        self.meter = LearningMeter()
        self.mirror = Mirror(registry)
        self._codecs = {topic: codec(topic, registry) for topic in (POLICY, PRODUCTS)}
        self._relate = RelateHop(codec(EVENTS, registry), codec(PROFILES, registry), self.meter)
        self._attribute = AttributionHop(
            self.mirror.context,
            codec(DECISIONS, registry),
            codec(DEAD_LETTERS, registry),
            build_id,
            self.meter,
        )
        policies, products = self._codecs[POLICY], self._codecs[PRODUCTS]
        self._learn = LearningHop(self.mirror.context, policies, build_id, self.meter)
        self._goods = ProductsHop(products, build_id, self.meter)
        self.mirror.told = {PRODUCTS: self._goods.published}
        self._timed = {
            "relate": self._relate_timer,
            "attribute": self._attribute_timer,
            "learn": self._learn_timer,
        }
        self._people, self._ledgers = _Value(self, "relate"), _Value(self, "attribute")
        self._visits, self._sites = _Value(self, "relate"), _Value(self, "learn")
        self._neighbours = _Value(self, "learn")
        self._pending, self._sessions = _Pending(self._sites), _Pending(self._neighbours)

    def fold(self, records: Iterable[tuple[str, Origin]]) -> LocalLearning:
        """Everything in order of time; control records first, and no policy of another job."""
        every = list(records)
        for topic, origin in every:
            if topic in TOPICS and topic != POLICY:
                self.mirror.take(topic, origin)
        streams = [each for each in every if each[0] in (EVENTS, DECISIONS, PROFILES)]
        for topic, origin in sorted(streams, key=_when):
            self.advance(origin.timestamp_ms - GRACE_MS - 1)
            self.record(topic, origin)
        return self

    def record(self, topic: str, origin: Origin) -> None:
        """One record as Kafka held it."""
        payload = write_origin(origin)
        key = "" if origin.key is None else origin.key.decode("utf-8", "replace")
        if topic == DECISIONS:
            self._attributed(key, payload)
            return
        self._people.key = self._visits.key = key
        told = self._relate.element(payload, self._people, self._visits, self._people)
        self._related(told)

    def advance(self, watermark_ms: int) -> None:
        """Run the timers up to `watermark_ms`: the hops in their order at each moment."""
        if watermark_ms <= self.watermark_ms:
            return
        while self.timers and self.timers[0][0] <= watermark_ms:
            at_ms, hop, key = heappop(self.timers)
            self.watermark_ms = max(self.watermark_ms, at_ms)
            self._timed[hop](at_ms, key)
        self.watermark_ms = watermark_ms

    def lesson(self, site: str) -> Lesson:
        """What a site has learned so far."""
        return lessons.load(self._sites.kept.get(site))

    def open_keys(self) -> int:
        """Keys that hold an open decision, order or outcome."""
        return len(self._ledgers.kept)

    def _relate_timer(self, at_ms: int, key: str) -> None:
        self._people.key = self._visits.key = key
        self._related(self._relate.timer(at_ms, key, self._people, self._visits, self._people))

    def _attribute_timer(self, at_ms: int, key: str) -> None:
        self._ledgers.key = key
        self._met(self._attribute.timer(at_ms, key, self._ledgers, self._ledgers))

    def _learn_timer(self, at_ms: int, site: str) -> None:
        self._sites.key = self._neighbours.key = site
        if is_of_products(at_ms):
            place = (self._neighbours, self._sessions, self._sites)
            self._out(self._goods.timer(at_ms, site, *place))
        else:
            self._out(self._learn.timer(at_ms, site, self._sites, self._pending, self._sites))

    def _related(self, out: Out) -> None:
        for key, told in out:
            self._attributed(key, told)

    def _attributed(self, key: str, payload: bytes) -> None:
        self._ledgers.key = key
        self._met(self._attribute.element(payload, key, self._ledgers, self._ledgers))

    def _met(self, out: Out) -> None:
        for site, payload in out:
            if payload[:1] == REWARD:
                self.rewards.append(Reward.load(payload[1:]))
            self._sites.key = self._neighbours.key = site
            if payload[:1] == SESSION:
                self._goods.element(payload, self._sessions, self._sites)
            else:
                self._out(self._learn.element(payload, site, self._pending, self._sites))

    def _out(self, out: Out) -> None:
        for _, payload in out:
            topic, _, frame = read_routed(payload)
            if topic == POLICY:
                self.policies.append(self._codecs[topic].decode(frame))
            elif topic == PRODUCTS:
                self.products.append(self._codecs[topic].decode(frame))
            else:
                self.letters.append(frame)


def _when(record: tuple[str, Origin]) -> tuple[int, int, int, int]:
    """By time; of one moment events come before what was decided on them."""
    topic, origin = record
    return origin.timestamp_ms, topic != EVENTS, origin.partition, origin.offset
