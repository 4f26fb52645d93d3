"""What the console shows: its page, and the JSON behind it. A tenant sees its own; an admin sees everything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from stepflow.archive import Archive
from stepflow.errors import UsageError
from stepflow.model import Record, Step
from stepflow.server.recent import Entry
from stepflow.server.refusals import Refused
from stepflow.server.service import Service
from stepflow.server.tenants import Tenant
from stepflow.values import encode_plain
from stepflow.version import VERSION

_LOOKED_AT = 20_000
"""Records that one search looks at, newest first, so that a search of a large store ends."""

PAGE = files("stepflow.server").joinpath("console.html").read_text(encoding="utf-8")


def _allowed(tag: str) -> str:
    """The hash by which a browser knows the page's own script or style, and runs no other."""
    inner = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inner)


PAGE_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; script-src {_allowed('script')}; style-src {_allowed('style')}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


# --- requests --------------------------------------------------------------------------------------------------------


def state(service: Service, tenant: Tenant, limit: int) -> dict[str, Any]:
    """The newest requests, the tallies by rule since the start, and what is served."""
    return {
        "version": VERSION,
        "tenant": tenant.name,
        "admin": tenant.admin,
        "pipelines": [
            {
                "id": house.id,
                "path": house.path,
                "model": house.model,
                "rules": [rule.id for rule in house.current.pipeline.plan.rules],
                "ready": house.ready,
                "reloads": house.reloads,
                "problem": house.problem,
            }
            for house in service.houses
        ],
        "open": service.open,
        "model_calls": service.gate.inside,
        "requests": [entry.line() for entry in service.ledger.recent.newest(tenant, limit)],
        "rules": _tallies(service, tenant),
    }


def _tallies(service: Service, tenant: Tenant) -> list[dict[str, Any]]:
    """Tallies by pipeline and rule; an admin's are of all tenants together."""
    sums: dict[tuple[str, str], Counter[str]] = {}
    for kind, tally in service.ledger.tallies:
        if tenant.owns(kind.tenant):
            into = sums.setdefault((kind.pipeline, kind.rule), Counter())
            into.update({"requests": tally.answers, kind.outcome: tally.answers, "calls": tally.calls})
            into.update(tokens=tally.prompt_tokens + tally.completion_tokens, tokens_saved=tally.tokens_saved)
    return [{"pipeline": pipeline, "rule": rule, **sums[pipeline, rule]} for pipeline, rule in sorted(sums)]


def story(service: Service, entry: Entry) -> dict[str, Any]:
    """One request with its journal, and its steps beside those of the record that was reused."""
    told = entry.story()
    house = next((house for house in service.houses if house.id == entry.pipeline), None)
    outcome = entry.outcome
    if outcome is None or house is None:
        return {**told, "steps": []}
    archive = house.current.pipeline.archive
    served, reused = _record(archive, outcome.record), _record(archive, outcome.reused)
    if served is None:
        return {**told, "steps": []}
    rewritten = [
        event.data["after"] for event in outcome.journal if event.stage == "rewrite" and event.data.get("after")
    ]
    return {**told, "steps": side_by_side(served.steps, reused.steps if reused else None, rewritten)}


def side_by_side(
    served: Sequence[Step], reused: Sequence[Step] | None, rewritten: Sequence[str]
) -> list[dict[str, Any]]:
    """Each served step, the cached one at its side, and whether it was kept, rewritten, patched, or is new."""
    if reused is None:
        return [{"text": step.text, "cached": None, "was": "new", "origin": step.origin} for step in served]
    texts = [step.text for step in reused]
    rows = []
    for place, step in enumerate(served):
        beside = texts[place] if place < len(texts) else None
        if step.text in texts:
            was, beside = "kept", step.text
        elif any(after and step.text.endswith(after) for after in rewritten):
            was = "rewritten"
        else:
            was = "patched"
        rows.append({"text": step.text, "cached": beside, "was": was, "origin": step.origin})
    return rows


# --- records ---------------------------------------------------------------------------------------------------------


def search(service: Service, tenant: Tenant, wanted: str, limit: int) -> list[dict[str, Any]]:
    """The tenant's records whose id, rule, prompt or answer holds a text, newest first."""
    needle = wanted.casefold()
    found: list[dict[str, Any]] = []
    for archive in _archives(service):
        for looked_at, record in enumerate(archive.records(newest_first=True)):
            if looked_at >= _LOOKED_AT or len(found) >= limit:
                break
            texts = (record.id, record.rule, record.prompt, record.answer)
            if tenant.owns_record(record) and any(needle in text.casefold() for text in texts):
                found.append(short_record(record))
    return found


def find(service: Service, tenant: Tenant, id_: str) -> tuple[Archive, Record]:
    """A record and where it is kept. Raises `Refused`; what is another's is as if it were not there."""
    for archive in _archives(service):
        record = _record(archive, id_)
        if record is not None and record.id == id_ and tenant.owns_record(record):
            return archive, record
    raise Refused(404, f"there is no record {id_[:64]!r}", "record_not_found")


def short_record(record: Record) -> dict[str, Any]:
    """A record as a list shows it."""
    return {
        "id": record.id,
        "tenant": record.tenant,
        "rule": record.rule,
        "prompt": record.prompt,
        "origin": record.origin,
        "final": record.final,
        "model": record.model,
        "created_at": record.created_at,
        "steps": len(record.steps),
    }


def whole_record(record: Record) -> dict[str, Any]:
    """A record with all that it holds but its hashes."""
    steps = [{"text": step.text, "origin": step.origin, "fields": _plain(step.fields)} for step in record.steps]
    more = {"constraints": _plain(record.constraints), "let": _plain(record.let), "answer": record.answer}
    return {**short_record(record), **more, "steps": steps}


def _plain(values: Mapping[str, Any]) -> Any:
    return encode_plain(values)


def _record(archive: Archive, id_: str | None) -> Record | None:
    if not id_:
        return None
    try:
        return archive.get(id_)
    except UsageError:
        return None


def _archives(service: Service) -> list[Archive]:
    """The stores of all pipelines, each folder or server once."""
    found: dict[object, Archive] = {}
    for number, house in enumerate(service.houses):
        store = house.current.compiled.spec.store
        places: dict[str, object] = {"memory": number, "redis": (store.url, store.prefix)}
        found.setdefault((store.type, places.get(store.type, store.path)), house.current.pipeline.archive)
    return list(found.values())
