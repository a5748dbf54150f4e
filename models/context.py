"""Context: what is in force at an engine time, as published through the five control topics.

Records carry `effective_at_ms`; the one in force at t is the newest with effective_at_ms <= t.
Older versions stay, so that a replayed log meets the versions of its own time. Products are many:
they stay as bytes, but for the assortment that was asked for last. Policies come every few seconds:
they stay as bytes too, and a process that is given `policies_kept_ms` forgets those that ended so
long before the newest.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.msgpack import decode, encode

from models.assortment import NO_ASSORTMENT, Assortment, assortment
from models.catalogue import Catalogue, catalogue_of
from models.inputs import Inputs, compiled
from models.intent import HeadsScorer, Intents, Scorer
from models.loops import IN_PYTHON, Loops
from models.market import Market, market_of
from models.plain import Plain
from models.policy_checks import checked
from models.recurrence import mark_of
from models.trust import stale_from_ms
from schemas.decision import Versions
from schemas.model import Head, Model
from schemas.policy import Policy
from schemas.products import Products
from schemas.site import Site

RULES_VERSION = 9
"""Bumped by hand when the rules in models/ change meaning: it is part of every decision_id."""

DEFAULT_MODEL = "default"
PURCHASE = "purchase_intent"
MODEL_ABSENT, CATALOGUE_ABSENT, SITE_ABSENT = "no_model", "no_catalogue", "no_site"
ECE_MAX_PPM = 50_000
"""A model whose published calibration error in production is larger leaves rules to decide."""

_UNTIL_ALWAYS = 1 << 62
_NO_MODEL = (None, None, None, None, 0)


class Watch(Struct, frozen=True):
    """Thresholds of the site by place in the model's output, in ppm.

    `crossed` are (place among scores and concepts, threshold), `buying` that of high intent among
    the scores.
    """

    crossed: tuple[tuple[int, int], ...] = ()
    buying: tuple[int, int] | None = None


NOTHING_WATCHED = Watch()


class View(Struct, frozen=True):
    """Everything in force for one site at one engine time."""

    site: Site | None
    catalogue: Catalogue | None
    assortment: Assortment
    model: Model | None
    scorer: Scorer | None
    inputs: Inputs | None
    intents: HeadsScorer | None
    policy: Policy | None
    versions: Versions
    market: Market | None
    score_names: tuple[str, ...]
    concept_names: tuple[str, ...]
    mark: int = 0
    watch: Watch = NOTHING_WATCHED
    loops: Loops = IN_PYTHON


class Context:
    """All versions known to this process; `at` is what `step` reads.

    `make_scorer` turns a model record into a Scorer and raises on a model it refuses;
    `make_intents` prepares its heads; `loops` do the arithmetic over many numbers; `plain`, where
    there is one, folds the events that ask for nothing (models/plain.py).
    """

    def __init__(
        self,
        make_scorer: Callable[[Model], Scorer],
        schema_fingerprint: str = "",
        make_intents: Callable[[tuple[Head, ...]], HeadsScorer] = Intents,
        policies_kept_ms: int = _UNTIL_ALWAYS,
        loops: Loops = IN_PYTHON,
        plain: Plain | None = None,
    ) -> None:
        self.plain = plain
        self._make_scorer = make_scorer
        self._make_intents = make_intents
        self._schema = schema_fingerprint
        self._policies_kept_ms = policies_kept_ms
        self._loops = loops
        self._history: dict[tuple[str, str], list[tuple[int, int, Any]]] = {}
        self._views: dict[str, tuple[int, int, View]] = {}
        self._assortments: dict[str, tuple[bytes, Assortment]] = {}

    def add(self, topic: str, record: Any) -> None:
        """Take in one control record of `topic`; the same version again replaces itself.

        Raises RuleError for a condition that does not compile, ValueError for a bid or a response
        too large, PolicyRefused for an absurd policy, and whatever `make_scorer` raises: the record
        is then not in force and the earlier one stays.
        """
        entry = (record.effective_at_ms, record.version, _COMPILE[topic](self, record))
        history = self._history.setdefault((topic, record.site), [])
        if history and record.version <= max(each[1] for each in history):
            history[:] = [each for each in history if each[1] != record.version]
        insort(history, entry, key=lambda each: each[:2])
        if topic == "policy":
            self._forget(history)
            self._views.pop(record.site, None)
        else:
            self._views.clear()

    def _forget(self, history: list[tuple[int, int, Any]]) -> None:
        """Drop policies that ended before all that this process may still be asked of."""
        horizon_ms = history[-1][0] - self._policies_kept_ms
        while len(history) > 1 and history[1][0] <= horizon_ms:
            del history[0]

    def at(self, site: str, now_ms: int) -> View:
        """What is in force for `site` at `now_ms`."""
        cached = self._views.get(site)
        if cached is not None and cached[0] <= now_ms < cached[1]:
            return cached[2]
        since, until, view = self._build(site, now_ms)
        self._views[site] = (since, until, view)
        return view

    def _build(self, site: str, now_ms: int) -> tuple[int, int, View]:
        sites = self._in_force("sites", site, now_ms)
        campaigns = self._in_force("campaigns", site, now_ms)
        products = self._in_force("products", site, now_ms)
        model = self._in_force("models", site, now_ms)
        default = self._in_force("models", DEFAULT_MODEL, now_ms)
        policy = _read(self._in_force("policy", site, now_ms), now_ms)
        every = (sites, campaigns, products, model, default, policy)
        chosen = model if model[3] is not None else default
        record, scorer, inputs, intents, mark = chosen[3] or _NO_MODEL
        if record is not None and record.ece_ppm > ECE_MAX_PPM:
            record, scorer, inputs, intents, mark = _NO_MODEL
        offered = self._offered(site, products[3])
        view = View(
            site=None if sites[3] is None or sites[3].removed else sites[3],
            catalogue=campaigns[3],
            assortment=offered,
            model=record,
            scorer=scorer,
            inputs=inputs,
            intents=intents,
            policy=policy[3],
            versions=Versions(
                rules=RULES_VERSION,
                site=sites[2],
                catalogue=campaigns[2],
                products=products[2],
                model=chosen[2],
                policy=policy[2],
                schema=self._schema,
            ),
            market=_market(campaigns[3], policy[3], offered, now_ms),
            score_names=() if record is None else tuple(head.name for head in record.heads),
            concept_names=() if record is None else record.concepts,
            mark=mark,
            watch=_watch(sites[3], record),
            loops=self._loops,
        )
        return max(each[0] for each in every), min(each[1] for each in every), view

    def _offered(self, site: str, data: bytes | None) -> Assortment:
        """A site's products from their bytes; those of the last time are made ready already."""
        if data is None:
            return NO_ASSORTMENT
        known, made = self._assortments.get(site, (b"", NO_ASSORTMENT))
        if known is not data:
            made = assortment(decode(data, type=Products))
            self._assortments[site] = data, made
        return made

    def _in_force(self, topic: str, site: str, now_ms: int) -> tuple[int, int, int, Any]:
        """(since, until, version, compiled) of the record in force, version 0 for none."""
        since, until, version, compiled = 0, _UNTIL_ALWAYS, 0, None
        for effective_at_ms, number, value in self._history.get((topic, site), ()):
            if effective_at_ms > now_ms:
                until = effective_at_ms
                break
            since, version, compiled = effective_at_ms, number, value
        return since, until, version, compiled


