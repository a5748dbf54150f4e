"""Simulated visits as training rows: the job's own `step` computes the model's inputs.

A recording scorer stands where the network will be, so that training sees exactly the vectors
that serving will see: one code path, no skew. Visits are shown no action (holdout traffic), else
exposure would confound the labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from msgspec import convert

from connectors.datasets import Visit as Recorded
from gateway.convert import to_event
from gateway.wire import WireEvent
from infra.demo.goods import Item
from infra.demo.personas import choose
from infra.demo.visit import Visitor
from models.context import Context
from models.features import FEATURES
from models.user import step
from schemas.event import Consent, Event
from schemas.model import Model
from schemas.products import CatalogueProduct, Products
from schemas.profile import Profile
from schemas.site import Site

SITE = "demo"
CURRENCY = "EUR"
_SHOP = Site(currency=CURRENCY)
START_MS = 1_760_000_000_000
_DAY_MS = 86_400_000
_RETURNS = 0.15
"""Share of visitors who come back a day later, with the same profile."""

_THIN = 0.2
"""Share of visits from shops that send pages, carts and orders but no telemetry."""

_THIN_TYPES = frozenset(
    "page_view product_view cart_view checkout_start add_to_cart remove_from_cart purchase "
    "search".split()
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: its events in order, the model's input after each, and the hidden truth."""

    events: tuple[Event, ...]
    rows: tuple[list[float], ...]
    persona: str
    will_buy: bool


class _Recorder:
    """A scorer that answers nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        self.rows.append(features)
        return [], hidden


def logged(
    wire: dict[str, Any], user_key: str, session_id: str, tab_id: str, received_at_ms: int
) -> Event:
    """A public event as the gateway writes it into the log."""
    envelope = Event(
        site=user_key.split(":", 1)[0],
        user_key=user_key,
        session_id=session_id,
        tab_id=tab_id,
        sent_at_ms=wire["ts"],
        received_at_ms=received_at_ms,
        accepted_at_ms=received_at_ms,
        consent=Consent(True, True, True),
    )
    return to_event(convert(wire, WireEvent), envelope, _SHOP)


class Profiler:
    """Folds events through the job's `step` and gives the model's input after each.

    `features` are a trained model's own, which may be of before the newest; else all there are.
    """

    def __init__(
        self, catalogue: Sequence[Item] = (), features: tuple[str, ...] = FEATURES
    ) -> None:
        self._recorder = _Recorder()
        self._context = Context(lambda _: self._recorder)
        self._context.add("models", Model(site="default", version=1, features=features))
        products = tuple(
            CatalogueProduct(id=item.id, category=item.category, price_micros=item.price_micros)
            for item in catalogue
        )
        self._context.add("products", Products(site=SITE, version=1, products=products))

    def fold(
        self, profile: Profile | None, event: Event
    ) -> tuple[Profile | None, list[float] | None]:
        """The next profile, and the input where the event was scored."""
        self._recorder.rows.clear()
        profile, _, _ = step(profile, event, event.user_key, self._context)
        return profile, self._recorder.rows[-1] if self._recorder.rows else None

    def recorded(self, visit: Recorded) -> Iterator[tuple[Event, list[float], bool]]:
        """Each event of a recorded visit as the log would hold it, the input after it, and whether
        the job begins a session with it.
        """
        profile: Profile | None = None
        for index, each in enumerate(visit.events):
            ts_ms = START_MS + each.at_ms
            wire = {"event_id": f"e{index}", "session_index": index, "ts": ts_ms, **each.fields}
            event = logged(wire, f"{SITE}:v:{visit.seed}", visit.session_id, "t1", ts_ms)
            number = profile.session.number if profile else 0
            profile, row = self.fold(profile, event)
            assert row is not None and profile is not None
            yield event, row, profile.session.number != number


def visits(
    count: int, seed: str, catalogue: Sequence[Item], features: tuple[str, ...] = FEATURES
) -> Iterator[Visit]:
    """`count` visitors drawn by persona, each one visit or two."""
    rng = Random(f"crowd:{seed}")
    profiler = Profiler(catalogue, features)
    for number in range(count):
        persona = choose(rng)
        start_ms = START_MS + rng.randrange(7 * _DAY_MS)
        user_key = f"{SITE}:v:{rng.getrandbits(128):032x}"
        profile: Profile | None = None
        for turn in range(2 if rng.random() < _RETURNS else 1):
            name = f"{seed}:{number}:{turn}"
            visitor = Visitor(persona, catalogue, name, start_ms + turn * _DAY_MS)
            profile, visit = _fold_visit(profiler, profile, visitor, user_key, rng)
            yield visit


def _fold_visit(
    profiler: Profiler, profile: Profile | None, visitor: Visitor, user_key: str, rng: Random
) -> tuple[Profile | None, Visit]:
    events: list[Event] = []
    rows: list[list[float]] = []
    thin = rng.random() < _THIN
    while (wire := visitor.pop()) is not None:
        if thin and wire["type"] not in _THIN_TYPES:
            continue
        received_at_ms = wire["ts"] + rng.randint(5, 60)
        event = logged(wire, user_key, visitor.session_id, visitor.tab_id, received_at_ms)
        profile, row = profiler.fold(profile, event)
        assert row is not None
        events.append(event)
        rows.append(row)
    truth = visitor.truth
    return profile, Visit(tuple(events), tuple(rows), truth.persona, truth.will_buy)
