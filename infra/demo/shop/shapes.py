"""What a product looks like: flat drawings on a canvas of 480 x 480, standing at y = 392."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Ink(NamedTuple):
    """The colours of one drawing: surface, shade and lit parts, as CSS colours."""

    body: str
    dark: str
    light: str


Shape = Callable[[Ink], str]


def path(d: str, fill: str, extra: str = "") -> str:
    return f'<path d="{d}" fill="{fill}"{extra}/>'


def line(d: str, colour: str, width: int) -> str:
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def block(x: int, y: int, width: int, height: int, radius: int, fill: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}"/>'


def dot(x: int, y: int, radius: int, fill: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}"/>'


def tent(ink: Ink) -> str:
    """A ridge tent, seen from the front with one side."""
    return (
        path("M190 132 L330 150 L424 390 H300z", ink.dark)
        + path("M190 132 L308 390 H72z", ink.body)
        + path("M190 196 L236 390 H190z", ink.dark)
        + path("M190 196 L190 390 H150z", ink.light)
        + line("M190 134 V112 M308 390 L336 404 M72 390 L46 404", ink.dark, 6)
    )


def tarp(ink: Ink) -> str:
    """A square of cloth between two poles."""
    return (
        line("M110 176 V392 M370 176 V392 M110 176 L52 392 M370 176 L428 392", ink.dark, 6)
        + path("M110 170 Q240 236 370 170 L424 282 Q240 330 56 282z", ink.body)
        + path("M56 282 Q240 330 424 282 L420 296 Q240 346 60 296z", ink.dark)
        + line("M240 202 V310", ink.light, 4)
    )


def sleeping_bag(ink: Ink) -> str:
    """A mummy bag, upright, with its hood open."""
    seams = " ".join(f"M{162 - (y - 200) // 22} {y} Q240 {y + 16} 304 {y}" for y in (232, 276, 320))
    return (
        path("M240 84 Q336 84 334 196 Q332 320 290 378 Q240 404 190 378 Q148 320 146 196 "
              "Q144 84 240 84z", ink.body)
        + path("M240 112 Q296 112 294 176 Q290 226 240 228 Q190 226 186 176 Q184 112 240 112z",
                ink.dark)
        + path("M240 150 Q278 152 276 188 Q272 222 240 224 Q208 222 204 188 Q202 152 240 150z",
                ink.light)
        + line(seams, ink.dark, 3) + line("M312 200 Q312 300 276 366", ink.dark, 5)
    )  # fmt: skip


def day_pack(ink: Ink) -> str:
    """A small pack with one pocket."""
    return (
        line("M204 134 q0 -44 36 -44 t36 44", ink.dark, 12)
        + block(146, 128, 188, 262, 62, ink.body)
        + path("M146 200 Q240 236 334 200 V188 Q334 128 272 128 H208 Q146 128 146 188z", ink.dark)
        + block(176, 268, 128, 98, 24, ink.light)
        + line("M194 296 H286", ink.dark, 5) + block(228, 206, 24, 34, 8, ink.light)
    )  # fmt: skip


def trek_pack(ink: Ink) -> str:
    """A tall pack with a lid and a rolled mat."""
    return (
        block(164, 96, 152, 74, 34, ink.dark)
        + block(154, 146, 172, 246, 44, ink.body)
        + block(128, 224, 44, 130, 20, ink.dark) + block(308, 224, 44, 130, 20, ink.dark)
        + block(182, 262, 116, 92, 20, ink.light)
        + line("M206 150 V250 M274 150 V250", ink.dark, 8)
        + block(120, 66, 240, 46, 23, ink.light) + dot(143, 89, 12, ink.dark)
    )  # fmt: skip


def poles(ink: Ink) -> str:
    """Two trekking poles, crossed."""
    return (
        line("M170 96 L304 384", ink.body, 10) + line("M310 96 L176 384", ink.dark, 10)
        + line("M162 78 L186 130", ink.dark, 26) + line("M318 78 L294 130", ink.body, 26)
        + line("M280 354 L312 340", ink.dark, 9) + line("M200 354 L168 340", ink.body, 9)
        + line("M160 82 q-34 24 -12 60", ink.light, 6)
        + line("M320 82 q34 24 12 60", ink.light, 6)
    )  # fmt: skip


def socks(ink: Ink) -> str:
    """A pair of socks."""
    sock = "M0 0 h84 v150 q0 26 26 44 l38 26 q28 22 10 52 q-16 26 -52 14 l-76 -36 q-30 -16 -30 -54z"
    one = (
        path(sock, ink.body)
        + path("M0 0 h84 v30 h-84z", ink.light)
        + line("M4 62 h76 M4 82 h76", ink.light, 6)
    )
    two = one.replace(ink.body, ink.dark)
    return f'<g transform="translate(208 92)">{two}</g><g transform="translate(128 104)">{one}</g>'


def jacket(ink: Ink) -> str:
    """A rain jacket with a hood."""
    return (
        path("M176 130 L96 190 L66 350 L118 362 L150 250z", ink.dark)
        + path("M304 130 L384 190 L414 350 L362 362 L330 250z", ink.dark)
        + path("M174 132 Q240 108 306 132 L340 220 V390 H140 V220z", ink.body)
        + path("M182 136 Q180 74 240 74 Q300 74 298 136 Q240 186 182 136z", ink.dark)
        + path("M200 134 Q200 96 240 96 Q280 96 280 134 Q240 164 200 134z", ink.light)
        + line("M240 160 V388", ink.light, 5)
        + line("M170 306 L206 322 M310 306 L274 322", ink.dark, 7)
    )


def head_torch(ink: Ink) -> str:
    """A torch on its band, with light."""
    return (
        path("M240 288 L92 120 Q240 40 388 120z", ink.light, ' opacity=".75"')
        + line("M92 300 Q96 380 240 386 Q384 380 388 300", ink.dark, 24)
        + line("M92 300 Q110 246 186 240 M388 300 Q370 246 294 240", ink.body, 24)
        + block(172, 208, 136, 108, 34, ink.dark) + dot(240, 262, 38, ink.light)
        + dot(240, 262, 22, "#fff")
    )  # fmt: skip


def lantern(ink: Ink) -> str:
    """A camp lantern, lit."""
    return (
        line("M172 152 Q172 68 240 68 Q308 68 308 152", ink.dark, 8)
        + path("M176 150 h128 l20 40 h-168z", ink.dark)
        + path("M164 190 h152 l-10 132 h-132z", ink.light)
        + path("M240 216 q34 44 0 92 q-34 -48 0 -92z", "#fff")
        + line("M190 192 l8 128 M290 192 l-8 128", ink.dark, 6)
        + block(150, 320, 180, 70, 18, ink.body) + block(214, 344, 52, 18, 9, ink.dark)
    )  # fmt: skip


def path_light(ink: Ink) -> str:
    """Three solar lights in a row, the near one large."""
    parts = []
    for x, y, size in ((104, 236, 30), (372, 214, 34), (232, 132, 54)):
        parts += [
            line(f"M{x} {y + size} V390", ink.dark, max(size // 5, 6)),
            path(f"M{x - size} {y + size} L{x - size * 2} 392 H{x + size * 2} "
                  f"L{x + size} {y + size}z", ink.light, ' opacity=".45"'),
            block(x - size // 2, y + 8, size, size, 8, ink.light),
            path(f"M{x - size} {y + 10} h{2 * size} l-{size // 2} -{size // 2} h-{size}z",
                  ink.body),
        ]  # fmt: skip
    return "".join(parts)


def fairy_lights(ink: Ink) -> str:
    """A garland in two bows."""
    bulbs = ((70, 168), (128, 214), (192, 236), (258, 232), (322, 206), (386, 156))
    lower = ((96, 300), (164, 338), (240, 352), (316, 338), (384, 300))
    drawn = [
        f'<circle cx="{x}" cy="{y + 20}" r="34" fill="{ink.light}" opacity=".45"/>'
        + block(x - 6, y - 8, 12, 16, 4, ink.dark)
        + path(f"M{x} {y + 4} q20 20 0 40 q-20 -20 0 -40z", ink.light if n % 2 else ink.body)
        for n, (x, y) in enumerate((*bulbs, *lower))
    ]
    wire = "M40 130 Q210 330 440 104 M56 262 Q240 430 424 262"
    return line(wire, ink.dark, 5) + "".join(drawn)
