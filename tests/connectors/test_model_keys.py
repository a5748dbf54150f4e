"""Signed models: only what a trusted key has signed is taken, and nothing else than that."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.avro import BadFrame, codec
from connectors.memory import MemoryRegistry
from connectors.model_keys import KeyRefused, PrivateKey, Trust, scorer_of
from connectors.onnx import ModelRefused
from models.context import Context
from models.features import FEATURES
from schemas.model import HAZARD, RISK, UNSIGNED, Head, Model, signed_bytes
from tests.connectors.taken import taken
from tests.connectors.tiny_onnx import linear
from tests.schemas.samples import samples

ONNX = linear([[0.01, 0.02]] * len(FEATURES))


def model(**fields: Any) -> Model:
    """A model that would score, unsigned."""
    known: dict[str, Any] = {
        "site": "demo",
        "version": 3,
        "effective_at_ms": 1_790_000_000_000,
        "onnx": ONNX,
        "sha256": sha256(ONNX).hexdigest(),
        "features": FEATURES,
        "concepts": ("frustration", "stickiness"),
        "heads": (
            Head("purchase_intent", 5, (1, 2), (0, 9), (1, 2), RISK),
            Head("conversion_5m", 0, (3, 4), kind=HAZARD),
        ),
    }
    return Model(**{**known, **fields})


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    """A key that the jobs here trust."""
    return PrivateKey.create(tmp_path_factory.mktemp("keys") / "models.pem")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    """A key that they do not."""
    return PrivateKey.create(tmp_path_factory.mktemp("keys") / "other.pem")


@pytest.mark.promise("M29")
def test_a_signed_model_is_taken_and_scores(key: PrivateKey) -> None:
    """Read from its bytes, as a job reads it."""
    models = codec("models", MemoryRegistry())
    read = models.decode(models.encode(key.sign(model())))
    assert read.key_id == key.key_id
    concepts, _ = scorer_of(Trust([key.public]))(read).step([1.0] * len(FEATURES), b"")
    assert len(concepts) == 2 and taken(read, Trust([key.public]))


def test_others_are_refused_by_name(key: PrivateKey, other: PrivateKey) -> None:
    """Unsigned, another's key, another's signature under a trusted key's name, another record."""
    signed = key.sign(model())
    cases = {
        "not signed": model(),
        "does not trust": other.sign(model()),
        "demo version 3: its signature": replace(other.sign(model()), key_id=key.key_id),
        "demo version 4: its signature": replace(signed, version=4),
        "its signature": replace(signed, signature=signed.signature + b"\0"),
    }
    for cause, bad in cases.items():
        with pytest.raises(ModelRefused, match=cause):
            scorer_of(Trust([key.public]))(bad)
        assert not taken(bad, Trust([key.public]))


def test_a_job_without_keys_takes_none_and_only_a_word_takes_any(key: PrivateKey) -> None:
    """Nothing set is not everything allowed."""
    assert not taken(key.sign(model()), Trust([]))
    assert taken(model(), Trust([UNSIGNED]))
    for bad in ("", "abc", "AB" * 32, "é" * 64):
        with pytest.raises(KeyRefused, match="64 hex digits"):
            Trust([bad])


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"concepts": ("frustration", "mood")}, "'mood' has no meaning"),
        ({"heads": (Head("luck", 0, (1, 2)),)}, "'luck' has no meaning"),
        ({"features": FEATURES[1:]}, "does not run"),
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"onnx": ONNX * 40_000, "sha256": sha256(ONNX * 40_000).hexdigest()}, "bytes of ONNX"),
        ({"onnx": ONNX[:-40], "sha256": sha256(ONNX[:-40]).hexdigest()}, "cut off"),
        ({"hidden_size": 8}, "it takes"),
    ],
    ids=["concept", "score", "features", "hash", "too large", "cut", "no hidden state"],
)
def test_a_good_signature_does_not_make_a_bad_model_good(
    key: PrivateKey, fields: dict[str, Any], cause: str
) -> None:
    """Whoever holds the key may still have signed rubbish."""
    with pytest.raises(ModelRefused, match=cause):
        scorer_of(Trust([key.public]))(key.sign(model(**fields)))


def test_an_input_that_this_build_does_not_compute_is_refused(key: PrivateKey) -> None:
    """Signed or not: its vector could not be made."""
    assert not taken(key.sign(model(features=("mood", *FEATURES[1:]))), Trust([key.public]))


def test_what_is_refused_leaves_the_version_before_in_force(key: PrivateKey) -> None:
    """And going back is publishing the older one again."""
    context = Context(scorer_of(Trust([key.public])))
    context.add("models", key.sign(model(version=1, effective_at_ms=1_000)))
    with pytest.raises(ModelRefused):
        context.add("models", model(version=2, effective_at_ms=2_000))
    assert context.at("demo", 3_000).versions.model == 1
    context.add("models", key.sign(model(version=3, effective_at_ms=4_000, name="again")))
    assert [context.at("demo", at).versions.model for at in (999, 1_000, 3_999, 4_000)] == [
        0, 1, 1, 3,
    ]  # fmt: skip


def test_any_flipped_bit_of_a_signed_record_is_refused(key: PrivateKey) -> None:
    """Every bit of it: the frame, a name, a weight, the graph, the signature itself."""
    models, trust = codec("models", MemoryRegistry()), Trust([key.public])
    frame = models.encode(key.sign(model()))
    assert taken(models.decode(frame), trust)
    unread = 0
    for at in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[at >> 3] ^= 1 << (at & 7)
        try:
            read = models.decode(bytes(flipped))
        except BadFrame:
            unread += 1
        else:
            assert not trust.trusts(read), at
    assert 0 < unread < 8 * len(frame)


def test_each_field_is_signed() -> None:
    """Whichever changes, so do the bytes under the signature, but not for the signature."""
    full: Model = samples()["models"]
    blank = Model()
    for name in Model.__struct_fields__:
        if getattr(full, name) == getattr(blank, name):
            continue
        changed = replace(full, **{name: getattr(blank, name)})
        assert (signed_bytes(changed) == signed_bytes(full)) == (name == "signature"), name


def test_a_field_added_later_changes_nothing_that_was_signed() -> None:
    """A record of before has it at its default, which is left out."""
    assert b"ece_ppm" not in signed_bytes(model())
    assert b"ece_ppm" in signed_bytes(model(ece_ppm=1))


def test_a_key_is_its_owner_s_alone(tmp_path: Path, key: PrivateKey) -> None:
    """Made 0600, never over another, and refused where others could read it."""
    path = tmp_path / "new" / "models.pem"
    made = PrivateKey.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert PrivateKey.read(path).public == made.public != key.public
    with pytest.raises(KeyRefused, match="there already"):
        PrivateKey.create(path)
    path.chmod(0o640)
    with pytest.raises(KeyRefused, match="chmod 600"):
        PrivateKey.read(path)
    (tmp_path / "rubbish").write_text("no key")
    (tmp_path / "rubbish").chmod(0o600)
    with pytest.raises(KeyRefused, match="no unencrypted PEM"):
        PrivateKey.read(tmp_path / "rubbish")
    with pytest.raises(KeyRefused, match="keygen"):
        PrivateKey.read(tmp_path / "nothing")
