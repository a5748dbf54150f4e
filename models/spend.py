"""10 Spend: what a site's campaigns were charged, and the multipliers that keep their budgets.

1. A charge counts on the day (UTC) of its decision, and in all; a release takes it back.
2. Worths and charges are summed by epoch. At the end of an epoch everything is known but what lies
   within LAG_EPOCHS: decisions are written a moment after they are taken.
3. models/pacing.py turns that into one multiplier a campaign; the smaller of day and total counts.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.pacing import Spend, capped_ppm, multiplier_ppm
from schemas.campaign import EVEN, Campaign
from schemas.ids import MILLION
from schemas.lesson import Account, Bill

EPOCH_MS = 2_000
LAG_EPOCHS, BLIND_EPOCHS = 1, 3
"""In epochs: how late spend is known; that + one epoch + the second until a policy is in force."""

BLIND_MS = BLIND_EPOCHS * EPOCH_MS
SEEN_EPOCHS = BLIND_EPOCHS + 1
"""Whole epochs that cover any blind time, wherever it begins."""

KEPT_EPOCHS = LAG_EPOCHS + BLIND_EPOCHS + 2
DAY_MS = 86_400_000
CAMPAIGNS_MAX = 256


def book(accounts: dict[str, Account], bill: Bill) -> None:
    """Count one bill; one of an earlier day counts in the total alone."""
    account = accounts.get(bill.campaign_id)
    if account is None:
        if len(accounts) >= CAMPAIGNS_MAX:
            del accounts[min(accounts, key=lambda name: (accounts[name].day, name))]
        account = accounts[bill.campaign_id] = Account()
    day = bill.decided_ms // DAY_MS
    if day > account.day:
        account.day, account.spent_day = day, 0
    if day == account.day:
        account.spent_day += bill.micros
    account.spent += bill.micros
    account.impressions += bill.impressions
    end_ms = (bill.decided_ms // EPOCH_MS + 1) * EPOCH_MS
    known = {each[0]: each for each in account.epochs}
    _, charged, worth = known.get(end_ms, (end_ms, 0, 0))
    known[end_ms] = (end_ms, charged + bill.micros, worth + bill.worth_micros)
    account.epochs = sorted(known.values())[-KEPT_EPOCHS:]
    for at in range(len(account.epochs)):
        first_ms = account.epochs[at][0]
        within = account.epochs[at : at + SEEN_EPOCHS]
        sums = [each[2] for each in within if each[0] < first_ms + SEEN_EPOCHS * EPOCH_MS]
        account.worth_max = max(account.worth_max, sum(sums))


def pacing(
    accounts: dict[str, Account], campaigns: Iterable[Campaign], now_ms: int
) -> dict[str, int]:
    """The multipliers of the campaigns with a bound, in ppm, to be in force from the next second.

    `now_ms` is an epoch's end; what is returned counts as published then.
    """
    out = {}
    for campaign in sorted(campaigns, key=lambda each: each.id):
        bounded = campaign.budget_micros_day or campaign.budget_micros_total
        if not bounded and not campaign.cap_campaign:
            continue
        account = accounts.setdefault(campaign.id, Account())
        _to_day(account, now_ms)
        ppm = _multiplier(account, campaign, now_ms)
        account.multipliers = [*account.multipliers, (now_ms, ppm)][-KEPT_EPOCHS:]
        out[campaign.id] = ppm
    return out


def note(accounts: dict[str, Account], pacing_ppm: dict[str, int], published_ms: int) -> None:
    """Multipliers that are in force though this state does not know that it published them."""
    for name, ppm in sorted(pacing_ppm.items()):
        account = accounts.setdefault(name, Account())
        known = {*account.multipliers, (published_ms, ppm)}
        account.multipliers = sorted(known)[-KEPT_EPOCHS:]


def _to_day(account: Account, now_ms: int) -> None:
    if now_ms // DAY_MS > account.day:
        account.day, account.spent_day = now_ms // DAY_MS, 0


def _multiplier(account: Account, campaign: Campaign, now_ms: int) -> int:
    known_ms = now_ms - LAG_EPOCHS * EPOCH_MS
    window = range(known_ms - BLIND_MS + EPOCH_MS, known_ms + 1, EPOCH_MS)
    recent = sum(each[1] for each in account.epochs if each[0] in window)
    before = [_in_force(account, at_ms - EPOCH_MS) for at_ms in window]
    unknown = range(known_ms - EPOCH_MS, now_ms + 1, EPOCH_MS)
    in_force = max(_in_force(account, at_ms) for at_ms in unknown)
    day_ends_ms = (known_ms // DAY_MS + 1) * DAY_MS
    even = campaign.pacing == EVEN
    told = {
        "recent": recent,
        "worth": account.worth_max,
        "in_force_ppm": in_force,
        "before_ppm": sum(before) // len(before),
    }
    today = Spend(account.spent_day, left_ms=day_ends_ms - known_ms, **told)
    ever = Spend(account.spent, **told)
    ppm = min(
        multiplier_ppm(campaign.budget_micros_day, today, BLIND_MS, even=even),
        multiplier_ppm(campaign.budget_micros_total, ever, BLIND_MS, even=False),
    )
    return capped_ppm(ppm, campaign.cap_campaign, account.impressions)


def _in_force(account: Account, at_ms: int) -> int:
    """The multiplier in force at an epoch's end: published an epoch before, or in full."""
    found = [ppm for published_ms, ppm in account.multipliers if published_ms <= at_ms]
    return found[-1] if found else MILLION
