"""Client of any Confluent-compatible schema registry, on the standard library alone."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib import error, request
from urllib.parse import quote, unquote, urlsplit, urlunsplit

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
ANSWER_BYTES_MAX = 8 * 1024 * 1024
UNKNOWN_IDS_MAX = 4096
SCHEMA_NOT_FOUND = 40403
ID_MAX = 2**31 - 1
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class RegistryUnavailable(Exception):
    """The registry gave no usable answer; trying again later may help."""


class RegistryRefused(Exception):
    """The registry understood and said no; `code` is its Confluent error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} (registry error {code})")
        self.code = code


class UnknownSchemaId(Exception):
    """The registry holds no Avro schema under this id."""


class RegistryClient:
    """Registers and fetches schemas; a schema once seen by id is kept for ever.

    `url` may carry user info (https://user:secret@host/base), which is sent as basic
    authentication and never shown. A call tries `attempts` times; after an outage the next
    calls fail at once for `rest_s` seconds, so a dead registry cannot stall a stream of records.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 2.0,
        attempts: int = 4,
        backoff_s: float = 0.1,
        rest_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url, self._headers = _split_credentials(url)
        self._timeout_s, self._attempts = timeout_s, attempts
        self._backoff_s, self._rest_s = backoff_s, rest_s
        self._clock, self._sleep = clock, sleep
        self._by_id: dict[int, str] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._unknown: dict[int, float] = {}
        self._down_until = float("-inf")
        self._lock = threading.Lock()
        # A proxy from the environment must never stand between two local processes.
        local = urlsplit(self.url).hostname in LOOPBACK
        handlers = [request.ProxyHandler({})] if local else []
        self._opener = request.build_opener(*handlers)

    def __repr__(self) -> str:
        return f"RegistryClient({self.url!r})"

    def register(self, subject: str, schema: str) -> int:
        """Id of `schema` under `subject`; registering the same text again gives the same id.

        Raises RegistryRefused (incompatible, invalid) or RegistryUnavailable.
        """
        known = self._ids.get((subject, schema))
        if known is not None:
            return known
        path = f"/subjects/{quote(subject, safe='')}/versions"
        schema_id = int(self._call("POST", path, {"schema": schema})["id"])
        self._ids[subject, schema] = schema_id
        return schema_id

    def get(self, schema_id: int) -> str:
        """Avro schema text of an id. Raises UnknownSchemaId or RegistryUnavailable."""
        text = self._by_id.get(schema_id)
        if text is not None:
            return text
        if not 0 < schema_id <= ID_MAX:
            raise UnknownSchemaId(f"schema id {schema_id} is outside 1..{ID_MAX}")
        with self._lock:
            return self._by_id.get(schema_id) or self._fetch(schema_id)

    def set_compatibility(self, subject: str, level: str) -> None:
        """Set the rule that later versions of `subject` must obey, such as FULL_TRANSITIVE."""
        self._call("PUT", f"/config/{quote(subject, safe='')}", {"compatibility": level})

    def subjects(self) -> list[str]:
        """Names of all subjects; also the cheapest way to see that the registry answers."""
        return [str(name) for name in self._call("GET", "/subjects", None)]

    def _fetch(self, schema_id: int) -> str:
        now = self._clock()
        if self._unknown.get(schema_id, float("-inf")) > now:
            raise UnknownSchemaId(f"the registry has no schema id {schema_id}")
        try:
            answer = self._call("GET", f"/schemas/ids/{schema_id}", None)
        except RegistryRefused as refusal:
            if refusal.code != SCHEMA_NOT_FOUND:
                raise RegistryUnavailable(f"schema id {schema_id}: {refusal}") from refusal
            if len(self._unknown) >= UNKNOWN_IDS_MAX:
                self._unknown.clear()
            # Remembered for a moment only: the id may be registered later.
            self._unknown[schema_id] = now + self._rest_s
            raise UnknownSchemaId(f"the registry has no schema id {schema_id}") from refusal
        kind = answer.get("schemaType", "AVRO")
        if kind != "AVRO" or answer.get("references"):
            raise UnknownSchemaId(f"schema id {schema_id} is {kind} or has references; want Avro")
        self._by_id[schema_id] = str(answer["schema"])
        return self._by_id[schema_id]

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """One request with bounded retries; the answer's JSON."""
        if self._clock() < self._down_until:
            raise RegistryUnavailable(f"no answer from {self.url} a moment ago")
        last = ""
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(self._backoff_s * 2 ** (attempt - 1))
            try:
                return self._once(method, path, body)
            except (OSError, ValueError, HTTPException) as failure:
                last = f"{type(failure).__name__}: {failure}"
        self._down_until = self._clock() + self._rest_s
        raise RegistryUnavailable(f"no answer from {self.url}: {last}")

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        call = request.Request(self.url + path, data, self._headers, method=method)
        try:
            with self._opener.open(call, timeout=self._timeout_s) as answer:
                return json.loads(_bounded(answer))
        except error.HTTPError as refusal:
            with refusal:
                code, message = _error(refusal)
            if refusal.code >= 500 or refusal.code == 429:
                raise OSError(message) from refusal
            raise RegistryRefused(code, message) from refusal


def _bounded(answer: Any) -> bytes:
    data = bytes(answer.read(ANSWER_BYTES_MAX + 1))
    if len(data) > ANSWER_BYTES_MAX:
        raise ValueError(f"answer is longer than {ANSWER_BYTES_MAX} bytes")
    return data


def _error(refusal: error.HTTPError) -> tuple[int, str]:
    """Error code and message; an answer that is no registry's carries its HTTP status."""
    try:
        body = json.loads(_bounded(refusal))
        return int(body["error_code"]), str(body.get("message", ""))
    except (ValueError, KeyError, TypeError, OSError):
        return refusal.code, f"HTTP {refusal.code} without a registry's error body"


def _split_credentials(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("registry URL must be http(s)://[user:secret@]host[:port][/base]")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = host if parts.port is None else f"{host}:{parts.port}"
    headers = {"Content-Type": CONTENT_TYPE, "Accept": f"{CONTENT_TYPE}, application/json"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", "")), headers
