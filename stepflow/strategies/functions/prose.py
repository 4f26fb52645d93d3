"""Functions on running text: sentences, the numbers in it, and the code or table that it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from stepflow.prose import sentence_starts
from stepflow.texts import markdown
from stepflow.texts.quantities import quantities
from stepflow.values import Number, describe


def sentences(text: Any) -> tuple[str, ...]:
    """The sentences of a text, without blanks at their ends.

    Examples:
        sentences('It is 3.5. Yes, e.g. this! No?') == ['It is 3.5.', 'Yes, e.g. this!', 'No?']
    """
    whole = _text(text, "sentences")
    bounds = [0, *sentence_starts(whole), len(whole)]
    parts = (whole[start:end].strip() for start, end in pairwise(bounds))
    return tuple(part for part in parts if part)


def paragraphs(text: Any) -> tuple[str, ...]:
    r"""The paragraphs of a text, which blank lines separate, without blanks at their ends.

    Examples:
        paragraphs('a\nb\n\n c ') == ['a\nb', 'c']
    """
    found: list[list[str]] = [[]]
    for line in _text(text, "paragraphs").splitlines():
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return tuple("\n".join(lines).strip() for lines in found if lines)


def numbers(text: Any) -> tuple[Number, ...]:
    """Every number in a text, in order; of a percentage, how many percent. Refuses parts of numbers (10:30).

    Examples:
        numbers('2 boxes of 1,200 at 3.50, or two') == [2, 1200, 3.5, 2]
    """
    found = quantities(_text(text, "numbers"))
    doubt = next((each.doubt for each in found if each.doubt), "")
    if doubt:
        raise ValueError(f"numbers: {doubt}")
    return tuple(each.value for each in found)


def mask_numbers(text: Any) -> str:
    """The text with an ellipsis in place of every number, to see whether two texts differ in numbers only.

    A percent sign stays: 5 and 5% are not one thing in two sizes.

    Examples:
        mask_numbers('2 boxes at 3.50') == '… boxes at …'
        mask_numbers('5% of 80') == '…% of …'
    """
    whole = _text(text, "mask_numbers")
    parts, position = [], 0
    for each in quantities(whole):
        sign = "%" if whole[each.start : each.end].endswith("%") else ""
        parts += [whole[position : each.start], f"…{sign}"]
        position = each.end
    return "".join([*parts, whole[position:]])


def fenced(text: Any) -> str:
    r"""The content of the only fenced block of a text. Refuses a text with none or several.

    Examples:
        fenced('So:\n```\na = 1\n```\nDone.') == 'a = 1'
    """
    content = markdown.only_fence(_text(text, "fenced"), prose=True)
    if content is None:
        raise ValueError("fenced: there is no fenced block")
    return content


def _text(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{function}: {describe(value)} is not a text")
    return value


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sentences": sentences,
    "paragraphs": paragraphs,
    "numbers": numbers,
    "mask_numbers": mask_numbers,
    "fenced": fenced,
}
