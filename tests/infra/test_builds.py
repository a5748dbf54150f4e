"""A build is named by its contents and never changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.local.builds import BUILDS_KEPT, BuildBroken, ensure_build, existing_build
from operators.build import build_id


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A checkout with two packages of the job and one that is none."""
    for name, text in (("jobs/main.py", "A = 1\n"), ("models/x.py", "B = 2\n"), ("cli/y.py", "")):
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path / "code"


def test_a_build_holds_the_job_and_nothing_else(code: Path, tmp_path: Path) -> None:
    build = ensure_build(code, tmp_path / "builds")
    assert (build.path / "jobs" / "main.py").read_text() == "A = 1\n"
    assert sorted(path.name for path in build.path.iterdir()) == ["jobs", "models"]


def test_the_id_is_that_of_the_copy(code: Path, tmp_path: Path) -> None:
    """Compiled files beside the sources change nothing."""
    build = ensure_build(code, tmp_path / "builds")
    assert list(build.path.rglob("*.pyc"))
    assert build_id(build.path) == build.build_id == build_id(code)


def test_a_changed_byte_a_new_file_and_a_new_name_each_make_another_build(code: Path) -> None:
    first = build_id(code)
    (code / "jobs" / "main.py").write_text("A = 2\n")
    changed = build_id(code)
    (code / "jobs" / "more.py").write_text("")
    grown = build_id(code)
    (code / "jobs" / "more.py").rename(code / "jobs" / "most.py")
    assert len({first, changed, grown, build_id(code)}) == 4


def test_code_outside_the_job_changes_no_build(code: Path) -> None:
    first = build_id(code)
    (code / "cli" / "y.py").write_text("C = 3\n")
    assert build_id(code) == first


def test_a_build_stays_as_it_was_when_the_checkout_changes(code: Path, tmp_path: Path) -> None:
    build = ensure_build(code, tmp_path / "builds")
    (code / "jobs" / "main.py").write_text("A = 2\n")
    ensure_build(code, tmp_path / "builds")
    assert existing_build(build.build_id, tmp_path / "builds") == build


def test_a_build_changed_by_hand_is_refused(code: Path, tmp_path: Path) -> None:
    build = ensure_build(code, tmp_path / "builds")
    (build.path / "jobs" / "main.py").write_text("A = 3\n")
    with pytest.raises(BuildBroken, match="was changed"):
        ensure_build(code, tmp_path / "builds")


def test_a_build_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(BuildBroken, match="0123456789abcdef"):
        existing_build("0123456789abcdef", tmp_path)


def test_old_builds_go_and_the_newest_stay(code: Path, tmp_path: Path) -> None:
    builds = tmp_path / "builds"
    made = []
    for number in range(BUILDS_KEPT + 2):
        (code / "jobs" / "main.py").write_text(f"A = {number}\n")
        build = ensure_build(code, builds)
        os.utime(build.path, (number, number))
        made.append(build.build_id)
    left = {path.name for path in builds.iterdir()}
    assert made[-1] in left
    assert made[0] not in left
    assert len(left) <= BUILDS_KEPT + 1
