"""The registry as a process, spoken to by the unmodified confluent-kafka client."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from connectors.avro import codec, register_all
from connectors.registry import RegistryClient, RegistryRefused, RegistryUnavailable
from schemas.event import Event
from schemas.topics import SCHEMA_FILES
from tests.infra.registry_process import RegistryProcess

pytestmark = pytest.mark.stack
LONG_A = '{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}'
WITH_B = (
    '{"type":"record","name":"R","fields":[{"name":"a","type":"long"},'
    '{"name":"b","type":"string","default":""}]}'
)
STRING_A = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}'


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    running = RegistryProcess(tmp_path_factory.mktemp("registry"))
    running.start()
    yield running
    running.kill()


@pytest.fixture
def client(process: RegistryProcess) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": process.url})


def avro(text: str) -> Schema:
    return Schema(text, "AVRO")


def test_the_confluent_client_registers_reads_and_looks_up(client: SchemaRegistryClient) -> None:
    schema_id = client.register_schema("life-value", avro(LONG_A))
    newer = client.register_schema("life-value", avro(WITH_B))
    assert client.register_schema("life-value", avro(LONG_A)) == schema_id != newer
    fresh = SchemaRegistryClient({"url": client._rest_client.base_urls[0]})
    assert json.loads(fresh.get_schema(schema_id).schema_str) == json.loads(LONG_A)
    assert "life-value" in fresh.get_subjects()
    assert fresh.get_versions("life-value") == [1, 2]
    latest = fresh.get_latest_version("life-value")
    assert (latest.version, latest.schema_id) == (2, newer)
    assert fresh.get_version("life-value", 1).schema_id == schema_id
    assert fresh.lookup_schema("life-value", avro(WITH_B)).version == 2
    uses = fresh.get_schema_versions(schema_id)
    assert [(use.subject, use.version) for use in uses] == [("life-value", 1)]
    assert fresh.get_subjects_by_schema_id(schema_id) == ["life-value"]


def test_the_confluent_client_sets_levels_and_asks_before_registering(
    client: SchemaRegistryClient,
) -> None:
    assert client.get_compatibility() == "BACKWARD"
    client.register_schema("level-value", avro(LONG_A))
    client.set_compatibility("level-value", "FULL_TRANSITIVE")
    assert client.get_compatibility("level-value") == "FULL_TRANSITIVE"
    assert client.test_compatibility("level-value", avro(WITH_B))
    assert not client.test_compatibility("level-value", avro(STRING_A))
    assert not client.test_compatibility_all_versions("level-value", avro(STRING_A))
    client.delete_config("level-value")
    with pytest.raises(SchemaRegistryError) as refused:
        client.get_compatibility("level-value")
    assert refused.value.error_code == 40408


def test_the_confluent_client_deletes_softly_then_for_good(client: SchemaRegistryClient) -> None:
    client.register_schema("gone-value", avro(LONG_A))
    client.register_schema("gone-value", avro(WITH_B))
    assert client.delete_version("gone-value", 1) == 1
    assert client.get_versions("gone-value") == [2]
    assert client.get_versions("gone-value", deleted=True) == [1, 2]
    assert client.delete_version("gone-value", 1, permanent=True) == 1
    assert client.delete_subject("gone-value") == [2]
    assert client.delete_subject("gone-value", permanent=True) == [2]
    assert "gone-value" not in client.get_subjects(deleted=True)


def test_a_read_only_subject_refuses_new_versions(client: SchemaRegistryClient) -> None:
    client.register_schema("mode-value", avro(LONG_A))
    assert client.update_mode("mode-value", "READONLY") == "READONLY"
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("mode-value", avro(WITH_B))
    assert refused.value.error_code == 42205
    assert client.register_schema("mode-value", avro(LONG_A)) > 0
    assert client.delete_mode("mode-value") == "READONLY"
    assert client.get_global_mode() == "READWRITE"


def ask(process: RegistryProcess, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """(HTTP status, JSON) of one raw request."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    call = Request(process.url + path, data, {**kind, **headers}, method=method)
    try:
        with urlopen(call, timeout=5) as answer:
            kind_of_answer = answer.headers["Content-Type"]
            assert kind_of_answer.startswith("application/vnd.schemaregistry.v1+json")
            return answer.status, json.load(answer)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


