"""Request to constraints: which rule owns the prompt, what the prompt fixes, and what follows from that.

A rule declines a prompt when a constraint cannot be read, when more than one stands where one is expected, or when a
`let` value cannot be computed: what is not understood is not reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from stepflow.model import Constraint, Request
from stepflow.notation import Names
from stepflow.plan import Plan, Reading, Refusal, Rule
from stepflow.protocols import Found, Groups
from stepflow.runtime.journal import Journal
from stepflow.runtime.wording import unread
from stepflow.toolcalls import offered


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt as one rule understands it. `names` is what expressions may name.

    Its `rest` is the prompt with an ellipsis for all that was read: what is there and was not understood.
    """

    rule: Rule
    request: Request
    constraints: Mapping[str, Constraint]
    let: Mapping[str, Any]
    names: Names

    @property
    def values(self) -> dict[str, Any]:
        """Constraint values by name."""
        return {name: constraint.value for name, constraint in self.constraints.items()}


class Declined(ValueError):
    """The rule does not own this prompt; the text says why, and `where` which line of the rule says so.

    `constraints` and `let` are what had been read by then.
    """

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.where = where
        self.constraints: Mapping[str, Constraint] = {}
        self.let: Mapping[str, Any] = {}


class Unmatched(Declined):
    """No condition under `match` holds: the prompt is another rule's, or nobody's."""


def read_value(reading: Reading, text: str) -> Constraint | None:
    """The value of a reading in a text, its default, or None when nothing is there.

    Raises `ValueError` when what is there cannot be read, or is not the only one where `find: only` asks for one.
    """
    found = _select(reading, text)
    if found is None:
        return Constraint(reading.name, reading.default.value) if reading.default is not None else None
    spans = tuple(span for item in found for span in item.parts or ((item.start, item.end),))
    values = [_convert(reading, item, text) for item in found]
    if reading.find == "all":
        return Constraint(reading.name, tuple(values), spans)
    if reading.find == "only" and any(value != values[0] for value in values):
        raise ValueError(f"{reading.name}: {len(values)} different ones found, expected exactly one")
    return Constraint(reading.name, values[0], spans)


def _select(reading: Reading, text: str) -> list[Found] | None:
    limit = 1 if reading.find == "first" else None
    found = list(islice(reading.reader.read(text), limit))
    if not found:
        return None
    return found[-1:] if reading.find == "last" else found


def _convert(reading: Reading, found: Found, text: str) -> Any:
    covered = text[found.start : found.end]
    raw = found.raw
    if isinstance(raw, str) and reading.split is not None:
        parts = [part.strip().strip(reading.strip).strip() for part in reading.split.split(raw)]
        value: Any = tuple(reading.convert(part, part) for part in parts if part)
    elif isinstance(raw, str):
        stripped = raw.strip(reading.strip) if reading.strip else raw
        value = reading.convert(stripped, covered)
    elif isinstance(raw, Groups):
        value = Groups(raw)
        if "value" in raw:
            value["value"] = reading.convert(raw["value"], raw["value"])
    else:
        value = reading.convert(raw, covered)
    return _normalise(reading, value)


def _normalise(reading: Reading, value: Any) -> Any:
    """Replace synonyms through the reading's table; a word that the table does not hold cannot be read."""
    if reading.via is None:
        return value
    if isinstance(value, tuple):
        return tuple(_normalise(reading, item) for item in value)
    key = str(value).casefold()
    if key not in reading.via:
        raise ValueError(f"{reading.name}: {value!r} is not in the table")
    return reading.via[key]


def source_text(reading: Reading, request: Request) -> str:
    """The text that a constraint is read from."""
    if reading.source == "system":
        return request.system
    if reading.source == "conversation":
        return "\n".join(message.content for message in request.messages)
    return request.prompt


def claim(plan: Plan, request: Request, journal: Journal, understood: Task | None = None) -> Task | None:
    """The task of the first rule (in the plan's order) that owns the prompt, or None. `request.rule` forces one.

    A rule whose task is `understood` already does not read the prompt again.
    """
    if len(request.prompt) > plan.limits.prompt_chars:
        journal.add("extract", f"the prompt is longer than {plan.limits.prompt_chars} characters, so no rule reads it")
        return None
    for rule in plan.rules:
        if request.rule is not None and rule.id != request.rule:
            continue
        try:
            task = _as_understood(understood, rule) or understand(rule, request, forced=request.rule is not None)
        except Declined as reason:
            _note_declined(journal, rule, request, reason)
            continue
        journal.add(
            "extract",
            f"{rule.id} owns the prompt",
            rule=rule.id,
            where=rule.path,
            constraints=task.values,
            let=task.let,
            rest=task.names["rest"],
        )
        return task
    return None


def _as_understood(task: Task | None, rule: Rule) -> Task | None:
    return task if task is not None and task.rule is rule else None


