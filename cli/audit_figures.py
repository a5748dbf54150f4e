"""The figures of an audit as they are told: nothing here is computed twice for text and page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cli.coverage import as_findings
from models.audit import Audit, Effect, gives_discount, stake_micros
from models.audit_size import HOLDOUTS_PPM, simulated_lift, visitors_needed, weeks_needed
from models.coverage_findings import of_coverage
from schemas.campaign import Campaigns
from schemas.ids import MILLION

LIFT = 0.10
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Size:
    """What proving LIFT takes with one share of people held out; None where it cannot be said."""

    holdout_ppm: int
    visitors: int | None
    weeks: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One campaign; the stake is None where it gives nothing away."""

    id: str
    action: str
    fired: int
    visitors: int
    buyers: int
    conversion: float
    order_micros: int
    stake_micros: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All of an audit."""

    audit: Audit
    currency: str
    discount_ppm: int
    rows: tuple[Row, ...]
    sizes: tuple[Size, ...]
    lift: tuple[float, float] | None
    findings: tuple[dict[str, str], ...]
    catalogue: str = ""
    source: str = ""
    took_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def days(self) -> float:
        """How long the log is."""
        return (self.audit.last_ms - self.audit.first_ms) / DAY_MS

    @property
    def stake_micros(self) -> int:
        """What discounts would have given away in all."""
        return sum(each.stake_micros or 0 for each in self.rows)

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints; money in micros of `currency`."""
        audit = self.audit
        return {
            "source": self.source, "catalogue": self.catalogue, "currency": self.currency,
            "events": audit.events, "unreadable": audit.bad, "visitors": audit.visitors,
            "sessions": audit.sessions, "orders": audit.orders,
            "order_micros": audit.order_micros, "first_ms": audit.first_ms,
            "last_ms": audit.last_ms, "decisions": audit.coverage.decisions,
            "fired": audit.any.fired, "visitors_reached": audit.any.visitors,
            "base_conversion": conversion(audit.any),
            "discount_ppm": self.discount_ppm, "discount_at_stake_micros": self.stake_micros,
            "campaigns": [_plain(each) for each in self.rows],
            "moments": [
                {"stage": stage, "trigger": kind, "slots": slots,
                 "fired": audit.moments[stage, kind]}
                for (stage, kind), slots in sorted(audit.coverage.moments.items())
            ],
            "to_prove": {"lift": LIFT, "sizes": [_plain(each) for each in self.sizes]},
            "simulated_lift": self.lift and {"low": self.lift[0], "high": self.lift[1],
                                             "simulated": True, "from": "priors"},
            "findings": list(self.findings), "took_s": self.took_s, "cpu_s": self.cpu_s,
        }  # fmt: skip


def figures_of(audit: Audit, catalogue: Campaigns, currency: str, discount_ppm: int) -> Figures:
    """The figures of an audit under a catalogue."""
    rows = []
    for each in catalogue.campaigns:
        effect = audit.campaigns.get(each.id, Effect())
        stake = stake_micros(effect, discount_ppm) if gives_discount(each) else None
        rows.append(
            Row(each.id, each.action_type, effect.fired, effect.visitors, effect.buyers,
                conversion(effect), effect.order_micros, stake)
        )  # fmt: skip
    rows.sort(key=lambda each: (-each.fired, each.id))
    findings = tuple(as_findings(of_coverage(catalogue, audit.coverage)))
    return Figures(audit, currency, discount_ppm, tuple(rows), _sizes(audit),
                   simulated_lift(audit.campaigns, audit.any.buyers), findings)  # fmt: skip


def conversion(effect: Effect) -> float:
    """Share of reached visitors who bought within the window."""
    return effect.buyers / effect.visitors if effect.visitors else 0.0


def _sizes(audit: Audit) -> tuple[Size, ...]:
    out = []
    for holdout in HOLDOUTS_PPM:
        needed = visitors_needed(conversion(audit.any), LIFT, holdout / MILLION)
        weeks = weeks_needed(needed, audit.any.visitors, audit.last_ms - audit.first_ms)
        out.append(Size(holdout, needed, weeks and round(weeks, 1)))
    return tuple(out)


def _plain(each: Row | Size) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__dataclass_fields__}
