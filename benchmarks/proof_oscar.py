"""Proof `oscar`: a guest's purchase on an unmodified django-oscar, but for one script tag."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.oscar_shop import free_origin, oscar_shop
from benchmarks.oscar_visit import STEPS, Visit, buy
from benchmarks.proof import Proof, Result, Step
from connectors.avro import codec
from connectors.registry import RegistryClient
from connectors.topic_tail import Tailed, TopicTail
from infra.demo.chromium import chromium
from infra.local.layout import CHECKOUT
from infra.local.process import wait_until
from infra.local.services import ALL
from infra.local.stack import Stack
from schemas.decision import Decision
from schemas.event import Event
from schemas.ids import TICK_KEY

SITE, CAMPAIGN = "oscar", "TO_THE_TILL"
WITHIN_S = 30.0
PICTURES = CHECKOUT / "docs" / "proofs" / "oscar"
KEPT = {"3-basket.png": "basket.png", "8-place.png": "order.png"}
EXPECTED = {
    "session_start": 1,
    "page_view": 9,
    "product_view": 2,
    "add_to_cart": 1,
    "cart_view": 1,
    "impression": 1,
    "action_click": 1,
    "checkout_start": 1,
    "checkout_step": 3,
    "purchase": 1,
    "page_leave": 9,
}
"""What one such visit has to say. Telemetry (hover, scroll, hidden) depends on the pointer."""

NOTES = (
    "django-oscar as it is published (infra/setup/oscar.lock), with its own apps, SQLite, 20 goods "
    "and one script tag in its base template (benchmarks/oscar/templates). Chromium looks at the "
    "catalogue and a product, adds it by the shop's own form, opens the basket, where the one "
    "campaign shows its banner, takes the banner's way to the till and orders as a guest. `events` "
    "are the records of the site in topic `events`; each id has to be there once. Policy reports "
    "are those whose source is a file of ours, under style-src 'self' and "
    "require-trusted-types-for 'script'; the shop's own scripts break that policy, so it is "
    "reported and not enforced. The catalogue's pictures have no "
    "size in django-oscar, so that page moves by itself; no page may that does not in the same "
    "purchase with our files kept out."
)


class Log:
    """What appears in `events` and `decisions` of the shop's site while the block runs."""

    def __init__(self, stack: Stack) -> None:
        where = stack.state.endpoints
        registry = RegistryClient(where["registry"])
        events, decisions = codec("events", registry), codec("decisions", registry)
        self.events: list[Event] = []
        self.decisions: list[Decision] = []

        def heard(record: Tailed) -> None:
            if record.key != TICK_KEY.encode() and (record.key or b"").startswith(b"oscar:"):
                self.events.append(events.decode(record.value))

        def decided(record: Tailed) -> None:
            if (record.key or b"").startswith(b"oscar:"):
                self.decisions.append(decisions.decode(record.value))

        self._tails = [
            TopicTail(where["brokers"], "events", heard).start(),
            TopicTail(where["brokers"], "decisions", decided).start(),
        ]

    def stop(self) -> None:
        """Read no further."""
        for tail in self._tails:
            tail.stop()


@contextmanager
def log_of(stack: Stack) -> Iterator[Log]:
    """A log that is read until the block ends."""
    log = Log(stack)
    try:
        yield log
    finally:
        log.stop()


def kairos(stack: Stack, *arguments: str, check: bool = True) -> None:
    """One command, as an owner of a shop would type it. Raises CalledProcessError if `check`."""
    env = {**os.environ, **stack.env, "KAIROS_STACK_DIR": str(stack.layout.stack)}
    env.pop("KAIROS_GATEWAY_URL", None)
    command = [sys.executable, "-m", "cli.main", *arguments]
    subprocess.run(command, cwd=CHECKOUT, env=env, check=check, stdout=subprocess.DEVNULL)


def _bought(stack: Stack) -> Result:
    home, origin = stack.layout.stack.parent, free_origin()
    sdk = stack.state.endpoints["gateway"] + "/sdk/kairos.js"
    made = ("--mode", "live", "--consent", "implied", "--no-wait")
    # A run that was interrupted has left its site, whose origin was another.
    kairos(stack, "sites", "remove", SITE, check=False)
    kairos(stack, "sites", "add", SITE, "--origin", origin, *made)
    campaigns = CHECKOUT / "benchmarks" / "oscar" / "campaigns.yaml"
    kairos(stack, "campaigns", "apply", str(campaigns), "--site", SITE)
    pictures = home / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    with (
        chromium() as browser,
        oscar_shop(browser, home / "shop", origin, sdk),
        log_of(stack) as log,
    ):
        alone = buy(browser, origin, pictures, ours=False)
        seen = buy(browser, origin, pictures, ours=True)
        wait_until(lambda: told(log)["page_leave"] >= EXPECTED["page_leave"], WITHIN_S)
    keep(pictures)
    shifts = {"with_us": shifted(seen), "alone": shifted(alone)}
    return {**figures(log, seen), **attributed(log), "shifts": shifts}


