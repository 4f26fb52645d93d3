"""The routes. Everything that a client sends is distrusted here: its size, its pace, its key, its bytes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from stepflow.server import console, metrics, wire
from stepflow.server.control import PREFIX
from stepflow.server.events import EventStream, ended, while_connected
from stepflow.server.refusals import Refused, refused
from stepflow.server.relayed import Relayed
from stepflow.server.service import Served, Service
from stepflow.server.tenants import Tenant
from stepflow.server.wire import Ask, Envelope

_PREFIX = PREFIX.encode()
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
GONE = 499
"""The status that nobody reads, because the client has gone; nginx' number."""


def make_app(service: Service) -> Starlette:
    """The ASGI application over a service."""
    api = Api(service)
    routes = [
        Route("/v1/chat/completions", api.guarded(api.chat), methods=["POST"]),
        Route("/v1/completions", api.guarded(api.text), methods=["POST"]),
        Route("/v1/models", api.guarded(api.models), methods=["GET"]),
        Route("/v1/models/{id:path}", api.guarded(api.model), methods=["GET"]),
        Route("/v1/records", api.guarded(api.records), methods=["GET"]),
        Route("/v1/records/{id}", api.guarded(api.record), methods=["GET"]),
        Route("/v1/records/{id}", api.guarded(api.delete_record), methods=["DELETE"]),
        Route("/console/state", api.guarded(api.state), methods=["GET"]),
        Route("/console/requests/{id}", api.guarded(api.story), methods=["GET"]),
        Route("/", api.page, methods=["GET"]),
        Route("/healthz", api.healthy, methods=["GET"]),
        Route("/readyz", api.ready, methods=["GET"]),
        Route("/metrics", api.guarded(api.figures), methods=["GET"]),
        Route("/openapi.json", api.description, methods=["GET"]),
    ]
    bounded = Middleware(Bounded, service=service)
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route}, middleware=[bounded])


class Bounded:
    """Refuses at once what is more than the server may have open, from a request's first byte to its reply's last."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it."""
        service = self._service
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
        elif service.open >= service.settings.requests:
            refusal = Refused(503, "too many requests are open; try again later", "overloaded", retry_after=1)
            service.metrics.refused(refusal.status)
            await _refusal(refusal)(scope, receive, send)
        else:
            service.open += 1
            try:
                await self._app(scope, receive, send)
            finally:
                service.open -= 1


