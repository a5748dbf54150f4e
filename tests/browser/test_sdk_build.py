"""The SDK's own checks: types, the core's rules without a browser, and the promised sizes."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.conftest import SDK

LIMITS = {
    "kairos.js": 8 * 1024,
    "kairos-render.js": 6 * 1024,
    "kairos-more.js": 4 * 1024,
    "kairos-debug.js": 4 * 1024,
}


@pytest.mark.parametrize("script", ["check", "test"])
def test_types_and_core_rules_hold(dist: Path, script: str) -> None:
    run = _run("npm", "run", "-s", script, folder=SDK)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", LIMITS)
def test_a_bundle_keeps_its_promised_size(dist: Path, name: str) -> None:
    assert len(gzip.compress((dist / name).read_bytes(), 9)) <= LIMITS[name]


def test_a_bundle_over_its_size_fails_the_build(dist: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sdk"
    shutil.copytree(SDK, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "test"))
    shutil.copytree(SDK / "node_modules", copy / "node_modules", symlinks=True)
    ballast = random.Random(1).randbytes(4096).hex()
    with (copy / "src" / "global.ts").open("a", encoding="utf-8") as source:
        source.write(f"\nObject.assign(window, {{ ballast: {json.dumps(ballast)} }});\n")
    run = _run("node", "build.mjs", folder=copy)
    assert run.returncode == 1 and "kairos.js" in run.stdout and "TOO LARGE" in run.stdout
    assert not (copy / "dist").exists()


def test_nothing_is_needed_at_run_time_and_no_host_is_locked() -> None:
    package = json.loads((SDK / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((SDK / "package-lock.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package
    assert all("resolved" not in entry for entry in lock["packages"].values())


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
