"""Shopify's extensions: settings of the right form, and pixel code run on recorded payloads."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.samples import make_batch
from tests.gateway.test_inbound import ORDER, gateway, webhook

__all__ = ["gateway"]
EXTENSIONS = Path(__file__).parents[2] / "shops" / "shopify" / "extensions"
PIXEL = EXTENSIONS / "kairos-pixel" / "src" / "pixel.js"
CART = EXTENSIONS / "kairos-theme" / "assets" / "kairos-cart.js"
PAGES = """
const sent = [];
const pages = PAGES;
const kept = {};
for (const token of pages) {
  if (token) kept['kairos.v'] = JSON.stringify({ token }); else delete kept['kairos.v'];
  const tells = [];
  globalThis.localStorage = { getItem: (n) => kept[n] ?? null,
    setItem: (n, v) => { kept[n] = v; }, removeItem: (n) => { delete kept[n]; } };
  globalThis.window = { addEventListener: (_, tell) => tells.push(tell) };
  globalThis.document = { addEventListener: (_, tell) => tells.push(tell) };
  globalThis.fetch = async (_, asked) => {
    sent.push(JSON.parse(asked.body).attributes._kairos);
    return { ok: true };
  };
  globalThis.setTimeout = (tell) => tells.push(tell);
  CODE
  for (const tell of tells) { tell(); await Promise.resolve(); await null; }
}
console.log(JSON.stringify(sent));
"""
CHECKOUT = {
    "token": "ck-1",
    "totalPrice": {"amount": 403, "currencyCode": "EUR"},
    "lineItems": [{"id": "1"}],
    "order": {"id": f"gid://shopify/OrderIdentity/{ORDER['id']}"},
}


def recorded(name: str) -> dict[str, Any]:
    """A payload as the pixel's sandbox hands it over."""
    data = {"checkout": CHECKOUT}
    return {"id": f"sh-{name}", "name": name, "timestamp": "2026-11-25T06:10:00.000Z", "data": data}


def batch_of(event: dict[str, Any], stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the pixel's own code makes of it, run by Node."""
    arguments = [json.dumps(each) for each in (event, "demo", stored and json.dumps(stored))]
    code = f"import {{ batchOf }} from {json.dumps(PIXEL.as_uri())};"
    code += f"console.log(JSON.stringify(batchOf({', '.join(arguments)})));"
    command = ["node", "--input-type=module", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    made: dict[str, Any] | None = json.loads(done.stdout)
    return made


async def token(gateway: Gateway) -> str:
    """A visitor's token, as the SDK stores it."""
    answer = await (await gateway.client.post("/v1/events", json=make_batch())).json()
    return str(answer["visitor_token"])


@pytest.mark.promise("C69")
async def test_an_order_told_by_pixel_and_webhook_is_one_purchase(gateway: Gateway) -> None:
    """Both give it the same key, window and id; the second one is a duplicate in the job too."""
    held = await token(gateway)
    batch = batch_of(recorded("checkout_completed"), {"token": held})
    first = await (await gateway.client.post("/v1/events", json=batch)).json()
    assert first["accepted"] == 1
    attributes = [{"name": "_kairos", "value": held}]
    status, said = await webhook(gateway, "orders/create", {**ORDER, "note_attributes": attributes})
    assert (status, said["accepted"], said["duplicates"], said["rejected"]) == (200, 0, 1, 0)
    orders = [each for each in gateway.log.events if each.type == "purchase"]
    places = {(o.user_key, o.session_id, o.tab_id, o.session_index, o.event_id) for o in orders}
    assert len(places) == 1 and {each.value_micros for each in orders} == {403_000_000}


async def test_steps_of_a_checkout_are_taken(gateway: Gateway) -> None:
    batch = batch_of(recorded("payment_info_submitted"), {"token": await token(gateway)})
    answer = await (await gateway.client.post("/v1/events", json=batch)).json()
    assert answer["accepted"] == 1 and gateway.log.events[-1].type == "checkout_step"


def test_a_visitor_without_a_token_is_not_followed() -> None:
    """No consent means nothing is stored, so the checkout stays silent."""
    assert batch_of(recorded("checkout_completed"), None) is None


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        (["a"], ["a"]),
        (["a", "b"], ["a", "b"]),
        ([""], []),
        (["a", "", ""], ["a", ""]),
    ],
)
def test_the_cart_loses_the_token_with_its_visitors_consent(
    pages: list[str], told: list[str]
) -> None:
    """Each page load holds a token or none; a withdrawal clears what an earlier page told."""
    code = PAGES.replace("PAGES", json.dumps(pages)).replace("CODE", CART.read_text())
    command = ["node", "--input-type=module", "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == told


def test_settings_have_the_form_that_shopify_reads() -> None:
    """Types and names of both manifests, and the embed block's schema."""
    theme, pixel = (
        tomllib.loads((EXTENSIONS / name / "shopify.extension.toml").read_text())
        for name in ("kairos-theme", "kairos-pixel")
    )
    assert theme["type"] == "theme"
    assert (pixel["type"], pixel["runtime_context"]) == ("web_pixel_extension", "strict")
    assert set(pixel["settings"]["fields"]) == {"site", "gateway"}
    liquid = (EXTENSIONS / "kairos-theme" / "blocks" / "kairos.liquid").read_text()
    found = re.search(r"{% schema %}(.*){% endschema %}", liquid, re.DOTALL)
    assert found is not None
    schema = json.loads(found[1])
    assert schema["target"] == "body"
    used = set(re.findall(r"block\.settings\.(\w+)", liquid))
    assert used == {each["id"] for each in schema["settings"]}
