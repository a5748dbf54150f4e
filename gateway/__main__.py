"""`python -m gateway`: one ingest and push gateway, set up by the environment."""

from __future__ import annotations

import logging
import os
import sys

import uvloop

from connectors.registry import RegistryRefused, RegistryUnavailable
from gateway.log import LogUnavailable
from gateway.server import Server
from gateway.settings import BadSettings, read_settings
from gateway.wal import OtherCluster
from gateway.wal_files import DirectoryTaken

REGISTRY = (RegistryUnavailable, RegistryRefused)
FATAL = (BadSettings, LogUnavailable, DirectoryTaken, OtherCluster, *REGISTRY)
PORT_FIX = "; is the port taken?"


def without_caller(record: logging.LogRecord) -> bool:
    """The server's own messages name the caller's address and quote requests; ours do not."""
    kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "error"
    record.msg, record.args = f"a request failed: {kind}", ()
    if record.exc_info and record.levelno < logging.ERROR:
        record.exc_info = None
    return True


def main() -> int:
    """Run until SIGTERM; the exit code is 0 after a clean drain."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.server").addFilter(without_caller)
    try:
        return uvloop.run(Server(read_settings(os.environ)).run())
    except FATAL as error:
        print(f"gateway: {error}", file=sys.stderr)
    except TimeoutError as error:
        print(f"gateway: {error}", file=sys.stderr)
    except OSError as error:
        print(f"gateway: {error}{'' if error.filename else PORT_FIX}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
