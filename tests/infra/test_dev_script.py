"""A script of `kairos dev` is refused with the step and the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.dev.script import read_script

GOOD = "- {event: page_view, render: {kind: modal, title: Hello}}"


def written(folder: Path, text: str) -> Path:
    path = folder / "script.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_first_step_that_fits_answers(tmp_path: Path) -> None:
    (step,) = read_script(written(tmp_path, GOOD.replace("event:", "page: cart, event:")))
    assert step.answers({"type": "page_view", "page": {"type": "cart"}})
    assert not step.answers({"type": "page_view", "page": {"type": "home"}})
    assert not step.answers({"type": "click"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {event: page_view}", "step 1 needs either"),
        (GOOD.replace("render", "none: x, render"), "step 1 needs either"),
        (GOOD.replace("modal", "popup"), "step 1: kind is one of"),
        (GOOD.replace("title", "tilte"), "tilte"),
        (GOOD.replace("page_view", "page_view, after_ms: soon"), "after_ms"),
        ("event: page_view", "Expected `array`"),
        ("- [", "script.yaml"),
        (GOOD + "\n" + f"{GOOD}\n" * 100, "at most 100"),
    ],
)
def test_a_bad_script_names_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_script(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        read_script(tmp_path / "nowhere.yaml")
