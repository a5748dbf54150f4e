"""Readiness: does a server answer in its own protocol?"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import Any

from infra.local.layout import LOOPBACK

TIMEOUT_S = 2.0

# A proxy of the environment must not stand between processes of one machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(port: int, question: bytes, expected: bytes) -> bool:
    """True when the server sends `expected` within its first answer to `question`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_S) as connection:
            connection.sendall(question)
            return expected in connection.recv(4096)
    except OSError:
        return False


def accepts(port: int) -> bool:
    """True when something listens on the port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_S).close()
    except OSError:
        return False
    return True


def http_ok(url: str) -> bool:
    """True when the URL answers with 2xx."""
    try:
        with OPENER.open(url, timeout=TIMEOUT_S) as response:
            return bool(200 <= response.status < 300)
    except (OSError, urllib.error.URLError):
        return False


def http_json(
    url: str, *, method: str = "GET", body: object = None, timeout_s: float = 10.0
) -> Any:
    """The JSON answer of a request. Raises OSError when the server refuses or is away."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    with OPENER.open(request, timeout=timeout_s) as response:
        text = response.read()
    return json.loads(text) if text else {}
