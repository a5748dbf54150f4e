"""The intent model that ships: trained by `kairos model train` on simulated visitors."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from schemas.model import Model

FOLDER = Path(__file__).parent


class BadModel(Exception):
    """The two files do not belong together."""


def load(folder: Path = FOLDER, name: str = "default.json") -> Model:
    """The model in `folder`: its record and the network beside it. Raises BadModel, OSError.

    Its card stays JSON text, as it travels.
    """
    record = json.loads((folder / name).read_text(encoding="utf-8"))
    network = (folder / name).with_suffix(".onnx")
    graph = network.read_bytes()
    if sha256(graph).hexdigest() != record["sha256"]:
        raise BadModel(f"{network}: not the bytes that {name} names; train again")
    record["card"] = json.dumps(record["card"], ensure_ascii=False)
    record["signature"] = bytes.fromhex(record["signature"])
    return Model.from_record({**record, "onnx": graph})
