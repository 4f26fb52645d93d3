"""What a judge says of a served answer: right or not, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """`right` is True only when nothing in the text speaks against it; `why` is a sentence either way."""

    right: bool
    why: str
