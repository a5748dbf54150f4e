"""`python -m tests.journeys --write`: rewrite what every story expects; without it, show diffs."""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path

from tests.journeys.play import played
from tests.journeys.story import every_story, read


def difference(path: Path) -> list[str]:
    """Lines of what a story expects against what it gets; none where they agree."""
    expected, got = path.read_text(encoding="utf-8"), played(read(path))
    lines = unified_diff(
        expected.splitlines(), got.splitlines(), "expected", "got", lineterm="", n=4
    )
    return list(lines)


def main(arguments: list[str]) -> int:
    """Rewrite or compare; 1 if something differs and was not rewritten."""
    write = arguments == ["--write"]
    differing = 0
    for path in every_story():
        lines = difference(path)
        if lines:
            differing += 1
            print(f"{path.name}\n" + "\n".join(lines))
            if write:
                path.write_text(played(read(path)), encoding="utf-8")
    print(f"{differing} of {len(every_story())} stories {'rewritten' if write else 'differ'}")
    return 1 if differing and not write else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
