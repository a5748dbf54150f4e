"""Product pictures as SVG: a word of the title chooses the drawing, the category its colours."""

from __future__ import annotations

from hashlib import blake2b

from infra.demo.shop import shapes, shapes_home
from infra.demo.shop.shapes import Ink, Shape

SIZE = 480
_PALETTES = (
    ("#e6ede6", Ink("#7f9f88", "#35513f", "#f0d9a0")),
    ("#f3ebe0", Ink("#cf9a66", "#75492a", "#f7dfb8")),
    ("#e7eaf2", Ink("#7f92b8", "#333f63", "#ffdf8c")),
    ("#f5e8e4", Ink("#cf8674", "#7d3d31", "#f8d9c4")),
    ("#eaf0e0", Ink("#9bb068", "#4d5f2a", "#f3e3a2")),
    ("#e3eef0", Ink("#6fa3ad", "#28545d", "#f2e2bd")),
)
_CATEGORIES = ("camping", "hiking", "lights", "kitchen", "garden")
_BY_WORD: dict[str, Shape] = {
    "tent": shapes.tent,
    "tarp": shapes.tarp,
    "sleeping bag": shapes.sleeping_bag,
    "day pack": shapes.day_pack,
    "pack": shapes.trek_pack,
    "poles": shapes.poles,
    "socks": shapes.socks,
    "jacket": shapes.jacket,
    "torch": shapes.head_torch,
    "lantern": shapes.lantern,
    "path light": shapes.path_light,
    "fairy lights": shapes.fairy_lights,
    "stove": shapes_home.stove,
    "pot": shapes_home.pots,
    "mug": shapes_home.mug,
    "bottle": shapes_home.bottle,
    "fire bowl": shapes_home.fire_bowl,
    "hammock": shapes_home.hammock,
    "chair": shapes_home.chair,
    "blanket": shapes_home.blanket,
    "bed": shapes_home.raised_bed,
    "tools": shapes_home.hand_tools,
}
"""The first word that a title holds decides."""


def picture(product_id: str, category: str, title: str) -> str:
    """An SVG of 480 x 480 for this product; the same product always looks the same."""
    digest = blake2b(product_id.encode(), digest_size=2).digest()
    ground, ink = _PALETTES[_palette(category)]
    if digest[0] % 3 == 0:
        ink = Ink(ink.dark, ink.body, ink.light)
    tilt = digest[1] % 5 - 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">'
        f'<rect width="{SIZE}" height="{SIZE}" fill="{ground}"/>'
        f'<ellipse cx="240" cy="396" rx="168" ry="17" fill="{ink.dark}" opacity=".15"/>'
        f'<g transform="rotate({tilt} 240 300)">{shape_of(title)(ink)}</g></svg>'
    )


def shape_of(title: str) -> Shape:
    """The drawing for a title; a parcel when no word of it is known."""
    lower = title.lower()
    return next((shape for word, shape in _BY_WORD.items() if word in lower), shapes_home.box)


def _palette(category: str) -> int:
    if category in _CATEGORIES:
        return _CATEGORIES.index(category)
    return blake2b(category.encode(), digest_size=1).digest()[0] % len(_PALETTES)
