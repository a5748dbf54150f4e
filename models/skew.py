"""4 Skew: the inputs of a sample of decisions, so that others can compute them again from the log.

About one decision in a hundred carries the model's input vector as the job made it, in a header of
its record. Which ones follows from the slot and the site's salt alone, so a replay picks the same.
"""

from __future__ import annotations

from struct import Struct, error

from schemas.ids import draw_ppm

SAMPLE_PPM = 10_000
_SALTED_AS = "inputs"


def sampled(slot_id: str, vector: list[float] | None, salt: bytes) -> bytes:
    """The vector as little-endian float32 where this slot is in the sample, else nothing."""
    if vector is None or draw_ppm(salt, _SALTED_AS, slot_id) >= SAMPLE_PPM:
        return b""
    return Struct(f"<{len(vector)}f").pack(*vector)


def differences(
    names: tuple[str, ...], logged: bytes, computed: bytes
) -> dict[str, tuple[float, float]]:
    """Input -> (logged, computed) of those whose bytes differ; `length` where sizes do."""
    try:
        unpack = Struct(f"<{len(names)}f").unpack
        pairs = zip(names, unpack(logged), unpack(computed), strict=True)
    except error:
        return {"length": (len(logged) / 4, len(computed) / 4)}
    found = {name: (one, two) for name, one, two in pairs}
    return {
        name: found[name]
        for at, name in enumerate(names)
        if logged[4 * at : 4 * at + 4] != computed[4 * at : 4 * at + 4]
    }
