"""`kairos model keygen|sign|publish|rollback|list` on a broker of the client library."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from cli import model_publish, model_watch
from connectors.avro import register_all
from connectors.control import ControlWriter
from connectors.memory import MemoryRegistry
from connectors.model_keys import PrivateKey, Trust
from connectors.model_watch import PURCHASE_INTENT, Drift
from connectors.publish import publish
from infra.model import load as load_model
from schemas.model import Model
from tests.connectors.taken import taken

REGISTRY = MemoryRegistry()
register_all(REGISTRY)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, brokers: str) -> ControlWriter:
    """Writes to that broker, with a stack folder for the key."""
    made = ControlWriter(brokers, REGISTRY, wait_s=20.0)
    monkeypatch.setenv("KAIROS_STACK_DIR", str(tmp_path / "stack"))
    monkeypatch.setenv("KAIROS_BROKERS", made.brokers)
    monkeypatch.setenv("KAIROS_REGISTRY_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("KAIROS_MODEL_KEYS", raising=False)
    monkeypatch.setattr(
        model_publish, "writer", lambda key: replace(made, signer=model_publish.key_of(key))
    )
    return made


@pytest.fixture
def kairos(kairos: Any) -> Any:
    """Run `kairos model ...`."""
    return partial(kairos, "model")


def test_what_is_published_is_signed_and_an_older_one_comes_back(
    kairos: Any, topic: ControlWriter, tmp_path: Path
) -> None:
    """By the stack's own key, or by one that is given; a rollback is a new version."""
    code, made, _ = kairos("keygen", str(tmp_path / "models.pem"))
    assert code == 0
    assert kairos("publish")[1]["version"] == 1
    code, second, _ = kairos("publish", "--key", str(tmp_path / "models.pem"))
    assert (code, second["version"], second["key_id"]) == (0, 2, made["key_id"])
    code, back, _ = kairos("rollback", "1", "--key", str(tmp_path / "models.pem"))
    assert (code, back["version"], back["sha256"]) == (0, 3, second["sha256"])
    assert kairos("rollback", "3", "--key", str(tmp_path / "models.pem"))[0] == 1
    assert kairos("rollback", "--site", "elsewhere")[0] == 1
    own = PrivateKey.read(tmp_path / "stack" / "model-key.pem")
    in_topic = topic.history("models")
    assert [taken(each, Trust([own.public])) for each in in_topic] == [True, False, False]
    assert [taken(each, Trust([made["public_key"]])) for each in in_topic] == [False, True, True]
    assert in_topic[2].effective_at_ms > in_topic[0].effective_at_ms
    listed = kairos("list")[1]["models"]
    assert [each["key_id"] for each in listed] == [own.key_id, made["key_id"], made["key_id"]]


def another(bias_micro: int) -> Model:
    """The shipped network under another first head."""
    model = load_model()
    first = structs.replace(model.heads[0], bias_micro=bias_micro)
    return structs.replace(model, heads=(first, *model.heads[1:]))


def bias_of(topic: ControlWriter) -> int:
    """The first head's bias of the newest record."""
    found: int = topic.history("models")[-1].heads[0].bias_micro
    return found


def test_a_rollback_signs_nothing_that_no_trusted_key_has_signed(
    kairos: Any, topic: ControlWriter, tmp_path: Path
) -> None:
    """Two records of whoever may write to the topic: unsigned, and by a key of his own."""
    forger = replace(topic, signer=PrivateKey.create(tmp_path / "forger.pem"))

    def forge() -> None:
        topic.publish_model(another(666))
        forger.publish_model(another(667))

    forge()
    code, _, err = kairos("rollback")
    assert code == 1 and "by a trusted key" in err and len(topic.history("models")) == 2
    own = replace(topic, signer=model_publish.key_of(None))
    own.publish_model(another(1))
    own.publish_model(another(2))
    forge()
    assert kairos("rollback")[1]["version"] == 7 and bias_of(topic) == 1
    for version in ("1", "2", "5", "6"):
        code, _, err = kairos("rollback", version)
        assert code == 1 and f"no version {version} by a trusted key" in err
    assert kairos("rollback", "4")[1]["version"] == 8 and bias_of(topic) == 2
    forge()
    assert kairos("rollback", "8")[1]["version"] == 11, "what runs, past what was refused since"


def drift(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """A log in which this version decided, and was wrong by 6 %."""
    found = Drift("demo", version, 1_000, {}, {PURCHASE_INTENT: 60_000}, {PURCHASE_INTENT: 1_000})
    monkeypatch.setattr(model_watch, "check_drift", lambda log, site: found)


def test_drift_is_published_of_a_trusted_record_alone(
    kairos: Any, topic: ControlWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forged record of the site's own and of this version would come before the default one."""
    drift(monkeypatch, 1)
    topic.publish_model(structs.replace(another(666), site="demo"))
    code, _, err = kairos("check-drift", "log", "--publish")
    assert code == 1 and "no version 1 by a trusted key" in err
    assert len(topic.history("models")) == 1
    assert kairos("publish")[1]["version"] == 1
    assert kairos("check-drift", "log", "--publish")[1]["published_version"] == 2
    newest = topic.history("models")[-1]
    assert (newest.site, newest.ece_ppm) == ("default", 60_000)
    assert newest.heads == load_model().heads


def test_a_rollback_after_drift_is_to_another_model(
    kairos: Any, topic: ControlWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights without their mark would decide again."""
    own = replace(topic, signer=model_publish.key_of(None))
    own.publish_model(another(1))
    assert kairos("rollback")[0] == 1
    own.publish_model(another(2))
    drift(monkeypatch, 2)
    assert kairos("check-drift", "log", "--publish")[1]["published_version"] == 3
    assert kairos("rollback")[1]["version"] == 4
    assert bias_of(topic) == 1 and topic.history("models")[-1].ece_ppm == 0


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
