"""The browser SDK: built by npm from its own lock."""

from __future__ import annotations

from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, inputs_hash

NPM_FIX = "Read the log: a failed size gate or type error names its file under sdk/."
BUILT = ("dist", "node_modules")


def sdk_files(home: Home) -> list[Path]:
    """Every source file of the SDK, without what npm makes."""
    folder = home.checkout / "sdk"
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if path.relative_to(folder).parts[0] not in BUILT]


def sdk_inputs(home: Home) -> str:
    """All sources and the npm lock."""
    return inputs_hash(home.checkout, sdk_files(home), "1")


def sdk_outputs(home: Home) -> list[Path]:
    """The bundles' folder, once there are sources."""
    folder = home.checkout / "sdk"
    return [folder / "dist"] if (folder / "package.json").is_file() else []


def build_sdk(home: Home, shell: Shell) -> str:
    """`npm ci`, then `npm run build`; npm's cache stays inside the checkout."""
    folder = home.checkout / "sdk"
    if not (folder / "package.json").is_file():
        return "no sdk/package.json yet"
    env = {
        "npm_config_cache": str(home.root / "node" / "cache"),
        "npm_config_fund": "false",
        "npm_config_audit": "false",
        "npm_config_update_notifier": "false",
    }
    shell.run(["npm", "ci"], cwd=folder, env=env, fix="Check that npm reaches its registry.")
    shell.run(["npm", "run", "build"], cwd=folder, env=env, fix=NPM_FIX)
    return "built"
