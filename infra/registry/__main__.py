"""Run the registry: `python -m infra.registry --port 18081 --data-dir DIR`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aiohttp import web

from infra.registry.app import build
from infra.registry.journal import Journal, JournalCorrupt
from infra.registry.store import Store


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 1 with one sentence when the data cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m infra.registry", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=18081, help="port to listen on")
    parser.add_argument("--data-dir", type=Path, required=True, help="where the journal is kept")
    options = parser.parse_args(arguments)
    try:
        journal = Journal(options.data_dir)
        store = Store(journal)
    except (JournalCorrupt, RuntimeError, OSError) as failure:
        print(f"registry: {failure}", file=sys.stderr)
        return 1
    print(f"registry: {len(store.state.schemas)} schemas", file=sys.stderr, flush=True)
    try:
        web.run_app(build(store), host=options.host, port=options.port, print=None, access_log=None)
    except OSError as failure:
        print(f"registry: port {options.port}: {failure.strerror}", file=sys.stderr)
        return 1
    finally:
        journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
