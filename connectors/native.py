"""Modules built as C at set-up, found by the hash of their source, so never by a stale one."""

from __future__ import annotations

import importlib
from hashlib import sha256
from typing import Any

PACKAGE = "kairos_native"


def module_name(text: str) -> str:
    """Name of the module with this source."""
    return f"made_{sha256(text.encode()).hexdigest()[:20]}"


def native(text: str) -> Any:
    """The module built from this Cython source, None where it has not been built."""
    try:
        return importlib.import_module(f"{PACKAGE}.{module_name(text)}")
    except ImportError:
        return None
