"""sites: samples that sign as the gateway checks, secrets that go to files, rotation, the wait."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli.site_arrival import first_line
from cli.site_samples import identify_samples
from gateway.identify import signature_of
from infra.local.layout import read_layout
from infra.local.site_keys import rotated, with_keys, with_secret
from schemas.event import Event, Page
from schemas.site import SECRETS_MAX, Site

SECRET = b"\x01" * 32
USER = "ann+ü@shop.example"
HOUR_MS = 3_600_000


def run_sample(language: str) -> dict[str, Any]:
    """What a sample signs, run by its own interpreter."""
    code = identify_samples("demo")[language]
    if language == "python":
        call = f"\nimport json; print(json.dumps(kairos_identity({USER!r})))"
        command = [sys.executable, "-c", code + call]
    else:
        call = f"\nconsole.log(JSON.stringify(kairosIdentity({json.dumps(USER)})));"
        command = [str(node()), "-e", code + call]
    env = {**os.environ, "KAIROS_IDENTIFY_SECRET": SECRET.hex(), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True, timeout=60)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def node() -> Path:
    """Node as the set-up found or installed it."""
    found = [*(read_layout().home / "node").glob("**/bin/node")]
    return found[0] if found else Path("node")


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_printed_sample_signs_what_the_gateway_accepts(language: str) -> None:
    """The code is run as printed; a name outside ASCII is signed alike."""
    said = run_sample(language)
    assert said["id"] == USER
    assert said["signature"] == signature_of(SECRET, "demo", said["issued_at"], USER)
    assert abs(said["issued_at"] - time.time()) < 60


def test_every_sample_names_the_site_and_no_secret() -> None:
    """PHP too, which is not run here."""
    for code in identify_samples("my-shop").values():
        assert "'my-shop'" in code or '"my-shop"' in code
        assert "KAIROS_IDENTIFY_SECRET" in code


@pytest.mark.parametrize(
    ("name", "until_ms", "held"),
    [
        ("identify_secret", HOUR_MS, True),
        ("mint_secret", HOUR_MS, True),
        ("site_key", HOUR_MS, True),
        ("identify_secret", 0, False),
    ],
)
def test_a_rotated_key_holds_for_its_overlap(
    tmp_path: Path, name: str, until_ms: int, held: bool
) -> None:
    """Both values are accepted until then, only the new one afterwards."""
    site = with_keys(Site(site="demo"), tmp_path)
    (old,) = site.accepted(name, 0)
    now_ms = int(time.time() * 1000)
    made = rotated(site, tmp_path, (name,), now_ms + until_ms if until_ms else 0)
    new = made.accepted(name, now_ms)[0]
    assert new != old
    assert made.accepted(name, now_ms) == ((new, old) if held else (new,))
    assert made.accepted(name, now_ms + 2 * HOUR_MS) == (new,)
    assert with_keys(Site(site="demo"), tmp_path) == made


def test_a_leak_ends_every_earlier_overlap_of_that_secret(tmp_path: Path) -> None:
    """Rotated without overlap, nothing older holds, and other secrets are left alone."""
    later_ms = int(time.time() * 1000) + HOUR_MS
    site = with_secret(with_keys(Site(site="demo"), tmp_path), tmp_path, "shopify", b"whsec")
    site = rotated(site, tmp_path, ("mint_secret",), later_ms)
    site = rotated(site, tmp_path, ("identify_secret",), later_ms)
    site = rotated(site, tmp_path, ("mint_secret",))
    assert [len(site.accepted(name, later_ms - 1)) for name in ("mint_secret", "shopify")] == [1, 1]
    assert len(site.accepted("identify_secret", later_ms - 1)) == 2


def test_a_connected_system_takes_the_place_of_a_rotated_secret(tmp_path: Path) -> None:
    """Never that of another system, however often either was done."""
    site = with_secret(with_keys(Site(site="demo"), tmp_path), tmp_path, "shopify", b"whsec")
    for _ in range(SECRETS_MAX):
        site = rotated(site, tmp_path, ("site_key",), int(time.time() * 1000) + HOUR_MS)
    site = with_secret(site, tmp_path, "other", b"o")
    assert [site.accepted(name, 0) for name in ("shopify", "other")] == [(b"whsec",), (b"o",)]
    assert len(site.secrets) == SECRETS_MAX


def test_rotations_are_bounded_and_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    site = with_secret(with_keys(Site(site="demo"), tmp_path), tmp_path, "shopify", b"whsec")
    for _ in range(SECRETS_MAX + 5):
        site = rotated(site, tmp_path, ("site_key",), int(time.time() * 1000) + HOUR_MS)
    assert len(site.secrets) == SECRETS_MAX
    assert site.accepted("shopify", 0) == (b"whsec",)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (Page(url="https://shop.example/p/1?token=x"), "from https://shop.example/p/1 0.4 s ago"),
        (None, "from no page 0.4 s ago"),
    ],
)
def test_the_first_event_is_told_with_its_page_and_age(page: Page | None, said: str) -> None:
    """What follows the question mark may name a person, so it is not shown."""
    event = Event(type="product_view", ts_ms=1_000, page=page)
    assert first_line(event, 1_400.0) == f"first event: product_view {said}"
