"""The browser SDK: built by npm from its own lock."""

from __future__ import annotations

from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, file_hash, inputs_hash

NPM_FIX = "Read the log: a failed size gate or type error names its file under sdk/."
NOT_INPUTS = ("dist", "node_modules", "test", "README.md")


def sdk_files(home: Home) -> list[Path]:
    """Every file the bundles are made from."""
    folder = home.checkout / "sdk"
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if path.relative_to(folder).parts[0] not in NOT_INPUTS]


def sdk_inputs(home: Home) -> str:
    """All sources and the npm lock."""
    return inputs_hash(home.checkout, sdk_files(home), "1")


def sdk_outputs(home: Home) -> list[Path]:
    """The bundles' folder, once there are sources."""
    folder = home.checkout / "sdk"
    return [folder / "dist"] if (folder / "package.json").is_file() else []


def build_sdk(home: Home, shell: Shell) -> str:
    """`npm ci` if its lock changed, then the build; npm's cache stays inside the checkout."""
    folder = home.checkout / "sdk"
    if not (folder / "package.json").is_file():
        return "no sdk/package.json yet"
    env = {
        "npm_config_cache": str(home.root / "node" / "cache"),
        "npm_config_fund": "false",
        "npm_config_audit": "false",
        "npm_config_update_notifier": "false",
    }
    # `npm ci` deletes and fetches all packages, so it runs only when the lock changed.
    locked = file_hash(folder / "package-lock.json")
    stamp = folder / "node_modules" / ".kairos-lock"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != locked:
        shell.run(["npm", "ci"], cwd=folder, env=env, fix="Check that npm reaches its registry.")
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(locked, encoding="utf-8")
    shell.run(["npm", "run", "build"], cwd=folder, env=env, fix=NPM_FIX)
    return "built"
