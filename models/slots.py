"""7 Slots: what asks for decisions, and what came of each placement's slot."""

from __future__ import annotations

from msgspec import Struct

from models.choice import Choice
from models.context import View
from models.facts import Facts, facts
from schemas.campaign import Campaign
from schemas.decision import Fallback, Withholding
from schemas.profile import Profile, Tab
from schemas.render import Render


class Ask(Struct, frozen=True):
    """What asks for a decision: an event, or a deadline (then event_id is empty).

    `placements` are the site's where none is named.
    """

    kind: str
    event_id: str
    deadline_ms: int
    tab: Tab
    latency_class: str
    cancels: tuple[str, ...] = ()
    bot: bool = False
    placements: tuple[str, ...] = ()


class Desk(Struct):
    """What all decisions of one ask share; the facts are worked out once, if they are needed."""

    profile: Profile
    ask: Ask
    user_key: str
    site: str
    view: View
    now_ms: int
    known: Facts | None = None

    def table(self) -> Facts:
        """The facts of this visitor at this moment."""
        if self.known is None:
            ask = self.ask
            self.known = facts(self.profile, ask.tab, self.view, ask.kind, self.now_ms)
        return self.known


class Slot(Struct):
    """One placement's slot: its names, what was chosen for it, and what may be shown."""

    slot_id: str
    decision_id: str
    placement: str
    choice: Choice
    campaign: Campaign | None
    withholding: Withholding
    withheld: str
    render: Render | None = None
    fallback: Fallback | None = None
    fallback_reason: str = ""
