"""Set-up refuses what cannot work, checks what it fetches, and skips what did not change."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from infra.setup.__main__ import ONLY_ON_REQUEST, STEPS, main
from infra.setup.browser import find_chromium
from infra.setup.home import CHECKOUT, Home
from infra.setup.jars import PINS, check_jars, read_pins
from infra.setup.java import parse_version, version_problem
from infra.setup.machine import DISK_MIN_BYTES, check_disk
from infra.setup.steps import Shell, Step, StepFailed, cause_line, file_hash, inputs_hash, run_all
from infra.setup.venv import write_program

OPENJDK = 'openjdk version "{}" 2025-04-15\nOpenJDK Runtime Environment\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A checkout of its own, so that no test touches what is installed."""
    return Home(checkout=tmp_path, root=tmp_path / ".kairos")


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (OPENJDK.format("17.0.15"), 17),
        (OPENJDK.format("21"), 21),
        (OPENJDK.format("24-ea"), 24),
        ('java version "1.8.0_402"\n', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21.0.4" 2024-07-16\n', 21),
        ("bash: java: command not found\n", None),
        ("", None),
    ],
)
def test_the_java_version_is_read_as_every_vendor_prints_it(told: str, version: int | None) -> None:
    assert version == parse_version(told)


@pytest.mark.parametrize(
    ("version", "refusal"),
    [
        (None, "missing"),
        (8, "too old"),
        (11, "too old"),
        (16, "too old"),
        (17, None),
        (21, None),
        (23, None),
        (24, "too new"),
        (25, "too new"),
    ],
)
def test_java_is_refused_when_missing_too_old_or_too_new(
    version: int | None, refusal: str | None
) -> None:
    problem = version_problem(version)
    assert (problem is None) if refusal is None else (problem is not None and refusal in problem)


@pytest.mark.parametrize(
    ("free_bytes", "accepted"),
    [(DISK_MIN_BYTES - 1, False), (DISK_MIN_BYTES, True), (10 * DISK_MIN_BYTES, True)],
)
def test_less_than_two_gib_of_disk_is_refused(
    tmp_path: Path, free_bytes: int, accepted: bool
) -> None:
    if accepted:
        assert "GiB free" in check_disk(tmp_path, free_bytes)
        return
    with pytest.raises(StepFailed, match="2 GiB is needed") as failure:
        check_disk(tmp_path, free_bytes)
    assert "KAIROS_HOME" in failure.value.fix


