"""Answer text to steps with their parsed fields. The steps rejoin to the identical text."""

from __future__ import annotations

from collections.abc import Sequence

from stepflow.model import Origin, Step
from stepflow.plan import Rule
from stepflow.runtime.extract import read_value


class NotSegmentable(ValueError):
    """The reply holds no answer that can be cut into steps; the text says why."""


def cut(rule: Rule, reply: str, origin: Origin = "model") -> tuple[Step, ...]:
    """The steps of a model's reply (fences and prose removed if the segmenter does so). Raises `NotSegmentable`."""
    if not reply.strip():
        raise NotSegmentable("the answer is empty")
    try:
        pieces = rule.segmenter.segment(rule.segmenter.clean(reply))
    except Exception as error:  # whatever a segmenter meets in a reply, the reply is no answer
        raise NotSegmentable(str(error) or type(error).__name__) from error
    if "".join(piece.text + piece.separator for piece in pieces).strip() == "":
        raise NotSegmentable("the answer is empty")
    return tuple(
        read_step(rule, Step(index, piece.text, piece.separator, origin=origin))
        for index, piece in enumerate(pieces, start=1)
    )


def read_step(rule: Rule, step: Step) -> Step:
    """The step with its fields and its rest. A field that cannot be read is left out; `missing_fields` tells."""
    body = step.text[rule.segmenter.body(step.text) :]
    fields: dict[str, object] = {}
    spans: list[tuple[int, int]] = []
    for reading in rule.parse:
        try:
            found = read_value(reading, body)
        except Exception:  # nothing that stands in an answer may end the run: the field is missing
            continue
        if found is not None:
            fields[reading.name] = found.value
            spans += found.spans
    return Step(step.index, step.text, step.separator, fields, _outside(body, spans), step.origin)


def missing_fields(rule: Rule, step: Step) -> tuple[str, ...]:
    """Names of the fields that every step must have and this one lacks."""
    return tuple(reading.name for reading in rule.parse if not reading.optional and reading.name not in step.fields)


def _outside(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start >= position:
            parts.append(text[position:start])
        position = max(position, end)
    parts.append(text[position:])
    return " ".join(part.strip() for part in parts if part.strip())
