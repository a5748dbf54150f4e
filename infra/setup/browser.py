"""A Chromium for the browser tests: found, else installed; never silently skipped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, StepFailed

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FIX = (
    "Install Chromium (Debian: apt-get install chromium) or set KAIROS_CHROMIUM to the path of a "
    "Chrome or Chromium, then run the command again."
)


def find_chromium(home: Home) -> Path | None:
    """KAIROS_CHROMIUM, else a browser on PATH, else the one set-up fetched; None without any."""
    named = os.environ.get("KAIROS_CHROMIUM")
    if named:
        return Path(named) if Path(named).is_file() else None
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    if on_path:
        return Path(on_path)
    fetched = sorted((home.root / "browsers").glob("chromium-*/chrome-*/chrome"))
    return fetched[-1] if fetched else None


def install(home: Home, shell: Shell) -> None:
    """Debian's package when we may install one, else playwright's own build."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        packages = ["chromium", "fonts-dejavu-core"]
        shell.run(["apt-get", "update"], cwd=home.checkout, env=env, fix=FIX)
        shell.run(
            ["apt-get", "install", "-y", "--no-install-recommends", *packages],
            cwd=home.checkout,
            env=env,
            fix=FIX,
        )
        return
    env = {"PLAYWRIGHT_BROWSERS_PATH": str(home.root / "browsers")}
    shell.run(
        [str(home.python), "-m", "playwright", "install", "chromium"],
        cwd=home.checkout,
        env=env,
        fix=FIX,
    )


def browser(home: Home, shell: Shell) -> str:
    """Find or install a Chromium and say which; raise StepFailed when there is none after that."""
    if find_chromium(home) is None and not os.environ.get("KAIROS_CHROMIUM"):
        install(home, shell)
    found = find_chromium(home)
    if found is None:
        named = os.environ.get("KAIROS_CHROMIUM")
        cause = f"KAIROS_CHROMIUM={named} is no file" if named else "No Chromium was found."
        raise StepFailed(cause, FIX)
    return str(found)
