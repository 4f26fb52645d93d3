"""The failing region of a cached answer: which steps, what is asked of the model, the answer with the reply in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stepflow.model import Step
from stepflow.plan import PatchScope, Rule
from stepflow.runtime.segment import cut
from stepflow.runtime.stitch import content, join
from stepflow.runtime.verify import Examination


def region(scope: PatchScope, examination: Examination) -> tuple[int, int]:
    """First and last step (1-based, inclusive) to regenerate: one contiguous block that covers every failing step.

    When only the answer as a whole fails, the last step is to blame: it is the one that states the answer.
    """
    total = len(examination.steps)
    failing = examination.failed_steps or (total,)
    if scope == "whole":
        return 1, total
    if scope == "from_first_failure":
        return failing[0], total
    return failing[0], failing[-1]


def kept_steps(examination: Examination, first: int, last: int) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps before and after the region."""
    return examination.steps[: first - 1], examination.steps[last:]


def prompt_names(examination: Examination, first: int, last: int) -> dict[str, Any]:
    """What a patch prompt may name beyond the task's own names."""
    before, after = kept_steps(examination, first, last)
    failing = examination.steps[first - 1 : last]
    return {
        "kept_steps": _text(before + after),
        "steps_before": _text(before),
        "steps_after": _text(after),
        "failing_steps": _text(failing),
        "failed_steps": examination.failed_steps,
        "next_index": first,
        "failures": examination.reasons,
        "output": examination.text,
        "step": {**failing[0].fields, "index": first, "text": failing[0].text},
    }


def apply_reply(rule: Rule, examination: Examination, first: int, last: int, reply: str) -> tuple[Step, ...]:
    """The steps of the whole answer with the reply in place of the region, read afresh. Raises `NotSegmentable`."""
    before, after = kept_steps(examination, first, last)
    new = _without_preamble(rule, cut(rule, reply.strip("\r\n"), "patch"))
    steps = cut(rule, join(examination.steps, first, last, new, rule.segmenter), "patch")
    origins = {content(step, rule.segmenter): step.origin for step in (*before, *after)}
    return tuple(replace(step, origin=origins.get(content(step, rule.segmenter), "patch")) for step in steps)


def _without_preamble(rule: Rule, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps from the first one with a marker on: what a model says before it is talk."""
    marked = (index for index, step in enumerate(steps) if rule.segmenter.body(step.text))
    return steps[next(marked, 0) :]


def kept_count(rule: Rule, kept: Sequence[Step], steps: Sequence[Step]) -> int:
    """How many of the steps say what a kept one says; a new number before it does not make it another."""
    said, wanted = (Counter(content(step, rule.segmenter) for step in each) for each in (steps, kept))
    return (said & wanted).total()


def _text(steps: tuple[Step, ...]) -> str:
    return "".join(step.text + step.separator for step in steps).rstrip("\r\n")
