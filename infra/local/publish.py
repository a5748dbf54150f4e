"""What a fresh stack is filled with before the job starts: schemas, and the demo's records."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.avro import register_all
from connectors.registry import RegistryClient
from infra.demo import publish as demo
from infra.local.layout import Layout


def register_schemas(registry_url: str) -> None:
    """Registers the schema of every topic; a known one keeps its id."""
    register_all(RegistryClient(registry_url))


def publish_demo(layout: Layout, where: Mapping[str, str]) -> None:
    """Publishes the demo's sites, campaigns, products and model, as far as they are new."""
    demo.publish_demo(where["brokers"], where["registry"], layout.stack)
