"""`python -m connectors.native_build`: build the hot modules as C, into this Python.

Needs Cython and a C compiler, once for each interpreter that runs TaskManagers or gateways.
Leaves modules of other releases alone: a rolled back build finds its own again.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.avro import schema_text
from connectors.avro_native import source
from connectors.intents import SOURCE as INTENTS
from connectors.loops import SOURCE as LOOPS
from connectors.native import PACKAGE, module_name
from connectors.plain import source as plain_source
from schemas import topics

HOT = (topics.EVENTS, topics.DECISIONS)
"""Topics that travel once an event or more; the others are not worth their seconds of compiling."""

FLAGS = ["-O2", "-g0", "-Wno-unused-function"]


def build(target: Path) -> list[str]:
    """Build what is missing into the package folder `target`; names of the modules in use.

    Raises ImportError without Cython, and SystemExit when the compiler fails.
    """
    wanted = {module_name(text): text for text in _sources()}
    missing = {name: text for name, text in wanted.items() if not list(target.glob(f"{name}.*.so"))}
    if missing:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target) as folder:
            _compile(missing, Path(folder), target)
    return list(wanted)


def _sources() -> Iterator[str]:
    for path in (INTENTS, LOOPS):
        yield path.read_text("utf-8")
    yield plain_source()
    for topic in HOT:
        kind: Any = topics.TYPES[topic]
        yield source(json.loads(schema_text(topic)), kind)


def _compile(sources: dict[str, str], folder: Path, target: Path) -> None:
    # Only who builds needs these two; both print what they do, which the set-up's log keeps.
    from Cython.Build import cythonize
    from setuptools import Extension, setup

    for name, text in sources.items():
        (folder / f"{name}.pyx").write_text(text, encoding="utf-8")
    modules = [
        Extension(f"{PACKAGE}.{name}", [str(folder / f"{name}.pyx")], extra_compile_args=FLAGS)
        for name in sources
    ]
    made = folder / "made"
    build_ext = ["build_ext", "--build-lib", str(made), "--build-temp", str(folder / "temp")]
    setup(ext_modules=cythonize(modules, build_dir=str(folder)), script_args=build_ext)
    for path in (made / PACKAGE).iterdir():
        path.rename(target / path.name)


if __name__ == "__main__":
    print(" ".join(build(Path(sysconfig.get_path("platlib")) / PACKAGE)))
    sys.exit(0)
