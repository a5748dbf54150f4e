"""The intent model that ships: trained by `kairos model train` on simulated visitors."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from schemas.model import Model

FOLDER = Path(__file__).parent


class BadModel(Exception):
    """The two files do not belong together."""


def load(folder: Path = FOLDER) -> Model:
    """The model in `folder`: default.json and default.onnx. Raises BadModel, OSError.

    Its card stays JSON text, as it travels.
    """
    record = json.loads((folder / "default.json").read_text(encoding="utf-8"))
    graph = (folder / "default.onnx").read_bytes()
    if sha256(graph).hexdigest() != record["sha256"]:
        raise BadModel(f"{folder}/default.onnx: not the bytes default.json names; train again")
    record["card"] = json.dumps(record["card"], ensure_ascii=False)
    record["signature"] = bytes.fromhex(record["signature"])
    return Model.from_record({**record, "onnx": graph})
