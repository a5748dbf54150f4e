"""Whether a job takes a model: its own function over its own kind of context."""

from __future__ import annotations

from connectors.avro import codec
from connectors.control_taken import Refused, take
from connectors.intents import intents_of
from connectors.memory import MemoryRegistry
from connectors.model_keys import Trust, scorer_of
from models.context import Context
from schemas.model import Model

MODELS = codec("models", MemoryRegistry())


def taken(model: Model, trust: Trust) -> bool:
    """Whether a job with this trust puts the model in force."""
    context = Context(scorer_of(trust), make_intents=intents_of)
    try:
        take(context, "models", MODELS, MODELS.encode(model))
    except Refused:
        return False
    return True