def jar(folder: Path, name: str, content: bytes) -> Path:
    """A file standing where a jar lies."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_changed_jar_is_refused_by_name(tmp_path: Path) -> None:
    path = jar(tmp_path, "kafka/broker-1.jar", b"as published")
    pins = {"kafka/broker-1.jar": file_hash(path)}
    assert check_jars(tmp_path, pins) == []
    path.write_bytes(b"as altered")
    (problem,) = check_jars(tmp_path, pins)
    assert problem.startswith("kafka/broker-1.jar") and "SHA-256" in problem


def test_a_missing_and_an_unknown_jar_are_both_named(tmp_path: Path) -> None:
    jar(tmp_path, "kafka/stranger-1.jar", b"")
    problems = check_jars(tmp_path, {"kafka/broker-1.jar": "0" * 64})
    assert problems == [
        "kafka/broker-1.jar is missing",
        "kafka/stranger-1.jar is not in jars.sha256",
    ]


def test_every_jar_of_both_class_paths_is_pinned() -> None:
    pins = read_pins(CHECKOUT / PINS)
    assert {"kafka", "flink"} == {name.split("/")[0] for name in pins}
    assert all(len(sha256) == 64 for sha256 in pins.values())


def test_every_locked_package_has_a_version_and_a_hash() -> None:
    lock = (CHECKOUT / "infra/setup/requirements.lock").read_text(encoding="utf-8")
    logical = lock.replace("\\\n", " ").splitlines()
    packages = [line for line in logical if line and not line.lstrip().startswith("#")]
    loose = [line[:60] for line in packages if "==" not in line or "--hash=sha256:" not in line]
    assert packages and loose == []
    assert "://" not in lock


def counting_step(runs: list[str], source: Path) -> Step:
    """A step over one source file that makes one output and notes each run."""

    def run(home: Home, shell: Shell) -> str:
        runs.append(source.read_text())
        (home.root / "made").write_text("")
        return "made"

    return Step(
        "count",
        run,
        inputs=lambda home: inputs_hash(home.checkout, [source]),
        outputs=lambda home: [home.root / "made"],
    )


def test_a_step_runs_again_only_when_its_inputs_change_or_its_output_is_gone(home: Home) -> None:
    source = home.checkout / "source"
    runs: list[str] = []
    step = counting_step(runs, source)
    source.write_text("one")
    assert run_all([step], home) == 0 and run_all([step], home) == 0
    assert runs == ["one"]
    source.write_text("two")
    assert run_all([step], home) == 0
    assert runs == ["one", "two"]
    (home.root / "made").unlink()
    assert run_all([step], home) == 0
    assert runs == ["one", "two", "two"]


def test_a_failed_step_prints_cause_log_and_fix_and_stops_set_up(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[str] = []
    source = home.checkout / "source"
    source.write_text("later")

    def fails(home: Home, shell: Shell) -> str:
        program = "import sys; print('ERROR: no such part'); sys.exit(3)"
        shell.run([sys.executable, "-c", program], cwd=home.checkout, fix="Order the part.")
        return "unreachable"

    code = run_all(
        [Step("breaks", fails, inputs=lambda home: ""), counting_step(runs, source)], home
    )
    told = capsys.readouterr().err
    assert code == 1 and runs == []
    assert "ERROR: no such part" in told
    assert str(home.logs / "setup-breaks.log") in told
    assert "fix: Order the part." in told


def test_a_failed_step_runs_again_next_time(home: Home) -> None:
    attempts: list[int] = []

    def fails_once(home: Home, shell: Shell) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise StepFailed("not yet", "Try again.")
        return "done"

    step = Step("flaky", fails_once, inputs=lambda home: "same")
    assert [run_all([step], home), run_all([step], home), run_all([step], home)] == [1, 0, 0]
    assert len(attempts) == 2


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("[INFO] go\n[ERROR] no such artifact\n[ERROR] see help\n", "[ERROR] no such artifact"),
        ("Collecting\nERROR: hashes differ\nmore words\n", "ERROR: hashes differ"),
        (
            "throw err;\nError: Cannot find module 'x'\nNode.js v20\n",
            "Error: Cannot find module 'x'",
        ),
        ("A.java:3: error: ';' expected\n1 error\n", "A.java:3: error: ';' expected"),
        ("nothing telling\nthe end\n", "the end"),
        ("", "no output"),
    ],
)
def test_the_cause_of_a_failure_is_found_in_the_log(tmp_path: Path, log: str, cause: str) -> None:
    path = tmp_path / "log"
    path.write_text(log)
    assert cause == cause_line(path)


def test_an_unknown_step_is_refused_with_the_list_of_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["jar"]) == 1
    told = capsys.readouterr().err
    assert "jar" in told and all(step.name in told for step in STEPS)


def test_only_what_tests_want_waits_to_be_asked_for() -> None:
    assert ONLY_ON_REQUEST == ("judges", "oscar", "browser")


def test_a_named_browser_that_is_no_file_is_not_replaced_by_another(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAIROS_CHROMIUM", str(home.checkout / "nowhere"))
    assert find_chromium(home) is None


def test_kairos_home_moves_everything_installed() -> None:
    moved = Home.from_environment({"KAIROS_HOME": "elsewhere"})
    assert moved.flink == CHECKOUT / "elsewhere" / "flink"
    assert Home.from_environment({}).venv == CHECKOUT / ".kairos" / "venv"


def test_a_worker_process_that_imports_the_program_does_not_run_it(
    monkeypatch: pytest.MonkeyPatch, home: Home
) -> None:
    """Workers of `kairos diff` are spawned: each imports the program under another name."""
    program = home.venv / "bin" / "kairos"
    program.parent.mkdir(parents=True)
    write_program(Home(checkout=CHECKOUT, root=home.root))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["kairos", "--help"])
    runpy.run_path(str(program), run_name="__mp_main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(program), run_name="__main__")
    assert ended.value.code == 0
