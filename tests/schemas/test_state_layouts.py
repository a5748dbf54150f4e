"""State bytes of every layout ever landed are read by this build; unknown ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.tally import digest
from schemas.profile import LAYOUT, MAGIC, UnknownLayout, load

GOLDEN = Path(__file__).parents[1] / "golden"
LAYOUTS = sorted(path.parent for path in GOLDEN.glob("layout_*/users.json"))


def test_the_present_layout_has_golden_state():
    """Whoever changes the layout commits its golden state."""
    assert GOLDEN / f"layout_{LAYOUT}" in LAYOUTS


@pytest.mark.promise("D3")
@pytest.mark.parametrize("folder", LAYOUTS, ids=lambda folder: folder.name)
def test_golden_state_is_read_whole(folder):
    """Counts and order-free digest of every user are as they were written."""
    users = json.loads((folder / "users.json").read_text())
    assert users
    for user in users.values():
        profile = load(bytes.fromhex(user["state"]))
        for name in ("applied", "duplicate", "late", "dead_lettered"):
            assert getattr(profile, name) == user[name]
        assert digest(profile) == user["digest"]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (MAGIC + b"\x63rest", "layout 99"),
        (b"\x80\x04pickle", "start with"),
        (b"", "start with"),
    ],
)
def test_an_unknown_layout_is_refused_by_name(data, named):
    """Never a silent fresh start."""
    with pytest.raises(UnknownLayout, match=named):
        load(data)
