"""Which control records are put in force: the job, its replays and `why` all ask `take`."""

from __future__ import annotations

from typing import Any

from connectors.avro import BadFrame, Codec
from connectors.onnx import ModelRefused
from models.context import Context
from models.inputs import UnknownInput
from models.policy_checks import PolicyRefused

MODEL_REFUSED, CONTROL_REFUSED = "model_refused", "control_refused"
POLICY_REFUSED = "policy_refused"


class Refused(Exception):
    """A control record that is not put in force: as a dead letter names it."""

    def __init__(self, reason: str, detail: str, schema_id: int = -1) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.schema_id = reason, detail, schema_id


def take(context: Context, topic: str, reader: Codec[Any], value: bytes | None) -> Any:
    """Put a control record into the context and return it.

    Raises Refused, and nothing else, for one that cannot be used: the version before stays.
    """
    try:
        made = reader.decode(value)
        context.add(topic, made)
    except BadFrame as bad:
        raise Refused(bad.reason, bad.detail, bad.schema_id) from bad
    except (ModelRefused, UnknownInput) as refused:
        raise Refused(MODEL_REFUSED, str(refused)) from refused
    except PolicyRefused as refused:
        raise Refused(POLICY_REFUSED, str(refused)) from refused
    except Exception as failure:
        # Only a name: the text of a failure may hold what a record of `sites` keeps secret.
        detail = f"{type(failure).__name__} while taking in the record"
        raise Refused(CONTROL_REFUSED, detail) from failure
    return made
