"""Made-up traffic of a shop as a GA4 export: seeded visitors who look and sometimes buy.

For proofs and tests of what reads such files; no figure of it says anything about people.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""

DAY_MS = 86_400_000
VISITS_MAX, STEPS_MAX = 4, 24
GOODS = tuple(
    (f"p{number}", f"category-{number % 12}", round(4.9 + number * 1.37 % 90, 2))
    for number in range(240)
)
NEXT = {
    "page_view": (("view_item", 55), ("page_view", 25), ("scroll", 20)),
    "scroll": (("page_view", 50), ("view_item", 50)),
    "view_item": (("view_item", 45), ("page_view", 30), ("add_to_cart", 12), ("scroll", 13)),
    "add_to_cart": (("view_cart", 45), ("view_item", 55)),
    "view_cart": (("begin_checkout", 40), ("view_item", 40), ("remove_from_cart", 20)),
    "remove_from_cart": (("view_item", 70), ("page_view", 30)),
    "begin_checkout": (("purchase", 45), ("view_cart", 35), ("page_view", 20)),
    "purchase": (("page_view", 100),),
}
LEAVES_PERCENT = 12


def write_ga4(path: Path, events: int, seed: int, days: int = 28) -> int:
    """Write at least so many rows, visitor after visitor; how many they are."""
    rng, count, visitor = random.Random(seed), 0, 0
    with path.open("w", encoding="utf-8") as file:
        while count < events:
            for row in visitor_rows(rng, f"{seed}.{visitor}", days):
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
                count += 1
            visitor += 1
    return count


def visitor_rows(rng: random.Random, name: str, days: int) -> Iterator[dict[str, Any]]:
    """All visits of one visitor."""
    for number in range(rng.randint(1, VISITS_MAX)):
        at_ms = START_MS + rng.randrange(days * DAY_MS)
        yield from _visit(rng, name, f"{name}.{number}", at_ms)


def _visit(rng: random.Random, name: str, session: str, at_ms: int) -> Iterator[dict[str, Any]]:
    kind, cart = "page_view", 0.0
    for step in range(STEPS_MAX):
        good, category, price = rng.choice(GOODS)
        row: dict[str, Any] = {
            "event_timestamp": str(at_ms * 1000),
            "event_name": kind,
            "user_pseudo_id": name,
            "event_params": [
                {"key": "ga_session_id", "value": {"string_value": session}},
                {"key": "page_location", "value": {"string_value": f"https://shop.example/{good}"}},
            ],
        }
        if kind in ("view_item", "add_to_cart", "remove_from_cart"):
            row["items"] = [{"item_id": good, "item_category": category, "price": price}]
        if kind == "add_to_cart":
            cart += price
        if kind == "purchase":
            row["ecommerce"] = {"transaction_id": f"{session}.{step}",
                                "purchase_revenue": round(cart or price, 2)}  # fmt: skip
            cart = 0.0
        yield row
        if rng.randrange(100) < LEAVES_PERCENT:
            return
        names, weights = zip(*NEXT[kind], strict=True)
        kind = rng.choices(names, weights)[0]
        at_ms += rng.randint(2_000, 90_000)
