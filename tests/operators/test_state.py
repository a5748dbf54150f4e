"""The state descriptor is made inside the TaskManager, with what is there."""

from __future__ import annotations

from typing import Any, NoReturn

import pyflink.java_gateway
import pytest
from pyflink.common import time
from pyflink.datastream.state import StateTtlConfig

from operators.decide import STATE_NAME, STATE_TTL_DAYS, _descriptor

DAY_MS = 24 * 3600 * 1000


def strategies(config: Any) -> list[Any]:
    """What PyFlink asks of a time-to-live when the operator opens."""
    found = config.get_cleanup_strategies()
    return [
        found.is_cleanup_in_background(),
        found.get_incremental_cleanup_strategy(),
        found.get_rocksdb_compact_filter_cleanup_strategy(),
    ]


@pytest.fixture(autouse=True)
def no_second_jvm(monkeypatch):
    """Starting a Java gateway fails, as it does on a TaskManager without FLINK_BIN_DIR."""

    def refuse() -> NoReturn:
        raise FileNotFoundError("a second JVM was asked for")

    monkeypatch.setattr(time, "get_gateway", refuse)
    monkeypatch.setattr(pyflink.java_gateway, "get_gateway", refuse)


def test_opening_state_starts_no_second_jvm():
    """A JVM in the TaskManager would cost 85 MiB and outlive a killed one."""
    background, _, rocksdb = strategies(_descriptor(STATE_NAME)._ttl_config)
    assert background is False and rocksdb.get_query_time_after_num_entries() == 1_000


def test_pyflinks_own_defaults_would_start_one():
    """The planted fault: a time-to-live as its documentation writes it."""
    plain = StateTtlConfig.new_builder(time.Time.days(1)).build()
    with pytest.raises(FileNotFoundError, match="second JVM"):
        strategies(plain)


def test_state_outlives_every_profile():
    """The time-to-live is the net below the clean-up deadline, twice as long."""
    ttl = _descriptor(STATE_NAME)._ttl_config.get_ttl()
    assert ttl.to_milliseconds() == STATE_TTL_DAYS * DAY_MS
