"""Where installed software lives: `.kairos/` inside the checkout, or KAIROS_HOME."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one checkout. All paths are absolute."""

    checkout: Path
    root: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Home:
        """The checkout this file lies in; KAIROS_HOME moves `.kairos/` elsewhere."""
        root = Path(environ.get("KAIROS_HOME") or CHECKOUT / ".kairos")
        return cls(checkout=CHECKOUT, root=root if root.is_absolute() else CHECKOUT / root)

    @property
    def venv(self) -> Path:
        """The Python environment that every process of kairos runs in."""
        return self.root / "venv"

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.venv / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """The folder of installed Python packages."""
        return self.venv / "lib" / "python3.11" / "site-packages"

    @property
    def pyflink(self) -> Path:
        """PyFlink as installed: the source of the engine's jars, scripts and settings."""
        return self.site_packages / "pyflink"

    @property
    def judges(self) -> Path:
        """Packages that only tests import, to judge ours by (infra/setup/judges.py)."""
        return self.root / "judges"

    @property
    def oscar(self) -> Path:
        """A shop system that a proof runs beside us (infra/setup/oscar.py)."""
        return self.root / "oscar"

    @property
    def jars(self) -> Path:
        """Jars from Maven, one folder a class path: kafka, flink."""
        return self.root / "jars"

    @property
    def java(self) -> Path:
        """Our own jars, compiled at set-up."""
        return self.root / "java"

    @property
    def flink(self) -> Path:
        """FLINK_HOME."""
        return self.root / "flink"

    @property
    def logs(self) -> Path:
        """One log a set-up step."""
        return self.root / "logs"

    @property
    def stamps(self) -> Path:
        """One file a step, holding the hash of the inputs it last ran with."""
        return self.root / "stamps"
