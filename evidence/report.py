"""The report: what actions add to doing nothing, per visitor, each figure with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from msgspec import Struct

from evidence.always_valid import always_valid
from evidence.contrast import Contrast, Estimate, absolute, fixed_horizon, relative
from evidence.cuped import Paired, adjusted, variance_saved
from evidence.power import visitors_needed
from evidence.report_state import Entry, ReportState, Visitor
from evidence.sample_ratio import MISMATCH, withheld_ratio_p
from schemas.ids import MILLION

LIFT_TO_PROVE = 0.10
SITE_HOLDOUT, OWN_HOLDOUT = "site holdout", "own holdout"


class Arms(Struct):
    """Both arms of one comparison: orders and margin beside the covariate, and who was expected."""

    converted: tuple[Paired, Paired] = (Paired(), Paired())
    margin: tuple[Paired, Paired] = (Paired(), Paired())
    expected: float = 0.0
    variance: float = 0.0

    def add(self, entry: Entry, visitor: Visitor, horizon_ms: int) -> None:
        """One visitor, from the entry until the horizon."""
        until = entry.at_ms + horizon_ms
        earned = [m for at, m in visitor.orders.values() if entry.at_ms < at <= until]
        x, arm = entry.covariate_ppm / MILLION, 0 if entry.withheld else 1
        self.converted = _with(self.converted, arm, float(bool(earned)), x)
        self.margin = _with(self.margin, arm, sum(earned) / MILLION, x)
        chance = entry.chance_ppm / MILLION
        self.expected += chance
        self.variance += chance * (1 - chance)


def _with(arms: tuple[Paired, Paired], arm: int, y: float, x: float) -> tuple[Paired, Paired]:
    control, treated = arms
    if arm:
        return control, treated.with_pair(y, x)
    return control.with_pair(y, x), treated


def overall(state: ReportState, horizon_ms: int) -> dict[str, Any]:
    """Everybody shown against everybody withheld: the running lift a page may poll."""
    arms = Arms()
    for visitor in state.visitors.values():
        if visitor.entry is not None:
            arms.add(visitor.entry, visitor, horizon_ms)
    return compared(arms)


def campaigns(state: ReportState, horizon_ms: int) -> list[dict[str, Any]]:
    """Each campaign against its own holdout, or else, among those who entered by it, the site's."""
    own: dict[str, Arms] = {}
    entered: dict[str, Arms] = {}
    for visitor in state.visitors.values():
        if visitor.entry is not None:
            by_site = entered.setdefault(visitor.entry.campaign_id, Arms())
            by_site.add(visitor.entry, visitor, horizon_ms)
        for name, entry in visitor.own.items():
            own.setdefault(name, Arms()).add(entry, visitor, horizon_ms)
    return [
        {
            "id": name,
            "against": OWN_HOLDOUT if name in own else SITE_HOLDOUT,
            **compared(own.get(name) or entered[name]),
        }
        for name in sorted(own.keys() | entered.keys())
    ]


def compared(arms: Arms) -> dict[str, Any]:
    """The figures of one comparison; None for what nothing can be said of."""
    control, treated = (arm.outcome for arm in arms.converted)
    p = withheld_ratio_p(control.n, arms.expected, arms.variance) if control.n + treated.n else 1.0
    whole = relative(*adjusted(*arms.converted))
    return {
        "n": control.n + treated.n,
        "withheld": control.n,
        "shown": treated.n,
        "srm_p": p,
        "srm_ok": p >= MISMATCH,
        "lift": None if whole is None else whole.value,
        "lift_ci": None if whole is None else _ci(fixed_horizon(whole)),
        "always_valid_ci": None if whole is None else _ci(always_valid(whole)),
        "conversion": _figures(arms.converted),
        "margin": _figures(arms.margin),
        "visitors_more": _more(arms),
    }


def _figures(arms: tuple[Paired, Paired]) -> dict[str, Any]:
    """One outcome per visitor: each arm's mean, their difference with and without CUPED."""
    control, treated = arms[0].outcome, arms[1].outcome
    plain, sharp = absolute(control, treated), absolute(*adjusted(*arms))
    return {
        "withheld": {"mean": control.mean, "ci": _mean_ci(arms[0])},
        "shown": {"mean": treated.mean, "ci": _mean_ci(arms[1])},
        "difference": plain.value,
        "difference_ci": _ci(fixed_horizon(plain)),
        "cuped": sharp.value,
        "cuped_ci": _ci(fixed_horizon(sharp)),
        "always_valid_ci": _ci(always_valid(sharp)),
        "always_valid_verdict": always_valid(sharp).verdict,
        "variance_saved": variance_saved(*arms),
    }


def _mean_ci(arm: Paired) -> list[float | None]:
    one = arm.outcome
    return _ci(fixed_horizon(Contrast(one.mean, one.error_squared, max(one.n - 1.0, 1.0), one.n)))


def _ci(found: Estimate) -> list[float | None]:
    """Low and high; None for an end that is open."""
    return [each if abs(each) < inf else None for each in (found.low, found.high)]


def _more(arms: Arms) -> int | None:
    """Visitors still missing to see a lift of 10 % in one look; None where nobody can say."""
    control, treated = (arm.outcome for arm in arms.converted)
    n = control.n + treated.n
    share = arms.expected / n if n else 0.0
    if not 0 < share < 1 or control.n < 2 or treated.n < 2:
        return None
    needed = visitors_needed(control, treated, LIFT_TO_PROVE, control_share=share)
    return None if needed == inf else max(0, int(needed) - n)


def report(state: ReportState, horizon_ms: int, simulated: Iterable[str] = ()) -> dict[str, Any]:
    """All of it; `simulated` names why the figures are, where they are."""
    totals, why = state.totals, list(simulated)
    return {
        "simulated": bool(why),
        "horizon_ms": horizon_ms,
        "overall": overall(state, horizon_ms),
        "campaigns": campaigns(state, horizon_ms),
        "decisions": totals.decisions,
        "shown": totals.shown,
        "explored": totals.explored,
        "fallbacks": totals.fallbacks,
    }
