"""Selection: one slot from a whole catalogue, by the size of the catalogue.

The moments are those of the mix, of visitors who were shown nothing yet, so that no campaign is
out before its condition is asked. Conditions vary as merchants' do (workloads.conditions).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import cycle

from msgspec.structs import replace

from benchmarks.rows import Row, cpu_us, timed
from benchmarks.workloads import campaigns, conditions, context, mix
from models.choice import choose
from models.context import Context, View
from models.eligibility import ask, sieve
from models.facts import Facts, facts
from models.rule_index import index_of
from models.rules import Rule, compile_rule
from models.user import step
from schemas.campaign import Campaigns
from schemas.event import Event
from schemas.profile import Profile, dump, load

SIZES = (50, 200, 1_000)
MOMENTS = 3_000
KEYS = 300
BUILDS = 20
Moment = tuple[Profile, Event, Facts]


def rows() -> list[Row]:
    """Measure; CPU time of this process."""
    return [row for size in SIZES for row in (*_conditions(size), *_choices(size))]


def _conditions(size: int) -> list[Row]:
    """All conditions for one slot, by the index and one after the other."""
    compiled = [compile_rule(text) for text in conditions(size)]
    index, every = index_of(compiled), (1 << size) - 1
    tables = cycle(table for _, _, table in _moments(_context(0)))
    by_index = cpu_us(lambda: index.failing(next(tables), every), MOMENTS)
    one_by_one = cpu_us(lambda: _asked(compiled, next(tables)), MOMENTS)
    return [
        timed(f"{size} conditions", by_index),
        timed(f"{size} conditions one by one", one_by_one),
        timed(f"index of {size} conditions", cpu_us(partial(index_of, compiled), BUILDS)),
    ]


def _asked(compiled: Sequence[Rule], table: Facts) -> list[bool]:
    return [rule.holds(table) for rule in compiled]


def _choices(size: int) -> list[Row]:
    """Who may bid, and the whole choice with its auction, for one slot."""
    ctx = _context(size)
    moments = cycle(_moments(ctx))
    return [
        timed(
            f"eligible of {size} campaigns", cpu_us(lambda: _sorted(ctx, *next(moments)), MOMENTS)
        ),
        timed(f"choice of {size} campaigns", cpu_us(lambda: _chosen(ctx, *next(moments)), MOMENTS)),
    ]


def _view(ctx: Context, profile: Profile, event: Event) -> View:
    return ctx.at(event.site, profile.now_ms)


def _sorted(ctx: Context, profile: Profile, event: Event, table: Facts) -> None:
    view = _view(ctx, profile, event)
    ask(sieve(profile, view, "page", event.type, profile.now_ms), view, table)


def _chosen(ctx: Context, profile: Profile, event: Event, table: Facts) -> None:
    view = _view(ctx, profile, event)
    choose(profile, view, lambda: table, "page", event.type, profile.now_ms, "d_1")


def _context(size: int) -> Context:
    """The context of the mix with this many campaigns, each with a condition of its own."""
    ctx = context()
    texts = conditions(size)
    made = campaigns(size).campaigns
    varied = tuple(replace(each, when=when) for each, when in zip(made, texts, strict=True))
    ctx.add("campaigns", Campaigns(site="bench", version=2, campaigns=varied))
    return ctx


def _moments(ctx: Context) -> list[Moment]:
    """Profiles, events and facts of the mix, none of whom was given anything."""
    out: list[Moment] = []
    profiles: dict[str, Profile | None] = {}
    silent = _context(0)
    for event in mix(MOMENTS, KEYS):
        key = event.user_key
        profiles[key] = profile = step(profiles.get(key), event, key, silent)[0]
        assert profile is not None
        profile = load(dump(profile))  # The next event changes it in place.
        assert profile is not None
        view = _view(ctx, profile, event)
        out.append(
            (profile, event, facts(profile, profile.tabs[-1], view, event.type, profile.now_ms))
        )
    return out
