"""A TaskManager that runs other code than was submitted refuses the job."""

from __future__ import annotations

import shutil

import pytest

from infra.local import builds
from operators.build import IMPORTED, ROOT, WrongBuild, build_id, require_build


def test_the_job_and_the_local_stack_name_a_build_alike():
    """Both compute the same id from the same files."""
    assert build_id(ROOT) == builds.build_id(ROOT) == IMPORTED


def test_one_changed_byte_is_another_build(tmp_path):
    """The planted change: one comment in one file."""
    for name in builds.PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name)
    assert build_id(tmp_path) == IMPORTED
    with (tmp_path / "operators" / "hop.py").open("a") as file:
        file.write("# changed\n")
    assert build_id(tmp_path) != IMPORTED


def test_another_build_is_refused_with_both_names_and_the_fix():
    """The message is enough to act on."""
    with pytest.raises(WrongBuild, match=rf"build abc.*{IMPORTED}.*fresh TaskManagers"):
        require_build("abc")
    assert require_build(IMPORTED) is None
