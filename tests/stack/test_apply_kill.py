"""A crash right after new campaigns: one decision a slot wins, whatever version it was under."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from infra.local.layout import CHECKOUT
from infra.local.stack import Stack
from tests.stack.conftest import Kairos
from tests.stack.test_kills import BACK_WITHIN_S, await_that, kill, replaced, running
from tests.stack.test_replay import recorded

CAMPAIGNS = CHECKOUT / "infra" / "demo" / "campaigns.yaml"


def test_a_kill_within_two_seconds_of_apply_leaves_one_winner_a_slot(
    stack: Stack, env: Mapping[str, str], kairos: Kairos, tmp_path: Path
) -> None:
    """Slots decided again after the restart repeat their bytes or count as superseded."""
    changed = tmp_path / "campaigns.yaml"
    text = CAMPAIGNS.read_text()
    dearer = re.sub(r"margin: (\d+)", lambda found: f"margin: {int(found[1]) + 1}", text, count=1)
    assert dearer != text
    changed.write_text(dearer)
    options = ("--sessions", "120", "--rate", "60", "--json")
    argv = [sys.executable, "-m", "cli.main", "replay", recorded(), *options]
    replay = subprocess.Popen(
        argv, cwd=CHECKOUT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + 12
        await_that("mid-replay", lambda: time.monotonic() > ends, 20)
        done = kairos("campaigns", "apply", str(changed), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["version"] > 1
        pid = kill(stack, "taskmanager-1")
        await_that("replaced", lambda: replaced(stack, "taskmanager-1", pid), BACK_WITHIN_S)
        await_that("running again", lambda: running(stack), BACK_WITHIN_S)
        out, _ = replay.communicate(timeout=240)
    finally:
        replay.kill()
    result = json.loads(out)
    assert result["applied"] == result["acked"] == result["sent"]
    assert result["slots_with_two_bodies"] == 0
    assert result["slots_pushed_twice"] == 0
