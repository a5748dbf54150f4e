"""Drawings of what stands in a kitchen or a garden, on the canvas of shapes.py."""

from __future__ import annotations

from infra.demo.shop.shapes import Ink, block, dot, line, path


def stove(ink: Ink) -> str:
    """A gas stove on its cartridge."""
    return (
        path("M240 150 q46 40 22 78 h-44 q-24 -38 22 -78z", ink.light)
        + path("M240 182 q22 24 10 46 h-20 q-12 -22 10 -46z", "#fff")
        + line("M132 196 L206 246 M348 196 L274 246 M132 196 h-22 M348 196 h22", ink.dark, 10)
        + block(200, 228, 80, 30, 12, ink.dark) + block(226, 254, 28, 34, 4, ink.dark)
        + line("M254 272 h66", ink.dark, 8) + dot(326, 272, 12, ink.dark)
        + path("M158 390 v-56 q0 -50 82 -50 t82 50 v56z", ink.body)
        + block(158, 340, 164, 26, 0, ink.light)
    )  # fmt: skip


def pots(ink: Ink) -> str:
    """A large pot with a lid, a small one before it."""
    return (
        block(128, 176, 200, 214, 26, ink.body) + block(116, 160, 224, 28, 14, ink.dark)
        + dot(228, 146, 17, ink.dark) + line("M328 230 h58 q20 0 20 20 v26", ink.dark, 12)
        + block(234, 282, 150, 108, 20, ink.light) + block(226, 270, 166, 22, 11, ink.dark)
        + line("M150 210 V330", ink.light, 8)
    )  # fmt: skip


def mug(ink: Ink) -> str:
    """An enamel mug with a dark rim, steaming."""
    return (
        line("M204 146 q-18 -26 0 -48 M252 146 q-18 -30 0 -58", ink.body, 8)
        + line("M322 224 q70 -4 62 58 q-8 48 -68 48", ink.body, 20)
        + path("M140 186 h190 l-10 178 q-2 26 -30 26 h-110 q-28 0 -30 -26z", ink.light)
        + path("M278 186 h52 l-10 178 q-2 26 -30 26 h-26z", ink.body, ' opacity=".45"')
        + block(132, 176, 206, 20, 10, ink.dark)
    )


def bottle(ink: Ink) -> str:
    """An insulated bottle with a loop on its lid."""
    return (
        line("M210 104 q0 -36 30 -36 t30 36", ink.dark, 12)
        + block(194, 98, 92, 56, 14, ink.dark)
        + path("M198 150 h84 q40 28 40 82 v126 q0 34 -34 34 h-96 q-34 0 -34 -34 v-126 "
                "q0 -54 40 -82z", ink.body)
        + path("M158 268 h164 v66 h-164z", ink.light) + line("M186 206 q4 -22 20 -34", "#fff", 7)
    )  # fmt: skip


def fire_bowl(ink: Ink) -> str:
    """A bowl on three legs, burning."""
    return (
        path("M240 92 q92 92 46 176 h-102 q-60 -70 20 -116 q4 40 28 44 q-16 -52 8 -104z",
              ink.light)
        + path("M240 176 q44 46 22 92 h-50 q-26 -42 28 -92z", "#fff", ' opacity=".8"')
        + line("M166 320 L128 390 M314 320 L352 390 M240 340 V392", ink.dark, 14)
        + path("M92 262 h296 q-14 92 -148 92 t-148 -92z", ink.body)
        + block(84, 252, 312, 22, 11, ink.dark)
    )  # fmt: skip


def hammock(ink: Ink) -> str:
    """A striped hammock between two posts."""
    return (
        line("M64 130 V392 M416 130 V392", ink.dark, 14)
        + line("M66 168 L128 226 M414 168 L352 226 M66 168 L122 258 M414 168 L358 258", ink.dark, 4)
        + path("M120 218 Q240 316 360 218 L364 262 Q330 374 240 374 Q150 374 116 262z", ink.body)
        + line("M150 254 Q160 330 204 362 M200 280 Q206 340 226 370 M330 254 Q320 330 276 362 "
                "M280 280 Q274 340 254 370", ink.light, 9)
    )  # fmt: skip


def chair(ink: Ink) -> str:
    """A folding chair from the side."""
    return (
        line("M150 110 L300 392 M330 250 L166 392", ink.dark, 14)
        + path("M142 96 L196 82 L262 226 L206 240z", ink.body)
        + path("M196 238 L346 226 q18 2 14 20 l-148 18z", ink.light)
        + line("M176 194 L330 184", ink.dark, 12)
    )


def blanket(ink: Ink) -> str:
    """A chequered blanket, folded, with a fringe."""
    lines = "M156 210 V340 M220 210 V340 M284 210 V340 M348 210 V340 M104 254 H376 M104 300 H376"
    fringe = " ".join(f"M{x} 344 v34" for x in range(116, 372, 18))
    return (
        block(116, 150, 248, 70, 30, ink.dark)
        + line(fringe, ink.dark, 5)
        + block(100, 190, 280, 160, 26, ink.body)
        + line(lines, ink.light, 14)
        + line(lines, ink.dark, 3)
    )


def raised_bed(ink: Ink) -> str:
    """A wooden bed with what grows in it."""
    plants = "".join(
        line(f"M{x} 262 V{top + 20}", ink.dark, 6)
        + path(f"M{x} {top + 56} q-46 -8 -38 -52 q40 4 38 52z", ink.light)
        + path(f"M{x} {top + 40} q46 -8 38 -52 q-40 4 -38 52z", ink.body)
        for x, top in ((136, 158), (240, 116), (344, 166))
    )
    return (
        plants
        + block(72, 252, 336, 138, 10, ink.body)
        + line("M76 298 H404 M76 344 H404", ink.dark, 4)
        + block(72, 244, 28, 148, 6, ink.dark) + block(380, 244, 28, 148, 6, ink.dark)
    )  # fmt: skip


def hand_tools(ink: Ink) -> str:
    """A trowel, a fork and a hoe, hung side by side."""
    handles = "".join(block(x - 13, 84, 26, 130, 13, ink.dark) for x in (128, 240, 352))
    return (
        handles
        + line("M128 214 V262 M240 214 V280 M352 214 V330", ink.body, 12)
        + path("M128 396 q-44 -40 -42 -104 q2 -40 42 -40 t42 40 q2 64 -42 104z", ink.body)
        + line("M202 384 V300 q0 -20 20 -20 h36 q20 0 20 20 V384 M240 280 V384", ink.body, 13)
        + path("M318 322 h84 v20 q-42 8 -64 44z", ink.body)
        + line("M128 290 V352", ink.light, 6)
    )


def box(ink: Ink) -> str:
    """A parcel, for whatever has no drawing of its own."""
    return (
        block(110, 180, 260, 210, 16, ink.body) + block(110, 180, 260, 56, 16, ink.dark)
        + block(216, 180, 48, 210, 0, ink.light)
    )  # fmt: skip
