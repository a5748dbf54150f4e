"""Defects stay plantable as the code moves on, and those who must notice them do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.sabotage import catch as catching
from tests.sabotage.catch import catch
from tests.sabotage.defects import DEFECTS, SIMULATOR, Defect
from tests.sabotage.plant import NotPlanted, broken, named

ROOT = Path(__file__).parents[2]
SAMPLE = DEFECTS[::6]
INVARIANTS = {f"I{number}" for number in range(1, 12)}


def source(defect: Defect) -> str:
    """The text that the defect changes."""
    return (ROOT / defect.module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda each: each.name)
def test_every_defect_has_its_one_place_and_changes_it(defect: Defect) -> None:
    """A refactoring that moves the place has to move the defect."""
    text = source(defect)
    assert broken(text, defect) != text


def test_a_place_that_is_gone_is_named() -> None:
    """Otherwise a defect that changes nothing would look like one that nobody caught."""
    lost = replace(DEFECTS[0], old="what stands nowhere")
    with pytest.raises(NotPlanted, match="0 times"):
        broken(source(lost), lost)


def test_names_are_unique_and_every_invariant_is_seen_red() -> None:
    """Each invariant of the simulator has a defect that breaks it."""
    assert len({each.name for each in DEFECTS}) == len(DEFECTS) >= 20
    assert {first for each in DEFECTS for first in each.breaks} == INVARIANTS


@pytest.mark.long
@pytest.mark.parametrize("defect", SAMPLE, ids=lambda each: each.name)
def test_a_sample_of_the_defects_is_caught(
    defect: Defect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are planted by `make prove sabotage`; none is told as a promise that broke."""
    monkeypatch.setenv("KAIROS_HOME", str(tmp_path))
    result = catch(defect)
    assert result.caught, result.said
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_breach_that_is_not_meant_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catcher itself can say no: to the wrong invariant, and to no breach at all."""
    monkeypatch.setattr(catching, "SEEDS_MAX", 1)
    lost = named("reservation lost")
    assert lost.caught_by == SIMULATOR
    assert not catch(replace(lost, breaks=("I1",))).caught
    # Nothing in the first world expires on its way.
    assert not catch(named("expired decision pushed")).caught