KEPT = {"schema": LONG_A}
REFUSALS = [
    # method, path, body, HTTP status, error code
    ("GET", "/subjects/none/versions", None, 404, 40401),
    ("GET", "/subjects/kept/versions/9", None, 404, 40402),
    ("GET", "/subjects/kept/versions/zero", None, 422, 42202),
    ("GET", "/subjects/kept/versions/0", None, 422, 42202),
    ("GET", "/subjects/kept/versions/2147483648", None, 422, 42202),
    ("GET", "/schemas/ids/99999", None, 404, 40403),
    ("GET", "/schemas/ids/x", None, 404, 40403),
    ("POST", "/subjects/kept", {"schema": WITH_B}, 404, 40403),
    ("POST", "/subjects/none", {"schema": LONG_A}, 404, 40401),
    ("POST", "/subjects/kept/versions", {"schema": STRING_A}, 409, 409),
    ("POST", "/subjects/kept/versions", {"schema": "{"}, 422, 42201),
    ("POST", "/subjects/kept/versions", {}, 422, 42201),
    ("POST", "/subjects/kept/versions", {"schema": 7}, 422, 42201),
    ("POST", "/subjects/kept/versions", {**KEPT, "schemaType": "PROTOBUF"}, 422, 42201),
    ("POST", "/subjects/kept/versions", {**KEPT, "references": [{"name": "x"}]}, 422, 42201),
    ("POST", "/subjects/kept/versions", b"not json", 400, 400),
    ("POST", "/subjects/kept/versions", [1], 400, 400),
    ("POST", "/compatibility/subjects/none/versions/latest", KEPT, 404, 40401),
    ("PUT", "/config", {"compatibility": "SOMETIMES"}, 422, 42203),
    ("PUT", "/config/kept", {}, 422, 42203),
    ("PUT", "/mode/kept", {"mode": "SIDEWAYS"}, 422, 42204),
    ("GET", "/config/none", None, 404, 40408),
    ("GET", "/mode/none", None, 404, 40409),
    ("DELETE", "/subjects/none", None, 404, 40401),
    ("DELETE", "/subjects/hidden", None, 404, 40404),
    ("DELETE", "/subjects/kept?permanent=true", None, 404, 40405),
    ("DELETE", "/subjects/half/versions/1", None, 404, 40406),
    ("DELETE", "/subjects/half/versions/2?permanent=true", None, 404, 40407),
    ("GET", "/nowhere", None, 404, 404),
]


@pytest.fixture(scope="module")
def prepared(process: RegistryProcess) -> RegistryProcess:
    for name in ("kept", "hidden", "half"):
        ask(process, "POST", f"/subjects/{name}/versions", KEPT)
    ask(process, "DELETE", "/subjects/hidden")
    ask(process, "POST", "/subjects/half/versions", {"schema": WITH_B})
    ask(process, "DELETE", "/subjects/half/versions/1")
    return process


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), REFUSALS)
def test_a_refusal_has_confluents_status_and_error_code(
    prepared: RegistryProcess, method: str, path: str, body: Any, status: int, code: int
) -> None:
    got, answer = ask(prepared, method, path, body)
    assert (got, answer["error_code"]) == (status, code)
    assert answer["message"]


def test_a_web_page_cannot_write_to_the_registry(process: RegistryProcess) -> None:
    """A page may send plain text across origins, or reach this port through its own name."""
    plain = {"Content-Type": "text/plain"}
    assert ask(process, "POST", "/subjects/web/versions", KEPT, **plain)[0] == 415
    assert ask(process, "GET", "/subjects", Host="rebound.example")[0] == 403


def test_why_a_schema_is_incompatible_is_told(prepared: RegistryProcess) -> None:
    path = "/compatibility/subjects/kept/versions/latest?verbose=true"
    _, answer = ask(prepared, "POST", path, {"schema": STRING_A})
    assert answer["is_compatible"] is False
    assert "TYPE_MISMATCH" in answer["messages"][0]


def test_concurrent_registrations_of_one_schema_give_one_id(process: RegistryProcess) -> None:
    barrier = threading.Barrier(16)

    def register(_: int) -> int:
        client = RegistryClient(process.url)
        barrier.wait()
        return client.register("race-value", WITH_B.replace('"R"', '"Race"'))

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(register, range(16)))) == 1
    assert ask(process, "GET", "/subjects/race-value/versions") == (200, [1])


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    process = RegistryProcess(tmp_path)
    acked: dict[str, int] = {}
    for turn in range(3):
        process.start()
        client = RegistryClient(process.url)
        stop = threading.Thread(target=process.kill)
        for number in range(200):
            if number == 40:
                stop.start()
            name = f"R{turn}_{number}"
            try:
                acked[name] = client.register(name, LONG_A.replace('"R"', f'"{name}"'))
            except RegistryUnavailable:
                break
        stop.join()
        with open(tmp_path / "registry.jsonl", "ab") as journal:
            journal.write(b'{"crc":1,"record":{"op":"regi')
    process.start()
    kept = {name: ask(process, "GET", f"/subjects/{name}/versions/1")[1]["id"] for name in acked}
    assert process.stop() == 0
    assert kept == acked
    assert len(set(acked.values())) == len(acked) >= 120


@pytest.mark.promise("D11")
def test_our_client_registers_every_topic_once(process: RegistryProcess) -> None:
    client = RegistryClient(process.url)
    ids = register_all(client)
    assert register_all(RegistryClient(process.url)) == ids
    assert set(ids) == set(SCHEMA_FILES)
    level = ask(process, "GET", "/config/events-value")
    assert level == (200, {"compatibilityLevel": "FULL_TRANSITIVE"})


@pytest.mark.promise("D11")
def test_an_event_crosses_two_clients(process: RegistryProcess) -> None:
    event = Event(event_id="e", type="page_view", site="demo", user_key="~tick")
    frame = codec("events", RegistryClient(process.url)).encode(event)
    assert codec("events", RegistryClient(process.url)).decode(frame) == event


def test_our_client_tells_refused_from_unreachable(process: RegistryProcess) -> None:
    with pytest.raises(RegistryRefused) as refused:
        RegistryClient(process.url).register("bad-value", "{")
    assert refused.value.code == 42201
    dead = RegistryClient("http://127.0.0.1:9", attempts=2, backoff_s=0.0)
    with pytest.raises(RegistryUnavailable, match="no answer"):
        dead.get(1)
