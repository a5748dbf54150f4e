"""`kairos model` on the topic: keys, signing, publishing, rolling back."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cli.endpoints import endpoints
from cli.output import CommandError, print_json, print_result, table
from connectors.avro import BadFrame, Codec, codec, schema_text
from connectors.control import ControlWriter
from connectors.memory import MemoryRegistry
from connectors.model_keys import KeyRefused, PrivateKey, Trust, refuse_unknown_names
from connectors.onnx import ModelRefused, OnnxScorer
from connectors.registry import RegistryClient
from infra.local.layout import read_layout
from infra.local.model_keys import stack_key
from infra.model import FOLDER, BadModel, load
from models.inputs import UnknownInput, compiled
from schemas.model import UNSIGNED, Model

DEFAULT_SITE = "default"
SIGNED = ".signed"
_TOPIC = "models"
_HEAD = ("site", "version", "effective_at_ms", "name", "sha256", "onnx_bytes", "key_id", "ece_ppm")


def keygen_arguments(parser: argparse.ArgumentParser) -> None:
    """`keygen FILE`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="where the private key goes (0600)")


def sign_arguments(parser: argparse.ArgumentParser) -> None:
    """`sign FILE --key KEY --version N --at MS --out FILE`."""
    _model_argument(parser)
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="a private key")
    parser.add_argument("--site", default=DEFAULT_SITE, help="one site, else every site")
    parser.add_argument("--version", type=int, required=True, help="one more than the newest")
    parser.add_argument(
        "--in-minutes", type=int, default=10, help="in force so long from now: time to carry it"
    )
    parser.add_argument("--out", type=Path, required=True, help=f"the signed record, *{SIGNED}")


def publish_arguments(parser: argparse.ArgumentParser) -> None:
    """`publish [FILE] [--key KEY] [--site SITE]`."""
    _model_argument(parser)
    parser.add_argument("--site", default=DEFAULT_SITE, help="one site, else every site")
    _key_argument(parser)


def rollback_arguments(parser: argparse.ArgumentParser) -> None:
    """`rollback [VERSION] [--site SITE] [--key KEY]`."""
    parser.add_argument(
        "version",
        type=int,
        nargs="?",
        default=0,
        help="which one; else the newest that scores differently",
    )
    parser.add_argument("--site", default=DEFAULT_SITE, help="one site, else every site")
    _key_argument(parser)


def _model_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help=f"a default.json with default.onnx beside it (the shipped one), or a *{SIGNED} record",
    )


def _key_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", type=Path, metavar="PEM", help="private key to sign with (the stack's own)"
    )


def keygen(args: argparse.Namespace) -> int:
    """Make a key pair; the public half is printed for the job's settings."""
    try:
        key = PrivateKey.create(args.file)
    except KeyRefused as refused:
        raise CommandError(f"{refused}.") from refused
    lines = [
        f"private key {args.file}: whoever has it decides what visitors see",
        f"public key {key.public}: name it in the job's KAIROS_MODEL_KEYS",
    ]
    result = {"file": str(args.file), "key_id": key.key_id, "public_key": key.public}
    print_result(result, as_json=args.json, lines=lines)
    return 0


def sign(args: argparse.Namespace) -> int:
    """Sign a record away from the broker; `publish` writes it as it is."""
    model = replace(
        checked(args.file),
        site=args.site,
        version=args.version,
        effective_at_ms=int(time.time() * 1000) + args.in_minutes * 60_000,
    )
    signed = key_of(args.key).sign(model)
    args.out.write_bytes(file_codec().encode(signed))
    lines = [
        f"{args.out}: model {signed.name} as version {signed.version} for site {signed.site}, in "
        f"force in {args.in_minutes} min; publish it before then"
    ]
    print_result({"out": str(args.out), **row(signed)}, as_json=args.json, lines=lines)
    return 0


def publish(args: argparse.Namespace) -> int:
    """Put a model in force, a signed record as it is."""
    if args.file is not None and args.file.suffix == SIGNED:
        made = _publish_signed(args.file)
    else:
        model = replace(checked(args.file), site=args.site, ece_ppm=0)
        made = writer(args.key).publish_model(model)
    return told(made, args)


def _publish_signed(file: Path) -> Model:
    try:
        model: Model = file_codec().decode(file.read_bytes())
    except (OSError, BadFrame) as bad:
        raise CommandError(f"{file}: no signed model record ({bad}).") from bad
    verify(model)
    newest = writer(None).newest(_TOPIC, model.site)
    known = newest.version if newest is not None else 0
    if model.version <= known:
        raise CommandError(f"{file} is version {model.version}, the newest {known}; sign it anew.")
    if model.effective_at_ms <= int(time.time() * 1000):
        raise CommandError(f"{file} should be in force already; sign it anew.")
    return writer(None).publish_signed(model)


