"""The routes. Everything that a client sends is distrusted here: its size, its pace, its key, its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from stepflow.server import console, metrics
from stepflow.server.asgi import GONE, as_json, head_of
from stepflow.server.completions import Completions
from stepflow.server.gate import Gate
from stepflow.server.refusals import Refused
from stepflow.server.service import Service
from stepflow.server.tenants import Tenant


def make_app(service: Service, lifespan: Any = None) -> ASGIApp:
    """The ASGI application over a service."""
    api = Api(service)
    direct: dict[str, ASGIApp] = {
        "/v1/chat/completions": Completions(service, "chat"),
        "/v1/completions": Completions(service, "text"),
    }
    routes = [
        *(Route(path, app, methods=["POST"]) for path, app in direct.items()),
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
    others = Starlette(routes=routes, exception_handlers={HTTPException: _no_route}, lifespan=lifespan)
    others.router.redirect_slashes = False  # behind a proxy the key would be sent again, to wherever `host` says
    return Bounded(service, direct, others)


SEARCHES = (1, 16, 4)
"""Searches through records at a time, waiting, and of one tenant: each takes a thread, for seconds in a large store."""


class Bounded:
    """Refuses at once what is more than the server may have open, from a request's first byte to its reply's last.

    Completions go straight to theirs: the way through Starlette takes as long as a hit.
    """

    def __init__(self, service: Service, direct: Mapping[str, ASGIApp], others: ASGIApp) -> None:
        self._service = service
        self._direct = direct
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it."""
        service = self._service
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._others(scope, receive, send)
        elif service.open >= service.settings.requests:
            refusal = Refused(503, "too many requests are open; try again later", "overloaded", retry_after=1)
            service.ledger.tallies.refused(refusal.status)
            await _refusal(refusal)(scope, receive, send)
        else:
            service.open += 1
            direct = self._direct.get(scope["path"]) if scope["method"] == "POST" else None
            try:
                await (direct or self._others)(scope, receive, send)
            finally:
                service.open -= 1


class Api:
    """One method for each route."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._searches = Gate(*SEARCHES)

    # --- before every route -------------------------------------------------------------------------------------------

    def guarded(self, endpoint: Callable[[Request, Tenant], Awaitable[ASGIApp]]) -> Callable[..., Awaitable[ASGIApp]]:
        """The route behind its checks: host and key. Whatever is raised becomes an error in OpenAI's form."""

        async def checked(request: Request) -> ASGIApp:
            service = self.service
            try:
                head = head_of(request.scope)
                tenant = service.admitted(head.get(b"host"), head.get(b"authorization"))
                return await endpoint(request, tenant)
            except ClientDisconnect:
                return Response(status_code=GONE)
            except Exception as error:
                return _refusal(service.ledger.refusal(error))

        return checked

    # --- models and records -------------------------------------------------------------------------------------------

    async def models(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /v1/models: the pipelines, and the models behind them."""
        return _json({"object": "list", "data": [_model(name) for name in self.service.models()]})

    async def model(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /v1/models/ID."""
        name = request.path_params["id"]
        if name not in self.service.models():
            raise Refused(404, f"there is no model {name[:64]!r} here", "model_not_found")
        return _json(_model(name))

    async def records(self, request: Request, tenant: Tenant) -> ASGIApp:
        """GET /v1/records?q=TEXT&limit=N: the tenant's records, newest first."""
        limit = _number(request.query_params.get("limit", "50"), 1, 500)
        wanted = request.query_params.get("q", "")
        async with self._searches.place(tenant.name):
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
        entry = self.service.ledger.recent.get(request.path_params["id"], tenant)
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
        """GET /metrics, for Prometheus. They are of all tenants and workers together, so a key must be an admin's."""
        if not tenant.admin:
            raise Refused(403, "the metrics are for an admin's key", "not_admin")
        workers = self.service.board.all(self.service.figures())
        return Response(metrics.page(workers), media_type=metrics.MEDIA_TYPE)

    async def description(self, request: Request) -> Response:
        """GET /openapi.json: what this server offers, for tools."""
        from stepflow.server.openapi import description

        return _json(description(with_keys=self.service.keys.needed))


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(as_json(body), status, headers, "application/json")


def _refusal(refusal: Refused) -> Response:
    headers = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
    return _json(refusal.body, refusal.status, headers)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "stepflow"}


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
