"""The Python environment: every package pinned by hash, and the `kairos` program in it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, StepFailed, inputs_hash

LOCK = Path("infra/setup/requirements.lock")
BUILD_LOCK = Path("infra/setup/build.lock")
PYTHON = (3, 11)
PYTHON_FIX = "Install Python 3.11 with its venv module (Debian: apt-get install python3.11-venv)."
PIP_FIX = "Check that pip reaches its package index, then run `make setup` again."
# The checkout comes first on the path of `kairos` alone. It is not put on the path of the whole
# environment: a TaskManager must import the build it was started with, never the live checkout.
PROGRAM = """#!{python}
import sys

sys.path.insert(0, {checkout!r})

from cli.main import main

# A worker process of `kairos diff` or `kairos audit` imports this file again, and must not run it.
if __name__ == "__main__":
    sys.exit(main())
"""


def check_python() -> str:
    """Raise StepFailed unless this is Python 3.11 with venv and pip at hand."""
    if sys.version_info[:2] != PYTHON:
        raise StepFailed(f"This is Python {platform.python_version()}, not 3.11.", PYTHON_FIX)
    try:
        import ensurepip  # noqa: F401  (Debian ships it apart, so its absence is the test)
        import venv  # noqa: F401
    except ImportError as error:
        raise StepFailed(f"Python 3.11 has no {error.name} module.", PYTHON_FIX) from error
    return f"Python {platform.python_version()}"


def venv_inputs(home: Home) -> str:
    """The lock, and where the checkout lies: scripts of an environment hold absolute paths."""
    locks = [home.checkout / LOCK, home.checkout / BUILD_LOCK]
    return inputs_hash(home.checkout, locks, str(home.checkout), "3")


def venv_outputs(home: Home) -> list[Path]:
    """The interpreter, the engine's package and the program."""
    return [home.python, home.pyflink / "lib", home.venv / "bin" / "kairos"]


def works(home: Home) -> bool:
    """Whether the environment's interpreter and pip start."""
    if not home.python.exists():
        return False
    told = subprocess.run([home.python, "-m", "pip", "--version"], capture_output=True, check=False)
    return told.returncode == 0


def write_program(home: Home) -> None:
    """Write the `kairos` program into the environment."""
    program = home.venv / "bin" / "kairos"
    text = PROGRAM.format(python=home.python, checkout=str(home.checkout))
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)


def install(home: Home, shell: Shell, lock: Path, *options: str) -> None:
    """Install what a lock names, each file checked against its hash."""
    temporary = home.root / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    # Nothing may be written outside the checkout, so neither pip's cache nor the system's /tmp.
    env = {"TMPDIR": str(temporary), "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    pip = [str(home.python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    shell.run(
        [*pip, "--require-hashes", *options, "-r", str(home.checkout / lock)],
        cwd=home.checkout,
        env=env,
        fix=PIP_FIX,
    )


def install_aside(home: Home, shell: Shell, lock: Path, folder: Path) -> None:
    """Install what a lock names anew into a folder of its own, without what it asks for."""
    shutil.rmtree(folder, ignore_errors=True)
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    install(home, shell, lock, "--no-deps", "--no-compile", "--target", str(part))
    part.rename(folder)


def build_venv(home: Home, shell: Shell) -> str:
    """Make the environment, or bring an existing one to what the locks name.

    Four packages come as sources: they are built with the pinned tools of build.lock instead of
    ones fetched for the occasion. Modules are compiled at their first import, not all at once.
    """
    if not works(home):
        shell.run(
            [sys.executable, "-m", "venv", "--clear", str(home.venv)],
            cwd=home.checkout,
            fix=PYTHON_FIX,
        )
    install(home, shell, BUILD_LOCK)
    install(home, shell, LOCK, "--no-build-isolation", "--no-compile")
    write_program(home)
    return "all packages match the lock"
