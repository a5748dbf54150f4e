"""POST /v1/identify: only what the shop's back end signed names a user, and hands over once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gateway.identify import signature_of
from gateway.settings import Rate, Settings
from gateway.tokens import mint
from schemas.event import HANDOFF
from schemas.ids import known_key
from schemas.site import SiteSecret
from tests.gateway.conftest import Gateway, start_gateway
from tests.gateway.samples import ORIGIN, make_batch, make_event, make_site

SECRET, OLD_SECRET, SALT = b"i" * 32, b"o" * 32, b"s" * 32
ELSEWHERE = "https://evil.example"
ANN = known_key("demo", SALT, "ann@shop.example")
BEN = known_key("demo", SALT, "ben")
HOUR_MS = 3_600_000


def shop(**changes: Any) -> Any:
    """A site whose back end can sign."""
    return make_site(**{"identify_secret": SECRET, "salt": SALT, **changes})


def signed(user_id: str = "ann@shop.example", age_s: int = 0, **changes: Any) -> dict[str, Any]:
    """What a page sends after its back end signed it."""
    issued_at = int(time.time()) - age_s
    secret = changes.pop("secret", SECRET)
    site = changes.get("site", "demo")
    body = {
        "site": site,
        "id": user_id,
        "issued_at": issued_at,
        "signature": signature_of(secret, site, issued_at, user_id),
    }
    return {**body, **changes}


async def visitor(gateway: Gateway, seed: str = "a" * 32, **changes: Any) -> dict[str, Any]:
    """A visitor's first post."""
    batch = make_batch(make_event(event_id=seed), visitor_seed=seed, **changes)
    answer: dict[str, Any] = await (await gateway.client.post("/v1/events", json=batch)).json()
    return answer


@pytest.fixture
async def gateway(settings: Settings) -> Any:
    """A gateway whose site can sign."""
    started = await start_gateway(settings, shop(), shop(site="other", identify_secret=b"x" * 32))
    yield started
    await started.close()


@pytest.mark.promise("C22")
async def test_a_login_writes_a_handoff_and_answers_with_the_known_users_token(
    gateway: Gateway,
) -> None:
    """The record lies under the anonymous key and names the known one; no raw id is in it."""
    first = await visitor(gateway)
    body = signed(visitor_token=first["visitor_token"], session_id="s-91", tab_id="t1")
    response = await gateway.client.post("/v1/identify", json=body)
    answer = await response.json()
    assert response.status == 200 and answer["user_key"] == ANN and answer["handed_over"]
    handoff = gateway.log.events[-1]
    assert (handoff.internal, handoff.user_key) == (HANDOFF, first["user_key"])
    assert handoff.identity_ref == ANN
    assert "ann@" not in repr(gateway.log.events) and "ann@" not in json.dumps(answer)
    batch = make_batch(
        make_event(event_id="after"), visitor_seed=None, visitor_token=answer["visitor_token"]
    )
    after = await (await gateway.client.post("/v1/events", json=batch)).json()
    assert after["user_key"] == ANN and after["visitor_id"] is None
    assert gateway.log.events[-1].user_mode == "authenticated"


async def test_a_login_before_the_first_answer_names_its_visitor_by_the_seed(
    gateway: Gateway,
) -> None:
    """The first post may still be on its way; its key is the same."""
    said = signed(visitor_seed="a" * 32, consent={"personalization": True})
    assert (await (await gateway.client.post("/v1/identify", json=said)).json())["handed_over"]
    assert gateway.log.events[-1].user_key == (await visitor(gateway))["user_key"]


async def test_the_same_login_twice_is_the_same_record(gateway: Gateway) -> None:
    first = await visitor(gateway)
    body = signed(visitor_token=first["visitor_token"])
    for _ in range(2):
        assert (await gateway.client.post("/v1/identify", json=body)).status == 200
    ids = [each.event_id for each in gateway.log.events if each.internal == HANDOFF]
    assert len(ids) == 2 and len(set(ids)) == 1


async def test_a_known_users_token_hands_over_nothing(gateway: Gateway) -> None:
    """Ben logs in where Ann was: he gets a token of his own, and nothing of hers."""
    first = await visitor(gateway)
    ann = signed(visitor_token=first["visitor_token"])
    token = (await (await gateway.client.post("/v1/identify", json=ann)).json())["visitor_token"]
    before = len(gateway.log.events)
    response = await gateway.client.post("/v1/identify", json=signed("ben", visitor_token=token))
    answer = await response.json()
    assert (answer["user_key"], answer["handed_over"]) == (BEN, False)
    assert len(gateway.log.events) == before


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("a signature of another secret", {"secret": b"y" * 32}, 401, "signature"),
    ("another user than was signed", {"id": "ben"}, 401, "signature"),
    ("another time than was signed", {"issued_at": 1_790_000_000}, 401, "signature"),
    ("another site than was signed", {"site": "other"}, 401, "signature"),
    ("no signature", {"signature": None}, 400, "signature"),
    ("eleven minutes old", {"age_s": 660}, 401, "issued_at"),
    ("two minutes ahead", {"age_s": -120}, 401, "issued_at"),
    ("a site that does not exist", {"site": "nobody"}, 404, "site"),
    ("a token of nobody", {"visitor_token": "AAAA"}, 401, "visitor_token"),
    ("no consent", {"consent": {"personalization": False}}, 403, "consent"),
    ("a very long name", {"id": "x" * 300}, 400, "id"),
]


