"""What the JVM classes and Python say to each other, byte for byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.routes import TOPICS, Origin, read_origin, read_routed, routed, write_origin

origins = st.builds(
    Origin,
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    timestamp_ms=st.integers(-1, 2**63 - 1),
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=40),
)


@given(origins)
def test_an_origin_survives_the_prefix(origin):
    """Null and empty stay two things, for keys and for values."""
    assert read_origin(write_origin(origin)) == origin


@given(
    st.sampled_from(TOPICS),
    st.dictionaries(st.text(max_size=20), st.binary(max_size=40), max_size=3),
    st.binary(max_size=40),
)
def test_topic_headers_and_value_survive_routing(topic, headers, value):
    """Any header, any value."""
    assert read_routed(routed(topic, headers, value)) == (topic, headers, value)


def test_the_prefix_is_what_the_java_class_writes():
    """int32 partition, int64 offset and timestamp, int32 key length, key, value length, value."""
    made = write_origin(Origin(1, 2, 3, b"k", None))
    assert made == bytes.fromhex("000000010000000000000002000000000000000300000001") + (
        b"k" + b"\xff" * 4
    )
