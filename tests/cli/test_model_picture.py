"""The reliability diagram: what was said from left to right, what came true from below."""

from __future__ import annotations

from xml.etree import ElementTree

from cli.model_picture import EDGE, SIZE, reliability

SVG = "{http://www.w3.org/2000/svg}"


def test_a_bin_lies_where_its_numbers_say() -> None:
    """Axes end at a tenth above the largest value: here at 0.5."""
    drawn = ElementTree.fromstring(reliability({"network": [[0.0, 0.0], [0.25, 0.45]]}))
    dots = [(float(d.get("cx", 0)), float(d.get("cy", 0))) for d in drawn.iter(f"{SVG}circle")]
    low, end = float(EDGE), float(EDGE + SIZE)
    assert dots == [(low, end), (low + SIZE / 2, end - 0.9 * SIZE)]


def test_every_model_has_its_line_and_name() -> None:
    """And a score of 1 is still within the frame."""
    bins = [[0.1, 0.2], [1.0, 1.0]]
    drawn = ElementTree.fromstring(reliability({"network": bins, "trees": bins, "twin": bins}))
    names = [each.text for each in drawn.iter(f"{SVG}text")]
    assert all(name in names for name in ("network", "trees", "twin"))
    assert max(float(d.get("cx", 0)) for d in drawn.iter(f"{SVG}circle")) == EDGE + SIZE
