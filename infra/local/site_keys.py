"""Keys of sites: made once, kept in the stack's secrets.json (0600), never printed.

A visitor's id follows from the mint secret, a holdout and a known customer's key from the salt. So
these outlive `down`, a rebuilt log and a new broker.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from schemas.site import SECRETS_MAX, Site, SiteSecret

FILE = "secrets.json"
SECRETS = ("mint_secret", "identify_secret", "salt")
SECRET_BYTES = 32
ROTATED = ("site_key", "mint_secret", "identify_secret")


def with_keys(site: Site, stack: Path, known: Site | None = None) -> Site:
    """The site with its keys: those of the published record, else of the file, else new ones."""
    if known is not None and known.mint_secret:
        made = _taken(
            site, {name: getattr(known, name) for name in ("site_key", *SECRETS, "secrets")}
        )
        _keep(stack, made)
        return made
    kept = _read(stack).get("sites", {}).get(site.site)
    if kept is not None:
        fields = {name: bytes.fromhex(kept[name]) for name in SECRETS}
        more = tuple(
            SiteSecret(name, bytes.fromhex(value), until_ms)
            for name, value, until_ms in kept.get("secrets", [])
        )
        return _taken(site, {"site_key": kept["site_key"], "secrets": more, **fields})
    made = _taken(site, {"site_key": new_site_key(), **{name: new_secret() for name in SECRETS}})
    _keep(stack, made)
    return made


def rotated(site: Site, stack: Path, names: tuple[str, ...], until_ms: int = 0) -> Site:
    """The site with new values for `names`, kept in the file.

    The values before hold until engine time `until_ms`; 0 means that they hold no more.
    """
    fresh: dict[str, Any] = {
        name: new_site_key() if name == "site_key" else new_secret() for name in names
    }
    now_ms = time.time() * 1000
    still = [each for each in site.secrets if not each.until_ms or each.until_ms > now_ms]
    if until_ms > now_ms:
        still += [SiteSecret(name, _bytes(getattr(site, name)), until_ms) for name in names]
    else:
        # After a leak nothing of that name may hold, whatever an earlier rotation promised.
        still = [each for each in still if each.name not in names]
    made = replace(site, secrets=_bounded(still), **fresh)
    _keep(stack, made)
    return made


def with_secret(site: Site, stack: Path, name: str, value: bytes) -> Site:
    """The site with the signing secret of an inbound system, in place of an earlier one."""
    others = [each for each in site.secrets if each.name != name]
    made = replace(site, secrets=_bounded([*others, SiteSecret(name, value)]))
    _keep(stack, made)
    return made


def _bounded(found: list[SiteSecret]) -> tuple[SiteSecret, ...]:
    """At most SECRETS_MAX; the oldest rotated go, never the one secret of a connected system."""
    systems = [each for each in found if each.name not in ROTATED]
    others = [each for each in found if each.name in ROTATED]
    return (*systems, *others[max(0, len(found) - SECRETS_MAX) :])


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def new_site_key() -> str:
    """A public write key."""
    return "pk_" + secrets.token_urlsafe(18)


def new_secret() -> bytes:
    """A secret nobody sees."""
    return secrets.token_bytes(SECRET_BYTES)


def _taken(site: Site, keys: dict[str, Any]) -> Site:
    return replace(site, **keys)


def _read(stack: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((stack / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _keep(stack: Path, site: Site) -> None:
    """Write the keys of one site beside the others, readable by the owner alone."""
    found = _read(stack)
    keys: dict[str, Any] = {name: getattr(site, name).hex() for name in SECRETS}
    keys["secrets"] = [[each.name, each.value.hex(), each.until_ms] for each in site.secrets]
    sites = {**found.get("sites", {}), site.site: {"site_key": site.site_key, **keys}}
    stack.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = stack / f"{FILE}.part"
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({**found, "sites": sites}, file, indent=2)
    part.replace(stack / FILE)
