"""YAML with line numbers: a text becomes a tree of plain nodes, safely.

Values stay the text that was written (so `on:` is no boolean and 007 no number). Aliases and
duplicate keys are refused: the first can blow up, the second hides a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

CHARACTERS_MAX = 4 * 1024 * 1024
DEPTH_MAX = 12
TEXT, LIST, MAP, NOTHING = "text", "list", "map", "nothing"
_NULL = "tag:yaml.org,2002:null"


class BadYaml(Exception):
    """A text that is no such YAML: line (from 1), what is wrong and the fix."""

    def __init__(self, line: int, error: str, fix: str) -> None:
        super().__init__(f"line {line}: {error}; {fix}")
        self.line, self.error, self.fix = line, error, fix


@dataclass(frozen=True, slots=True)
class Node:
    """One value with the line it starts at (from 1); the fields of other kinds stay empty."""

    kind: str
    line: int
    text: str = ""
    items: tuple[Node, ...] = ()
    entries: tuple[tuple[str, int, Node], ...] = ()

    def entry(self, key: str) -> Node | None:
        """The value under `key` of a map, None if it is not there."""
        return next((node for name, _, node in self.entries if name == key), None)


def parse(text: str) -> Node:
    """The tree of one YAML document. Raises BadYaml."""
    if len(text) > CHARACTERS_MAX:
        raise BadYaml(1, f"{len(text)} characters are too many", "split the file")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        problem = failure.problem or failure.context or "not YAML"
        line = mark.line if mark else 0
        written = text.splitlines()[line : line + 1]
        raise BadYaml(line + 1, problem, _hint(problem, "".join(written))) from None
    except yaml.YAMLError:
        raise BadYaml(1, "signs that no text may hold", "save the file as UTF-8") from None
    except RecursionError:
        raise BadYaml(1, "nested too deep", "take levels out") from None
    if root is None:
        raise BadYaml(1, "the file is empty", "start it with its first key")
    return _node(root, set(), 0)


def _hint(problem: str, written: str) -> str:
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return "indent with spaces"
    if "mapping values" in problem:
        return "put texts that hold `: ` in quotes"
    if "document" in problem:
        return "keep one document a file"
    return "check indentation, quotes and brackets here"


def _node(node: yaml.Node, seen: set[int], depth: int) -> Node:
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise BadYaml(line, "aliases (*name) are not read", "write the value out")
    seen.add(id(node))
    if depth > DEPTH_MAX:
        raise BadYaml(line, "nested too deep", "take levels out")
    if isinstance(node, yaml.ScalarNode):
        if node.tag == _NULL:
            return Node(NOTHING, line)
        return Node(TEXT, line, str(node.value))
    if isinstance(node, yaml.SequenceNode):
        return Node(LIST, line, items=tuple(_node(each, seen, depth + 1) for each in node.value))
    return Node(MAP, line, entries=_entries(node, seen, depth))


def _entries(
    node: yaml.MappingNode, seen: set[int], depth: int
) -> tuple[tuple[str, int, Node], ...]:
    entries: dict[str, tuple[str, int, Node]] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadYaml(line, "a key that is no text", "use a plain word as key")
        if key.value in entries:
            raise BadYaml(line, f"`{key.value}` stands here twice", "keep one of them")
        entries[key.value] = (key.value, line, _node(value, seen, depth + 1))
    return tuple(entries.values())
