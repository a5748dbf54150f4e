"""HTTP: routes and answers of the registry, in Confluent's words. Decisions are in store.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from infra.registry import errors
from infra.registry.errors import Refusal
from infra.registry.store import DEFAULT_LEVEL, DEFAULT_MODE, GLOBAL, Store, Version

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
BODY_BYTES_MAX = 4 * 1024 * 1024
LOOPBACK = frozenset(("127.0.0.1", "localhost", "[::1]"))
Handler = Callable[[web.Request, dict[str, Any]], Any]


class Api:
    """One method a route: (request, JSON body) -> what to answer, or Refusal."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def root(self, request: web.Request, body: dict[str, Any]) -> Any:
        return {}

    def types(self, request: web.Request, body: dict[str, Any]) -> Any:
        return ["AVRO"]

    def contexts(self, request: web.Request, body: dict[str, Any]) -> Any:
        return ["."]

    def subjects(self, request: web.Request, body: dict[str, Any]) -> Any:
        prefix = request.query.get("subjectPrefix", "")
        hidden = _flag(request, "deleted") or _flag(request, "deletedOnly")
        live = {name for name, held in self.store.state.subjects.items() if _any_live(held)}
        names = set(self.store.state.subjects) if hidden else live
        if _flag(request, "deletedOnly"):
            names -= live
        return _page(request, sorted(name for name in names if name.startswith(prefix)))

    def versions(self, request: web.Request, body: dict[str, Any]) -> Any:
        shown = self.store.versions(_subject(request), deleted=_flag(request, "deleted"))
        return _page(request, [each.version for each in shown])

    def version(self, request: web.Request, body: dict[str, Any]) -> Any:
        return self._described(_subject(request), self._version(request))

    def version_schema(self, request: web.Request, body: dict[str, Any]) -> Any:
        return json.loads(self.store.state.schemas[self._version(request).id])

    def referenced_by(self, request: web.Request, body: dict[str, Any]) -> Any:
        self._version(request)
        return []

    def register(self, request: web.Request, body: dict[str, Any]) -> Any:
        return {"id": self.store.register(_subject(request), _schema(body))}

    def lookup(self, request: web.Request, body: dict[str, Any]) -> Any:
        subject, deleted = _subject(request), _flag(request, "deleted")
        return self._described(subject, self.store.lookup(subject, _schema(body), deleted=deleted))

    def delete_subject(self, request: web.Request, body: dict[str, Any]) -> Any:
        permanent = _flag(request, "permanent")
        return self.store.delete_subject(_subject(request), permanent=permanent)

    def delete_version(self, request: web.Request, body: dict[str, Any]) -> Any:
        text, permanent = request.match_info["version"], _flag(request, "permanent")
        return self.store.delete_version(_subject(request), text, permanent=permanent)

    def schemas(self, request: web.Request, body: dict[str, Any]) -> Any:
        prefix, deleted = request.query.get("subjectPrefix", ""), _flag(request, "deleted")
        found = [
            self._described(name, each)
            for name, held in sorted(self.store.state.subjects.items())
            if name.startswith(prefix)
            for each in (_newest(held) if _flag(request, "latestOnly") else held)
            if deleted or not each.deleted
        ]
        return _page(request, found)

    def schema(self, request: web.Request, body: dict[str, Any]) -> Any:
        return {"schema": self.store.schema(_id(request))}

    def schema_alone(self, request: web.Request, body: dict[str, Any]) -> Any:
        return json.loads(self.store.schema(_id(request)))

    def schema_versions(self, request: web.Request, body: dict[str, Any]) -> Any:
        self.store.schema(_id(request))
        uses = self.store.uses(_id(request), deleted=_flag(request, "deleted"))
        return _page(request, [{"subject": name, "version": number} for name, number in uses])

    def schema_subjects(self, request: web.Request, body: dict[str, Any]) -> Any:
        self.store.schema(_id(request))
        uses = self.store.uses(_id(request), deleted=_flag(request, "deleted"))
        return _page(request, sorted({name for name, _ in uses}))

    def level(self, request: web.Request, body: dict[str, Any]) -> Any:
        subject = _subject(request)
        own = self.store.state.levels.get(subject)
        if own is None and subject != GLOBAL and not _flag(request, "defaultToGlobal"):
            raise errors.no_subject_level(subject)
        return {"compatibilityLevel": self.store.level(subject)}

    def set_level(self, request: web.Request, body: dict[str, Any]) -> Any:
        level = str(body.get("compatibility", body.get("compatibilityLevel", ""))).upper()
        self.store.set_level(_subject(request), level)
        return {"compatibility": level}

    def delete_level(self, request: web.Request, body: dict[str, Any]) -> Any:
        subject = _subject(request)
        own = self.store.state.levels.get(subject, DEFAULT_LEVEL if subject == GLOBAL else None)
        if own is None:
            raise errors.no_subject_level(subject)
        self.store.set_level(subject, None)
        return {"compatibilityLevel": own}

    def mode(self, request: web.Request, body: dict[str, Any]) -> Any:
        subject = _subject(request)
        own = self.store.state.modes.get(subject)
        if own is None and subject != GLOBAL and not _flag(request, "defaultToGlobal"):
            raise errors.no_subject_mode(subject)
        return {"mode": self.store.mode(subject)}

    def set_mode(self, request: web.Request, body: dict[str, Any]) -> Any:
        mode = str(body.get("mode", "")).upper()
        self.store.set_mode(_subject(request), mode)
        return {"mode": mode}

    def delete_mode(self, request: web.Request, body: dict[str, Any]) -> Any:
        subject = _subject(request)
        own = self.store.state.modes.get(subject, DEFAULT_MODE if subject == GLOBAL else None)
        if own is None:
            raise errors.no_subject_mode(subject)
        self.store.set_mode(subject, None)
        return {"mode": own}

    def check(self, request: web.Request, body: dict[str, Any]) -> Any:
        version = request.match_info.get("version")
        found = self.store.check(_subject(request), _schema(body), version)
        verbose = {"messages": found} if _flag(request, "verbose") else {}
        return {"is_compatible": not found, **verbose}

    def _version(self, request: web.Request) -> Version:
        text, deleted = request.match_info["version"], _flag(request, "deleted")
        return self.store.version(_subject(request), text, deleted=deleted)

    def _described(self, subject: str, version: Version) -> dict[str, Any]:
        schema = self.store.state.schemas[version.id]
        about = {"subject": subject, "id": version.id, "version": version.version}
        return {**about, "schema": schema}


