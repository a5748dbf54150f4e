"""Run something with one defect planted: the module's source is changed as it is imported.

    python -m tests.sabotage.plant "timer not restored" simulator --seeds 200
    python -m tests.sabotage.plant "float before the auction" pytest tests/models/test_auction.py

Nothing on disk changes, and no compiled file is read or written for the broken module.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from tests.sabotage.defects import DEFECTS, Defect


class NotPlanted(Exception):
    """The place to break is not there, or there twice: the defect has to follow the code."""


def broken(source: str, defect: Defect) -> str:
    """The source with the defect in its one place. Raises NotPlanted."""
    found = source.count(defect.old)
    if found != 1:
        raise NotPlanted(f"{defect.name}: {defect.module} has the place {found} times, not once")
    return source.replace(defect.old, defect.new)


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, defect: Defect) -> None:
        super().__init__(name, path)
        self._defect = defect

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path).decode()
        return compile(broken(text, self._defect), self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, defect: Defect) -> None:
        self._defect = defect

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._defect.module:
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None and spec.origin is not None
        spec.loader = _Loader(name, spec.origin, self._defect)
        return spec


def named(name: str) -> Defect:
    """The defect of this name. Raises KeyError."""
    return {each.name: each for each in DEFECTS}[name]


def main(arguments: list[str]) -> int:
    """The exit code of what was run."""
    name, program, *rest = arguments
    defect = named(name)
    assert defect.module not in sys.modules, "too late to plant anything"
    sys.meta_path.insert(0, _Finder(defect))
    if program == "pytest":
        import pytest

        # What fails here says nothing about the promises of the code as it is.
        quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:tests.promise_results")
        return int(pytest.main([*quiet, *rest]))
    from tests.simulator.run import main as simulate

    return simulate(rest)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
