"""Writes a golden savepoint of the present state layout: `python -m tests.golden.make_savepoint`.

Run it after the layout in schemas/profile.py changed, and commit what it writes. It starts a stack
of its own, replays a few recorded visitors, stops with a savepoint and keeps that with the log
that belongs to it: a savepoint without its offsets would loop for ever.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from benchmarks.openloop import Replay, Settings
from connectors.control import EFFECTIVE_AFTER_MS, ControlWriter
from connectors.log_decide import decide_log
from connectors.registry import RegistryClient
from infra.local.layout import CHECKOUT, read_layout
from infra.local.model_keys import stack_key
from infra.local.savepoints import newest_complete
from infra.local.services import ALL
from infra.local.stack import Stack
from models.features import FEATURES
from models.tally import digest
from schemas import profile as profiles
from schemas.model import HAZARD, RISK, Head, Model
from tests.connectors.tiny_onnx import linear
from tests.golden.visits import simulated_visits
from tests.stack.conftest import stack_env

HERE = Path(__file__).parent
VISITS = 12
SEED = 7
HIDDEN = 32


def main() -> None:
    """Make tests/golden/layout_<N>/ anew."""
    target = HERE / f"layout_{profiles.LAYOUT}"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        env = stack_env(Path(folder) / "stack")
        stack = Stack(read_layout(env), env=env, report=print)
        try:
            stack.up([name for name in ALL if name != "shop"], demo=True)
            _publish_model(stack)
            _replay(stack)
            argv = [sys.executable, "-m", "cli.main", "log", "export", str(target / "log")]
            # The job stops at the end of what was exported, so nothing may tick in between.
            stack.processes.stop("supervisor")
            stack.processes.stop("gateway")
            subprocess.run(argv, cwd=CHECKOUT, env=env, check=True)
        finally:
            stack.down()
        savepoint = newest_complete(stack.layout.data / "flink")
        assert savepoint is not None, "the job left no savepoint"
        shutil.copytree(savepoint, target / "savepoint")
    _write_users(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target.relative_to(CHECKOUT)}: {size / 1000:.0f} kB")
    assert size <= 1_000_000, "a golden savepoint and its log must stay below 1 MB"


def _publish_model(stack: Stack) -> None:
    """A small model with a hidden state and a head of each kind, so that states hold all of it."""
    onnx = linear([[0.01 * (at % 7), 0.02 * (at % 3)] for at in range(len(FEATURES))], HIDDEN)
    where = stack.state.endpoints
    key = stack_key(stack.layout.stack)
    writer = ControlWriter(where["brokers"], RegistryClient(where["registry"]), signer=key)
    writer.publish_model(
        Model(
            site="demo",
            name="golden",
            onnx=onnx,
            sha256=sha256(onnx).hexdigest(),
            features=FEATURES,
            concepts=("stickiness", "frustration"),
            hidden_size=HIDDEN,
            heads=(
                Head("engagement_intent", 0, (2_000_000, -1_000_000)),
                Head("purchase_intent", -1_000_000, (900_000, -300_000), kind=RISK),
                Head("churn_risk", 0, (-900_000, 700_000), kind=RISK),
                Head("conversion_5m", -2_000_000, (500_000, 0), kind=HAZARD),
                Head("conversion_30m", -1_000_000, (500_000, 0), kind=HAZARD),
            ),
        )
    )
    time.sleep(EFFECTIVE_AFTER_MS / 1000)


def _replay(stack: Stack) -> None:
    where = stack.state.endpoints
    settings = Settings(
        where["gateway"], where["brokers"], where["registry"], "demo", 40, None, 0.05, 0, SEED
    )
    visits = simulated_visits(VISITS, random.Random(SEED))
    asyncio.run(Replay(settings, visits).play())


def _write_users(target: Path) -> None:
    """What the savepoint must hold, by the pure core over the exported log."""
    users = {}
    for key, data in sorted(decide_log(target / "log").job.states.items()):
        profile = profiles.load(data)
        assert profile is not None
        users[key] = {
            "applied": profile.applied,
            "duplicate": profile.duplicate,
            "late": profile.late,
            "dead_lettered": profile.dead_lettered,
            "digest": digest(profile),
            "state": data.hex(),
        }
    (target / "users.json").write_text(json.dumps(users, indent=1) + "\n")


if __name__ == "__main__":
    main()
