"""An outbox is bounded, keeps the order, and holds only the newest frame of a place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.outbox import BYTES_MAX, FRAMES_MAX, Frame, Outbox

PLACES = st.sampled_from(["", "", "decision page", "ping"])
PUTS = st.lists(st.tuples(PLACES, st.integers(0, 9_000)), max_size=300)


def taken(outbox: Outbox) -> list[Frame]:
    """Everything, in the order it would be sent."""
    out = []
    while (frame := outbox.pop()) is not None:
        out.append(frame)
    return out


def weight(frames: list[Frame]) -> int:
    """Bytes of all of them as they travel."""
    return len("".join(each.text for each in frames).encode())


@given(PUTS)
def test_it_agrees_with_a_list(puts: list[tuple[str, int]]) -> None:
    """The oracle is a list that is searched; it refuses by the same two bounds."""
    outbox, kept = Outbox(), list[Frame]()
    for number, (place, size) in enumerate(puts):
        frame = Frame(f"{number:04d}" + "xü€"[number % 3] * size, place)
        fits = [each for each in kept if not place or each.place != place]
        room = weight([*fits, frame]) <= BYTES_MAX
        if outbox.put(frame):
            kept = [*fits, frame]
        else:
            assert len(fits) == FRAMES_MAX or not room
            kept = fits
        assert len(kept) <= FRAMES_MAX and weight(kept) <= BYTES_MAX
    assert taken(outbox) == kept


def test_it_is_full_at_its_bounds() -> None:
    """One frame too many, and one byte too many."""
    many, large = Outbox(), Outbox()
    assert [many.put(Frame("x")) for _ in range(FRAMES_MAX + 1)] == [True] * FRAMES_MAX + [False]
    assert large.put(Frame("x" * BYTES_MAX)) and not large.put(Frame("x"))
    assert not Outbox().put(Frame("ü" * (BYTES_MAX // 2 + 1)))


def test_only_the_newest_action_of_a_place_waits() -> None:
    outbox = Outbox()
    for text in ("old", "new"):
        assert outbox.put(Frame(text, "decision page"))
    assert ([each.text for each in taken(outbox)], outbox.replaced) == (["new"], 1)
