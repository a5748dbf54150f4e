"""The stack's own signing key: made once, kept in its folder (0600), trusted by its job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connectors.model_keys import KeyRefused, PrivateKey
from jobs.settings import keys_in

FILE = "model-key.pem"


def stack_key(stack: Path) -> PrivateKey:
    """The key that signs what this stack publishes, a new one at first. Raises KeyRefused."""
    path = stack / FILE
    if path.exists():
        return PrivateKey.read(path)
    try:
        return PrivateKey.create(path)
    except KeyRefused:
        # Another process of this stack was quicker.
        return PrivateKey.read(path)


def trusted(stack: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """What the job takes models by: KAIROS_MODEL_KEYS, else the stack's own key."""
    return keys_in(env) or (stack_key(stack).public,)
