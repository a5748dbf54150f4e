"""Jars by Maven coordinates, each checked against the committed SHA-256 before it is used."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, StepFailed, file_hash, inputs_hash

PINS = Path("infra/setup/jars/jars.sha256")
MAVEN_FIX = (
    "Check that Maven reaches its repository (proxy, ~/.m2/settings.xml), then run `make setup`."
)
HASH_FIX = (
    "Delete that file and run `make setup`; if it comes back, do not use it: the download was "
    "altered, or a version was changed in infra/setup/jars without renewing jars.sha256."
)


def read_pins(path: Path) -> dict[str, str]:
    """`<sha256>  <folder>/<file>.jar` a line, as sha256sum writes it: {path: sha256}."""
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            sha256, name = line.split(maxsplit=1)
            pins[name.strip()] = sha256
    return pins


def check_jars(folder: Path, pins: dict[str, str]) -> list[str]:
    """What is wrong with the jars in a folder, each finding naming its jar; [] when all match."""
    found = {str(path.relative_to(folder)): path for path in folder.glob("*/*.jar")}
    problems = [f"{name} is missing" for name in sorted(pins.keys() - found.keys())]
    problems += [f"{name} is not in jars.sha256" for name in sorted(found.keys() - pins.keys())]
    for name in sorted(pins.keys() & found.keys()):
        if file_hash(found[name]) != pins[name]:
            problems.append(f"{name} does not have the SHA-256 that jars.sha256 names")
    return problems


def jar_inputs(home: Home) -> str:
    """The poms and the pins."""
    folder = home.checkout / "infra" / "setup" / "jars"
    return inputs_hash(home.checkout, [*folder.rglob("pom.xml"), home.checkout / PINS])


def jar_outputs(home: Home) -> list[Path]:
    """Every pinned jar."""
    return [home.jars / name for name in read_pins(home.checkout / PINS)]


def fetch_jars(home: Home, shell: Shell) -> str:
    """Copy the jars by Maven into a fresh folder, check them, then put the folder in place."""
    pins = read_pins(home.checkout / PINS)
    fresh = home.root / "jars.part"
    shutil.rmtree(fresh, ignore_errors=True)
    pom = home.checkout / "infra" / "setup" / "jars" / "pom.xml"
    shell.run(
        [
            "mvn",
            "-B",
            "--no-transfer-progress",
            "-f",
            str(pom),
            "dependency:copy-dependencies",
            f"-Dkairos.jars={fresh}",
        ],
        cwd=home.checkout,
        fix=MAVEN_FIX,
    )
    problems = check_jars(fresh, pins)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise StepFailed(problems[0] + more, HASH_FIX)
    shutil.rmtree(home.jars, ignore_errors=True)
    fresh.rename(home.jars)
    return f"{len(pins)} jars, all hashes match"
