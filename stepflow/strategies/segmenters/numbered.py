"""`numbered`: a step begins at a line with its number.

Markers are '1.', '1)', '(1)', 'Step 1:', each also in bold or as a heading. The first marker found sets the style;
a further line begins a step only if its marker has that style, is not indented deeper, and counts on by one, so that
numbers within a step cut nothing. Lines without a marker belong to the step above; text before the first marker is a
step of its own. Blanks between steps separate them.

Options: `fallback`, how to cut a text without markers.

    segment: {type: numbered, fallback: lines}

Declines nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting

NAME = "numbered"
_MARKER = re.compile(
    r"""^(?P<indent>[ \t]*+)(?:\#{1,6}[ \t]+)?(?:\*{1,2}|_{1,2})?
    (?:(?P<step>step[ \t]+)(?P<a>\d{1,3})(?![\w])(?!\.\d)
      |\((?P<b>\d{1,3})\)(?=[\s*_]|$)
      |(?P<c>\d{1,3})(?P<sign>[.)])(?=[\s*_]|$))
    (?:[ \t]?(?::|[.)](?=[\s*_]|$))|[ \t]*[–—-](?=[ \t]))?(?:\*{1,2}|_{1,2})?[ \t]*+""",
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)


class Options(stepflow.options.Options):
    """What to do without numbers."""

    fallback: cutting.Way = Field("lines", description="How to cut a text that holds no marker.")


def build(options: Options, context: BuildContext) -> Segmenter:
    """Steps by their numbers."""
    return _Numbered(options.fallback)


@dataclass(frozen=True, slots=True)
class _Numbered:
    fallback: cutting.Way

    def clean(self, text: str) -> str:
        """The reply, unchanged."""
        return text

    def segment(self, text: str) -> Sequence[Piece]:
        """One piece for each marker that counts on, and one for what precedes the first."""
        starts = [marker.start() for marker in _counting(text)]
        return cutting.cut_at(text, starts) if starts else cutting.WAYS[self.fallback](text)

    def settled(self, text: str) -> Sequence[Piece]:
        """All but the last, once there is a marker. What may still become one is not looked at: it ends in a blank."""
        written = text[: max(map(text.rfind, " \t\n")) + 1]
        starts = [marker.start() for marker in _counting(written)]
        return cutting.cut_at(written, starts)[:-1] if starts else ()

    def body(self, text: str) -> int:
        """Behind the marker that the step begins with; 0 without one."""
        marker = _leading(text)
        return 0 if marker is None else marker.end()

    def relabel(self, text: str, index: int) -> str:
        """The step with its marker's number set to `index`, in the same style; unchanged without a marker."""
        marker = _leading(text)
        if marker is None:
            return text
        start, end = marker.span(_group(marker))
        return f"{text[:start]}{index}{text[end:]}"


def _leading(text: str) -> re.Match[str] | None:
    return _MARKER.match(text, text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1)


def _counting(text: str) -> Iterator[re.Match[str]]:
    """The markers of one style, each one more than the one before."""
    style, depth, expected = "", 0, -1
    for marker in _MARKER.finditer(text):
        number = int(marker[_group(marker)])
        if not style:
            style, depth = _style(marker), len(marker["indent"])
        elif number != expected or _style(marker) != style or len(marker["indent"]) > depth + 1:
            continue
        expected = number + 1
        yield marker


def _group(marker: re.Match[str]) -> str:
    return next(name for name in ("a", "b", "c") if marker[name] is not None)


def _style(marker: re.Match[str]) -> str:
    return _group(marker) + (marker["sign"] or "")
