"""Origins: which web pages may speak for a site; one rule for files, gateway and checks."""

from __future__ import annotations

from collections.abc import Collection

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANY_PORT = ":*"


def allowed(origins: Collection[str], origin: str) -> bool:
    """Whether a browser's `Origin` header is among a site's origins.

    `http://127.0.0.1:*` stands for any port of this machine and works for loopback hosts only.
    """
    if origin in origins:
        return True
    head, colon, port = origin.rpartition(":")
    scheme, _, host = head.partition("://")
    if not colon or not port.isascii() or not port.isdigit() or host not in LOOPBACK:
        return False
    return f"{scheme}://{host}{ANY_PORT}" in origins
