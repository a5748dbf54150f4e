"""Settings: the environment, read once, as a frozen record with units in its names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent


class BadSettings(Exception):
    """A setting is wrong; the message names the variable and the fix."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: so many a second, so many at once."""

    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the process needs to know; nothing here is secret."""

    brokers: str = "127.0.0.1:19092"
    registry_url: str = "http://127.0.0.1:18081"
    host: str = "127.0.0.1"
    port: int = 18080
    gateway_id: str = field(default_factory=lambda: "gw-" + os.urandom(4).hex())
    sdk_dir: Path = CHECKOUT / "sdk" / "dist"
    tick_ms: int = 100
    ack_timeout_ms: int = 5_000
    start_timeout_s: float = 60.0
    drain_timeout_s: float = 5.0
    sockets_max: int = 20_000
    sockets_per_visitor_max: int = 32
    ip_rate: Rate = Rate(5_000, 20_000)
    visitor_rate: Rate = Rate(200, 1_000)
    site_rate: Rate = Rate(20_000, 60_000)


def read_settings(env: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises BadSettings."""
    base = Settings()
    return Settings(
        brokers=env.get("KAIROS_BROKERS", base.brokers),
        registry_url=_url(env, "KAIROS_REGISTRY_URL", base.registry_url),
        host=env.get("KAIROS_GATEWAY_HOST", base.host),
        port=_number(env, "KAIROS_PORT_GATEWAY", base.port, 65_535),
        gateway_id=env.get("KAIROS_GATEWAY_ID", base.gateway_id),
        sdk_dir=Path(env.get("KAIROS_SDK_DIR", base.sdk_dir)),
        ip_rate=_rate(env, "KAIROS_RATE_IP", base.ip_rate),
        visitor_rate=_rate(env, "KAIROS_RATE_VISITOR", base.visitor_rate),
        site_rate=_rate(env, "KAIROS_RATE_SITE", base.site_rate),
    )


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    url = env.get(name, default)
    if urlsplit(url).scheme not in ("http", "https"):
        raise BadSettings(f"{name} must be an http(s) URL such as {default}")
    return url


def _number(env: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = env.get(name, str(default))
    if not text.isdecimal() or not 0 <= int(text) <= most:
        raise BadSettings(f"{name} must be a whole number from 0 to {most}")
    return int(text)


def _rate(env: Mapping[str, str], name: str, default: Rate) -> Rate:
    """`PER_SECOND` or `PER_SECOND:BURST`."""
    text = env.get(name)
    if text is None:
        return default
    per_s, _, burst = text.partition(":")
    try:
        rate = Rate(float(per_s), float(burst or per_s))
    except ValueError:
        raise BadSettings(f"{name} must be PER_SECOND or PER_SECOND:BURST") from None
    if not (rate.per_s > 0 and rate.burst >= 1):
        raise BadSettings(f"{name} must be above 0, with a burst of at least 1")
    return rate
