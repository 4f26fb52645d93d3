"""The failing region of a cached answer: which steps, what is asked of the model, the answer with the reply in it.

A step may be wrong (it is regenerated) or missing (it is asked for and put in its place); surplus ones are dropped
before, without a call (rewrite.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stepflow.model import Record, Step
from stepflow.plan import Patch, PatchScope, Rule
from stepflow.protocols import HeadedSegmenter
from stepflow.runtime.effects import Effect, Reply
from stepflow.runtime.extract import Task
from stepflow.runtime.rewrite import Rewritten, without_surplus
from stepflow.runtime.run import LimitReached, Run, conversation, schema_of
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.stitch import content, join
from stepflow.runtime.verify import Examination, answer_names, examine, visible


@dataclass(frozen=True, slots=True)
class Region:
    """The steps to regenerate: 1-based indexes in order. Empty means that steps are missing and nothing is wrong."""

    steps: tuple[int, ...]
    total: int

    @property
    def first(self) -> int:
        """The first step of the region; where it is empty, the place behind the last."""
        return self.steps[0] if self.steps else self.total + 1

    @property
    def last(self) -> int:
        """The last step of the region; where it is empty, the last of all."""
        return self.steps[-1] if self.steps else self.total

    @property
    def is_block(self) -> bool:
        """Whether its steps stand together."""
        return len(self.steps) == self.last - self.first + 1

    def __str__(self) -> str:
        if not self.steps:
            return f"steps are missing behind the {self.total} there are"
        if self.is_block:
            return f"steps {self.first} to {self.last} of {self.total} are regenerated"
        return f"steps {', '.join(map(str, self.steps))} of {self.total} are regenerated in one call"


@dataclass(frozen=True, slots=True)
class Patched:
    """A patched answer that passes: its examination, and how many of its steps are kept ones."""

    examination: Examination
    kept: int
    region: Region


def find_region(scope: PatchScope, examination: Examination) -> Region:
    """What to regenerate.

    `failing_step` is just the failing steps, which may lie apart; the other scopes are one block. When every step
    passes and a check on the whole asks for more (`on_fail: append`), nothing is replaced; when it asks for a patch,
    the last step is to blame: it is the one that states the answer.
    """
    total = len(examination.steps)
    failing = examination.failed_steps
    if not failing and any(verdict.on_fail == "append" for verdict in examination.failures):
        return Region((), total)
    failing = failing or (total,)
    if scope == "failing_step":
        return Region(failing, total)
    first, last = {
        "whole": (1, total),
        "from_first_failure": (failing[0], total),
        "failing_region": (failing[0], failing[-1]),
    }[scope]
    return Region(tuple(range(first, last + 1)), total)


def patch(run: Run, task: Task, examination: Examination, record: Record) -> Generator[Effect, Reply, Patched | str]:
    """Ask for the failing region alone, and verify the whole with the reply in it; or the reason why that fails."""
    rule = task.rule
    if rule.patch is None or not run.has("patch"):
        return examination.failures[0].check
    region = find_region(rule.patch.scope, examination)
    if rule.patch.scope == "from_first_failure" and region.first == 1:
        return "nothing-kept"
    return (yield from _regenerate(run, task, rule.patch, Hole(examination, region, record)))


def finish(
    run: Run, task: Task, examination: Examination, handed_on: Sequence[Step]
) -> Generator[Effect, Reply, Patched | str]:
    """Mend a new answer behind the steps that were handed on already; or the reason why that fails.

    Those steps stay to the byte: only what comes behind them is asked for.
    """
    rule = task.rule
    if rule.patch is None or not run.has("patch"):
        return examination.failures[0].check
    sent, total = len(handed_on), len(examination.steps)
    failing = examination.failed_steps
    missing = not failing and any(verdict.on_fail == "append" for verdict in examination.failures)
    first = max((sent + 1, *failing[:1]))
    region = Region(() if missing else tuple(range(first, total + 1)), total)
    begins = "".join(step.text + step.separator for step in handed_on)
    return (yield from _regenerate(run, task, rule.patch, Hole(examination, region, None, begins)))


@dataclass(frozen=True, slots=True)
class Hole:
    """An answer and the region of it that is asked for anew. `record` is where the kept steps come from, if anywhere.

    Whatever is put there, the answer must begin with `begins`.
    """

    examination: Examination
    region: Region
    record: Record | None
    begins: str = ""


def _regenerate(run: Run, task: Task, wanted: Patch, hole: Hole) -> Generator[Effect, Reply, Patched | str]:
    examination, region = hole.examination, hole.region
    run.journal.add("patch", str(region), steps=region.steps)
    template = wanted.prompting.template
    assert template is not None
    for _ in range(wanted.max_calls):
        try:
            names = {**answer_names(task, examination.steps, hole.record), **prompt_names(hole)}
            messages = conversation(run.request, template(names))
            completion = yield from run.ask(messages, "patch", schema_of(run, wanted.prompting, names))
            if completion.finish_reason == "length":
                raise NotSegmentable("the patch was cut off")
            patched = _first_that_passes(task, hole, _framed(wanted, names, completion.text))
        except (LimitReached, ValueError) as error:
            run.journal.add("patch", f"no patch: {error}")
            continue
        for change in patched.changes:
            change.note(run.journal, "patch")
        mended = patched.examination
        run.journal.add_verdicts("integrity", mended.verdicts)
        if mended.passed:
            return Patched(mended, kept_count(task.rule, kept_steps(examination, region), mended.steps), region)
    return "patch-failed"


def _framed(wanted: Patch, names: Mapping[str, Any], reply: str) -> tuple[str, ...]:
    """The reply as the rule frames it, and as it came: a model may have written the whole step all the same."""
    if wanted.frame is None:
        return (reply,)
    return tuple(dict.fromkeys((wanted.frame({**names, "reply": reply.strip()}), reply)))


def _first_that_passes(task: Task, hole: Hole, replies: Sequence[str]) -> Rewritten:
    """The whole answer with a reply in place, verified; of several replies and places the first that passes, else the
    first. Raises `NotSegmentable` when none of the replies can be read.

    What was kept still comes from the record, so what must not be left over of it is looked for.
    """
    first: Rewritten | None = None
    unreadable: NotSegmentable | None = None
    for reply in replies:
        try:
            for steps in _placed(task.rule, hole, reply):
                placed = without_surplus(task, examine(task, steps, hole.record), hole.record)
                if placed.examination.passed:
                    return placed
                first = first or placed
        except NotSegmentable as error:
            unreadable = unreadable or error
    if first is None:
        raise unreadable or NotSegmentable("there is no reply")
    return first


def prompt_names(hole: Hole) -> dict[str, Any]:
    """What a patch prompt may name beyond the task's own names."""
    examination, region, stored = hole.examination, hole.region, hole.record is not None
    steps = examination.steps
    failing = tuple(step for step in steps if step.index in region.steps)
    shown = failing[0] if failing else None
    kept = kept_steps(examination, region)
    return {
        "kept": tuple(visible(step, len(steps), stored=stored) for step in kept),
        "kept_steps": _text(kept),
        "failing": tuple(visible(step, len(steps), stored=stored) for step in failing),
        "steps_before": _text(steps[: region.first - 1]),
        "steps_after": _text(steps[region.last :]),
        "failing_steps": _text(failing),
        "failed_steps": examination.failed_steps,
        "next_index": region.first,
        "failures": examination.told,
        "output": examination.text,
        "step": visible(shown, len(steps), stored=stored) if shown else {"index": region.first, "count": len(steps)},
    }