def file_codec() -> Codec[Model]:
    """Bytes of a record in a file, framed as if this release's schema were the only one."""
    registry = MemoryRegistry()
    registry.register(_TOPIC, schema_text(_TOPIC))
    return codec(_TOPIC, registry)


def rollback(args: argparse.Namespace) -> int:
    """Publish an older model again, as a new version."""
    found = [each for each in history(args.key) if each.site == args.site]
    older = earlier(found, trusted(found, args.key), args.version)
    if older is None:
        wanted = f"version {args.version}" if args.version else "other model"
        raise CommandError(
            f"site {args.site} has no {wanted} by a trusted key before its newest to go back to; "
            "`kairos model list` shows what the topic holds."
        )
    verify(older)
    return told(writer(args.key).publish_model(replace(older, ece_ppm=0)), args)


def earlier(found: Sequence[Model], ours: Sequence[Model], version: int = 0) -> Model | None:
    """Of one site's records that are `ours`, this version, else the newest of another model.

    Either is older than the newest record `found`, which may be one that the job refused.
    """
    if version:
        newest = max((each.version for each in found), default=0)
        return next((each for each in ours if each.version == version < newest), None)
    last = max(ours, key=lambda each: each.version, default=Model())
    others = [each for each in ours if _scores_by(each) != _scores_by(last)]
    return max(others, key=lambda each: each.version, default=None)


def _scores_by(model: Model) -> tuple[Any, ...]:
    """What scores depend on: a published calibration error makes no other model."""
    return model.onnx, model.hidden_size, model.features, model.concepts, model.heads


def history(key: Path | None) -> list[Model]:
    """Every model in the topic, whoever wrote it."""
    return list(writer(key).history(_TOPIC))


def trusted(found: Iterable[Model], key: Path | None) -> list[Model]:
    """Those signed by a key that the job trusts, or by the one to sign with.

    To sign any other would put in force what nobody who may do so has published.
    """
    named = [each for each in endpoints().model_keys if each != UNSIGNED]
    trust = Trust([*named, key_of(key).public])
    return [each for each in found if trust.trusts(each)]


def list_models(args: argparse.Namespace) -> int:
    """Every model that was published."""
    rows = [row(model) for model in history(None)]
    if args.json:
        print_json({"models": rows})
        return 0
    for line in table(_HEAD, [tuple(each[name] for name in _HEAD) for each in rows]):
        print(line)
    return 0


def told(made: Model, args: argparse.Namespace) -> int:
    """Say what was published."""
    lines = [f"model {made.name} is version {made.version} for site {made.site}, in force in 1 s"]
    print_result(row(made), as_json=args.json, lines=lines)
    return 0


def row(model: Model) -> dict[str, Any]:
    """What `--json` says of a model in the topic."""
    known = {name: getattr(model, name, None) for name in _HEAD}
    return {**known, "onnx_bytes": len(model.onnx)}


def checked(file: Path | None) -> Model:
    """A model from its files, if a job could score with it. Raises CommandError."""
    if file is None or file.is_dir():
        file = (file or FOLDER) / "default.json"
    try:
        model = load(file.parent, file.name)
    except FileNotFoundError as missing:
        raise CommandError(f"{missing.filename} is not there; train a model first.") from missing
    except (BadModel, ValueError, KeyError, TypeError) as bad:
        raise CommandError(f"{file}: no model record ({bad}).") from bad
    verify(model)
    return model


def verify(model: Model) -> None:
    """Raises CommandError for a model that every job would refuse, whoever signed it."""
    try:
        compiled(model.features)
        refuse_unknown_names(model)
        OnnxScorer.from_model(model)
    except UnknownInput as unknown:
        raise CommandError(
            f"features: {unknown}; train it again with `kairos model train`."
        ) from unknown
    except ModelRefused as refused:
        raise CommandError(f"{refused}.") from refused


def key_of(path: Path | None) -> PrivateKey:
    """The key to sign with: the given file's, else the stack's own. Raises CommandError."""
    try:
        return PrivateKey.read(path) if path is not None else stack_key(read_layout().stack)
    except KeyRefused as refused:
        raise CommandError(f"{refused}.") from refused


def writer(key: Path | None) -> ControlWriter:
    """Writes to the topic of the running stack, signing with the key."""
    where = endpoints()
    return ControlWriter(where.brokers, RegistryClient(where.registry), signer=key_of(key))
