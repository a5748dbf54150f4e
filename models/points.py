"""7 Decision points: which events ask for a decision, and as what.

Some types always ask; any event asks that moves the stage of the session, or lifts a score or a
concept to its threshold.
"""

from __future__ import annotations

from models import carts, exposures
from models.context import View
from models.decision import Ask
from models.vocabulary import BROWSE, CART, HIGH_INTENT
from schemas.event import DECISION_POINTS, INSTANT, Event
from schemas.profile import Profile, Tab

STAGE, THRESHOLD = "stage", "threshold"


def stage_moved(profile: Profile, event: Event, view: View) -> bool:
    """Move the stage of the session; True on a transition. A purchase starts over."""
    visit = profile.session
    stage = visit.stage
    if visit.bought:
        stage = BROWSE
    elif visit.checkouts or _high_intent(profile, view):
        stage = HIGH_INTENT
    elif stage < CART and (visit.cart_views or carts.filled(profile)):
        stage = CART
    if stage == visit.stage:
        return False
    visit.stage = stage
    visit.stage_entry += 1
    visit.stage_after_ms = profile.now_ms - visit.started_ms
    return True


def _high_intent(profile: Profile, view: View) -> bool:
    buying = view.watch.buying
    if buying is None or not profile.scores:
        return False
    return profile.scores[buying[0]] >= buying[1]


def ask_of(
    profile: Profile, event: Event, tab: Tab, view: View, before: list[int], moved: bool
) -> Ask | None:
    """The decision this event asks for: itself, a stage transition or a threshold crossed."""
    instant = "instant" if moved or event.type in INSTANT else "standard"
    if event.type in DECISION_POINTS:
        cancels = _cancels(profile, event, view)
        return Ask(event.type, event.event_id, 0, tab, instant, cancels, event.bot)
    if moved:
        return Ask(STAGE, event.event_id, 0, tab, "instant", bot=event.bot)
    if _crossed(profile, view, before):
        return Ask(THRESHOLD, event.event_id, 0, tab, "standard", bot=event.bot)
    return None


def _cancels(profile: Profile, event: Event, view: View) -> tuple[str, ...]:
    """Slots that are no longer right: all after a purchase, those that save a cart now empty."""
    if event.type == "purchase":
        return exposures.cancel(profile, profile.now_ms)
    if event.type == "remove_from_cart" and view.catalogue and not carts.filled(profile):
        by_id = view.catalogue.by_id
        saving = {name for name, each in by_id.items() if each.campaign.action_type == carts.SAVE}
        return exposures.cancel(profile, profile.now_ms, saving)
    return ()


def _crossed(profile: Profile, view: View, before: list[int]) -> bool:
    """Whether a score or concept has just risen to its threshold."""
    watched = view.watch.crossed
    after = [*profile.scores, *profile.concepts]
    if not watched or not after or len(before) != len(after):
        return False
    return any(before[place] < least_ppm <= after[place] for place, least_ppm in watched)
