"""What an import demands of an export, with a broker of memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.log_files import Manifest, read_manifest
from connectors.log_transfer import EXPORTED, IMPORTED, ImportRefused, require_empty

LOGS = sorted((Path(__file__).parents[1] / "golden").glob("layout_*/log"))


class EmptyBroker:
    """Topics as wide as an export's, without records."""

    def __init__(self, manifest: Manifest) -> None:
        self._wide = {name: each.partitions for name, each in manifest.topics.items()}

    def spans(self, topic: str) -> dict[int, tuple[int, int]]:
        return dict.fromkeys(range(self._wide.get(topic, 1)), (0, 0))

    def arrives(self, _topic: str, _within_s: float) -> bool:
        return False


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.parent.name)
def test_an_export_of_any_age_can_be_imported(log: Path) -> None:
    """What is exported today but not imported may be missing from it."""
    manifest = read_manifest(log)
    require_empty(EmptyBroker(manifest), manifest)
    assert set(IMPORTED) <= manifest.topics.keys()
    assert manifest.topics.keys() <= set(EXPORTED)


@pytest.mark.parametrize("topic", IMPORTED)
def test_an_export_without_what_is_imported_is_refused_by_name(topic: str) -> None:
    """planted: a manifest that lost one topic."""
    manifest = read_manifest(LOGS[0])
    lacking = {name: each for name, each in manifest.topics.items() if name != topic}
    with pytest.raises(ImportRefused, match=f"lacks topic {topic}"):
        require_empty(EmptyBroker(manifest), replace(manifest, topics=lacking))
