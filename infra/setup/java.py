"""Java: which versions run Flink 2.3, and the compilation of our own classes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.setup.home import Home
from infra.setup.steps import Shell, StepFailed, inputs_hash

JAVA_MIN = 17
# Flink passes -Djava.security.manager=allow, which Java 24 and later refuse to start with.
JAVA_TOO_NEW = 24
JAVA_FIX = (
    "Install a JDK 17 or 21 (Debian: apt-get install openjdk-17-jdk-headless) or set JAVA_HOME to "
    "one."
)
RELEASE = "17"
# A fixed time in the jars makes equal sources give equal bytes.
JAR_DATE = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class JavaJar:
    """One jar of ours: its file name, its source folder, and the class path it needs."""

    name: str
    sources: str
    class_path: tuple[str, ...]


JARS = (
    JavaJar("kairos-bytes.jar", "connectors/java", ("flink-lib", "flink")),
    JavaJar("kairos-metrics.jar", "infra/flink/java", ("flink-lib", "metrics-prometheus")),
)


def parse_version(text: str) -> int | None:
    """The feature version in `java -version`'s output: 17, 21; 8 for the old "1.8"; else None."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if not found:
        return None
    first = int(found.group(1))
    return int(found.group(2) or 0) if first == 1 else first


def version_problem(version: int | None) -> str | None:
    """Why this Java cannot run the stack, or None when it can."""
    if version is None:
        return "Java is missing: no `java` on PATH and no JAVA_HOME."
    if version < JAVA_MIN:
        return f"Java {version} is too old: Kafka and Flink need Java 17 or 21."
    if version >= JAVA_TOO_NEW:
        return f"Java {version} is too new: Flink 2.3 does not start on Java {JAVA_TOO_NEW} or up."
    return None


def tool(name: str) -> str | None:
    """The path of a JDK tool: JAVA_HOME's if set, else the first on PATH."""
    java_home = os.environ.get("JAVA_HOME")
    if java_home:
        path = Path(java_home) / "bin" / name
        return str(path) if path.is_file() else None
    return shutil.which(name)


def installed_version() -> int | None:
    """The version of the Java that would run, None when there is none."""
    java = tool("java")
    if java is None:
        return None
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    return parse_version(told.stderr + told.stdout)


def check_java() -> str:
    """Raise StepFailed unless a fitting JDK with a compiler is here; else say which."""
    version = installed_version()
    problem = version_problem(version)
    if problem:
        raise StepFailed(problem, JAVA_FIX)
    if tool("javac") is None:
        raise StepFailed(f"Java {version} has no compiler: `javac` is missing.", JAVA_FIX)
    return f"Java {version}"


def sources(home: Home, jar: JavaJar) -> list[Path]:
    """The Java files of one jar."""
    return sorted((home.checkout / jar.sources).rglob("*.java"))


def resources(home: Home, jar: JavaJar) -> list[Path]:
    """What goes into the jar as it is."""
    folder = home.checkout / jar.sources / "META-INF"
    return sorted(path for path in folder.rglob("*") if path.is_file())


def java_inputs(home: Home) -> str:
    """All Java sources, and the jars' pins that they are compiled against."""
    files = [path for jar in JARS for path in (*sources(home, jar), *resources(home, jar))]
    pins = home.checkout / "infra" / "setup" / "jars" / "jars.sha256"
    return inputs_hash(home.checkout, [*files, pins], RELEASE)


def java_outputs(home: Home) -> list[Path]:
    """The jars that have sources."""
    return [home.java / jar.name for jar in JARS if sources(home, jar)]


def class_path(home: Home, jar: JavaJar) -> str:
    """The compile class path: folders of the wheel by their names here, all others Maven's."""
    wheel = {
        "flink-lib": home.pyflink / "lib",
        "metrics-prometheus": home.pyflink / "plugins" / "metrics-prometheus",
    }
    folders = [wheel.get(name, home.jars / name) for name in jar.class_path]
    jars = (path for folder in folders for path in sorted(folder.glob("*.jar")))
    return os.pathsep.join(map(str, jars))


def compile_jar(home: Home, jar: JavaJar, shell: Shell) -> None:
    """Compile one jar into a fresh folder and move it into place whole."""
    classes = home.java / "classes" / jar.name.removesuffix(".jar")
    shutil.rmtree(classes, ignore_errors=True)
    classes.mkdir(parents=True)
    fix = f"Correct the Java source named in the log under {jar.sources}/, then run `make setup`."
    files = [str(path) for path in sources(home, jar)]
    options = ["--release", RELEASE, "-encoding", "UTF-8", "-cp", class_path(home, jar)]
    shell.run(
        [tool("javac") or "javac", *options, "-d", str(classes), *files],
        cwd=home.checkout,
        fix=fix,
    )
    for path in resources(home, jar):
        target = classes / path.relative_to(home.checkout / jar.sources)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    made = home.java / f"{jar.name}.part"
    shell.run(
        [
            tool("jar") or "jar",
            "--create",
            "--date",
            JAR_DATE,
            "--file",
            str(made),
            "-C",
            str(classes),
            ".",
        ],
        cwd=home.checkout,
        fix=fix,
    )
    made.replace(home.java / jar.name)


def build_java(home: Home, shell: Shell) -> str:
    """Compile every jar of ours that has sources."""
    home.java.mkdir(parents=True, exist_ok=True)
    built = [jar for jar in JARS if sources(home, jar)]
    for jar in built:
        compile_jar(home, jar, shell)
    absent = [f"no Java source in {jar.sources} yet" for jar in JARS if jar not in built]
    return ", ".join([*(jar.name for jar in built), *absent])
