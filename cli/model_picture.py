"""The reliability diagram of a comparison as a picture: what was said against what came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SIZE, EDGE = 360, 48
INKS = {"network": "#1f5fa8", "trees": "#b3541e", "twin": "#6b7785"}


def reliability(of_models: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """An SVG of (mean score, share that came true) by bin of each model; on the dashed line a
    score means what it says. Axes end a tenth above the largest value.
    """
    most = max(value for bins in of_models.values() for pair in bins for value in pair)
    top = min(1.0, (int(most * 10) + 1) / 10)
    full = SIZE + 2 * EDGE
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {full}" role="img" '
        'font-family="sans-serif" font-size="12" fill="#333">',
        "<title>Said against came true, 15 bins of equal mass</title>",
        f'<rect width="{full}" height="{full}" fill="#fff"/>',
        f'<path d="M{_at(0, 0, top)} L{_at(top, top, top)}" stroke="#999" stroke-dasharray="4"/>',
        *_axes(top),
    ]
    for number, (name, bins) in enumerate(of_models.items()):
        ink = INKS.get(name, "#333")
        line = " L".join(_at(said, true, top) for said, true in bins)
        drawn.append(f'<path d="M{line}" fill="none" stroke="{ink}" stroke-width="1.5"/>')
        drawn += [_dot(said, true, top, ink) for said, true in bins]
        drawn.append(
            f'<text x="{EDGE + 8}" y="{EDGE + 14 + 16 * number}" fill="{ink}">{name}</text>'
        )
    return "\n".join([*drawn, "</svg>", ""])


def _at(x: float, y: float, top: float) -> str:
    return f"{EDGE + SIZE * x / top:.1f} {EDGE + SIZE - SIZE * y / top:.1f}"


def _dot(x: float, y: float, top: float, ink: str) -> str:
    left, down = _at(x, y, top).split()
    return f'<circle cx="{left}" cy="{down}" r="2.5" fill="{ink}"/>'


def _axes(top: float) -> list[str]:
    low = EDGE + SIZE + 16
    out = [
        f'<rect x="{EDGE}" y="{EDGE}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#bbb"/>',
        f'<text x="{EDGE + SIZE / 2}" y="{low + 18}" text-anchor="middle">said (mean score)</text>',
        f'<text x="{EDGE}" y="{EDGE - 10}">came true (share)</text>',
    ]
    for tenth in range(0, round(top * 10) + 1, 2):
        value = tenth / 10
        left, down = _at(value, value, top).split()
        out.append(f'<text x="{left}" y="{low}" text-anchor="middle">{value:.1f}</text>')
        out.append(f'<text x="{EDGE - 8}" y="{down}" text-anchor="end">{value:.1f}</text>')
    return out
