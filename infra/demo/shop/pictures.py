"""Product pictures drawn as SVG: a quiet scene per category, varied by the product's id."""

from __future__ import annotations

from hashlib import blake2b

SIZE = 480
_PALETTES = (
    ("#e8efe9", "#7d9a86", "#35513f"),
    ("#f3ebe1", "#c9a27a", "#7a4f2c"),
    ("#e6ecf3", "#8aa3c0", "#37506e"),
    ("#f4e7e4", "#cf9486", "#8a4537"),
    ("#efeaf4", "#a898c4", "#554579"),
    ("#f4f0dd", "#cdb865", "#7b6a1e"),
)


def picture(product_id: str, category: str) -> str:
    """An SVG of 480 x 480 for this product; the same product always looks the same."""
    digest = blake2b(product_id.encode(), digest_size=8).digest()
    hue = blake2b(category.encode(), digest_size=1).digest()[0]
    ground, body, dark = _PALETTES[hue % len(_PALETTES)]
    shape = _SHAPES[digest[0] % len(_SHAPES)]
    tilt = digest[1] % 9 - 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">'
        f'<rect width="{SIZE}" height="{SIZE}" fill="{ground}"/>'
        f'<ellipse cx="240" cy="392" rx="150" ry="20" fill="{dark}" opacity=".14"/>'
        f'<g transform="rotate({tilt} 240 300)">{shape(body, dark, digest)}</g></svg>'
    )


def _vase(body: str, dark: str, digest: bytes) -> str:
    width = 70 + digest[2] % 40
    return (
        f'<path d="M{240 - 34} 110 h68 v40 q{width} 70 {width - 20} 150 q-10 80 -{width + 14} 86'
        f" h0 q-{width - 10} -6 -{width + 14} -86 q-20 -80 {width - 20} -150z"
        f'" fill="{body}"/><path d="M206 110 h68 v12 h-68z" fill="{dark}"/>'
    )


def _lamp(body: str, dark: str, digest: bytes) -> str:
    top = 60 + digest[2] % 40
    return (
        f'<rect x="234" y="200" width="12" height="180" fill="{dark}"/>'
        f'<path d="M{240 - top} 110 h{2 * top} l34 110 h-{2 * top + 68}z" fill="{body}"/>'
        f'<rect x="180" y="376" width="120" height="14" rx="7" fill="{dark}"/>'
    )


def _box(body: str, dark: str, digest: bytes) -> str:
    height = 150 + digest[2] % 70
    y = 390 - height
    return (
        f'<rect x="130" y="{y}" width="220" height="{height}" rx="18" fill="{body}"/>'
        f'<rect x="130" y="{y}" width="220" height="34" rx="17" fill="{dark}" opacity=".55"/>'
        f'<circle cx="240" cy="{y + height // 2 + 16}" r="16" fill="{dark}"/>'
    )


def _cup(body: str, dark: str, digest: bytes) -> str:
    return (
        f'<path d="M150 190 h180 l-16 170 q-4 30 -36 30 h-76 q-32 0 -36 -30z" fill="{body}"/>'
        f'<path d="M330 226 q66 0 56 60 q-8 46 -66 46" fill="none" stroke="{dark}"'
        f' stroke-width="18"/><rect x="150" y="182" width="180" height="18" rx="9" fill="{dark}"/>'
    )


def _tent(body: str, dark: str, digest: bytes) -> str:
    return (
        f'<path d="M240 110 L400 390 H80z" fill="{body}"/>'
        f'<path d="M240 110 L290 390 H190z" fill="{dark}"/>'
        f'<path d="M240 110 v-26" stroke="{dark}" stroke-width="8"/>'
    )


def _pack(body: str, dark: str, digest: bytes) -> str:
    return (
        f'<rect x="150" y="130" width="180" height="260" rx="52" fill="{body}"/>'
        f'<rect x="178" y="250" width="124" height="110" rx="20" fill="{dark}" opacity=".6"/>'
        f'<path d="M196 132 q0 -48 44 -48 t44 48" fill="none" stroke="{dark}" stroke-width="14"/>'
    )


_SHAPES = (_vase, _lamp, _box, _cup, _tent, _pack)
