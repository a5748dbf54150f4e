"""7-8 Decision: one campaign or silence, with everything that explains it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from schemas.ids import MILLION
from schemas.render import Render

NONE = "none"


class TriggerRef(Struct, frozen=True, gc=False):
    """What asked: an event (kind = its type, stage or threshold) or a deadline."""

    kind: str = ""
    event_id: str = ""
    deadline_ms: int = 0


class Candidate(Struct, frozen=True, gc=False):
    """One campaign in the auction; score = bid_micros x quality_ppm, exact.

    The best first: with `override` before all without, then by score, priority and the smallest
    campaign id. `reason` is won or withheld, or what it lost by: outbid, below_reserve, not_drawn.
    """

    campaign_id: str = ""
    bid_micros: int = 0
    quality_ppm: int = 0
    score: int = 0
    price_micros: int = 0
    propensity_ppm: int = 0
    draw: int = 0
    priority: int = 0
    override: bool = False
    offer: str = ""
    pacing_ppm: int = MILLION
    reserve_score: int = 0
    reason: str = ""


class Nothing(Struct, frozen=True, gc=False):
    """Doing nothing, as a candidate: its score is the reserve."""

    score: int = 0
    propensity_ppm: int = 0
    draw: int = 0


class Withholding(Struct, frozen=True, gc=False):
    """A visitor's draws and the shares they were held against; both 0 where nothing is drawn.

    Below the share of a holdout, or at or above that of the rollout, the winner is withheld.
    """

    holdout_draw_ppm: int = 0
    holdout_ppm: int = 0
    rollout_draw_ppm: int = 0
    rollout_ppm: int = 0
    campaign_draw_ppm: int = 0
    campaign_holdout_ppm: int = 0


class Fallback(Struct, frozen=True, gc=False):
    """What the gateway may show when time runs out, until valid_until_ms (engine time)."""

    campaign_id: str = ""
    placement: str = ""
    action_type: str = ""
    render: Render = Render()
    valid_until_ms: int = 0


class Counts(Struct, frozen=True, gc=False):
    """What became of a user's events: four disjoint counts, and conflicts among the applied."""

    applied: int = 0
    duplicate: int = 0
    late: int = 0
    dead_lettered: int = 0
    conflict: int = 0


class Versions(Struct, frozen=True, gc=False):
    """Versions in force when the decision was taken; 0 = none."""

    rules: int = 0
    site: int = 0
    catalogue: int = 0
    products: int = 0
    model: int = 0
    policy: int = 0
    schema: str = ""

    def numbers(self) -> tuple[int, ...]:
        """The versions that name a decision: rules and the five control topics."""
        return (self.rules, self.site, self.catalogue, self.products, self.model, self.policy)


class Decision(Struct, frozen=True, kw_only=True, gc=False):
    """One record of topic `decisions`; fields and units as in schemas/avro/decision.avsc."""

    slot_id: str = ""
    decision_id: str = ""
    seq: int = 0
    epoch_ms: int = 0
    site: str = ""
    user_key: str = ""
    session_id: str = ""
    tab_id: str = ""
    trigger: TriggerRef = TriggerRef()
    decided_at_ms: int = 0
    latency_class: str = ""
    placement: str = ""
    source: str = ""
    campaign_id: str = ""
    action_type: str = NONE
    reason: str = ""
    stage: str = ""
    render: Render | None = None
    expires_at_ms: int = 0
    scores: dict[str, int] = {}
    concepts: dict[str, int] = {}
    candidates: tuple[Candidate, ...] = ()
    reasons: dict[str, bytes] = {}
    price_micros: int = 0
    charge_micros: int = 0
    propensity_ppm: int = 0
    explored: bool = False
    holdout: bool = False
    withheld: str = ""
    fallback: Fallback | None = None
    cancels: tuple[str, ...] = ()
    counts: Counts = Counts()
    profile_digest: str = ""
    versions: Versions = Versions()
    nothing: Nothing = Nothing()
    withholding: Withholding = Withholding()
    offer: str = ""
    fallback_reason: str = ""

    @property
    def pushed(self) -> bool:
        """Whether a browser gets anything: an action or a withdrawal."""
        return self.render is not None or bool(self.cancels)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Decision:
        """From a decoded Avro record."""
        fields = dict(record)
        fields["trigger"] = TriggerRef(**fields["trigger"])
        fields["render"] = fields["render"] and Render.from_record(fields["render"])
        fields["candidates"] = tuple(Candidate(**each) for each in fields["candidates"])
        if fields["fallback"] is not None:
            render = Render.from_record(fields["fallback"]["render"])
            fields["fallback"] = Fallback(**{**fields["fallback"], "render": render})
        fields["cancels"] = tuple(fields["cancels"])
        fields["counts"] = Counts(**fields["counts"])
        fields["versions"] = Versions(**fields["versions"])
        fields["nothing"] = Nothing(**fields["nothing"])
        fields["withholding"] = Withholding(**fields["withholding"])
        return cls(**fields)

    def to_record(self) -> dict[str, Any]:
        """The Avro record; maps keep their order, which the core fixes."""
        record = asdict(self)
        record["trigger"] = asdict(self.trigger)
        record["render"] = self.render and self.render.to_record()
        record["candidates"] = [asdict(each) for each in self.candidates]
        if self.fallback is not None:
            fallback = self.fallback
            record["fallback"] = {**asdict(fallback), "render": fallback.render.to_record()}
        record["counts"] = asdict(self.counts)
        record["versions"] = asdict(self.versions)
        record["nothing"] = asdict(self.nothing)
        record["withholding"] = asdict(self.withholding)
        return record

    def to_json(self, catalogue: tuple[str, ...] = ()) -> dict[str, Any]:
        """As people and scripts read it; `catalogue` names the bits of `reasons`."""
        out = self.to_record()
        out["class"] = out.pop("latency_class")
        out["render"] = self.render and self.render.to_json()
        if self.fallback is not None:
            out["fallback"]["render"] = self.fallback.render.to_json()
        out["reasons"] = {
            code: bitmap_names(bits, catalogue) for code, bits in self.reasons.items()
        }
        return out


def bitmap_names(bits: bytes, catalogue: tuple[str, ...]) -> list[str]:
    """Names of the set bits; a bit beyond the catalogue shows as its number."""
    value = int.from_bytes(bits, "little")
    names = []
    index = 0
    while value >> index:
        if value >> index & 1:
            names.append(catalogue[index] if index < len(catalogue) else f"#{index}")
        index += 1
    return names
