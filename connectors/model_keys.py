"""Signed models: Ed25519 over everything a record says, and the keys that a job trusts.

A model decides what every visitor sees, and whoever may write to the topic could put one in force.
So a job takes only those signed by a key in its own settings; a record that says anything else
than what was signed is refused, and the version before stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from msgspec.structs import replace

from connectors.onnx import ModelRefused, OnnxScorer
from models.intent import Scorer
from models.names import CONCEPTS, SCORES
from schemas.model import PUBLIC_KEY, UNSIGNED, Model, signed_bytes


class KeyRefused(Exception):
    """A key that cannot be used; the message says where it is and why."""


class PrivateKey:
    """A signing key. `public` is what a job's settings name, 64 hex digits."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = raw.hex()
        self.key_id = key_id(self.public)

    @classmethod
    def read(cls, path: Path) -> PrivateKey:
        """From a PEM file that its owner alone can read. Raises KeyRefused."""
        try:
            if path.stat().st_mode & 0o077:
                raise KeyRefused(f"{path} can be read by others; run chmod 600 on it")
            key = load_pem_private_key(path.read_bytes(), None)
        except OSError as failure:
            raise KeyRefused(f"{path}: {failure.strerror}; `kairos model keygen` makes one") from (
                failure
            )
        except (ValueError, TypeError) as failure:
            raise KeyRefused(f"{path} is no unencrypted PEM private key") from failure
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyRefused(f"{path} is no Ed25519 key; `kairos model keygen` makes one")
        return cls(key)

    @classmethod
    def create(cls, path: Path) -> PrivateKey:
        """A new one in a new file (0600). Raises KeyRefused where there is a file already."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as failure:
            raise KeyRefused(f"{path} is there already; name another file") from failure
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        return cls(key)

    def sign(self, model: Model) -> Model:
        """The model with this key's id and its signature over everything else it says."""
        named = replace(model, key_id=self.key_id, signature=b"")
        return replace(named, signature=self._key.sign(signed_bytes(named)))


def key_id(public: str) -> str:
    """Short name of a public key: 16 hex digits of its SHA-256."""
    return sha256(bytes.fromhex(public)).hexdigest()[:16]


class Trust:
    """Public keys by id; `UNSIGNED` among them takes any model. Raises KeyRefused for no key."""

    def __init__(self, keys: Iterable[str]) -> None:
        given = tuple(keys)
        self.takes_unsigned = UNSIGNED in given
        named = [each for each in given if each != UNSIGNED]
        for each in named:
            if not PUBLIC_KEY.fullmatch(each):
                raise KeyRefused(f"{each[:80]!r} is no public key of 64 hex digits")
        self._keys = {
            key_id(each): Ed25519PublicKey.from_public_bytes(bytes.fromhex(each)) for each in named
        }

    def check(self, model: Model) -> None:
        """Raises ModelRefused unless a trusted key has signed exactly this."""
        if self.takes_unsigned:
            return
        where = f"model {model.site} version {model.version}"
        if not model.signature:
            raise ModelRefused(f"{where}: it is not signed; `kairos model publish --key` signs")
        key = self._keys.get(model.key_id)
        if key is None:
            raise ModelRefused(f"{where}: this job does not trust key {model.key_id[:16]!r}")
        try:
            key.verify(model.signature, signed_bytes(model))
        except InvalidSignature as failure:
            raise ModelRefused(f"{where}: its signature is over something else") from failure

    def trusts(self, model: Model) -> bool:
        """Whether `check` lets the model pass."""
        try:
            self.check(model)
        except ModelRefused:
            return False
        return True


def scorer_of(trust: Trust) -> Callable[[Model], Scorer]:
    """What a Context makes its scorers with: trusted, of known names, sound; else ModelRefused."""

    def made(model: Model) -> Scorer:
        trust.check(model)
        refuse_unknown_names(model)
        return OnnxScorer.from_model(model)

    return made


_CONCEPTS, _SCORES = frozenset(n for n, _ in CONCEPTS), frozenset(n for n, _ in SCORES)


def refuse_unknown_names(model: Model) -> None:
    """Raises ModelRefused for a concept or score that no campaign could read."""
    unknown = [name for name in model.concepts if name not in _CONCEPTS]
    unknown += [head.name for head in model.heads if head.name not in _SCORES]
    if unknown:
        raise ModelRefused(
            f"model {model.site} version {model.version}: {unknown[0]!r} has no meaning here "
            "(docs/names.md has what there is)"
        )
