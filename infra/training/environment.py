"""The training environment: `.kairos/train-venv`, made once, apart from the engine's.

`onnx` wants a newer protobuf than PyFlink's Beam allows, so the two cannot share one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

REQUIREMENTS = (
    "numpy==2.1.3",
    "jax==0.10.2",
    "jaxlib==0.10.2",
    "optax==0.2.8",
    "lightgbm==4.7.0",
    "onnx==1.23.2",
    "onnxruntime==1.31.1",
    "msgspec==0.22.0",
)
FOLDER = "train-venv"
_STAMP = "requirements.stamp"
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


class TrainingFailed(Exception):
    """Set-up or training ended with an error; the message says which and what to do."""


def ensure(home: Path, tell: Callable[[str], None]) -> Path:
    """The environment's interpreter, installed where missing. Raises TrainingFailed."""
    folder = home / FOLDER
    python = folder / "bin" / "python"
    wanted = "\n".join((sys.version.split()[0], *REQUIREMENTS))
    stamp = folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    tell("installing the training environment (once, about a minute)")
    venv.EnvBuilder(clear=True, with_pip=True).create(folder)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *REQUIREMENTS], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrainingFailed(
            f"the training environment could not be installed: {_last(done.stderr)}; "
            "check that a package index can be reached and try again"
        )
    stamp.write_text(wanted, encoding="utf-8")
    return python


def train(
    python: Path,
    checkout: Path,
    *,
    rows: Path,
    told: Mapping[str, Any],
    kind: str,
    seed: int,
    out: Path,
) -> str:
    """Runs the trainer there; returns the card as JSON text. Progress goes to our stderr."""
    command = ["--rows", str(rows), "--told", json.dumps(told), "--seed", str(seed)]
    command += ["--kind", kind, "--out", str(out)]
    return run(python, checkout, "infra.training.train", command)


def run(python: Path, checkout: Path, module: str, arguments: Sequence[str]) -> str:
    """Runs a module there on one thread; returns its standard output. Raises TrainingFailed."""
    env = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [str(python), "-m", module, *arguments],
        cwd=checkout, env=env, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise TrainingFailed(f"training ended with code {done.returncode}; its error is above")
    return done.stdout


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