@pytest.mark.parametrize(("why", "changes", "status", "field"), REFUSED)
async def test_a_login_is_refused_for(
    gateway: Gateway, why: str, changes: dict[str, Any], status: int, field: str
) -> None:
    """Status and field say what to mend; nothing is written."""
    first = await visitor(gateway)
    changes = dict(changes)
    good = signed(age_s=changes.pop("age_s", 0), secret=changes.pop("secret", SECRET))
    body = {**good, "visitor_token": first["visitor_token"], **changes}
    body = {name: value for name, value in body.items() if value is not None}
    response = await gateway.client.post("/v1/identify", json=body)
    assert (response.status, (await response.json())["field"]) == (status, field), why
    assert not [each for each in gateway.log.events if each.internal == HANDOFF]


async def test_a_foreign_page_cannot_log_in(gateway: Gateway) -> None:
    """Neither its origin nor a token that was given to it holds."""
    first = await visitor(gateway)
    body = signed(visitor_token=first["visitor_token"])
    response = await gateway.client.post("/v1/identify", json=body, headers={"Origin": ELSEWHERE})
    assert response.status == 403 and "Access-Control-Allow-Origin" not in response.headers


async def test_the_shops_own_page_may_read_the_answer(gateway: Gateway) -> None:
    first = await visitor(gateway)
    body = signed(visitor_token=first["visitor_token"])
    asked = await gateway.client.options("/v1/identify", headers={"Origin": ORIGIN})
    response = await gateway.client.post("/v1/identify", json=body, headers={"Origin": ORIGIN})
    assert asked.status == 204 and response.status == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_visitor_without_consent_stays_unnamed(gateway: Gateway) -> None:
    denied = {"analytics": True, "personalization": False}
    first = await visitor(gateway, consent=denied)
    body = signed(visitor_token=first["visitor_token"])
    assert (await gateway.client.post("/v1/identify", json=body)).status == 403


@pytest.mark.parametrize(("opted_out", "status"), [("1", 403), ("0", 200)])
async def test_without_a_token_the_sites_default_speaks(
    settings: Settings, opted_out: str, status: int
) -> None:
    """Consent that is only implied gives way to the browser's privacy signal."""
    gateway = await start_gateway(settings, shop(consent="implied"))
    headers = {"Sec-GPC": opted_out}
    response = await gateway.client.post("/v1/identify", json=signed(), headers=headers)
    assert response.status == status
    await gateway.close()


async def test_a_login_that_is_not_durable_is_not_answered_as_one(gateway: Gateway) -> None:
    first = await visitor(gateway)
    gateway.log.down = True
    body = signed(visitor_token=first["visitor_token"])
    response = await gateway.client.post("/v1/identify", json=body)
    assert response.status == 503 and response.headers["Retry-After"] == "1"


async def test_logins_are_limited_by_user(settings: Settings) -> None:
    gateway = await start_gateway(Settings(visitor_rate=Rate(0.001, 3)), shop())
    first = await visitor(gateway)
    body = signed(visitor_token=first["visitor_token"])
    statuses = [(await gateway.client.post("/v1/identify", json=body)).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    await gateway.close()


def now_ms() -> int:
    """The gateway's clock."""
    return int(time.time() * 1000)


@pytest.mark.parametrize(
    ("until_ms", "status"), [(HOUR_MS, 200), (-1, 401)], ids=["within", "after"]
)
async def test_a_rotated_secret_signs_until_its_overlap_ends(
    settings: Settings, until_ms: int, status: int
) -> None:
    """And the same user stays the same user."""
    retired = SiteSecret("identify_secret", OLD_SECRET, now_ms() + until_ms)
    gateway = await start_gateway(settings, shop(secrets=(retired,)))
    response = await gateway.client.post(
        "/v1/identify", json=signed(secret=OLD_SECRET, consent={"personalization": True})
    )
    assert response.status == status
    if status == 200:
        assert (await response.json())["user_key"] == ANN
    await gateway.close()


@pytest.mark.parametrize(
    ("until_ms", "status"), [(HOUR_MS, 202), (-1, 401)], ids=["within", "after"]
)
async def test_a_token_of_a_rotated_secret_is_replaced_when_it_is_used(
    settings: Settings, until_ms: int, status: int
) -> None:
    """The visitor stays the same one, and the next token no longer needs the old secret."""
    key = "demo:v:" + "0a" * 16
    retired = SiteSecret("mint_secret", OLD_SECRET, now_ms() + until_ms)
    gateway = await start_gateway(settings, shop(secrets=(retired,)))
    old = mint("demo", OLD_SECRET, key, now_ms=now_ms())
    batch = make_batch(visitor_seed=None, visitor_token=old)
    response = await gateway.client.post("/v1/events", json=batch)
    assert response.status == status
    if status == 202:
        answer = await response.json()
        assert answer["user_key"] == key
        assert answer["visitor_token"] == mint("demo", b"m" * 32, key, now_ms=now_ms())
    await gateway.close()


def test_secrets_do_not_print() -> None:
    """Neither in a repr of the secret nor in one of what retires it."""
    assert "oooo" not in repr(SiteSecret("mint_secret", OLD_SECRET, 1))