def _watch(site: Site | None, model: Model | None) -> Watch:
    if site is None or site.removed or model is None:
        return NOTHING_WATCHED
    scores = [head.name for head in model.heads]
    names, known = [*scores, *model.concepts], site.thresholds
    crossed = tuple((at, known[name]) for at, name in enumerate(names) if name in known)
    buying = scores.index(PURCHASE) if PURCHASE in scores else None
    return Watch(crossed, None if buying is None else (buying, site.high_intent_ppm))


def _read(
    entry: tuple[int, int, int, bytes | None], now_ms: int
) -> tuple[int, int, int, Policy | None]:
    """A policy from its bytes, in force as long as its qualities are fresh, or from when not."""
    since, until, version, data = entry
    if data is None:
        return since, until, version, None
    policy = decode(data, type=Policy)
    stale_ms = stale_from_ms(policy)
    if now_ms < stale_ms:
        return since, min(until, stale_ms), version, policy
    return max(since, stale_ms), until, version, policy


def _market(
    catalogue: Catalogue | None, policy: Policy | None, offered: Assortment, now_ms: int
) -> Market | None:
    return None if catalogue is None else market_of(catalogue, policy, offered.by_id, now_ms)


_COMPILE: dict[str, Callable[[Context, Any], Any]] = {
    "sites": lambda _, record: record,
    "campaigns": lambda _, record: catalogue_of(record),
    "products": lambda _, record: encode(record),
    "models": lambda context, record: (
        record,
        context._make_scorer(record),
        compiled(record.features),
        context._make_intents(record.heads),
        mark_of(record),
    ),
    "policy": lambda _, record: encode(checked(record)),
}
