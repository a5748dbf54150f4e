"""Plain events in C: see models/plain.py. Nothing stands in where set-up has not built it.

The module is put together from parts, before which stand the fields and bounds that they
use: they come from the Structs and rules themselves, so that a changed layout or bound makes
another module, and one that was built for the one before is not found.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from connectors.native import native
from models import (
    auction,
    burst,
    client_time,
    decay,
    dedup,
    facts,
    features,
    kinds,
    loops,
    session,
    skew,
    trends,
    user,
    validity,
    views,
    vocabulary,
)
from models.plain import Plain
from models.trigger_rules import IN_SESSION, TRIGGER_ORDER
from models.vocabulary import CODES, EVENT_TYPES, INTERACTIONS
from schemas import exposure, sections
from schemas import profile as profiles
from schemas.burst import Burst
from schemas.exposure import Exposure
from schemas.outreach import Outreach
from schemas.profile import CartChange, Profile, Session, Tab, Tally, Window
from schemas.sections import Seen

PARTS = (
    "plain_begin.pxi",
    "state_bytes.pxi",
    "hashes.pxi",
    "plain.pyx",
    "plain_visit.pyx",
    "plain_view.pyx",
    "plain_fold.pyx",
    "plain_sections.pyx",
    "plain_views.pyx",
    "decide.pyx",
    "decide_choice.pyx",
    "decide_record.pyx",
)
STRUCTS = {
    "P": Profile,
    "T": Tally,
    "S": Session,
    "B": Burst,
    "O": Outreach,
    "W": Window,
    "TAB": Tab,
    "CART": CartChange,
    "EXP": Exposure,
    "SEEN": Seen,
}
BOUNDS = (
    (
        profiles,
        "WINDOWS_MAX TABS_MAX CART_MAX TOUCHED_MAX TRAIL_MAX EARLIER_MAX EARLIER_BYTES_MAX "
        "STATE_BYTES_MAX NAME_MAX",
    ),
    (validity, "NAME_BYTES_MAX TEXT_BYTES_MAX PROPERTIES_MAX QUANTITY_MAX INDEX_MAX"),
    (validity, "DURATION_MS_MAX"),
    (vocabulary, "BROWSE CART HIGH_INTENT"),
    (loops, "FINE_BITS SHARE_BITS"),
    (dedup, "HASHED"),
    (exposure, "EXPOSURES_MAX RESERVED SHOWN WITHHELD HELD RELEASED"),
    (auction, "CANDIDATES_MAX"),
    (skew, "SAMPLE_PPM"),
    (decay, "BUCKETS STEPS"),
    (sections, "SEEN_MAX"),
    (client_time, "CLIP_MS"),
    (session, "SESSION_GAP_MS"),
    (user, "STALE_MS"),
    (kinds, "KINDS"),
    (trends, "TICK_BITS"),
)
"""Bounds that fit an int and keep their names."""

SIZES = {
    "HASH_BYTES": 2 * dedup.HASHED,
    "MASK_BYTES": dedup.WINDOW_BITS // 8,
    "HALF_LIVES": len(decay.HALF_LIVES_MS),
    "TYPES": len(EVENT_TYPES),
    "PAUSE": CODES["pause"],
    "HOVER": CODES["hover"],
    "PAGE_VIEW": CODES["page_view"],
    "PRODUCT_VIEW": CODES["product_view"],
    "ADD_TO_CART": CODES["add_to_cart"],
    "PAGES_KEPT": views.PAGES_KEPT,
    "RAGE_CLICK": CODES["rage_click"],
    "BAND_ONE_PPM": burst.BANDS_PPM[0],
    "BAND_TWO_PPM": burst.BANDS_PPM[1],
    "REACTS_IN_SESSION": TRIGGER_ORDER.index(IN_SESSION),
    "FLAGS": len(features.FLAG_CODES),
    "FEATURE_COUNT": len(features.FEATURES),
    "FAST_TICKS": len(trends.FAST),
    "SLOW_TICKS": len(trends.SLOW),
    "ONE_SHARE": 1 << loops.SHARE_BITS,
}
LARGE = {
    "EARLIEST_MS": validity.EARLIEST_MS,
    "LATEST_MS": validity.LATEST_MS,
    "MICROS_MAX": validity.MICROS_MAX,
    "PROFILE_TTL": user.PROFILE_TTL_MS,
    "PAGE_TTL": user.PAGE_KEY_TTL_MS,
    "LAPSE": exposure.LAPSE_MS,
    "SCORE_MAX": auction.SCORE_MAX,
    "HOUR_MS": facts.HOUR_MS,
    "MONDAY_OFFSET": facts.MONDAY_OFFSET,
}
TABLES = {
    "HALF_LIVES_MS": decay.HALF_LIVES_MS,
    "WEIGHTS": decay.WEIGHTS,
    "FAST": trends.FAST,
    "SLOW": trends.SLOW,
    "FLAG_CODES": features.FLAG_CODES,
    "INTERACTS": [code in INTERACTIONS for code in range(len(EVENT_TYPES))],
}


@cache
def plain() -> Plain | None:
    """The same for every context of this process; None where it was not built."""
    module = native(source())
    if module is None:
        return None
    made: Plain = module.Plain()
    return made


def source() -> str:
    """The whole module as Cython."""
    texts = [Path(__file__).with_name(name).read_text("utf-8") for name in PARTS]
    return "\n".join([texts[0], *_fields(), *_bounds(), *_tables(), *texts[1:]])


def _fields() -> list[str]:
    """The place of each field in its array, and how many there are."""
    out = []
    for prefix, kind in STRUCTS.items():
        names = [*kind.__struct_fields__, "FIELDS"]
        out += ["cdef enum:", *(f"    {prefix}_{name} = {at}" for at, name in enumerate(names))]
    return out


def _bounds() -> list[str]:
    small = {name: getattr(module, name) for module, names in BOUNDS for name in names.split()}
    return [
        *("cdef enum:", *(f"    {name} = {value}" for name, value in {**small, **SIZES}.items())),
        *(f"cdef long long {name} = {value}" for name, value in LARGE.items()),
    ]


def _tables() -> list[str]:
    out = []
    for name, values in TABLES.items():
        out += [
            f"cdef long long {name}[{len(values)}]",
            f"{name}[:] = [{', '.join(str(int(each)) for each in values)}]",
        ]
    return out
