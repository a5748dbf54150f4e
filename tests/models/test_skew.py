"""Skew: a sample that any replay picks again, compared byte for byte and told by input."""

from __future__ import annotations

import struct

from models.skew import SAMPLE_PPM, differences, sampled

VECTOR = [0.1, 2.5, 0.0]
NAMES = ("gap", "age", "events")


def test_about_one_slot_in_a_hundred_is_sampled_and_always_the_same():
    """By the slot and the site's salt alone; another site samples others."""
    slots = [f"s_{number}" for number in range(20_000)]
    chosen = [slot for slot in slots if sampled(slot, VECTOR, b"salt")]
    assert abs(len(chosen) / len(slots) - SAMPLE_PPM / 1e6) < 0.003
    assert chosen == [slot for slot in slots if sampled(slot, VECTOR, b"salt")]
    assert chosen != [slot for slot in slots if sampled(slot, VECTOR, b"pepper")]
    assert sampled(chosen[0], VECTOR, b"salt") == struct.pack("<3f", *VECTOR)
    assert sampled(chosen[0], None, b"salt") == b""


def test_a_single_bit_is_a_difference_of_its_input():
    """Also one that equals as a number: 0.0 and -0.0 are not the same bytes."""
    logged = struct.pack("<3f", *VECTOR)
    assert differences(NAMES, logged, logged) == {}
    assert differences(NAMES, logged, struct.pack("<3f", 0.1, 2.5, -0.0)) == {"events": (0.0, -0.0)}
    other = bytearray(logged)
    other[4] ^= 1
    ((name, (one, two)),) = differences(NAMES, logged, bytes(other)).items()
    assert name == "age" and one == 2.5 != two


def test_vectors_of_another_length_are_no_comparison():
    """A model with other inputs is named as such."""
    logged = struct.pack("<3f", *VECTOR)
    assert differences(NAMES, logged, logged[:8]) == {"length": (3.0, 2.0)}
