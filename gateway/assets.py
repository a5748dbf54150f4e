"""The SDK's files, as any shop on any origin loads them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from msgspec import Struct

NAMES = frozenset(("kairos.js", "kairos-render.js", "kairos-more.js", "kairos-debug.js"))
CACHE_S = 300
HEADERS = {
    "Cache-Control": f"public, max-age={CACHE_S}",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class Asset(Struct, frozen=True):
    """One file's bytes and its ETag."""

    data: bytes
    etag: str


class Assets:
    """Files of one folder, kept in memory until they change on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: dict[str, tuple[int, Asset]] = {}

    def get(self, name: str) -> Asset | None:
        """The file, or None if there is none of this name."""
        if name not in NAMES:
            return None
        path = self._folder / name
        try:
            changed_ns = path.stat().st_mtime_ns
            known = self._cache.get(name)
            if known is None or known[0] != changed_ns:
                data = path.read_bytes()
                etag = f'"{sha256(data).hexdigest()[:32]}"'
                known = self._cache[name] = (changed_ns, Asset(data, etag))
        except OSError:
            return None
        return known[1]
