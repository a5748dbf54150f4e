"""The registry client: what it keeps, how long it waits, and what it never shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from connectors.avro import BadFrame, codec, encode_frame
from connectors.registry import (
    RegistryClient,
    RegistryRefused,
    RegistryUnavailable,
    UnknownSchemaId,
)

SCHEMA = '{"type": "string"}'


class Server:
    """A stand-in HTTP server; `answers` maps a path to (status, body), `calls` lists requests."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.calls: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.calls.append((self.path, self.headers["Authorization"]))
                status, body = outer.answers.get(self.path, (404, b"<html>no such page</html>"))
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def client(url: str, clock: Clock | None = None) -> RegistryClient:
    clock = clock or Clock()
    return RegistryClient(url, clock=clock, sleep=clock.sleep)


def test_credentials_in_the_url_are_sent_and_never_shown(server: Server) -> None:
    server.answers["/base/schemas/ids/1"] = (200, {"schema": SCHEMA})
    reader = client(f"http://me:s%40cret@{server.address}/base/")
    assert reader.get(1) == SCHEMA
    want = "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert server.calls == [("/base/schemas/ids/1", want)]
    server.answers["/base/subjects"] = (503, b"")
    with pytest.raises(RegistryUnavailable) as down:
        reader.subjects()
    assert "cret" not in f"{down.value} {reader!r} {vars(reader)['url']}"


def test_a_schema_is_asked_for_once(server: Server) -> None:
    server.answers["/schemas/ids/7"] = (200, {"schema": SCHEMA})
    reader = client(f"http://{server.address}")
    assert [reader.get(7) for _ in range(3)] == [SCHEMA] * 3
    assert len(server.calls) == 1


def test_an_unknown_id_is_remembered_for_a_moment_only(server: Server) -> None:
    server.answers["/schemas/ids/7"] = (404, {"error_code": 40403, "message": "not found"})
    clock = Clock()
    reader = client(f"http://{server.address}", clock)
    for _ in range(3):
        with pytest.raises(UnknownSchemaId):
            reader.get(7)
    assert len(server.calls) == 1
    clock.now_s += 60.0
    server.answers["/schemas/ids/7"] = (200, {"schema": SCHEMA})
    assert reader.get(7) == SCHEMA


@pytest.mark.parametrize("schema_id", [0, 2**31, 2**32 - 1])
def test_an_impossible_id_is_not_asked_for(server: Server, schema_id: int) -> None:
    with pytest.raises(UnknownSchemaId):
        client(f"http://{server.address}").get(schema_id)
    assert server.calls == []


UNUSABLE = [
    (200, b"not json"),
    (500, b""),
    (503, {"error_code": 50003, "message": "no leader"}),
    (429, b""),
    (404, b"<html>wrong base path</html>"),
    (401, {"error_code": 401, "message": "who are you"}),
    (200, b"x" * (9 * 1024 * 1024)),
]


@pytest.mark.parametrize(("status", "body"), UNUSABLE)
def test_an_answer_that_is_no_registrys_is_an_outage_and_no_unknown_id(
    server: Server, status: int, body: Any
) -> None:
    server.answers["/schemas/ids/7"] = (status, body)
    with pytest.raises(RegistryUnavailable):
        client(f"http://{server.address}").get(7)
    assert len(server.calls) == (1 if status in (404, 401) else 4)


@pytest.mark.parametrize("extra", [{"schemaType": "JSON"}, {"references": [{"name": "x"}]}])
def test_a_schema_that_is_not_plain_avro_is_an_unknown_id(server: Server, extra: Any) -> None:
    server.answers["/schemas/ids/7"] = (200, {"schema": SCHEMA, **extra})
    with pytest.raises(UnknownSchemaId, match="want Avro"):
        client(f"http://{server.address}").get(7)


def test_a_dead_registry_stalls_a_stream_once_and_not_at_every_record() -> None:
    clock = Clock()
    reader = codec("events", client("http://127.0.0.1:9", clock))
    for number in range(1, 1001):
        with pytest.raises(BadFrame) as bad:
            reader.decode(encode_frame(number, b""))
        assert bad.value.reason == "registry_unavailable"
    assert 0 < clock.now_s < 1.0


def test_an_outage_ends_by_itself(server: Server) -> None:
    server.answers["/schemas/ids/7"] = (503, b"")
    clock = Clock()
    reader = client(f"http://{server.address}", clock)
    with pytest.raises(RegistryUnavailable):
        reader.get(7)
    server.answers["/schemas/ids/7"] = (200, {"schema": SCHEMA})
    with pytest.raises(RegistryUnavailable, match="a moment ago"):
        reader.get(7)
    clock.now_s += 2.0
    assert reader.get(7) == SCHEMA


def test_a_refusal_carries_the_registrys_code(server: Server) -> None:
    server.answers["/subjects"] = (422, {"error_code": 42201, "message": "Invalid schema"})
    with pytest.raises(RegistryRefused, match="Invalid schema") as refused:
        client(f"http://{server.address}").subjects()
    assert refused.value.code == 42201


@pytest.mark.parametrize("url", ["", "127.0.0.1:8081", "file:///etc/passwd", "ftp://x", "http://"])
def test_a_url_that_is_no_registrys_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="registry URL must be"):
        RegistryClient(url)