def kept_steps(examination: Examination, region: Region) -> tuple[Step, ...]:
    """The steps outside the region."""
    return tuple(step for step in examination.steps if step.index not in region.steps)


def _placed(rule: Rule, hole: Hole, reply: str) -> Iterator[tuple[Step, ...]]:
    """The steps of the whole answer with the reply in place, read afresh; several places where more than one is meant.

    A reply with more steps than it was asked for may be a whole answer: it is also tried alone, as the last resort.
    Raises `NotSegmentable` when none of them is an answer.
    """
    new = _without_preamble(rule, _read(rule, hole, reply.strip("\r\n")))
    examination, region = hole.examination, hole.region
    steps = examination.steps
    if not region.steps:
        places = [(index + 1, index) for index in range(region.total, -1, -1)]
        texts = [join(steps, first, last, new, rule.segmenter) for first, last in places]
    elif region.is_block:
        texts = [join(steps, region.first, region.last, new, rule.segmenter)]
    else:
        texts = _apart(rule, examination, region, new)
    if not region.steps or len(new) > len(region.steps):
        texts.append("".join(step.text + step.separator for step in new))
    origins = {content(step, rule.segmenter): step.origin for step in kept_steps(examination, region)}
    unreadable: NotSegmentable | None = None
    found = False
    fitting = [text for text in texts if text.startswith(hole.begins)]
    if not fitting:
        raise NotSegmentable("the reply does not go on behind the steps that were handed on")
    for text in fitting:
        try:
            read = cut(rule, text, "patch")
        except NotSegmentable as error:
            unreadable = unreadable or error
            continue
        found = True
        yield tuple(replace(step, origin=origins.get(content(step, rule.segmenter), "patch")) for step in read)
    if not found and unreadable is not None:
        raise unreadable


def _read(rule: Rule, hole: Hole, reply: str) -> tuple[Step, ...]:
    """The steps of a reply. One that is no answer by itself may be steps that belong below a head that is kept."""
    try:
        return cut(rule, reply, "patch")
    except NotSegmentable:
        if not isinstance(rule.segmenter, HeadedSegmenter) or 1 in hole.region.steps:
            raise
        head = hole.examination.steps[0].text
        try:
            first, *others = cut(rule, rule.segmenter.below(reply, head), "patch")
        except ValueError as error:
            raise NotSegmentable(str(error)) from error
        if first.text != head or not others:
            raise NotSegmentable("the reply holds nothing that belongs below the head") from None
        return tuple(others)


def _apart(rule: Rule, examination: Examination, region: Region, new: tuple[Step, ...]) -> list[str]:
    """Regions that lie apart: a reply with a step for each failing one, or else with everything from first to last.

    Steps beyond those that fail were missing: they go behind the last of them.
    """
    texts = [join(examination.steps, region.first, region.last, new, rule.segmenter)]
    wanted = len(region.steps)
    if len(new) >= wanted:
        exchanged = dict(zip(region.steps, new[:wanted], strict=True))
        block = [exchanged.get(step.index, step) for step in examination.steps[region.first - 1 : region.last]]
        texts.insert(0, join(examination.steps, region.first, region.last, [*block, *new[wanted:]], rule.segmenter))
    return texts


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
