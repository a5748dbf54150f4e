"""The consumer in docs/consume.md runs as it stands there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib import request

from infra.local.layout import CHECKOUT
from infra.local.stack import Stack


def code_of(page: Path) -> str:
    """The page's one Python block."""
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    return str(block)


def test_a_stranger_can_read_decisions(stack: Stack, tmp_path: Path) -> None:
    """The block prints a decision of an event that was just sent."""
    where = stack.state.endpoints
    event = {
        "event_id": "stranger-1",
        "session_index": 0,
        "type": "page_view",
        "ts": 1_790_000_000_000,
        "page": {"url": "https://shop.example/", "path": "/", "type": "home"},
    }
    body = {"site": "demo", "visitor_seed": "5" * 32, "session_id": "s", "events": [event]}
    address, plain = where["gateway"] + "/v1/events", {"Content-Type": "text/plain"}
    asked = request.Request(address, json.dumps(body).encode(), plain)
    visitor = json.loads(request.urlopen(asked, timeout=20).read())["visitor_id"]
    program = tmp_path / "consume.py"
    program.write_text(code_of(CHECKOUT / "docs" / "consume.md"))
    env = {
        **os.environ,
        "KAIROS_BROKERS": where["brokers"],
        "KAIROS_REGISTRY_URL": where["registry"],
    }
    reader = subprocess.Popen([sys.executable, program], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert reader.stdout is not None
        line = next(line for line in reader.stdout if visitor in line)
    finally:
        reader.kill()
        reader.wait()
    assert " page_view " in line
