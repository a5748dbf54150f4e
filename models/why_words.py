"""Words for people: amounts, shares, and what each reason code says about a campaign."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.ids import MILLION

REFUSALS = {
    "paused": "is paused",
    "placement": "goes elsewhere on the page",
    "bought": "stays away after the purchase",
    "stage_used": "came too late: this stage has had its action",
    "schedule": "is outside its dates",
    "budget": "has spent its budget",
    "consent": "lacks the visitor's consent",
    "channel": "has no way to reach this visitor",
    "stand_in": "is only a stand-in, and what it stands in for can be shown",
    "stage": "is for another stage",
    "cart_left": "gives way to the cart that was left",
    "excluded": "is excluded by another action already given",
    "cap_session": "has been given often enough in this session",
    "cap_day": "has been given often enough today",
    "cap_user": "has been given often enough to this visitor",
    "cap_channel": "has used up its channel",
    "cap_campaign": "has been given often enough in all",
    "when": "did not meet its condition",
    "stock": "shows only products that are sold out",
    "trigger": "waits for another trigger",
    "below_reserve": "offered less than doing nothing is worth",
    "outbid": "was outbid",
    "not_drawn": "was best, and the draw of exploration went past it",
}
"""Reason code -> what follows the campaign's name."""

WITHHELD = {
    "holdout": "this visitor is in the holdout that measures what actions add",
    "observe": "the site only observes",
    "rollout": "the rollout has not reached this visitor",
    "campaign_holdout": "this visitor is in the campaign's own holdout",
}
SILENCES = {
    "no_site": "the site was not in force",
    "no_catalogue": "the site had no campaigns in force",
    "probe": "the record only answers a count",
    "bot": "the visitor looks like a robot",
}


def money(micros: int, currency: str) -> str:
    """An amount with its currency, two digits, more only where they would show nothing."""
    sign, rest = ("-" if micros < 0 else ""), abs(micros)
    digits = 2 if rest >= 10_000 or not rest else 6
    step = 10 ** (6 - digits)
    shown = (rest + step // 2) // step
    return f"{sign}{shown // 10**digits}.{shown % 10**digits:0{digits}d} {currency}"


def share(ppm: int) -> str:
    """A share from 0 to 1 with three digits, exact where fewer hide something."""
    text = f"{ppm // MILLION}.{ppm % MILLION:06d}"
    return text[:5] if text.endswith("000") else text


def shares(one: int, two: int) -> tuple[str, str]:
    """Two shares as short as their difference allows, at least two digits."""
    pairs = ((_rounded(one, digits), _rounded(two, digits)) for digits in range(2, 7))
    return next((pair for pair in pairs if pair[0] != pair[1]), (share(one), share(two)))


def _rounded(ppm: int, digits: int) -> str:
    step, scale = 10 ** (6 - digits), 10**digits
    value = (ppm + step // 2) // step
    return f"{value // scale}.{value % scale:0{digits}d}"


def percent(ppm: int) -> str:
    """A share in percent, up to four digits."""
    whole, rest = divmod(ppm, 10_000)
    digits = f"{rest:04d}".rstrip("0")
    return f"{whole}.{digits} %" if digits else f"{whole} %"


def logit(micro: int) -> str:
    """A part of a logit with its sign and three digits."""
    rounded = (abs(micro) + 500) // 1000
    return f"{'-' if micro < 0 else '+'}{rounded // 1000}.{rounded % 1000:03d}"


def named(name: str) -> str:
    """A concept, score or trigger as words."""
    return name.replace("_", " ")


def listed(names: Iterable[str], at_most: int = 3) -> str:
    """a, b and c; beyond `at_most` how many others."""
    every = list(names)
    shown, more = every[:at_most], len(every) - at_most
    if more > 0:
        shown = [*shown, f"{more} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else ""