def told(log: Log) -> Counter[str]:
    """How many records there are of each type."""
    return Counter(each.type for each in list(log.events))


def figures(log: Log, seen: Visit) -> Result:
    """The visit and its records as numbers."""
    ids = Counter(each.event_id for each in log.events)
    purchase = next((each for each in log.events if each.type == "purchase"), None)
    order = str((purchase.properties or {}).get("order_id")) if purchase else ""
    return {
        "steps": len(STEPS),
        "pages": seen.pages,
        "types": dict(sorted(told(log).items())),
        "events": len(log.events),
        "written_twice": sum(count - 1 for count in ids.values()),
        "visitors": len({each.user_key for each in log.events}),
        "order": seen.order,
        "order_told": order,
        "value_told_micros": purchase.value_micros if purchase else None,
        "paid": seen.paid,
        "reports": seen.reports,
        "reports_of_the_shop": seen.reports_of_the_shop,
        "rejected": seen.rejected,
        "errors": seen.errors,
    }


def shifted(visit: Visit) -> dict[str, float]:
    """Layout shift of the pages that moved at all."""
    return {path: round(shift, 4) for path, shift in visit.shifts.items() if shift}


def attributed(log: Log) -> dict[str, Any]:
    """Whether impression and click name the decision that the basket's view asked for."""
    cart = next((each for each in log.events if each.type == "cart_view"), None)
    made = next(
        (d for d in log.decisions if cart and d.trigger.event_id == cart.event_id), None
    )  # fmt: skip
    outcomes = [each for each in log.events if each.type in ("impression", "action_click")]
    return {
        "campaign": made.campaign_id if made else None,
        "named": sum(bool(made and each.slot_id == made.slot_id) for each in outcomes),
        "of": len(outcomes),
    }


def keep(pictures: Path) -> None:
    """The pictures of the report."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, kept in KEPT.items():
        shutil.copy(pictures / name, PICTURES / kept)


def _check(result: Result) -> list[str]:
    types = result["types"]
    wrong = [
        f"{types.get(name, 0)} {name}, expected {count}"
        for name, count in EXPECTED.items()
        if types.get(name, 0) != count
    ]
    empty = ("written_twice", "rejected", "reports", "errors")
    wrong += [f"{name}: {result[name]}" for name in empty if result[name]]
    if result["campaign"] != CAMPAIGN or (result["named"], result["of"]) != (2, 2):
        wrong.append("impression and click do not both name the decision of the basket's view")
    more = result["shifts"]["with_us"].keys() - result["shifts"]["alone"].keys()
    if more:
        wrong.append(f"{sorted(more)} move, which do not without us")
    if result["visitors"] != 1:
        wrong.append(f"{result['visitors']} visitors where there was one")
    if not result["order"] or result["order_told"] != result["order"]:
        wrong.append(f"order {result['order']!r} was told as {result['order_told']!r}")
    if not result["value_told_micros"]:
        wrong.append("the purchase has no value")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    (r,) = results.values()
    lines = ["| event | expected | in the log |", "| --- | --- | --- |"]
    names = [*EXPECTED, *(name for name in r["types"] if name not in EXPECTED)]
    lines += [f"| {n} | {EXPECTED.get(n, 'any')} | {r['types'].get(n, 0)} |" for n in names]
    facts = {
        "pages": len(r["pages"]),
        "records of them in the log, written twice": f"{r['events']}, {r['written_twice']}",
        "order on the page, in the log": f"{r['order']}, {r['order_told']}",
        "paid, told in micros": f"{r['paid']}, {r['value_told_micros']}",
        "impression and click that name the decision": f"{r['named']} of {r['of']}",
        "policy reports about us, about the shop": f"{len(r['reports'])}, "
        f"{r['reports_of_the_shop']}",
        "layout shift where the action showed": r["shifts"]["with_us"].get("/basket/", 0),
        "pages that move, without our files": f"{r['shifts']['with_us']}, {r['shifts']['alone']}",
        "errors on the pages": len(r["errors"]),
        "seconds, with the shop's migrations": r["took_s"],
    }
    lines += ["", "| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in facts.items()), ""]
    return [*lines, "![The basket with the action](oscar/basket.png)", "",
            "![The order](oscar/order.png)"]  # fmt: skip


PROOF = Proof(
    name="oscar",
    help="a guest's purchase on an unmodified django-oscar shop, but for one script tag",
    seed=0,
    steps=(Step("purchase", _bought, _check),),
    notes=NOTES,
    table=_table,
    services=tuple(name for name in ALL if name != "shop"),
)
