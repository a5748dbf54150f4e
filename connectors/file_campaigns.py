"""campaigns.yaml, one level up from its fields: rows -> campaigns, and what ties them together.

Every check here names the line of the field it is about. A row with a bad field is made into an
empty campaign, since the whole file is refused then, and takes no part in the checks across rows.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from connectors.file_fields import BAD, Problems
from connectors.file_rows import Row
from models.names import nearest
from models.priors import prior
from models.trigger_rules import CAUSES
from schemas.campaign import EMAIL, ON_SITE, Campaign
from schemas.offer import ChannelCap, Offer
from schemas.render import Render, RenderProduct
from schemas.trigger_bounds import ASCENDING, LIMITS, TriggerBounds

_SAME = tuple("id on stages priority excludes paused pacing priority_override otherwise".split())


def campaigns_of(
    rows: list[Row], channels: tuple[ChannelCap, ...], problems: Problems
) -> tuple[Campaign, ...]:
    """The campaigns of a file, and every error that only shows when they are seen together."""
    for row in rows:
        _check_schedule(row, problems)
        _check_offers(row, problems)
        _check_stand_in(row, rows, problems)
        _check_channel(row, channels, problems)
        _check_causes(row, problems)
    return tuple(_campaign(row.fields) for row in rows)


def channels_of(fields: dict[str, dict[str, int]]) -> tuple[ChannelCap, ...]:
    """The caps of each channel, in the order of their names."""
    return tuple(
        ChannelCap(
            channel=name,
            cap_session=caps.get("session", 0),
            cap_day=caps.get("day", 0),
            cap_user=caps.get("user", 0),
        )
        for name, caps in sorted(fields.items())
    )


def bounds_of(row: Row, problems: Problems) -> TriggerBounds:
    """The bounds of the trigger rules. What is outside its limits or out of order is noted."""
    suffixed = {name.removesuffix("_ms").removesuffix("_ppm"): name for name in LIMITS}
    chosen = {suffixed[name]: value for name, value in row.fields.items() if value is not BAD}
    for name, value in chosen.items():
        low, high = LIMITS[name]
        if not low <= value <= high:
            short = name.removesuffix("_ms").removesuffix("_ppm")
            error = f"is outside its limits of {_human(name, low)} to {_human(name, high)}"
            row.blame(problems, short, error, "choose a value between them")
    bounds = TriggerBounds(**chosen)
    for names in ASCENDING:
        for one, two in pairwise(names):
            if getattr(bounds, one) >= getattr(bounds, two):
                short = two.removesuffix("_ms").removesuffix("_ppm")
                fix = f"set it above {_human(one, getattr(bounds, one))}"
                error = f"is not above {one.removesuffix('_ms').removesuffix('_ppm')}"
                row.blame(problems, short, error, fix)
    return bounds


def _human(name: str, value: int) -> str:
    if name.endswith("_ppm"):
        return f"{value / 10_000:g}%"
    return f"{value / 1_000:g}s" if name.endswith("_ms") else str(value)


def _check_schedule(row: Row, problems: Problems) -> None:
    starts, ends = row.fields.get("starts", 0), row.fields.get("ends", 0)
    if isinstance(starts, int) and isinstance(ends, int) and 0 < ends <= starts:
        row.blame(problems, "ends", "is not after starts", "set ends later than starts")


def _check_offers(row: Row, problems: Problems) -> None:
    """Offers grow: in risk and value, never in margin; so a stronger one never goes to less."""
    offers, weaker = row.fields.get("offers", ()), {"margin": row.fields.get("margin", BAD)}
    if offers is BAD or weaker["margin"] is BAD:
        return
    for offer in offers:
        asks = offer.get("risk", 0), offer.get("value", 0)
        before = weaker.get("risk", 0), weaker.get("value", 0)
        if asks == before or asks[0] < before[0] or asks[1] < before[1]:
            error = f"{offer['name']!r} asks for no more risk or value than the one before"
            row.blame(problems, "offers", error, "list them from weakest to strongest")
        if offer["margin"] > weaker["margin"]:
            error = f"{offer['name']!r} leaves more margin than the one before"
            row.blame(problems, "offers", error, "list them from weakest to strongest")
        weaker = offer


def _check_stand_in(row: Row, rows: list[Row], problems: Problems) -> None:
    name = row.fields.get("otherwise", "")
    if not name or name is BAD:
        return
    known = {str(each.fields.get("id")): each for each in rows}
    if name not in known:
        others = tuple(each for each in known if each != row.fields.get("id"))
        close = nearest(name, others)
        fix = f"did you mean {close}?" if close else "name another campaign of this file"
        row.blame(problems, "otherwise", f"there is no campaign {name!r}", fix)
    elif known[name] is row:
        row.blame(problems, "otherwise", "names its own campaign", "name another one")
    elif known[name].fields.get("otherwise"):
        fix = "take `otherwise` from one of the two"
        row.blame(problems, "otherwise", f"{name!r} has a stand-in itself", fix)


def _check_channel(row: Row, channels: tuple[ChannelCap, ...], problems: Problems) -> None:
    name = row.fields.get("channel", ON_SITE)
    known = (ON_SITE, EMAIL, *(each.channel for each in channels))
    if name is not BAD and name not in known:
        close = nearest(name, known)
        fix = (
            f"did you mean {close}?" if close else f"add it to the file: channels: {{{name}: {{}}}}"
        )
        row.blame(problems, "channel", f"there is no channel {name!r}", fix)


def _check_causes(row: Row, problems: Problems) -> None:
    """Who answers a burst speaks outside the page, and only there."""
    on = row.fields.get("on", ())
    if on is BAD:
        return
    if not any(cause in on for cause in CAUSES):
        if on and _channel(row.fields) == EMAIL:
            error = f"a message never meets {', '.join(on)}"
            row.blame(problems, "on", error, f"use {' or '.join(CAUSES)}, or leave `on` out")
        return
    causes = ", ".join(CAUSES)
    others = [each for each in on if each not in CAUSES]
    if others:
        fix = "make a campaign of its own for the page"
        row.blame(problems, "on", f"mixes {causes} with {', '.join(others)}", fix)
    if _channel(row.fields) == ON_SITE:
        error = f"a campaign on the page never meets {causes}"
        row.blame(problems, "on", error, "use action: email, or channel: email")
    if row.fields.get("placement", EMAIL) != EMAIL:
        row.blame(problems, "placement", "a message has no place on the page", "remove the line")


def _channel(fields: dict[str, Any]) -> str:
    default = EMAIL if fields.get("action") == EMAIL else ON_SITE
    return str(fields.get("channel", default))


def _campaign(fields: dict[str, Any]) -> Campaign:
    if any(value is BAD for value in fields.values()):
        return Campaign()
    default, caps = prior(fields.get("action", "")), fields.get("caps", {})
    channel = _channel(fields)
    outside = channel == EMAIL or any(cause in fields.get("on", ()) for cause in CAUSES)
    render = _render(fields.get("render", {}), default.kind)
    return Campaign(
        **{name: fields[name] for name in _SAME if name in fields},
        action_type=fields.get("action", ""),
        when=fields.get("when", ""),
        margin_micros=fields.get("margin", 0),
        value_micros=fields.get("value", 0),
        cap_session=caps.get("session", 1),
        cap_day=caps.get("day", 3),
        cap_user=caps.get("user", 0),
        cap_campaign=caps.get("campaign", 0),
        budget_micros_day=fields.get("budget", 0),
        budget_micros_total=fields.get("budget_total", 0),
        holdout_ppm=fields.get("holdout", 0),
        ttl_ms=fields.get("ttl", 30_000),
        starts_at_ms=fields.get("starts", 0),
        ends_at_ms=fields.get("ends", 0),
        needs=fields.get("needs", default.needs),
        base_ppm=fields.get("base", default.base_ppm),
        response=fields.get("response", default.response),
        channel=channel,
        placement=EMAIL if outside else fields.get("placement", "page"),
        fallback=fields.get("fallback", channel == ON_SITE),
        render=render,
        offers=tuple(_offer(each, render) for each in fields.get("offers", ())),
    )


def _render(fields: dict[str, Any], kind: str) -> Render:
    made = Render(
        kind=fields.get("kind", kind),
        products=tuple(RenderProduct(**each) for each in fields.get("products", ())),
    )
    return _reworded(made, fields)


def _reworded(render: Render, fields: dict[str, Any]) -> Render:
    """The creative with what these fields say."""
    changes: dict[str, Any] = {
        name: fields[name] for name in ("title", "body", "code") if name in fields
    }
    if "cta" in fields:
        changes |= {"cta_label": fields["cta"]["label"], "cta_url": fields["cta"]["url"]}
    if "countdown" in fields:
        changes["countdown_s"] = fields["countdown"] // 1000
    return replace(render, **changes)


def _offer(fields: dict[str, Any], render: Render) -> Offer:
    return Offer(
        name=fields["name"],
        risk_ppm=fields.get("risk", 0),
        value_micros=fields.get("value", 0),
        margin_micros=fields["margin"],
        render=_reworded(render, fields.get("render", {})),
    )