def _note_declined(journal: Journal, rule: Rule, request: Request, reason: Declined) -> None:
    """Note why, by which line, and what had been read: an author wants to know what was not."""
    read: dict[str, Any] = {}
    if not isinstance(reason, Unmatched):
        values = {name: constraint.value for name, constraint in reason.constraints.items()}
        read = {"constraints": values, "let": reason.let}
        with suppress(Declined):
            read["rest"] = left_over(rule, request.prompt, reason.constraints)
    where = reason.where or rule.path
    journal.add("extract", f"{rule.id} declines: {reason}", rule=rule.id, declined=str(reason), where=where, **read)


def understand(rule: Rule, request: Request, *, forced: bool = False) -> Task:
    """The prompt as this rule reads it. Raises `Declined`."""
    prompt = request.prompt
    constraints: dict[str, Constraint] = {}
    let: dict[str, Any] = {}
    try:
        tools = _tools(rule, request)
        if not forced and _first(rule.match, prompt, {"prompt": prompt}) is None:
            raise Unmatched("`match` finds nothing", rule.match[0].where)
        _read_constraints(rule, request, constraints)
        values = {name: constraint.value for name, constraint in constraints.items()}
        names: dict[str, Any] = {**rule.tables, **values, "prompt": prompt, "tools": tools, "constraints": values}
        names["rest"] = left_over(rule, prompt, constraints)
        _derive(rule, names, let)
        hit = _first(rule.unless, prompt, names)
        if hit is not None:
            raise Declined(f"`unless` holds: {hit.name}{_because(hit, prompt, names)}", hit.where)
    except Declined as reason:
        reason.constraints, reason.let = constraints, let
        raise
    return Task(rule, request, constraints, let, names)


def _tools(rule: Rule, request: Request) -> tuple[Mapping[str, Any], ...]:
    """The functions that the request offers, for a rule that replies with calls. Raises `Declined` for what is not its.

    One rule's answers are calls, another's are texts: neither may stand for the other.
    """
    tools = request.parameters.get("tools")
    if rule.reply == "text":
        if tools:
            raise Unmatched("the request offers tools, and this rule replies with a text", rule.path)
        return ()
    if not tools:
        raise Unmatched("the request offers no tools, and this rule replies with a call", rule.path)
    try:
        return offered(request.parameters)
    except ValueError as error:
        raise Declined(f"tools: {error}", rule.path) from error


def left_over(rule: Rule, prompt: str, constraints: Mapping[str, Constraint]) -> str:
    """The prompt without what these constraints have read, nor what `ignore_matching` matches. Raises `Declined`."""
    spans = [span for constraint in constraints.values() for span in constraint.spans]
    try:
        return unread(prompt, spans, rule.reuse.ignore_matching)
    except ValueError as error:
        raise Declined(f"`ignore_matching`: {error}") from error


def _read_constraints(rule: Rule, request: Request, constraints: dict[str, Constraint]) -> None:
    """Read into the map, in the rule's order. Raises `Declined` at the first that cannot be read."""
    for reading in rule.constraints:
        constraint = read_constraint(reading, request)
        if constraint is not None:
            constraints[reading.name] = constraint


def read_constraint(reading: Reading, request: Request) -> Constraint | None:
    """What a request fixes; None when nothing does, and nothing must. Raises `Declined`."""
    try:
        constraint = read_value(reading, source_text(reading, request))
    except Exception as error:
        raise Declined(f"constraint {reading.name}: {error}", reading.where) from error
    if constraint is None and not reading.optional:
        raise Declined(f"constraint {reading.name}: not found in the prompt", reading.where)
    if constraint is not None and reading.source != "user":
        return replace(constraint, spans=())  # spans of another text must not hide words of the prompt
    return constraint


def _derive(rule: Rule, names: dict[str, Any], let: dict[str, Any]) -> None:
    """Compute `let` into both maps, in the rule's order. Raises `Declined` at the first that cannot be computed."""
    for derivation in rule.let:
        try:
            let[derivation.name] = names[derivation.name] = derivation.expression(names)
        except Exception as error:
            raise Declined(f"let {derivation.name}: {error}", derivation.where) from error


def _because(refusal: Refusal, text: str, names: Names) -> str:
    """Why a condition holds, as far as it can tell; it holds whatever comes of asking."""
    because, why = getattr(refusal.condition, "because", None), ""
    with suppress(Exception):
        why = because(text, names) if because else ""
    return f": {why}" if why else ""


def _first(conditions: tuple[Refusal, ...], text: str, names: Names) -> Refusal | None:
    for refusal in conditions:
        try:
            if refusal.condition.holds(text, names):
                return refusal
        except Exception as error:
            raise Declined(f"{refusal.name}: {error}", refusal.where) from error
    return None
