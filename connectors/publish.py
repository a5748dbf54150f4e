"""Publish a control record only if it says something new: applying a file twice is nothing."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from schemas.model import Model

BESIDE = ("key_id", "signature", "learned_until_ms", "feed_version")
"""What a record is, by whom and of what; not what it says."""

R = TypeVar("R")
_PUBLISH = {
    "sites": "publish_site",
    "campaigns": "publish_campaigns",
    "products": "publish_products",
    "models": "publish_model",
    "policy": "publish_policy",
}


class Writer(Protocol):
    """What publishing needs of connectors/control.py."""

    @property
    def signer(self) -> Any:
        """What signs its models, None for nothing."""

    def newest(self, topic: str, site: str) -> Any | None:
        """The record of the highest version."""


def same(one: Any, other: Any) -> bool:
    """Whether two records of one type say the same, whatever their version and time."""
    return _said(one) == _said(other)


def publish(writer: Writer, topic: str, record: R) -> tuple[R, bool]:
    """(what is in the log, whether it is new): an equal newest record is left as it is."""
    known = writer.newest(topic, record.site)  # type: ignore[attr-defined]
    if known is not None and same(known, record) and _ours(writer, known):
        return known, False
    made: R = getattr(writer, _PUBLISH[topic])(record)
    return made, True


def _ours(writer: Writer, known: Any) -> bool:
    """Whether a model in the log bears this writer's signature; a job may refuse any other."""
    return (
        not isinstance(known, Model)
        or writer.signer is None
        or (known.key_id == writer.signer.key_id)
    )


def _said(record: Any) -> dict[str, Any]:
    made: dict[str, Any] = replace(record, version=0, effective_at_ms=0).to_record()
    for beside in BESIDE:
        made.pop(beside, None)
    return made
