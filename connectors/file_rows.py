"""Rows of a file: its one list read entry by entry, and the fields that stand beside the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.file_fields import BAD, Field, Kind, Problems, shaped
from connectors.yaml_lines import LIST, MAP, BadYaml, Node, parse


@dataclass(frozen=True, slots=True)
class Row:
    """Fields of one map as read, the node they come from and the path that names it."""

    fields: dict[str, Any]
    node: Node
    path: str

    def blame(self, problems: Problems, name: str, error: str, fix: str) -> None:
        """Note an error about one field, at its line, or at the row's where it is not written."""
        line = next((line for key, line, _ in self.node.entries if key == name), self.node.line)
        problems.add(line, f"{self.path}.{name}" if self.path else name, error, fix)

    def below(self, name: str) -> Row:
        """A map inside this row as a row itself; empty where it is absent or bad."""
        fields, node = self.fields.get(name), self.node.entry(name)
        if node is None or not isinstance(fields, dict):
            return Row({}, self.node, name)
        return Row(fields, node, f"{self.path}.{name}" if self.path else name)


NO_ROWS = Row({}, Node(MAP, 1), ""), list[Row]()


def rows_of(
    text: str, name: str, kind: Kind, rows_max: int, problems: Problems, beside: tuple[Field, ...]
) -> tuple[Row, list[Row]]:
    """(the fields beside the list, its rows) of a file with one list under `name`."""
    try:
        root = parse(text)
    except BadYaml as bad:
        problems.add(bad.line, name, bad.error, bad.fix)
        return NO_ROWS
    if root.kind != MAP:
        problems.add(root.line, name, "is missing", f"start the file with `{name}:`")
        return NO_ROWS
    others = tuple(entry for entry in root.entries if entry[0] != name)
    head_node = Node(MAP, root.line, entries=others)
    head = shaped(beside, keep_bad=True, also=(name,)).read(head_node, "", problems)
    node = root.entry(name)
    if node is None or node.kind != LIST:
        line = root.line if node is None else node.line
        problems.add(line, name, "is no list", f"write `{name}:` and below it `- id: ...`")
        return NO_ROWS
    if len(node.items) > rows_max:
        problems.add(node.line, name, f"{len(node.items)} are too many", f"at most {rows_max}")
        return NO_ROWS
    return Row(head, head_node, ""), distinct(node, name, kind, problems)


def distinct(node: Node, name: str, kind: Kind, problems: Problems) -> list[Row]:
    """Each row read; an id that stood before is an error."""
    rows: list[Row] = []
    first: dict[str, int] = {}
    for index, item in enumerate(node.items):
        path = f"{name}[{index}]"
        fields = kind.read(item, path, problems)
        if fields is BAD:
            continue
        row_id = str(fields.get("id"))
        if row_id in first:
            error = f"{row_id!r} stands in line {first[row_id]} already"
            problems.add(item.line, f"{path}.id", error, "give each its own id")
        first.setdefault(row_id, item.line)
        rows.append(Row(fields, item, path))
    return rows
