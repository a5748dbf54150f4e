"""What a job is started with: read once from the command line and the environment, then frozen."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.model import PUBLIC_KEY, UNSIGNED

MAX_PARALLELISM = 128
"""Number of key groups. Fixed for ever: a savepoint cannot be restored under another."""

DECISIONING, LEARNING = "decisioning", "learning"
JOBS = (DECISIONING, LEARNING)
GRACE_MS = 50
GRACE_MS_MAX = 5_000
BROKERS = re.compile(r"[^\s:,/]+:\d{1,5}(,[^\s:,/]+:\d{1,5})*")
BUILD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
MODEL_KEYS_ENV = "KAIROS_MODEL_KEYS"


class SettingRefused(Exception):
    """A setting that cannot work; the message names it and the fix."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a job is started with. `grace_ms` is how far its watermark trails the log.

    Raises SettingRefused for a value that cannot work.
    """

    job: str = "decisioning"
    brokers: str = ""
    registry_url: str = ""
    build_id: str = ""
    group: str = "kairos-decisioning"
    parallelism: int = 0
    grace_ms: int = GRACE_MS
    checkpoint_interval_ms: int = 10_000
    kafka: Mapping[str, str] = field(default_factory=dict)
    model_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise SettingRefused(problem)


def _problems(settings: Settings) -> list[str]:
    """What is wrong, most important first."""
    found = []
    if settings.job not in JOBS:
        found.append(f"job is {settings.job!r}: name one of {', '.join(JOBS)}")
    if not BROKERS.fullmatch(settings.brokers):
        found.append(f"brokers is {settings.brokers!r}: give --brokers host:port[,host:port]")
    if not settings.registry_url.startswith(("http://", "https://")):
        found.append("registry is not a URL: give --registry http://host:port")
    if not BUILD_ID.fullmatch(settings.build_id):
        found.append(f"build-id is {settings.build_id!r}: leave --build-id out, or name the build")
    if not settings.group:
        found.append("group is empty: give --group NAME, the consumer group of the source")
    if not 0 <= settings.parallelism <= MAX_PARALLELISM:
        found.append(f"parallelism is {settings.parallelism}: choose 1 to {MAX_PARALLELISM}")
    if not 0 <= settings.grace_ms <= GRACE_MS_MAX:
        found.append(f"grace-ms is {settings.grace_ms}: choose 0 to {GRACE_MS_MAX} milliseconds")
    for key in settings.model_keys:
        if key != UNSIGNED and not PUBLIC_KEY.fullmatch(key):
            found.append(f"model-key is {key[:80]!r}: give the 64 hex digits of a public key")
    if settings.checkpoint_interval_ms < 100:
        found.append("checkpoint-interval-ms is below 100: checkpoints would never end")
    return found


def parser() -> argparse.ArgumentParser:
    """The command line of jobs/main.py."""
    out = argparse.ArgumentParser(
        prog="flink run -py jobs/main.py -pyfs <root>",
        description="Submit one of the jobs of kairos to a Flink cluster.",
    )
    out.add_argument("job", choices=JOBS, help="which job")
    out.add_argument("--brokers", help="Kafka, host:port[,host:port]; else KAIROS_BROKERS")
    out.add_argument("--registry", help="schema registry URL; else KAIROS_REGISTRY_URL")
    out.add_argument("--build-id", help="refuse to run unless the code imported is this build")
    out.add_argument("--group", help="consumer group of the events source")
    out.add_argument("--parallelism", type=int, help="0 leaves it to `flink run -p`")
    out.add_argument("--grace-ms", type=int, help="how far the watermark trails, milliseconds")
    out.add_argument("--checkpoint-interval-ms", type=int, help="where the cluster sets none")
    out.add_argument(
        "--model-key",
        action="append",
        default=[],
        metavar="HEX",
        help="a public key whose models are taken; else KAIROS_MODEL_KEYS, by commas",
    )
    out.add_argument(
        "--kafka",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting for every Kafka client, such as security.protocol=SSL",
    )
    return out


def read_settings(
    arguments: Sequence[str], environment: Mapping[str, str], build_id: str
) -> Settings:
    """Settings of these arguments; the environment fills what they leave out.

    `build_id` is that of the code doing the reading, used where none is asked for.
    Raises SettingRefused.
    """
    given = parser().parse_args(arguments)
    named = {
        "job": given.job,
        "brokers": given.brokers or environment.get("KAIROS_BROKERS"),
        "registry_url": given.registry or environment.get("KAIROS_REGISTRY_URL"),
        "build_id": given.build_id or environment.get("KAIROS_BUILD_ID") or build_id,
        "group": given.group or f"kairos-{given.job}",
        "parallelism": given.parallelism,
        "grace_ms": given.grace_ms,
        "checkpoint_interval_ms": given.checkpoint_interval_ms,
        "kafka": _pairs(given.kafka),
        "model_keys": tuple(given.model_key) or keys_in(environment),
    }
    return Settings(**{name: value for name, value in named.items() if value is not None})


def keys_in(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The keys that KAIROS_MODEL_KEYS names; none means that no model is taken."""
    named = (each.strip() for each in environment.get(MODEL_KEYS_ENV, "").split(","))
    return tuple(each for each in named if each)


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise SettingRefused(f"kafka is {text!r}: write --kafka KEY=VALUE")
        pairs[key] = value
    return pairs
