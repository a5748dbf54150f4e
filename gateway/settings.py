"""Settings: the environment, read once, as a frozen record with units in its names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

WAL_BYTES_MIN = 1024 * 1024
DEADLINE_MS_MAX = 2_000
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
    cache_url: str = ""
    """redis:// of Valkey or Redis; without one a resume rests on this process's memory."""
    host: str = "127.0.0.1"
    port: int = 18080
    gateway_id: str = field(default_factory=lambda: "gw-" + os.urandom(4).hex())
    sdk_dir: Path = CHECKOUT / "sdk" / "dist"
    wal_dir: Path = CHECKOUT / ".kairos" / "stack" / "data" / "wal" / "18080"
    wal_bytes_max: int = 4 * 1024**3
    wal_keep_s: int = 600
    tick_ms: int = 100
    ack_timeout_ms: int = 5_000
    start_timeout_s: float = 60.0
    drain_timeout_s: float = 5.0
    instant_deadline_ms: int = 80
    standard_deadline_ms: int = 180
    sockets_max: int = 20_000
    sockets_per_visitor_max: int = 32
    ip_rate: Rate = Rate(5_000, 20_000)
    visitor_rate: Rate = Rate(200, 1_000)
    site_rate: Rate = Rate(20_000, 60_000)


def read_settings(env: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises BadSettings."""
    base = Settings()
    port = _number(env, "KAIROS_PORT_GATEWAY", base.port, 65_535)
    return Settings(
        brokers=env.get("KAIROS_BROKERS", base.brokers),
        registry_url=_url(env, "KAIROS_REGISTRY_URL", base.registry_url),
        cache_url=_cache(env.get("KAIROS_CACHE_URL", "")),
        host=env.get("KAIROS_GATEWAY_HOST", base.host),
        port=port,
        gateway_id=env.get("KAIROS_GATEWAY_ID", base.gateway_id),
        instant_deadline_ms=_number(
            env, "KAIROS_DEADLINE_INSTANT_MS", base.instant_deadline_ms, DEADLINE_MS_MAX
        ),
        standard_deadline_ms=_number(
            env, "KAIROS_DEADLINE_STANDARD_MS", base.standard_deadline_ms, DEADLINE_MS_MAX
        ),
        sdk_dir=Path(env.get("KAIROS_SDK_DIR", base.sdk_dir)),
        wal_dir=_wal_dir(env, port),
        wal_bytes_max=_wal_bytes(env, base.wal_bytes_max),
        wal_keep_s=_number(env, "KAIROS_WAL_KEEP_S", base.wal_keep_s, 7 * 86_400),
        ip_rate=_rate(env, "KAIROS_RATE_IP", base.ip_rate),
        visitor_rate=_rate(env, "KAIROS_RATE_VISITOR", base.visitor_rate),
        site_rate=_rate(env, "KAIROS_RATE_SITE", base.site_rate),
    )


def _wal_dir(env: Mapping[str, str], port: int) -> Path:
    """One directory a gateway: the port tells those of one stack apart."""
    stack = env.get("KAIROS_STACK_DIR") or CHECKOUT / ".kairos" / "stack"
    return Path(env.get("KAIROS_WAL_DIR") or Path(stack) / "data" / "wal" / str(port))


def _wal_bytes(env: Mapping[str, str], default: int) -> int:
    size = _number(env, "KAIROS_WAL_BYTES_MAX", default, 2**50)
    if size < WAL_BYTES_MIN:
        raise BadSettings(f"KAIROS_WAL_BYTES_MAX must be at least {WAL_BYTES_MIN}")
    return size


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    url = env.get(name, default)
    if urlsplit(url).scheme not in ("http", "https"):
        raise BadSettings(f"{name} must be an http(s) URL such as {default}")
    return url


def _cache(url: str) -> str:
    if url and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise BadSettings("KAIROS_CACHE_URL must be a redis:// URL such as redis://127.0.0.1:6379")
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
