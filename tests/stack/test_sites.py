"""`kairos sites` against a running stack: what it hands out works at the gateway's doors."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from hmac import digest
from pathlib import Path

import pytest

from infra.local.process import wait_until
from infra.local.stack import Stack
from tests.stack.conftest import Kairos

SITE, ORIGIN = "hooked", "https://hooked.example"
IN_FORCE_WITHIN_S = 10.0
ORDER = {"id": 7001, "created_at": "2026-01-05T10:00:00Z", "total_price": "59.80",
         "cart_token": "c-7001", "line_items": [{}]}  # fmt: skip


def webhook(stack: Stack, secret: bytes, order: dict[str, object]) -> tuple[int, dict[str, object]]:
    """Status and answer of an order told by Shopify, signed with this secret."""
    data = json.dumps(order).encode()
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-Sha256": b64encode(digest(secret, data, "sha256")).decode(),
        "Content-Type": "application/json",
    }
    address = f"{stack.state.endpoints['gateway']}/v1/in/shopify?site={SITE}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.mark.promise("C29")
def test_a_connected_system_is_let_in_by_its_secret_until_the_site_is_removed(
    stack: Stack, kairos: Kairos, tmp_path: Path
) -> None:
    """Nothing secret is printed; a secret that was written out is the one that holds."""
    secret, file = b"shpss-of-this-test", tmp_path / "shopify.secret"
    file.write_bytes(secret)
    assert kairos("sites", "add", SITE, "--origin", ORIGIN, "--no-wait").returncode == 0
    assert wait_until(lambda: webhook(stack, secret, ORDER)[0] == 403, IN_FORCE_WITHIN_S)
    told = kairos("sites", "connect", SITE, "shopify", "--secret-file", str(file))
    assert told.returncode == 0 and secret.decode() not in told.stdout + told.stderr
    assert wait_until(lambda: webhook(stack, b"another", ORDER)[0] == 401, IN_FORCE_WITHIN_S)
    first, again = webhook(stack, secret, ORDER), webhook(stack, secret, ORDER)
    assert (first[0], first[1]["accepted"]) == (200, 1), first
    assert (again[0], again[1]["accepted"], again[1]["duplicates"]) == (200, 0, 1), again

    to = tmp_path / "identify.secret"
    assert kairos("sites", "secret", SITE, "--to", str(to)).returncode == 0
    kept = json.loads((stack.layout.stack / "secrets.json").read_text())["sites"][SITE]
    assert kept["identify_secret"] in to.read_text() and to.stat().st_mode & 0o077 == 0
    listed = kairos("sites", "list", "--json").stdout
    assert SITE in listed and kept["identify_secret"] not in listed
    assert kairos("sites", "remove", SITE).returncode == 0
    assert wait_until(lambda: webhook(stack, secret, ORDER)[0] == 404, IN_FORCE_WITHIN_S)
