"""What was read of another system, as events of an archive that is for looking back only.

1. A device seen with a customer is that customer's; ids become keyed hashes under a secret
   of the archive's own, so that no raw id is kept and nobody can try ids from outside.
2. Where the source names no visit, 30 minutes of silence end one. Events are numbered within it.
3. They go into ARCHIVE/imported, an archive of its own: the live log stays what the job decided on,
   and nothing imported ever asks for a decision. A file is imported once, known by its hash; an
   import that was interrupted goes on where it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from pathlib import Path

from connectors.archive_erase import IMPORTED
from connectors.archive_files import About, is_archive, locked, read_about, write_about
from connectors.archive_write import ArchiveWriter
from connectors.avro import codec
from connectors.import_told import Told
from connectors.log_files import LogFilesError, LogRecord
from connectors.memory import MemoryRegistry
from schemas.event import Consent, Event, Page, Product
from schemas.ids import known_key, visitor_key
from schemas.topics import EVENTS

SESSION_MS = 30 * 60 * 1000
COMMIT_ROWS = 50_000
SECRET_BYTES = 16
READ_BYTES = 1 << 20
PARTITION = 0


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; `skipped` were there already from an interrupted run of the same file."""

    events: int
    users: int
    sessions: int
    skipped: int


@dataclass(slots=True)
class _Visit:
    session: str
    last_ms: int
    index: int = 0


def events_of(
    told: Sequence[Told], site: str, secret: bytes, currency: str, consent: Consent
) -> Iterator[Event]:
    """The events of what was told, which is in the order of time. The same each time."""
    known = {each.visitor: each.known for each in told if each.visitor and each.known}
    visits: dict[str, _Visit] = {}
    named: dict[tuple[str, str], _Visit] = {}
    for number, each in enumerate(told):
        customer = each.known or known.get(each.visitor, "")
        key = (
            known_key(site, secret, customer)
            if customer
            else visitor_key(site, secret, each.visitor, lasting=True)
        )
        visit = _visit(each, key, visits, named)
        name = each.event_id or f"{each.at_ms}:{number}"
        yield Event(
            event_id="i-" + _short(key, each.type, name),
            type=each.type,
            site=site,
            user_key=key,
            session_id=visit.session,
            tab_id="0",
            session_index=visit.index - 1,
            ts_ms=each.at_ms,
            sent_at_ms=each.at_ms,
            received_at_ms=each.at_ms,
            accepted_at_ms=each.at_ms,
            consent=consent,
            user_mode="identified" if customer else "anonymous",
            page=Page(url=each.url, path=_path(each.url), title=each.title) if each.url else None,
            product=each.product and _priced(each.product, currency),
            source=each.source,
            value_micros=each.value_micros,
        )


def _visit(
    each: Told, key: str, visits: dict[str, _Visit], named: dict[tuple[str, str], _Visit]
) -> _Visit:
    """The visit of an event, one index further."""
    if each.session:
        visit = named.setdefault(
            (key, each.session), _Visit("i-" + _short(key, each.session), each.at_ms)
        )
    else:
        visit = visits.get(key) or _Visit("", each.at_ms - SESSION_MS)
        if each.at_ms - visit.last_ms >= SESSION_MS:
            visit = visits[key] = _Visit("i-" + _short(key, str(each.at_ms)), each.at_ms)
    visit.last_ms = each.at_ms
    visit.index += 1
    return visit


def import_told(
    archive: Path, file: Path, told: Sequence[Told], site: str, currency: str, consent: Consent
) -> Imported:
    """Write what a file told into an archive, once. Raises LogFilesError, OSError."""
    folder, mark = archive / IMPORTED, f"{site}:{file_hash(file)}"
    with locked(folder, "run", wait=False):
        about = read_about(folder) if is_archive(folder) else About()
        about = replace(about, secret=about.secret or secrets.token_hex(SECRET_BYTES))
        registry = MemoryRegistry(first_id=1 + max(map(int, about.schemas), default=0))
        registry.schemas = {int(number): text for number, text in about.schemas.items()}
        write_about(folder, about)
        writer = ArchiveWriter(folder, {EVENTS: codec(EVENTS, registry)}, registry.get)
        writer.begin(EVENTS, PARTITION, 0)
        first = _begun(folder, about, mark, writer.end(EVENTS, PARTITION), len(told))
        made = list(events_of(told, site, bytes.fromhex(about.secret), currency, consent))
        skipped = writer.end(EVENTS, PARTITION) - first
        _write(writer, made, first, codec(EVENTS, registry).encode)
    users = {each.user_key for each in made}
    sessions = {(each.user_key, each.session_id) for each in made}
    return Imported(len(made), len(users), len(sessions), skipped)


def _begun(folder: Path, about: About, mark: str, end: int, count: int) -> int:
    """The first offset of this file: a new one, or that of its interrupted import."""
    if mark in about.imports:
        first, total = map(int, about.imports[mark].split("+"))
        if end >= first + total:
            raise LogFilesError(f"this file was imported before, {total} events; nothing was done")
        return first
    write_about(folder, replace(about, imports={**about.imports, mark: f"{end}+{count}"}))
    return end


def _write(writer: ArchiveWriter, made: Sequence[Event], first: int, encode: object) -> None:
    assert callable(encode)
    for number, each in enumerate(made):
        record = LogRecord(
            PARTITION, first + number, each.received_at_ms, each.user_key.encode(), encode(each)
        )
        writer.add(EVENTS, record)  # What is there already counts for nothing.
        if len(writer.rows) >= COMMIT_ROWS:
            writer.commit()
    writer.commit()


def file_hash(file: Path) -> str:
    """What a file is known by."""
    found = sha256()
    with file.open("rb") as source:
        for block in iter(lambda: source.read(READ_BYTES), b""):
            found.update(block)
    return found.hexdigest()[:32]


def imported_key(archive: Path, site: str, raw_id: str, *, known: bool) -> str:
    """The key that an id of an imported file has, to erase it by. Raises LogFilesError."""
    secret = bytes.fromhex(read_about(archive / IMPORTED).secret)
    if known:
        return known_key(site, secret, raw_id)
    return visitor_key(site, secret, raw_id, lasting=True)


def _priced(product: Product, currency: str) -> Product:
    return Product(product.id, product.name, product.category, product.price_micros, currency,
                   product.quantity)  # fmt: skip


def _short(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def _path(url: str) -> str:
    rest = url.partition("://")[2] or url
    return "/" + rest.partition("/")[2] if "://" in url else rest
