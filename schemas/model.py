"""Model: an intent model as it travels: ONNX up to the concepts, heads as integers."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

UNSIGNED = "unsigned"
"""In the place of a key to trust: take any model. For logs of before there were signatures."""

PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
"""How a public key is written: Ed25519, 32 bytes in hex."""

SIGMOID, RISK, HAZARD = "sigmoid", "risk", "hazard"
KINDS = (SIGMOID, RISK, HAZARD)


class Head(Struct, frozen=True):
    """A linear head: logit = bias + sum of weight x (2c - 1), in millionths of a logit.

    `calibration_x` -> `calibration_y` are ppm knots of a monotone map, empty for identity. `kind`:
    a `sigmoid` stands alone; all `risk` heads are one softmax against going on; the `hazard` heads
    are one chain of windows, the shortest first.
    """

    name: str = ""
    bias_micro: int = 0
    weights_micro: tuple[int, ...] = ()
    calibration_x: tuple[int, ...] = ()
    calibration_y: tuple[int, ...] = ()
    kind: str = SIGMOID


class Model(Struct, frozen=True, kw_only=True):
    """One record of topic `models`; `site` is a site id or `default`."""

    site: str = "default"
    version: int = 0
    effective_at_ms: int = 0
    name: str = ""
    sha256: str = ""
    onnx: bytes = b""
    features: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    hidden_size: int = 0
    heads: tuple[Head, ...] = ()
    card: str = ""
    stale_after_ms: int = 0
    key_id: str = ""
    signature: bytes = b""
    ece_ppm: int = 0

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Model:
        """From a decoded Avro record."""
        fields = dict(record)
        fields["features"] = tuple(fields["features"])
        fields["concepts"] = tuple(fields["concepts"])
        fields["heads"] = tuple(
            Head(
                each["name"],
                each["bias_micro"],
                tuple(each["weights_micro"]),
                tuple(each["calibration_x"]),
                tuple(each["calibration_y"]),
                each.get("kind", SIGMOID),  # A file of before the kinds has none.
            )
            for each in fields["heads"]
        )
        return cls(**fields)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return {**asdict(self), "heads": [asdict(head) for head in self.heads]}


SIGNED_AS = b"kairos model 1\n"


def signed_bytes(model: Model) -> bytes:
    """What a signature covers: all that the record says but the signature itself.

    Fields at their default are left out, so that a field added later changes no old record's
    bytes; all others go by name.
    """
    said = {**model.to_record(), "signature": b""}
    heads = [_said(head, _HEAD) for head in said["heads"]]
    return SIGNED_AS + msgspec.msgpack.encode(_said({**said, "heads": heads}, _MODEL))


def _said(record: dict[str, Any], plain: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in record.items() if value != plain[name])


_HEAD = asdict(Head())
_MODEL = Model().to_record()
