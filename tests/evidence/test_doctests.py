"""The examples in the docstrings of evidence/ are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import evidence

MODULES = [info.name for info in pkgutil.iter_modules(evidence.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_says(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"evidence.{name}")).failed == 0


def test_there_are_examples() -> None:
    finder, modules = doctest.DocTestFinder(), map(importlib.import_module, _names())
    assert sum(bool(found.examples) for each in modules for found in finder.find(each)) >= 8


def _names() -> list[str]:
    return [f"evidence.{name}" for name in MODULES]
