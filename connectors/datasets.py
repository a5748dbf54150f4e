"""Recorded real visitors as the events an SDK would have sent.

ClickstreamDMM: page_type 6 is read as a cart view, since 61 % of the sessions with it buy and 2 %
of the others (a documented assumption); types 0 to 5 become page views with page.type t0 to t5.
The statics travel as properties of the first event; the purchase label is never sent. Taobao: pv,
cart, fav and buy become product_view, add_to_cart, wishlist_add and purchase.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATASETS = ("clickstream-dmm", "taobao")
CART_PAGE_TYPE = 6


class DatasetMissing(Exception):
    """The data set's files are not where they were looked for."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One recorded act: milliseconds since the visit began, and the event's own fields."""

    at_ms: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """One recorded session; `seed` is 128 bits of its name, so that it is the same every time."""

    session_id: str
    seed: str
    starts_ms: int
    events: tuple[RecordedEvent, ...]


def load(dataset: str, path: Path, *, sessions: int, seed: int) -> list[Visit]:
    """`sessions` visits of a data set (0 = all), chosen by `seed`. Raises DatasetMissing."""
    visits = list(_READERS[dataset](path))
    if sessions and sessions < len(visits):
        visits = random.Random(seed).sample(visits, sessions)
    return visits


def _table(path: Path, name: str) -> dict[str, list[Any]]:
    file = path / name if path.is_dir() else path
    if not file.is_file():
        raise DatasetMissing(f"{file} is not there; name the folder that holds {name}")
    from pyarrow import parquet

    return dict(parquet.read_table(file).to_pydict())


def _clickstream(path: Path) -> Iterator[Visit]:
    events = _table(path, "clickstream_dmm_events.parquet")
    folder = path if path.is_dir() else path.parent
    statics = _statics(_table(folder, "clickstream_dmm_sessions.parquet"))
    by_session: dict[str, list[tuple[int, int, int]]] = {}
    columns = (events["session_id"], events["seq"], events["t_s"], events["page_type"])
    for session, seq, t_s, page_type in zip(*columns, strict=True):
        by_session.setdefault(session, []).append((seq, t_s, page_type))
    for session, rows in by_session.items():
        made = [_page(t_s * 1000, page_type) for _, t_s, page_type in sorted(rows)]
        made[0] = RecordedEvent(made[0].at_ms, {**made[0].fields, "properties": statics[session]})
        yield _visit(session, 0, made)


def _statics(table: dict[str, list[Any]]) -> dict[str, dict[str, float]]:
    names = [f"static_{number}" for number in range(4)] + ["static_4_z"]
    rows = zip(table["session_id"], *(table[name] for name in names), strict=True)
    return {
        session: {name: float(value) for name, value in zip(names, values, strict=True)}
        for session, *values in rows
    }


def _page(at_ms: int, page_type: int) -> RecordedEvent:
    if page_type == CART_PAGE_TYPE:
        page = {"url": "https://shop.example/cart", "path": "/cart", "type": "cart"}
        return RecordedEvent(at_ms, {"type": "cart_view", "page": page})
    name = f"t{page_type}"
    page = {"url": f"https://shop.example/{name}", "path": f"/{name}", "type": name}
    return RecordedEvent(at_ms, {"type": "page_view", "page": page})


_TAOBAO = {"pv": "product_view", "cart": "add_to_cart", "fav": "wishlist_add", "buy": "purchase"}


def _taobao(path: Path) -> Iterator[Visit]:
    table = _table(path, "taobao_userbehavior_2h.parquet")
    by_user: dict[int, list[tuple[int, str, int, int]]] = {}
    columns = (table[n] for n in ("user_id", "ts", "behavior", "item_id", "category_id"))
    for user, ts, behavior, item, category in zip(*columns, strict=True):
        by_user.setdefault(user, []).append((ts, behavior, item, category))
    first_ts = min(rows[0][0] for rows in by_user.values())
    for user, rows in by_user.items():
        starts = rows[0][0]
        made = [
            RecordedEvent(
                (ts - starts) * 1000,
                {
                    "type": _TAOBAO[behavior],
                    "product": {"id": f"i{item}", "category": f"c{category}"},
                },
            )
            for ts, behavior, item, category in rows
        ]
        yield _visit(f"u{user}", (starts - first_ts) * 1000, made)


def _visit(name: str, starts_ms: int, events: list[RecordedEvent]) -> Visit:
    seed = hashlib.sha256(name.encode()).hexdigest()[:32]
    return Visit(f"s-{seed[:16]}", seed, starts_ms, tuple(events))


_READERS: dict[str, Callable[[Path], Iterator[Visit]]] = {
    "clickstream-dmm": _clickstream,
    "taobao": _taobao,
}
