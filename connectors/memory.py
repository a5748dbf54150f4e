"""Adapters that live in memory, for tests and the simulator."""

from __future__ import annotations

from connectors.registry import RegistryUnavailable, UnknownSchemaId


class MemoryRegistry:
    """A registry without a process; `down` makes it fail as an unreachable one would."""

    def __init__(self, first_id: int = 1) -> None:
        self.schemas: dict[int, str] = {}
        self.levels: dict[str, str] = {}
        self.down = False
        self._first_id = first_id

    def register(self, subject: str, schema: str) -> int:
        """Id of a schema; subjects share ids, as in a real registry."""
        self._answer()
        for schema_id, known in self.schemas.items():
            if known == schema:
                return schema_id
        schema_id = self._first_id + len(self.schemas)
        self.schemas[schema_id] = schema
        return schema_id

    def get(self, schema_id: int) -> str:
        """Schema text of an id."""
        self._answer()
        if schema_id not in self.schemas:
            raise UnknownSchemaId(f"the registry has no schema id {schema_id}")
        return self.schemas[schema_id]

    def set_compatibility(self, subject: str, level: str) -> None:
        """Remember a subject's rule."""
        self._answer()
        self.levels[subject] = level

    def _answer(self) -> None:
        if self.down:
            raise RegistryUnavailable("no answer from memory")
