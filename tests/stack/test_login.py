"""A login on the real stack, in two sites whose campaigns and people bear the same names."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway.identify import signature_of
from infra.local.process import wait_until
from infra.local.stack import Stack
from tests.stack.conftest import Kairos

ORIGIN, SEED, ANN = "https://shop.example", "c" * 32, "ann"
SHOWS = ("--no-wait", "--mode", "live")
"""Options of a site that shows actions from the first: a new one only observes."""

MERGED_WITHIN_S, WAIT_MS = 30.0, 1_500
CAMPAIGNS = """campaigns:
  - id: SAME
    action: discount_popup
    on: [cart_view]
    when: cart_value >= 40
    margin: 10
    base: 5%
    caps: {session: 9, day: 9}
    render: {kind: modal, title: "of SITE"}
"""


class Shop:
    """One site and one browser in it."""

    def __init__(self, stack: Stack, site: str, seed: str = SEED) -> None:
        self.site, self.index, self.token, self.seed = site, 0, "", seed
        self.url = stack.state.endpoints["gateway"]
        kept = json.loads((stack.layout.stack / "secrets.json").read_text())
        self.secret = bytes.fromhex(kept["sites"][site]["identify_secret"])

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer of one request."""
        data = json.dumps({"site": self.site, **body}).encode()
        headers = {"Origin": ORIGIN, "Content-Type": "text/plain"}
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def send(self, type_: str, token: str = "", **fields: Any) -> tuple[int, dict[str, Any]]:
        """One event of this browser, with the answer that decides on it."""
        self.index += 1
        event = {"event_id": uuid4().hex, "session_index": self.index, "type": type_}
        event |= {"ts": int(time.time() * 1000), **fields}
        held = token or self.token
        who = {"visitor_token": held} if held else {"visitor_seed": self.seed}
        consent = {"analytics": True, "personalization": True, "marketing": False}
        body = {**who, "session_id": "s", "tab_id": "t", "consent": consent, "events": [event]}
        return self.post(f"/v1/events?wait={WAIT_MS}", body)

    def log_in(self) -> dict[str, Any]:
        """Ann logs in: what her shop's back end signs."""
        issued_at = int(time.time())
        signature = signature_of(self.secret, self.site, issued_at, ANN)
        body = {"id": ANN, "issued_at": issued_at, "signature": signature}
        status, said = self.post("/v1/identify", {**body, "visitor_token": self.token})
        assert status == 200, said
        return said

    def title(self) -> str:
        """What a look at the cart is answered with; empty for nothing."""
        _, said = self.send("cart_view")
        return str(said["decision"]["render"]["title"]) if said["decision"] else ""


@pytest.fixture(scope="module")
def shops(stack: Stack, kairos: Kairos, tmp_path_factory: pytest.TempPathFactory) -> list[Shop]:
    """Two sites whose campaign has one name, with a title of its own in each."""
    for site in ("north", "south"):
        done = kairos("sites", "add", site, "--origin", ORIGIN, *SHOWS)
        assert done.returncode == 0, done.stderr
        assert "kairos_identity" in done.stdout and f'data-site="{site}"' in done.stdout
        file = tmp_path_factory.mktemp(site) / "campaigns.yaml"
        file.write_text(CAMPAIGNS.replace("SITE", site))
        done = kairos("campaigns", "apply", str(Path(file)), "--site", site)
        assert done.returncode == 0, done.stderr + done.stdout
    return [Shop(stack, site) for site in ("north", "south")]


@pytest.mark.promise("C22", "C29", "E44")
def test_a_login_brings_the_cart_along_and_crosses_no_site(shops: list[Shop]) -> None:
    """Ann fills a cart in the north, logs in in both: only there does her cart decide."""
    north, south = shops
    lamp = {"id": "lamp", "price": "20.00", "quantity": 2}
    assert wait_until(lambda: north.send("page_view")[0] == 202, MERGED_WITHIN_S)
    for shop in shops:
        shop.token = shop.send("page_view")[1]["visitor_token"]
    north.send("add_to_cart", product=lamp)
    assert south.send("page_view", token=north.token)[0] == 401
    said = [shop.log_in() for shop in shops]
    assert [each["handed_over"] for each in said] == [True, True]
    assert said[0]["user_key"] != said[1]["user_key"]
    north.token, south.token = (each["visitor_token"] for each in said)
    assert wait_until(lambda: north.title() == "of north", MERGED_WITHIN_S)
    assert south.title() == ""
    south.send("add_to_cart", product=lamp)
    assert wait_until(lambda: south.title() == "of south", MERGED_WITHIN_S)