class Api:
    """One method for each route."""

    def __init__(self, service: Service) -> None:
        self.service = service

    # --- before every route -------------------------------------------------------------------------------------------

    def guarded(self, endpoint: Callable[[Request, Tenant], Awaitable[ASGIApp]]) -> Callable[..., Awaitable[ASGIApp]]:
        """The route behind its checks: host and key. Whatever is raised becomes an error in OpenAI's form."""

        async def checked(request: Request) -> ASGIApp:
            service = self.service
            try:
                self._check_host(request)
                tenant = service.keys.tenant(request.headers.get("authorization"))
                if tenant is None:
                    raise Refused(401, "give a valid API key as `Authorization: Bearer …`", "invalid_api_key")
                return await endpoint(request, tenant)
            except ClientDisconnect:
                return Response(status_code=GONE)
            except Exception as error:
                return self._error(error)

        return checked

    def _check_host(self, request: Request) -> None:
        """Without keys the address is the only guard: a page of another site must not reach it by a name of its own."""
        settings = self.service.settings
        if self.service.keys.needed or settings.open_to_all:
            return
        host = request.headers.get("host", "").lower()
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if name not in LOOPBACK and name != settings.host.lower():
            raise Refused(403, "this server is for programs of its own machine; start it with API keys", "wrong_host")

    def _error(self, error: Exception) -> Response:
        refusal = refused(error)
        if refusal.status == 500 and refusal.code == "internal_error":
            self.service.log.failure(error)
        self.service.metrics.refused(refusal.status)
        return _refusal(refusal)

    # --- completions --------------------------------------------------------------------------------------------------

    async def chat(self, request: Request, tenant: Tenant) -> ASGIApp:
        """POST /v1/chat/completions."""
        return await self._completion(request, tenant, wire.read_chat)

    async def text(self, request: Request, tenant: Tenant) -> ASGIApp:
        """POST /v1/completions."""
        return await self._completion(request, tenant, wire.read_text)

    async def _completion(
        self, request: Request, tenant: Tenant, read: Callable[[Mapping[str, Any], Mapping[str, str]], Ask]
    ) -> ASGIApp:
        wishes = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in request.headers.raw
            if name.startswith(_PREFIX)
        }
        ask = read(wire.read_json(await self._body(request)), wishes)
        answering = asyncio.ensure_future(self.service.answer(ask, tenant))

        def enveloped(result: Served | Relayed) -> Envelope:
            said = wire.about(result.outcome, result.entry.id, result.entry.shadow)
            model = ask.model or self.service.houses[0].id
            return Envelope(result.entry.id, int(time.time()), model, said, ask.form)

        if ask.stream:
            return await self._stream(ask, answering, enveloped)
        try:
            if not await while_connected(request.receive, answering):
                return Response(status_code=GONE)
            result = answering.result()
        finally:
            if not answering.done():
                await ended(answering)
        assert isinstance(result, Served)
        envelope = enveloped(result)
        if result.reply is None:
            body = wire.whole_reply(envelope, result.outcome)
        else:
            body = wire.relayed_reply(envelope, result.reply)
        return _json(body, headers=_headers(envelope))

    async def _stream(self, ask: Ask, answering: Any, enveloped: Any) -> ASGIApp:
        """Errors that come soon get their own status, and hits their headers; a long wait is filled with comments."""
        settings = self.service.settings
        try:
            await asyncio.wait({answering}, timeout=settings.hold_headers)
        except asyncio.CancelledError:
            await ended(answering)
            raise
        headers = _headers(enveloped(answering.result())) if answering.done() else {}
        return EventStream(ask, answering, enveloped, settings.keep_alive, headers)

    async def _body(self, request: Request) -> bytes:
        settings = self.service.settings
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, "send JSON, with the header `content-type: application/json`", "not_json")
        said = request.headers.get("content-length", "")
        if said.isascii() and said.isdigit() and int(said[:20]) > settings.body_bytes:
            raise _too_large(settings.body_bytes)
        parts, size = [], 0
        try:
            async with asyncio.timeout(settings.body_time):
                async for part in request.stream():
                    size += len(part)
                    if size > settings.body_bytes:
                        raise _too_large(settings.body_bytes)
                    parts.append(part)
        except TimeoutError:
            raise Refused(408, f"the body did not come within {settings.body_time:g} s", "slow_body") from None
        return b"".join(parts)

    # --- models and records -------------------------------------------------------------------------------------------

    async def models(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /v1/models: the pipelines, and the models behind them."""
        return _json({"object": "list", "data": [_model(name) for name in self.service.models()]})

    async def model(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /v1/models/ID."""
        name = request.path_params["id"]
        if name not in self.service.models():
            raise Refused(404, f"there is no model {name!r} here", "model_not_found")
        return _json(_model(name))

    async def records(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /v1/records?q=TEXT&limit=N: the tenant's records, newest first."""
        limit = _number(request.query_params.get("limit", "50"), 1, 500)
        wanted = request.query_params.get("q", "")
        found = await asyncio.to_thread(console.search, self.service, tenant, wanted, limit)
        return _json({"object": "list", "data": found})

    async def record(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /v1/records/ID."""
        _, record = await asyncio.to_thread(console.find, self.service, tenant, request.path_params["id"])
        return _json(console.whole_record(record))

    async def delete_record(self, request: Request, tenant: Tenant) -> ASGIApp:
        """DELETE /v1/records/ID: exactly this record is never served again."""
        archive, record = await asyncio.to_thread(console.find, self.service, tenant, request.path_params["id"])
        await asyncio.to_thread(archive.delete, record.id)
        return _json({"id": record.id, "object": "record", "deleted": True})

    # --- the console --------------------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """GET /: the console's page, which holds nothing of anybody; it asks for the key itself."""
        return Response(console.PAGE, media_type="text/html", headers=console.PAGE_HEADERS)

    async def state(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /console/state: the newest requests, rates by rule, and the state of the files."""
        limit = _number(request.query_params.get("limit", "100"), 1, 1000)
        return _json(console.state(self.service, tenant, limit))

    async def story(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /console/requests/ID: one request with its journal, and its steps beside the cached ones."""
        entry = self.service.recent.get(request.path_params["id"], tenant)
        if entry is None:
            raise Refused(404, "there is no such request among the newest", "request_not_found")
        return _json(await asyncio.to_thread(console.story, self.service, entry))

    # --- for machines -------------------------------------------------------------------------------------------------

    async def healthy(self, request: Request) -> Response:
        """GET /healthz: the process answers."""
        return _json({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """GET /readyz: the pipelines are loaded, and their models can be asked."""
        waiting = [house.id for house in self.service.houses if not house.ready]
        return _json({"ready": not waiting, "waiting": waiting}, 503 if waiting else 200)

    async def figures(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /metrics, for Prometheus. They are of all tenants together, so a key must be an admin's."""
        if not tenant.admin:
            raise Refused(403, "the metrics are for an admin's key", "not_admin")
        service = self.service
        service.metrics.open.set(service.open)
        service.metrics.calling.set(service.gate.inside)
        for house in service.houses:
            service.metrics.sound.labels(house.id).set(not house.problem)
        return Response(service.metrics.text(), media_type=metrics.MEDIA_TYPE)

    async def description(self, request: Request) -> Response:
        """GET /openapi.json: what this server offers, for tools."""
        from stepflow.server.openapi import DESCRIPTION

        return _json(DESCRIPTION)


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)
    return Response(text.encode("utf-8", "backslashreplace"), status, headers, "application/json")


def _refusal(refusal: Refused) -> Response:
    headers = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
    return _json(refusal.body, refusal.status, headers)


def _headers(envelope: Envelope) -> dict[str, str]:
    """The account of an answer as headers: printable ASCII only, whatever a name may hold."""
    said = {f"x-stepflow-{name.replace('_', '-')}": _printable(str(value)) for name, value in envelope.about.items()}
    return {**said, "x-request-id": envelope.id}


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "stepflow"}


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit:,} bytes", "body_too_large")


def _number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
        raise Refused(400, f"`limit` is a whole number from {least} to {most}", "invalid_value", "limit")
    return int(text)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        message = f"there is no {request.method} {request.url.path[:200]}"
    else:
        message = f"{error.detail}: {request.method} {request.url.path[:200]}"
    response = _refusal(Refused(error.status_code, message, "unknown_url"))
    response.headers.update(error.headers or {})
    return response
