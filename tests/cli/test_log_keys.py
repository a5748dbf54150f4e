"""The keys that a log's models were signed by: named by its export, and told at its import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import log
from cli.endpoints import endpoints
from connectors.log_files import Manifest, write_manifest
from infra.local.state import State, write_state
from jobs.settings import MODEL_KEYS_ENV
from schemas.model import UNSIGNED

OWN, OLD, GIVEN = "0a" * 32, "1b" * 32, "2c" * 32


def test_an_export_names_every_key_that_the_job_was_started_with(tmp_path: Path) -> None:
    """From stack.json, whatever this shell says nothing of; its own word comes first."""
    state = State(endpoints={"brokers": "b:1", "registry": "http://r"}, model_keys=(OWN, OLD))
    write_state(tmp_path, state)
    env = {"KAIROS_STACK_DIR": str(tmp_path)}
    assert endpoints(env).model_keys == (OWN, OLD)
    assert endpoints({**env, MODEL_KEYS_ENV: GIVEN}).model_keys == (GIVEN,)
    before = json.loads((tmp_path / "stack.json").read_text())
    del before["model_keys"]
    (tmp_path / "stack.json").write_text(json.dumps(before))
    assert endpoints(env).model_keys == (UNSIGNED,)


@pytest.mark.parametrize(
    ("logged", "trusted", "advice", "unsigned"),
    [
        ((OLD, OWN), (OWN,), f"KAIROS_MODEL_KEYS={OWN},{OLD} ", False),
        ((OLD, UNSIGNED), (OWN, GIVEN), f"KAIROS_MODEL_KEYS={OWN},{GIVEN},{OLD} ", True),
        ((UNSIGNED,), (OWN,), "", True),
        ((OWN,), (OWN, OLD), "", False),
        ((OLD,), (UNSIGNED,), "", False),
    ],
    ids=["rotated", "both", "unsigned", "same", "takes any"],
)
def test_an_import_never_advises_to_take_any_model(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    logged: tuple[str, ...],
    trusted: tuple[str, ...],
    advice: str,
    unsigned: bool,
) -> None:
    """The stack's own keys and the log's together, or its own models would be refused."""
    write_manifest(tmp_path, Manifest({}, {}, model_keys=logged))
    log._tell_keys(tmp_path, trusted)
    told = capsys.readouterr().err
    assert advice in told and bool(advice) == (MODEL_KEYS_ENV in told)
    assert UNSIGNED not in told and unsigned == ("nobody signed" in told)
