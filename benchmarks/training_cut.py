"""Training that is cut short: goes on where it stopped, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.proof import Result
from infra.local.layout import Layout
from infra.training.rows import DATASET, Source, build

POLL_S = 0.5
AFTER_S_MAX = 300.0


def cut_and_resumed(layout: Layout, data: Path, folder: Path) -> Result:
    """`kairos model train` on a data set, once through and once killed after its second epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    fits = layout.home / "training" / "fits"
    for file in fits.glob("*"):
        file.unlink()
    fold_s = _fold_s(layout, data)
    whole, resumed = folder / "whole.json", folder / "resumed.json"
    began = time.monotonic()
    card = json.loads(_training(layout, data, whole).communicate()[0])["card"]
    took_s = time.monotonic() - began
    cut = _training(layout, data, resumed)
    seen = _epochs_seen(fits, cut, epochs=2)
    os.killpg(cut.pid, signal.SIGKILL)
    cut.communicate()
    began = time.monotonic()
    _training(layout, data, resumed).communicate()
    return {
        "sessions": sum(card["visitors"].values()),
        "fold_s": fold_s,
        "train_s": round(took_s, 1),
        "killed_after_epochs": seen,
        "resumed_s": round(time.monotonic() - began, 1),
        "same_bytes": whole.read_bytes() == resumed.read_bytes()
        and whole.with_suffix(".onnx").read_bytes() == resumed.with_suffix(".onnx").read_bytes(),
        "left_behind": sorted(each.name for each in fits.glob("*")),
    }


def _fold_s(layout: Layout, data: Path) -> float:
    """What folding the events takes where no rows are kept."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as cold:
        source = Source(DATASET, data)
        build(source, Path(cold), layout.checkout, lambda done, parts: None, os.cpu_count() or 1)
        return round(time.monotonic() - began, 1)


def _training(layout: Layout, data: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cli.main", "model", "train", "--dataset", "clickstream-dmm"]
    command += ["--path", str(data), "--out", str(out), "--json"]
    return subprocess.Popen(
        command, cwd=layout.checkout, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def _epochs_seen(fits: Path, running: subprocess.Popen[str], epochs: int) -> int:
    """How many epochs are written down when it is time to kill. Raises TimeoutError."""
    times: set[int] = set()
    ends = time.monotonic() + AFTER_S_MAX
    while len(times) < epochs:
        times |= {file.stat().st_mtime_ns for file in fits.glob("*-network.npz")}
        if running.poll() is not None or time.monotonic() > ends:
            raise TimeoutError("training ended before it could be cut")
        time.sleep(POLL_S)
    return len(times)
