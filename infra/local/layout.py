"""Where things lie: the checkout, what was installed into it, and one running stack."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FLINK_FOLDERS = ("checkpoints", "savepoints", "restored", "changelog", "ha", "tmp")
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of one stack. `home` holds installed software, `stack` data, logs and pids."""

    checkout: Path
    home: Path
    stack: Path

    @property
    def data(self) -> Path:
        """What survives `down`: the log, the registry, state, savepoints."""
        return self.stack / "data"

    @property
    def logs(self) -> Path:
        """One `<process>.log` a process."""
        return self.stack / "logs"

    @property
    def run(self) -> Path:
        """Pid files, process specifications and the lock."""
        return self.stack / "run"

    @property
    def conf(self) -> Path:
        """Configuration files written at each start, from the ports in force."""
        return self.stack / "conf"

    @property
    def flink_home(self) -> Path:
        """Our own Flink distribution, built at set-up."""
        return self.home / "flink"

    @property
    def kafka_jars(self) -> Path:
        """The broker's class path."""
        return self.home / "jars" / "kafka"

    @property
    def builds(self) -> Path:
        """Immutable copies of the job's code, one folder a build id."""
        return self.home / "builds"

    @property
    def python(self) -> Path:
        """The interpreter every Python process of the stack runs on."""
        return self.home / "venv" / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where that interpreter finds its packages."""
        return next((self.home / "venv" / "lib").glob("python3.*/site-packages"))

    def make_folders(self) -> None:
        """Creates what a stack needs, readable by its owner only."""
        self.stack.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("kafka", "zookeeper", "registry", "valkey"):
            (self.data / name).mkdir(parents=True, exist_ok=True)
        for name in FLINK_FOLDERS:
            (self.data / "flink" / name).mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.run, self.conf):
            folder.mkdir(parents=True, exist_ok=True)


def read_layout(env: Mapping[str, str] = os.environ) -> Layout:
    """The layout the environment asks for: KAIROS_HOME and KAIROS_STACK_DIR override."""
    home = Path(env.get("KAIROS_HOME") or CHECKOUT / ".kairos").resolve()
    stack = Path(env.get("KAIROS_STACK_DIR") or home / "stack").resolve()
    return Layout(CHECKOUT, home, stack)
