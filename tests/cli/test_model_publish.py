"""`kairos model keygen|sign|publish|rollback|list` on a broker of the client library."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from msgspec import structs

from cli import main, model_publish
from connectors.avro import register_all
from connectors.control import ControlWriter
from connectors.memory import MemoryRegistry
from connectors.model_keys import PrivateKey, Trust, taken
from connectors.publish import publish
from infra.model import load as load_model
from schemas.topics import CONTROL_TOPICS

REGISTRY = MemoryRegistry()
register_all(REGISTRY)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A broker of its own, and a stack folder for the key."""
    owner = Producer(
        {"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0}
    )
    for each in CONTROL_TOPICS:
        owner.list_topics(each, timeout=10)
    found = owner.list_topics(timeout=10).brokers.values()
    made = ControlWriter(",".join(f"{b.host}:{b.port}" for b in found), REGISTRY, wait_s=20.0)
    monkeypatch.setenv("KAIROS_STACK_DIR", str(tmp_path / "stack"))
    monkeypatch.setattr(
        model_publish, "writer", lambda key: replace(made, signer=model_publish.key_of(key))
    )
    yield made
    owner.flush(1)


@pytest.fixture
def kairos(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `kairos model ...`: (exit code, its object, what it said on stderr)."""

    def run(*arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main.main(["model", *arguments, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


def test_what_is_published_is_signed_and_an_older_one_comes_back(
    kairos: Any, topic: ControlWriter, tmp_path: Path
) -> None:
    """By the stack's own key, or by one that is given; a rollback is a new version."""
    code, made, _ = kairos("keygen", str(tmp_path / "models.pem"))
    assert code == 0
    assert kairos("publish")[1]["version"] == 1
    code, second, _ = kairos("publish", "--key", str(tmp_path / "models.pem"))
    assert (code, second["version"], second["key_id"]) == (0, 2, made["key_id"])
    code, back, _ = kairos("rollback")
    assert (code, back["version"], back["sha256"]) == (0, 3, second["sha256"])
    assert kairos("rollback", "3")[0] == 1
    assert kairos("rollback", "--site", "elsewhere")[0] == 1
    own = PrivateKey.read(tmp_path / "stack" / "model-key.pem")
    in_topic = topic.history("models")
    assert [taken(each, Trust([own.public])) for each in in_topic] == [True, False, True]
    assert taken(in_topic[1], Trust([made["public_key"]]))
    assert in_topic[2].effective_at_ms > in_topic[0].effective_at_ms
    listed = kairos("list")[1]["models"]
    assert [each["key_id"] for each in listed] == [own.key_id, made["key_id"], own.key_id]


def test_a_model_that_nobody_signed_is_published_again(
    topic: ControlWriter, tmp_path: Path
) -> None:
    """As a stack of before there were signatures has it; signed, it is left as it is."""
    topic.publish_model(load_model())
    signing = replace(topic, signer=PrivateKey.create(tmp_path / "models.pem"))
    assert [publish(signing, "models", load_model())[1] for _ in range(2)] == [True, False]
    assert publish(topic, "models", load_model())[1] is False
    assert [bool(each.signature) for each in topic.history("models")] == [False, True]


def test_a_record_signed_elsewhere_is_published_as_it_is(
    kairos: Any, topic: ControlWriter, tmp_path: Path
) -> None:
    """Its version and time are signed, so they must still fit."""
    pem, out = str(tmp_path / "models.pem"), str(tmp_path / "monday.signed")
    _, made, _ = kairos("keygen", pem)
    asked = ("--key", pem, "--version", "1", "--out", out)
    assert kairos("sign", *asked)[0] == 0
    assert kairos("publish", out)[1]["key_id"] == made["key_id"]
    (only,) = topic.history("models")
    assert taken(only, Trust([made["public_key"]]))
    code, _, err = kairos("publish", out)
    assert code == 1 and "sign it anew" in err
    assert kairos("sign", *asked[:2], "--version", "2", "--in-minutes", "0", "--out", out)[0] == 0
    code, _, err = kairos("publish", out)
    assert code == 1 and "in force already" in err


def test_what_every_job_would_refuse_is_not_published(
    kairos: Any, topic: ControlWriter, tmp_path: Path
) -> None:
    """Before it is in the topic, in one sentence."""
    broken = tmp_path / "broken.signed"
    broken.write_bytes(b"\0\0\0\0\1rubbish")
    code, _, err = kairos("publish", str(broken))
    assert code == 1 and "no signed model record" in err
    strange = replace_concept(tmp_path)
    code, _, err = kairos("publish", strange)
    assert code == 1 and "has no meaning" in err
    assert topic.history("models") == []


def replace_concept(folder: Path) -> str:
    """A signed record of the shipped model with a concept nobody knows."""
    model = load_model()
    odd = structs.replace(model, version=1, concepts=("mood", *model.concepts[1:]))
    key = PrivateKey.create(folder / "odd.pem")
    path = folder / "odd.signed"
    path.write_bytes(model_publish.file_codec().encode(key.sign(odd)))
    return str(path)