def _routes(api: Api) -> list[tuple[str, str, Handler]]:
    version = "/subjects/{subject}/versions/{version}"
    by_id, check = "/schemas/ids/{id}", "/compatibility/subjects/{subject}/versions"
    return [
        ("GET", "/", api.root),
        ("GET", "/contexts", api.contexts),
        ("GET", "/subjects", api.subjects),
        ("POST", "/subjects/{subject}", api.lookup),
        ("DELETE", "/subjects/{subject}", api.delete_subject),
        ("GET", "/subjects/{subject}/versions", api.versions),
        ("POST", "/subjects/{subject}/versions", api.register),
        ("GET", version, api.version),
        ("DELETE", version, api.delete_version),
        ("GET", f"{version}/schema", api.version_schema),
        ("GET", f"{version}/referencedby", api.referenced_by),
        ("GET", "/schemas", api.schemas),
        ("GET", "/schemas/types", api.types),
        ("GET", by_id, api.schema),
        ("GET", f"{by_id}/schema", api.schema_alone),
        ("GET", f"{by_id}/versions", api.schema_versions),
        ("GET", f"{by_id}/subjects", api.schema_subjects),
        ("POST", check, api.check),
        ("POST", f"{check}/{{version}}", api.check),
        *(("GET", path, api.level) for path in ("/config", "/config/{subject}")),
        *(("PUT", path, api.set_level) for path in ("/config", "/config/{subject}")),
        *(("DELETE", path, api.delete_level) for path in ("/config", "/config/{subject}")),
        *(("GET", path, api.mode) for path in ("/mode", "/mode/{subject}")),
        *(("PUT", path, api.set_mode) for path in ("/mode", "/mode/{subject}")),
        *(("DELETE", path, api.delete_mode) for path in ("/mode", "/mode/{subject}")),
    ]


def build(store: Store) -> web.Application:
    """The web application around a store."""
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[_refusals])
    for method, path, handler in _routes(Api(store)):
        app.router.add_route(method, path, _answering(handler))
    return app


def _answering(handler: Handler) -> Any:
    async def answer(request: web.Request) -> web.Response:
        return _answer(handler(request, await _body(request)))

    return answer


@web.middleware
async def _refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        _local(request)
        response: web.StreamResponse = await handler(request)
        return response
    except Refusal as refusal:
        return _answer(_error(refusal.code, refusal.message), refusal.status)
    except web.HTTPException as refusal:
        text = f"HTTP {refusal.status} {refusal.reason}"
        return _answer(_error(refusal.status, text), refusal.status)
    except OSError as failure:
        return _answer(_error(50001, f"Error in the backend data store: {failure.strerror}"), 500)


def _local(request: web.Request) -> None:
    """A web page may not talk to this port through a name that resolves to this machine."""
    if request.host.rpartition(":")[0] not in LOOPBACK and request.host not in LOOPBACK:
        raise Refusal(403, "this registry answers to loopback names only")


async def _body(request: web.Request) -> dict[str, Any]:
    if request.method not in ("POST", "PUT"):
        return {}
    if not request.content_type.endswith("json"):
        raise Refusal(415, f"send JSON with Content-Type {CONTENT_TYPE}")
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as failure:
        raise Refusal(400, "the body is not JSON") from failure
    if not isinstance(body, dict):
        raise Refusal(400, "the body is not a JSON object")
    return body


def _schema(body: dict[str, Any]) -> str:
    kind = body.get("schemaType") or "AVRO"
    if kind != "AVRO":
        raise errors.invalid_schema(f"schemaType {kind} is not kept here, only AVRO")
    if body.get("references"):
        raise errors.invalid_schema("references are not kept here; put the types in one schema")
    schema = body.get("schema")
    if not isinstance(schema, str):
        raise errors.invalid_schema("field `schema` must be the schema as a JSON string")
    return schema


def _subject(request: web.Request) -> str:
    return request.match_info.get("subject", GLOBAL)


def _id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise errors.schema_not_found(f"Schema {text[:40]}")
    return int(text)


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


def _page(request: web.Request, items: list[Any]) -> list[Any]:
    try:
        start = max(int(request.query.get("offset", 0)), 0)
        limit = int(request.query.get("limit", -1))
    except ValueError as failure:
        raise Refusal(400, "offset and limit must be whole numbers") from failure
    return items[start:] if limit < 0 else items[start : start + limit]


def _any_live(held: list[Version]) -> bool:
    return any(not each.deleted for each in held)


def _newest(held: list[Version]) -> list[Version]:
    return [each for each in held if not each.deleted][-1:]


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error_code": code, "message": message}


def _answer(value: Any, status: int = 200) -> web.Response:
    body = json.dumps(value, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, content_type=CONTENT_TYPE)
