"""6 Catalogue: the campaigns of a site made ready for selection, once per version.

All that does not depend on the visitor is worked out here, so that a decision builds nothing for
those who lose. A set of campaigns is a bit mask, bit i standing for campaign i of the file, also
in the index of conditions (models/rule_index.py). What bids and what answers to scores is columns
of integers (models/bids.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from models.bids import Book, book_of
from models.carts import POPUP, SAVE
from models.rule_index import RuleIndex, index_of
from models.rules import compile_rule
from models.signals import SIGNALS
from models.trigger_rules import CAUSES
from models.vocabulary import CONSENT_BITS, STAGES
from schemas.campaign import CHECKOUT, EMAIL, Campaign, Campaigns
from schemas.offer import ChannelCap
from schemas.trigger_bounds import TriggerBounds

_CONSENTS = range(1 << len(CONSENT_BITS))


class Entry(Struct, frozen=True):
    """One campaign, its bit, and the bits of those that share an exclusion group with it."""

    bit: int
    campaign: Campaign
    rivals: int


class Screens(Struct, frozen=True):
    """Masks of the running campaigns that pass a check, by what is checked.

    `consents` is by the visitor's consent bits, `stages` by the stage's number. A trigger that is
    not among `triggers` is answered by `any_trigger`.
    """

    placements: dict[str, int]
    stages: tuple[int, ...]
    consents: tuple[int, ...]
    triggers: dict[str, int]
    any_trigger: int
    unaddressed: int
    fallbacks: int
    overriding: int
    popups: int
    savers: int


class Catalogue(Struct, frozen=True):
    """A site's campaigns.

    `scheduled` is (bit, first engine ms, end), `stand_ins` is (mask of those it stands in for, its
    own bit), `channels` is (caps, mask of the channel's campaigns). `signals` are those that
    some condition reads: the others are not computed. `causes` are the triggers outside the page
    that some message answers.
    """

    ids: tuple[str, ...]
    by_id: dict[str, Entry]
    paused: int
    screens: Screens
    scheduled: tuple[tuple[int, int, int], ...]
    stand_ins: tuple[tuple[int, int], ...]
    rules: RuleIndex
    channels: tuple[tuple[ChannelCap, int], ...]
    book: Book
    bounds: TriggerBounds
    signals: tuple[str, ...]
    causes: frozenset[str]


def catalogue_of(record: Campaigns) -> Catalogue:
    """Compile a catalogue. Raises RuleError for a condition, ValueError for a number too large."""
    campaigns = record.campaigns
    bits = {each.id: 1 << index for index, each in enumerate(campaigns)}
    running = [each for each in campaigns if not each.paused]
    rules = [compile_rule(each.when) if each.when else None for each in campaigns]
    read = {name for rule in rules if rule is not None for name in rule.names}
    return Catalogue(
        ids=tuple(bits),
        by_id={
            each.id: Entry(bits[each.id], each, _rivals(each, campaigns, bits))
            for each in campaigns
        },
        paused=sum(bits[each.id] for each in campaigns if each.paused),
        screens=_screens(running, bits),
        scheduled=tuple(
            (bits[each.id], each.starts_at_ms, each.ends_at_ms)
            for each in running
            if each.starts_at_ms or each.ends_at_ms
        ),
        stand_ins=_stand_ins(campaigns, bits),
        rules=index_of(rules),
        channels=tuple(
            (cap, sum(bits[each.id] for each in running if each.channel == cap.channel))
            for cap in record.channels
        ),
        book=book_of(campaigns),
        bounds=record.bounds,
        signals=tuple(sorted(read & SIGNALS.keys())),
        causes=frozenset(
            cause for each in running if each.placement == EMAIL for cause in each.on or CAUSES
        ),
    )


def _screens(running: list[Campaign], bits: dict[str, int]) -> Screens:
    def mask(passing: Iterable[Campaign]) -> int:
        return sum(bits[each.id] for each in passing)

    places = sorted({each.placement for each in running})
    triggers = sorted({name for each in running for name in each.on})
    silent = [each for each in running if not each.on]
    return Screens(
        placements={name: mask(c for c in running if c.placement == name) for name in places},
        stages=tuple(mask(c for c in running if name in (c.stages or STAGES)) for name in STAGES),
        consents=tuple(mask(c for c in running if not _needs(c) & ~given) for given in _CONSENTS),
        triggers={
            name: mask([*silent, *(c for c in running if name in c.on)]) for name in triggers
        },
        any_trigger=mask(silent),
        unaddressed=mask(c for c in running if c.channel != EMAIL),
        fallbacks=mask(c for c in running if c.fallback),
        overriding=mask(c for c in running if c.priority_override == CHECKOUT),
        popups=mask(c for c in running if c.render.kind == POPUP),
        savers=mask(c for c in running if c.action_type == SAVE),
    )


def _needs(campaign: Campaign) -> int:
    return sum(CONSENT_BITS[purpose] for purpose in set(campaign.needs))


def _rivals(campaign: Campaign, campaigns: tuple[Campaign, ...], bits: dict[str, int]) -> int:
    groups = set(campaign.excludes)
    return sum(
        bits[each.id]
        for each in campaigns
        if each.id != campaign.id and groups.intersection(each.excludes)
    )


def _stand_ins(
    campaigns: tuple[Campaign, ...], bits: dict[str, int]
) -> tuple[tuple[int, int], ...]:
    """A row for each campaign that stands in for others, the paused among them left out."""
    replaced: dict[str, int] = {}
    for each in campaigns:
        if each.otherwise in bits:
            bit = 0 if each.paused else bits[each.id]
            replaced[each.otherwise] = replaced.get(each.otherwise, 0) | bit
    return tuple((of, bits[name]) for name, of in replaced.items())
