"""Control records from files instead of a stack: sites, campaigns, a model, a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from connectors.files import Read, read_campaigns, read_sites, text_of
from infra.model import FOLDER as SHIPPED
from infra.model import load as load_model
from schemas.model import Model
from schemas.policy import Policy
from schemas.site import Site

T = TypeVar("T")
Record = tuple[str, Any]
"""(control topic, record)."""

LOCAL_SECRET = b"local"
"""Keys the draws of a decision without a stack: the same events give the same draws."""


class BadFile(Exception):
    """A file cannot be used; the message names file, line, field and fix."""


def site_records(path: Path | None) -> list[Record]:
    """The sites of a file, else one called demo. Raises BadFile, OSError, ValueError."""
    sites = _read(read_sites(text_of(path), str(path))) if path else (Site(site="demo"),)
    keys = {"salt": LOCAL_SECRET, "mint_secret": LOCAL_SECRET}
    return [("sites", replace(each, version=1, effective_at_ms=0, **keys)) for each in sites]


def campaign_records(path: Path, sites: list[str], version: int = 1) -> list[Record]:
    """A catalogue for each site. Raises BadFile, OSError, ValueError."""
    read = _read(read_campaigns(text_of(path), str(path)))
    return [
        ("campaigns", replace(read, site=site, version=version, effective_at_ms=0))
        for site in sites
    ]


def model_record(folder: Path | None, version: int = 1) -> Record:
    """The model of a folder, else the shipped one. Raises BadModel, OSError."""
    model: Model = load_model(folder or SHIPPED)
    return "models", replace(model, version=version, effective_at_ms=0)


def policy_records(path: Path, sites: list[str], version: int = 0) -> list[Record]:
    """A policy record as JSON, for each site; version 0 keeps the file's. Raises BadFile."""
    try:
        policy = msgspec.json.decode(path.read_bytes(), type=Policy)
    except msgspec.DecodeError as error:
        raise BadFile(f"{path}: {error}; write a policy record as JSON") from error
    number = version or policy.version
    return [
        ("policy", replace(policy, site=site, version=number, effective_at_ms=0)) for site in sites
    ]


def _read(read: Read[T]) -> T:
    if read.record is None:
        first = read.errors[0]
        raise BadFile(f"{first.file}:{first.line}: {first.field}: {first.error}; {first.fix}")
    return read.record
