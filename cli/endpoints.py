"""Where the broker and the registry of a command are: the environment, else the running stack."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from cli.output import CommandError
from infra.local.layout import read_layout
from infra.local.model_keys import FILE, trusted
from infra.local.state import read_state
from jobs.settings import keys_in
from schemas.model import UNSIGNED


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the two parts that every tool on the log needs.

    `model_keys` are what the job trusts: KAIROS_MODEL_KEYS, else what the stack's job was started
    with, else the stack's own key.
    """

    brokers: str
    registry: str
    model_keys: tuple[str, ...] = (UNSIGNED,)


def endpoints(env: Mapping[str, str] = os.environ) -> Endpoints:
    """KAIROS_BROKERS and KAIROS_REGISTRY_URL, each else as stack.json says."""
    state = read_state(read_layout(env).stack)
    running = state.endpoints
    brokers = env.get("KAIROS_BROKERS") or running.get("brokers", "")
    registry = env.get("KAIROS_REGISTRY_URL") or running.get("registry", "")
    for name, value in (("KAIROS_BROKERS", brokers), ("KAIROS_REGISTRY_URL", registry)):
        if not value:
            raise CommandError(f"no stack runs and {name} is not set; run `kairos up` or set it")
    stack = read_layout(env).stack
    keys = keys_in(env) or tuple(state.model_keys)
    if not keys:
        keys = trusted(stack, env) if (stack / FILE).exists() else (UNSIGNED,)
    return Endpoints(brokers, registry, keys)
