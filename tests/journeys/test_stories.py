"""Golden journeys: each story is told again, line by line, and shows its promises."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.journeys.__main__ import difference
from tests.journeys.play import played
from tests.journeys.story import BadStory, Story, every_story, read

PROMISES = Path(__file__).parents[2] / "docs" / "promises.yaml"
REWRITE = "python -m tests.journeys --write"
MORE = Path(__file__).parent / "stories" / "more_like_this.txt"


def stories() -> list[object]:
    """A parameter a story, marked with the promises of its header."""
    return [
        pytest.param(path, id=path.stem, marks=pytest.mark.promise(*read(path).promises))
        for path in every_story()
    ]


@pytest.mark.parametrize("path", stories())
def test_a_story_goes_as_it_is_told(path: Path) -> None:
    """The expected part is what the job does; rewrite it by the command and read the change."""
    lines = difference(path)
    assert not lines, "\n".join([f"{path.name}: if this is meant, {REWRITE}", *lines])


def test_stories_name_promises_that_exist() -> None:
    """A story without a promise, or with one that nobody made, shows nothing."""
    rows = {row["id"] for row in yaml.safe_load(PROMISES.read_text())["promises"]}
    wrong = {
        path.name: set(read(path).promises) - rows or "none"
        for path in every_story()
        if not read(path).promises or set(read(path).promises) - rows
    }
    assert wrong == {}
    assert len({read(path).header["title"] for path in every_story()}) == len(every_story()) >= 30


def test_another_reserve_shows_in_a_story() -> None:
    """The comparison can fail: a shop whose silence is worth nothing shows somebody."""
    told = read(MORE)
    changed = Story(told.name, told.header | {"site": {"reserve": "0"}}, told.head, told.lines)
    assert played(told) == MORE.read_text(encoding="utf-8") != played(changed)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0s page_view /\n", "begin with title"),
        ("title: a\npromises: C1\nsites: 1\n---\n", "sites: a header has"),
        ("title: a\npromises: C1\n---\n5x page_view /\n", "4: a step is a time"),
        ("title: a\npromises: C1\n---\n5s page_view /\n1s page_view /\n", "back in time"),
        ("title: a\npromises: C1\n---\n0s levitate\n", "no event type"),
        ("title: a\npromises: C1\n---\n0s page_view p99\n", "neither a path nor a product"),
        ("title: a\npromises: C1\n---\n0s page_view / mood=good\n", "mood= is not known"),
        ("title: a\npromises: C1\n---\n0s impression\n", "nothing was shown"),
        ("title: a\npromises: C1\n---\n0s page_view /\n1s profile luck\n", "names of conditions"),
    ],
)
def test_a_story_that_cannot_be_read_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(BadStory, match=complaint):
        played(read(path))
