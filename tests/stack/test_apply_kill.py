"""A crash right after new campaigns: one decision a slot wins, whatever version it was under.

Planted beside test_replay.py: version in the slot key, which `checks.slots` must see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local.layout import CHECKOUT
from infra.local.stack import Stack
from tests import checks
from tests.stack.conftest import Kairos
from tests.stack.healing import healing, job, kill, only
from tests.stack.replaying import between_checkpoints, replayed

pytestmark = pytest.mark.alone

CAMPAIGNS = CHECKOUT / "infra" / "demo" / "campaigns.yaml"
OPTIONS = ("--sessions", "160", "--rate", "70")


def dearer(folder: Path) -> Path:
    """The demo's campaigns with another margin."""
    text = CAMPAIGNS.read_text()
    changed = re.sub(r"margin: (\d+)", lambda found: f"margin: {int(found[1]) + 1}", text, count=1)
    assert changed != text
    path = folder / "campaigns.yaml"
    path.write_text(changed)
    return path


def test_a_kill_within_two_seconds_of_apply_leaves_one_winner_a_slot(
    stack: Stack, env: Mapping[str, str], kairos: Kairos, tmp_path: Path
) -> None:
    """Slots decided again after the restart repeat their bytes or count as superseded."""
    before = job(stack)

    def applied_and_killed() -> None:
        between_checkpoints(stack)
        done = kairos("campaigns", "apply", str(dearer(tmp_path)), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["version"] > 1
        name = only(stack, "taskmanager")
        seen = healing(stack, before, name, kill(stack, name))
        assert checks.healed(seen, before, job(stack)) == []

    result = replayed(env, *OPTIONS, meanwhile=applied_and_killed)
    assert checks.struck(result) == []
    assert checks.counts(result) == []
    assert checks.slots(result) == []
