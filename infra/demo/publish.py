"""The demo's control records: site, campaigns, products and the shipped model, published once.

Running it again publishes nothing that is already in force, and the site keeps its keys.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from connectors.control import ControlWriter
from connectors.files import Read, read_campaigns, read_products, read_sites, text_of
from connectors.publish import publish
from connectors.registry import RegistryClient
from infra.local.model_keys import stack_key
from infra.local.site_keys import with_keys
from infra.model import load as load_model
from models.learned import with_known
from schemas.products import Products
from schemas.site import CLICKS

FOLDER = Path(__file__).parent
SITE = "demo"
T = TypeVar("T")

RUN_HOLDOUT_PPM = 100_000
RUN = {"holdout_ppm": RUN_HOLDOUT_PPM, "reward": CLICKS, "reward_window_ms": 10_000}
"""What `kairos run` changes of the site, in the record's own units."""


def publish_demo(brokers: str, registry_url: str, stack: Path) -> list[str]:
    """Publish what changed; the topics that got a new version.

    `stack` holds the keys (secrets.json, model-key.pem). Raises ControlUnavailable, or ValueError
    for a demo file that cannot be read.
    """
    writer = ControlWriter(brokers, RegistryClient(registry_url), signer=stack_key(stack))
    (site,) = _record(read_sites, "sites.yaml")
    made: dict[str, Callable[[], Any]] = {
        "sites": lambda: with_keys(site, stack, writer.newest("sites", SITE)),
        "campaigns": lambda: replace(_record(read_campaigns, "campaigns.yaml"), site=SITE),
        "products": lambda: with_known(_products(), writer.newest("products", SITE)),
        "models": load_model,
    }
    # Each topic costs waits for the broker and nothing else, so they go side by side.
    with ThreadPoolExecutor(len(made)) as pool:
        new = pool.map(lambda topic: publish(writer, topic, made[topic]())[1], made)
        return [topic for topic, changed in zip(made, new, strict=True) if changed]


def publish_run(brokers: str, registry_url: str) -> None:
    """The demo's site as `kairos run` wants it: what it learns shows within minutes.

    A share is held out, to tell what actions add, and clicks count, since they come at once: a real
    shop learns from margin. Raises ControlUnavailable.
    """
    writer = ControlWriter(brokers, RegistryClient(registry_url))
    site = writer.newest("sites", SITE)
    assert site is not None, "the demo is published before"
    publish(writer, "sites", replace(site, **RUN))


def _products() -> Products:
    return replace(_record(read_products, "products.yaml"), site=SITE)


def _record(read: Callable[[str, str], Read[T]], name: str) -> T:
    path = FOLDER / name
    found = read(text_of(path), str(path))
    if found.record is None:
        raise ValueError("; ".join(each.sentence() for each in found.errors))
    return found.record
