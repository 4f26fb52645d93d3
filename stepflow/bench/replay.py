"""What a pipeline would have done with yesterday's traffic: the log is played in order, and no model is asked.

The "model" is the logged answer of each line. A patch or a repair would have needed another call, so it gets none: a
request that would have been patched counts as `patch`, and the logged answer then takes its usual way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepflow.bench.logs import Entry
from stepflow.engine import Pipeline
from stepflow.errors import StepflowError
from stepflow.model import Event, Outcome, Usage
from stepflow.protocols import Completion
from stepflow.runtime.drivers import Records, perform
from stepflow.runtime.effects import Generate, Generated, Reply
from stepflow.runtime.extract import claim
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.run import LimitReached
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import examine

OUTCOMES = ("exact", "reuse", "rewrite", "patch", "skip_reuse", "miss", "passthrough")
WITHOUT_CALL = frozenset({"exact", "reuse", "rewrite"})


@dataclass(frozen=True, slots=True)
class Fate:
    """What would have become of one logged request.

    `refused` says why the verifiers refuse the logged answer; empty when they accept it, or no rule owns the prompt.
    `served` is what the pipeline would have served; `source` the prompt whose stored answer that is made of.
    """

    entry: Entry
    outcome: str
    rule: str
    refused: str
    from_fallback: bool
    skip_reason: str
    served: str
    source: str

    @property
    def saved(self) -> Usage:
        """Tokens that would not have been spent. What a patch saves is not known without a model, so it counts none."""
        return self.entry.usage if self.outcome in WITHOUT_CALL else Usage()


def replay(pipeline: Pipeline, entries: Sequence[Entry]) -> list[Fate]:
    """The fate of each entry, in order, starting with what the pipeline's store holds."""
    return [_fate(pipeline, entry) for entry in entries]


def _fate(pipeline: Pipeline, entry: Entry) -> Fate:
    journal = Journal()
    rule, refused = _refusal(pipeline, entry)
    wanted: set[str] = set()
    outcome: Outcome | None = None
    try:
        outcome = _played(pipeline, entry, journal, wanted)
    except StepflowError as error:  # nothing passed, and the pipeline says that this is an error
        refused = refused or str(error)
    events = journal.events
    refusals = [event for event in events if event.stage == "gate" and "reason" in event.data]
    considered = any(event.stage == "retrieve" and "record" in event.data for event in events)
    name = outcome.outcome if outcome is not None else "skip_reuse" if considered else "miss" if rule else "passthrough"
    without_call = name in WITHOUT_CALL and outcome is not None
    patched = "patch" in wanted
    return Fate(
        entry,
        "patch" if patched else name,
        rule,
        refused,
        outcome is not None and name in WITHOUT_CALL and outcome.final == "fallback",
        str(refusals[-1].data["reason"]) if refusals and not without_call and not patched else "",
        outcome.answer if outcome is not None and without_call else "",
        _source(events) if without_call or patched else "",
    )


def _played(pipeline: Pipeline, entry: Entry, journal: Journal, wanted: set[str]) -> Outcome:
    """Like `runtime.drivers.drive`, with one reply to give; further calls are noted in `wanted` and refused."""
    records: Records = pipeline.archive
    interpretation = interpret(pipeline.plan, entry.request, journal)
    completion = Completion(entry.answer, entry.usage, entry.finish_reason, entry.model)
    try:
        effect = next(interpretation)
        while True:
            if isinstance(effect, Generate) and effect.purpose not in {"generate", "passthrough"}:
                wanted.add(effect.purpose)
                effect = interpretation.throw(LimitReached("a replay asks no model"))
                continue
            reply: Reply = Generated(completion, 0.0) if isinstance(effect, Generate) else perform(effect, records)
            effect = interpretation.send(reply)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    finally:
        interpretation.close()


def _refusal(pipeline: Pipeline, entry: Entry) -> tuple[str, str]:
    """The rule that owns the prompt, if any, and why it would refuse the logged answer."""
    task = claim(pipeline.plan, entry.request, Journal())
    if task is None:
        return "", ""
    if entry.finish_reason == "length":
        return task.rule.id, "the answer was cut off"
    try:
        examination = examine(task, cut(task.rule, entry.answer))
    except NotSegmentable as error:
        return task.rule.id, str(error)
    return task.rule.id, "" if examination.passed else examination.reasons or "no verifier vouches for it"


def _source(events: Sequence[Event]) -> str:
    """The prompt of the candidate that was considered last."""
    prompts = [str(event.data["prompt"]) for event in events if event.stage == "retrieve" and "prompt" in event.data]
    return prompts[-1] if prompts else ""


@dataclass(frozen=True, slots=True)
class Account:
    """What the fates add up to. Dollars are None where no price is known for any model of the log."""

    requests: int
    outcomes: Mapping[str, int]
    from_fallback: int
    refused: int
    owned: int
    logged: Usage
    saved: Usage
    estimated: int
    logged_dollars: float | None
    saved_dollars: float | None
    unpriced: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "requests": self.requests,
            "outcomes": dict(self.outcomes),
            "reuse_of_fallback": self.from_fallback,
            "owned_by_a_rule": self.owned,
            "refused_answers": self.refused,
            "tokens": {"logged": self.logged.total, "saved": self.saved.total, "estimated_lines": self.estimated},
            "dollars": {"logged": self.logged_dollars, "saved": self.saved_dollars, "unpriced": list(self.unpriced)},
        }


Prices = tuple[float, float]
"""US dollars for one prompt token, and for one completion token."""


def account(fates: Sequence[Fate], price_of: Callable[[str], Prices | None]) -> Account:
    """The account; `price_of` knows what a model costs."""
    models = dict.fromkeys(fate.entry.model for fate in fates)
    prices = {model: price_of(model) for model in models}
    priced = [fate for fate in fates if prices[fate.entry.model] is not None]
    counts = Counter(fate.outcome for fate in fates)
    return Account(
        len(fates),
        {name: counts[name] for name in OUTCOMES if counts[name]},
        sum(fate.from_fallback for fate in fates),
        sum(bool(fate.refused) for fate in fates),
        sum(bool(fate.rule) for fate in fates),
        sum((fate.entry.usage for fate in fates), Usage()),
        sum((fate.saved for fate in fates), Usage()),
        sum(fate.entry.estimated for fate in fates),
        sum(_dollars(prices[fate.entry.model], fate.entry.usage) for fate in priced) if priced else None,
        sum(_dollars(prices[fate.entry.model], fate.saved) for fate in priced) if priced else None,
        tuple(model for model in models if prices[model] is None),
    )


def _dollars(price: Prices | None, usage: Usage) -> float:
    if price is None:
        return 0.0
    return price[0] * usage.prompt_tokens + price[1] * usage.completion_tokens
