"""The demo's control records: site, campaigns, products and the shipped model, published once.

Running it again publishes nothing that is already in force, and the site keeps its keys.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from connectors.control import ControlWriter
from connectors.files import Read, read_campaigns, read_products, read_sites, text_of
from connectors.publish import publish
from connectors.registry import RegistryClient
from infra.local.site_keys import with_keys
from infra.model import load as load_model

FOLDER = Path(__file__).parent
SITE = "demo"
T = TypeVar("T")


def publish_demo(brokers: str, registry_url: str, stack: Path) -> list[str]:
    """Publish what changed; the topics that got a new version.

    `stack` holds the keys (secrets.json). Raises ControlUnavailable, or ValueError for a demo file
    that cannot be read.
    """
    writer = ControlWriter(brokers, RegistryClient(registry_url))
    sites = _record(read_sites, "sites.yaml")
    new = []
    for site in sites:
        known = writer.newest("sites", site.site)
        changed = publish(writer, "sites", with_keys(site, stack, known))[1]
        new += ["sites"] * changed
    campaigns = replace(_record(read_campaigns, "campaigns.yaml"), site=SITE)
    products = replace(_record(read_products, "products.yaml"), site=SITE)
    for topic, record in (
        ("campaigns", campaigns),
        ("products", products),
        ("models", load_model()),
    ):
        if publish(writer, topic, record)[1]:
            new.append(topic)
    return new


def _record(read: Callable[[str, str], Read[T]], name: str) -> T:
    path = FOLDER / name
    found = read(text_of(path), str(path))
    if found.record is None:
        raise ValueError("; ".join(each.sentence() for each in found.errors))
    return found.record
