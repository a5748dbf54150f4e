"""7 Findings: what a merchant should look at in a catalogue, from conditions and from coverage.

What a condition's text alone proves is certain; what a log shows is true of that log. A finding
about a log wants some moments first, so that a short one does not accuse.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from models.coverage import OFTEN, Coverage, Reach
from models.rule_limits import ALWAYS, NEVER, verdict
from models.rules import compile_rule
from schemas.campaign import Campaign, Campaigns

TOGETHER_PERCENT = 95


class Finding(Struct, frozen=True):
    """One thing to look at: its kind, the campaign (or moment) and a sentence with the fix."""

    kind: str
    about: str
    sentence: str


def of_conditions(record: Campaigns) -> list[Finding]:
    """Conditions that never or always hold, whatever the visitors do."""
    found = []
    for each in record.campaigns:
        if not each.when:
            continue
        said, name = verdict(compile_rule(each.when), _allowed(each))
        if said == NEVER:
            where = f"no value of {name} fits it" if name else "it says false"
            sentence = f"its condition can never hold: {where}; change `when`"
            found.append(Finding("can_never_fire", each.id, sentence))
        elif said == ALWAYS:
            sentence = "its condition holds for everybody; leave `when` out to say so"
            found.append(Finding("always_holds", each.id, sentence))
    return found


def _allowed(campaign: Campaign) -> dict[str, tuple[str, ...]]:
    """What the campaign's other fields leave of two names."""
    out = {"stage": campaign.stages, "trigger": campaign.on}
    return {name: texts for name, texts in out.items() if texts}


def of_coverage(record: Campaigns, coverage: Coverage) -> list[Finding]:
    """What the log shows, campaign by campaign, then gaps, then overlaps."""
    found = []
    for each in record.campaigns:
        reach = coverage.campaigns[each.id]
        found += [] if each.paused else list(_of_one(each, reach))
    return [*found, *_gaps(coverage), *_overlaps(coverage)]


def _of_one(campaign: Campaign, reach: Reach) -> Iterator[Finding]:
    """At most one finding: the first step at which the campaign never got on."""
    name = campaign.id
    if not reach.slots:
        yield Finding("no_slot", name, f"no decision was for placement {campaign.placement}")
    elif not reach.asked:
        yield Finding("never_asked", name, f"stopped before its condition: {_top(reach)}")
    elif not reach.held:
        sentence = f"its condition held at none of {reach.asked} moments; loosen `when`"
        yield Finding("never_held", name, sentence)
    elif not reach.eligible:
        yield Finding("never_eligible", name, f"stopped after its condition: {_top(reach)}")
    elif not reach.won:
        winner, times = reach.beaten_by.most_common(1)[0]
        by, other = winner, f"narrow {winner}"
        if winner == "nothing":
            by, other = "the reserve", "lower the site's reserve"
        sentence = f"eligible {reach.eligible} times and always beaten, {times} times by {by}"
        yield Finding("always_beaten", name, f"{sentence}; raise margin or base, or {other}")
    elif campaign.when and reach.held == reach.asked >= OFTEN:
        yield Finding("always_held", name, f"its condition held at all {reach.asked} moments")


def _top(reach: Reach) -> str:
    counted = sorted(reach.stopped.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {times}" for reason, times in counted[:3])


def _gaps(coverage: Coverage) -> Iterator[Finding]:
    """Moments at which nobody ever could bid."""
    for moment, times in sorted(coverage.moments.items(), key=lambda item: (-item[1], item[0])):
        if times >= OFTEN and not coverage.answered[moment]:
            stage, trigger = moment
            sentence = f"no campaign could bid at any of {times} moments"
            yield Finding("gap", f"{stage} / {trigger}", sentence)


def _overlaps(coverage: Coverage) -> Iterator[Finding]:
    """Pairs of which one nearly always met the other."""
    for (one, two), times in sorted(coverage.together.items()):
        few = min(coverage.campaigns[one].eligible, coverage.campaigns[two].eligible)
        if few >= OFTEN and times * 100 >= few * TOGETHER_PERCENT:
            sentence = (
                f"met in {times} of {few} auctions; an exclusion group or narrower conditions"
            )
            yield Finding("overlap", f"{one} + {two}", f"{sentence} would tell them apart")
