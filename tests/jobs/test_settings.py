"""Settings are read once; a wrong one is refused with its name and the fix."""

from __future__ import annotations

import pytest

from jobs.settings import SettingRefused, Settings, read_settings

GOOD = {"brokers": "127.0.0.1:9092", "registry_url": "http://127.0.0.1:8081", "build_id": "b1"}


def test_arguments_come_before_the_environment():
    """What is said on the command line wins; the environment fills the rest."""
    environment = {"KAIROS_BROKERS": "other:1", "KAIROS_REGISTRY_URL": "https://registry"}
    made = read_settings(["decisioning", "--brokers", "here:2"], environment, "b1")
    assert (made.brokers, made.registry_url, made.build_id) == ("here:2", "https://registry", "b1")
    assert (made.grace_ms, made.group) == (50, "kairos-decisioning")


def test_models_are_taken_by_named_keys_alone():
    """By default nobody's; the command line goes before the environment."""
    where = {"KAIROS_BROKERS": "k:1", "KAIROS_REGISTRY_URL": "http://r"}
    keys = {"KAIROS_MODEL_KEYS": f"{'0a' * 32}, {'1b' * 32},"}
    assert read_settings(["decisioning"], where, "b1").model_keys == ()
    assert read_settings(["decisioning"], where | keys, "b1").model_keys == ("0a" * 32, "1b" * 32)
    asked = ["decisioning", "--model-key", "2c" * 32]
    assert read_settings(asked, where | keys, "b1").model_keys == ("2c" * 32,)


def test_kafka_settings_reach_every_client():
    """A cluster of somebody else may want TLS."""
    arguments = ["decisioning", "--kafka", "security.protocol=SSL", "--kafka", "a=b=c"]
    environment = {"KAIROS_BROKERS": "k:1", "KAIROS_REGISTRY_URL": "http://r"}
    made = read_settings(arguments, environment, "b1")
    assert made.kafka == {"security.protocol": "SSL", "a": "b=c"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("brokers", "", "--brokers host:port"),
        ("brokers", "http://k:1", "--brokers host:port"),
        ("registry_url", "127.0.0.1", "--registry http"),
        ("build_id", "", "build-id"),
        ("group", "", "--group NAME"),
        ("parallelism", 129, "choose 1 to 128"),
        ("grace_ms", -1, "choose 0 to 5000"),
        ("checkpoint_interval_ms", 1, "checkpoint-interval-ms"),
        ("job", "laundry", "decisioning"),
        ("model_keys", ("ab" * 32, "AB" * 32), "64 hex digits"),
        ("model_keys", ("any",), "64 hex digits"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_fix(field, value, message):
    """Each message names what to type instead."""
    with pytest.raises(SettingRefused, match=message):
        Settings(**{**GOOD, field: value})


def test_a_broken_pair_is_refused():
    """--kafka wants KEY=VALUE."""
    with pytest.raises(SettingRefused, match="KEY=VALUE"):
        read_settings(["decisioning", "--kafka", "nonsense"], {}, "b1")
