"""Which record type each topic carries: the one table that codecs and registration read."""

from __future__ import annotations

from schemas.campaign import Campaigns
from schemas.dead_letter import DeadLetter
from schemas.decision import Decision
from schemas.event import Event
from schemas.handoff import ProfileMerge
from schemas.model import Model
from schemas.policy import Policy
from schemas.products import Products
from schemas.site import Site
from schemas.trigger import Trigger

EVENTS, DECISIONS, DEAD_LETTERS = "events", "decisions", "dead-letters"
TRIGGERS, PROFILES = "triggers", "profiles"
BATCH_BYTES_MAX = 128 * 1024
"""For every producer: a broker holds a whole batch to its topic's limit on one record's size."""

SILENT = "kairos.silent"
"""Header of a decision that shows and withdraws nothing: a gateway need not read such a record."""

INPUTS = "kairos.inputs"
"""Header of a sampled decision: the model's input vector, little-endian float32."""

POLICY, PRODUCTS = "policy", "products"
CONTROL_TOPICS = ("sites", "campaigns", PRODUCTS, "models", POLICY)

SCHEMA_FILES = {
    EVENTS: "event",
    DECISIONS: "decision",
    DEAD_LETTERS: "dead_letter",
    TRIGGERS: "trigger",
    PROFILES: "profile_merge",
    "sites": "site",
    "campaigns": "campaigns",
    PRODUCTS: "products",
    "models": "model",
    POLICY: "policy",
}
"""Topic -> file in schemas/avro/, without `.avsc`."""

TYPES = {
    EVENTS: Event,
    DECISIONS: Decision,
    DEAD_LETTERS: DeadLetter,
    TRIGGERS: Trigger,
    PROFILES: ProfileMerge,
    "sites": Site,
    "campaigns": Campaigns,
    PRODUCTS: Products,
    "models": Model,
    POLICY: Policy,
}
"""Topic -> Python type."""
