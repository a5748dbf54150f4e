"""Golden bytes: `python -m tests.schemas.golden` adds those of schemas that have none yet.

A file in schemas/golden/ is <topic>.<schema fingerprint>.json: the writer's schema, a body under
it and the value as JSON. Files are added and never rewritten, so that each schema that was ever
in use stays readable.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from connectors.avro import Codec, codec, fingerprint, schema_text
from connectors.memory import MemoryRegistry
from schemas import topics
from tests.schemas.samples import samples

FOLDER = Path(topics.__file__).parent / "golden"


def as_json(value: Any) -> Any:
    """A value as JSON's own types; bytes in base64."""
    return json.loads(msgspec.json.encode(value))


def current(topic: str) -> Path:
    """Where the golden bytes of a topic's present schema are."""
    return FOLDER / f"{topic}.{fingerprint(topic)}.json"


def codec_of(topic: str) -> Codec[Any]:
    """A codec without a registry process."""
    return codec(topic, MemoryRegistry())


def main() -> int:
    """Write what is missing."""
    for topic, value in samples().items():
        path = current(topic)
        if path.exists():
            continue
        body = codec_of(topic).body(value).hex()
        schema = json.loads(schema_text(topic))
        golden = {"schema": schema, "body": body, "value": as_json(value)}
        path.write_text(json.dumps(golden, ensure_ascii=False) + "\n", "utf-8")
        print(f"added {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
