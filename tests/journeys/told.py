"""A decision in the words of a story: who is shown, why, who lost by what, what is held ready."""

from __future__ import annotations

from gateway.present import concept_label
from models.names import DURATION, FLAG, MONEY, NAMES, PPM
from schemas.decision import Candidate, Decision, bitmap_names
from schemas.trigger import Trigger
from tests.builders import BEGINNING
from tests.journeys.story import duration_text

_MICRO, _TRILLION = 1_000_000, 10**12
INDENT = "        "
_SILENCES = {
    "below_reserve": "doing nothing is worth more",
    "no_eligible": "nobody may bid",
    "stage_used": "this stage of the visit has had its action",
    "bought": "the visitor has bought",
    "bot": "a crawler is answered with silence",
    "no_site": "no such site is in force",
    "no_catalogue": "no campaigns are in force",
    "explored": "doing nothing was drawn to learn from",
}
_UNSAID = ("outbid", "below_reserve", "not_drawn", "trigger", "bought", "stage_used")
"""What other lines say already, and those for whom it was not the moment."""


def told(decision: Decision, catalogue: tuple[str, ...], *, placed: bool) -> list[str]:
    """The lines of one decision; `placed` names the placement, where a site has several."""
    lines = [_verdict(decision, placed)]
    told = (_because(decision), _products(decision), _standing(decision))
    lines += [f"   {line}" for line in told if line]
    gone = _gone(decision, catalogue)
    if gone:
        lines.append(f"   out: {gone}")
    if decision.cancels:
        lines.append(f"   takes {len(decision.cancels)} off the screen")
    if decision.fallback is not None:
        until = duration_text(decision.fallback.valid_until_ms - BEGINNING)
        lines.append(f"   on standby until {until}: {decision.fallback.campaign_id}")
    return [INDENT + line for line in lines]


def _verdict(decision: Decision, placed: bool) -> str:
    trigger, where = decision.trigger, f" in {decision.placement}" if placed else ""
    when = trigger.kind
    if trigger.deadline_ms:
        when += f" at {duration_text(trigger.deadline_ms - BEGINNING)}"
    if not decision.campaign_id:
        alone = [code for code in ("bought", "stage_used") if code in decision.reasons]
        reason = alone[0] if alone else decision.reason
        said = _SILENCES.get(reason, reason)
        return f"-> {when}: nothing{where}; {said}"
    if decision.withheld:
        return f"-> {when}: {decision.campaign_id} wins{where}, withheld: {decision.withheld}"
    render = decision.render
    if render is None:
        return f"-> {when}: {decision.campaign_id} wins a message outside the page"
    how = f"{render.kind} {render.title!r}" if render.title else render.kind
    offer = f", offer {decision.offer}" if decision.offer else ""
    drawn = ", drawn to learn from" if decision.explored else ""
    return f"-> {when}: {decision.campaign_id} is shown{where}{offer}{drawn}: {how}"


def _because(decision: Decision) -> str:
    """The arithmetic: what the winner is worth here, against the others and doing nothing."""
    if not decision.candidates:
        return ""
    nothing = f"doing nothing {_worth(decision.nothing.score)}"
    if not decision.campaign_id:
        return f"because of {_listed(decision.candidates)} against {nothing}"
    mine, *_ = [c for c in decision.candidates if c.campaign_id == decision.campaign_id]
    others = [c for c in decision.candidates if c is not mine]
    against = ", ".join(filter(None, (_listed(others), nothing)))
    first = " first at the till," if mine.override else ""
    worth = f"{_money(mine.bid_micros)} x {mine.quality_ppm / 10_000:.1f} %"
    return (
        f"because{first} {worth} = {_worth(mine.score)} against {against}; "
        f"the slot costs {_money(decision.charge_micros)}"
    )


def _listed(candidates: list[Candidate] | tuple[Candidate, ...]) -> str:
    return ", ".join(f"{each.campaign_id} {_worth(each.score)}" for each in candidates)


def _products(decision: Decision) -> str:
    """The first products of a carousel or bundle, each with its reason."""
    if decision.render is None or not decision.render.products:
        return ""
    shown = [f"{each.title} ({each.reason})" for each in decision.render.products[:3]]
    return f"{len(decision.render.products)} products: {', '.join(shown)} ..."


def _standing(decision: Decision) -> str:
    """Where the visitor stands, as far as the model says."""
    if not decision.scores:
        return f"stage {decision.stage}, no model: rules decide"
    scores = decision.scores
    told = [
        f"{name.replace('_', ' ')} {scores[name] / _MICRO:.2f}"
        for name in ("purchase_intent", "churn_risk")
        if name in scores
    ]
    return ", ".join((f"stage {decision.stage}", *told, concept_label(decision.concepts) or ""))


def _gone(decision: Decision, catalogue: tuple[str, ...]) -> str:
    """Who was removed by which rule."""
    found = []
    for code, bits in decision.reasons.items():
        names = bitmap_names(bits, catalogue)
        if code not in _UNSAID:
            whole = len(names) == len(catalogue) > 1
            found.append(f"{code} {'all' if whole else ', '.join(names)}")
    return "; ".join(found)


def outside(trigger: Trigger) -> str:
    """A message outside the page: planned, taken back, or why there is none."""
    due = f" due at {duration_text(trigger.due_at_ms - BEGINNING)}" if trigger.due_at_ms else ""
    arm = f", arm {trigger.arm}" if trigger.arm else ""
    rule = f", row {trigger.rule}" if trigger.rule else ""
    at = duration_text(trigger.detected_at_ms - BEGINNING)
    what = f"{trigger.kind} {trigger.campaign_id}".strip()
    return f"{INDENT}=> outside the page at {at}: {what}{due} ({trigger.reason}{rule}{arm})"


def fact(name: str, value: int | str) -> str:
    """One fact with its value in human units."""
    kind = NAMES[name].type
    if isinstance(value, str):
        text = value or "-"
    elif kind == PPM:
        text = f"{value / _MICRO:.2f}"
    elif kind == MONEY:
        text = _money(value)
    elif kind == DURATION:
        text = duration_text(value)
    else:
        text = ("no", "yes")[value] if kind == FLAG else str(value)
    return f"{name} {text}"


def _money(micros: int) -> str:
    return f"{micros / _MICRO:.2f}"


def _worth(score: int) -> str:
    return f"{score / _TRILLION:.2f}"
