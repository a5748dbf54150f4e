"""The private PyFlink names we lean on still exist, and only two files lean on them."""

from __future__ import annotations

import re
from pathlib import Path

import pyflink.version
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.datastream.connectors.kafka import KafkaSinkBuilder, KafkaSourceBuilder

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = re.compile(r"\._j_\w+|\._generate_stream_graph")
ALLOWED = {"connectors/kafka.py", "jobs/main.py"}


def test_the_names_we_use_are_still_there():
    """They were read in 2.3.0; another version has to be looked at first."""
    assert pyflink.version.__version__ == "2.3.0"
    assert hasattr(StreamExecutionEnvironment, "_generate_stream_graph")
    uses = {
        "_j_stream_execution_environment": StreamExecutionEnvironment.__init__,
        "_j_data_stream": DataStream.__init__,
        "_j_builder": KafkaSourceBuilder.__init__,
    }
    for name, method in uses.items():
        assert name in method.__code__.co_names, name
    assert "_j_builder" in KafkaSinkBuilder.__init__.__code__.co_names


def test_only_two_files_use_them():
    """A new version of PyFlink has two places to look at."""
    found = {
        path.relative_to(ROOT).as_posix()
        for name in ("jobs", "operators", "connectors")
        for path in (ROOT / name).rglob("*.py")
        if PRIVATE.search(path.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED
