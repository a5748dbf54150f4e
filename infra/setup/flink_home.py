"""FLINK_HOME: the engine from the PyFlink wheel, with the Kafka connector and our own jar."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, StepFailed, inputs_hash

METRICS = "metrics-prometheus"
BYTES_JAR = "kairos-bytes.jar"
METRICS_JAR = "kairos-metrics.jar"


def flink_inputs(home: Home) -> str:
    """The environment's lock, the jars' pins, and where all of them lie."""
    setup = home.checkout / "infra" / "setup"
    files = [setup / "requirements.lock", setup / "jars" / "jars.sha256"]
    ours = [name for name in (BYTES_JAR, METRICS_JAR) if (home.java / name).is_file()]
    return inputs_hash(home.checkout, files, str(home.root), *ours, "2")


def flink_outputs(home: Home) -> list[Path]:
    """The launcher, the settings and the two links without which a job cannot start."""
    python_jar = flink_python_jar(home)
    name = python_jar.name if python_jar else "flink-python.jar"
    names = ("bin/flink", "conf/config.yaml", f"lib/{name}", f"opt/{name}", f"plugins/{METRICS}")
    return [home.flink / name for name in names]


def flink_python_jar(home: Home) -> Path | None:
    """The wheel's flink-python jar, None when PyFlink is not installed."""
    return next(iter(sorted((home.pyflink / "opt").glob("flink-python-*.jar"))), None)


def jars_in_lib(home: Home, python_jar: Path) -> list[Path]:
    """Everything on the cluster's class path.

    flink-python must be here: on a job's own class path, a TaskManager's second job fails because
    the bridge to Python would be loaded twice.
    """
    bytes_jar = home.java / BYTES_JAR
    ours = [bytes_jar] if bytes_jar.is_file() else []
    wheel = sorted((home.pyflink / "lib").glob("*.jar"))
    return [*wheel, python_jar, *sorted((home.jars / "flink").glob("*.jar")), *ours]


def metrics_jars(home: Home) -> list[Path]:
    """The plugin that reports metrics: Flink's, and ours beside it, which binds to one address."""
    ours = home.java / METRICS_JAR
    wheel = sorted((home.pyflink / "plugins" / METRICS).glob("*.jar"))
    return [*wheel, *([ours] if ours.is_file() else [])]


def link_all(folder: Path, targets: list[Path]) -> None:
    """Make a folder of links to the targets, under their own names."""
    folder.mkdir(parents=True)
    for target in targets:
        (folder / target.name).symlink_to(os.path.relpath(target, folder))


def build_flink_home(home: Home, shell: Shell) -> str:
    """Build FLINK_HOME beside the old one and swap it in whole."""
    python_jar = flink_python_jar(home)
    if python_jar is None:
        raise StepFailed(
            f"{home.pyflink} holds no flink-python jar.",
            "Delete .kairos/venv and run `make setup`.",
        )
    # Links are relative, so the new folder is built at the same depth as the one it replaces.
    fresh = home.root / "flink.part"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shutil.copytree(home.pyflink / "bin", fresh / "bin")
    for script in (fresh / "bin").iterdir():
        script.chmod(0o755)
    shutil.copytree(home.pyflink / "conf", fresh / "conf")
    link_all(fresh / "lib", jars_in_lib(home, python_jar))
    # `flink run -py` looks for the jar in opt/ and stops when it is only in lib/.
    link_all(fresh / "opt", [python_jar])
    link_all(fresh / "plugins" / METRICS, metrics_jars(home))
    (fresh / "log").mkdir()
    shutil.rmtree(home.flink, ignore_errors=True)
    fresh.rename(home.flink)
    built = (home.java / BYTES_JAR).is_file()
    without = "" if built else f", {BYTES_JAR} follows once it is built"
    return f"{len(list((home.flink / 'lib').iterdir()))} jars in lib{without}"
