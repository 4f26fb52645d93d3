"""Plots as SVG text. Colours are CSS classes, so that one drawing serves light and dark screens and paper.

Coordinates are pixels of the view box; every plot scales to the width of its column.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 860
LABELS = 210
"""Room left of horizontal bars for their labels."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: its length in the bar's unit, CSS class, what it says on hovering, and inside if it fits."""

    size: float
    style: str
    title: str
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar: `group` stands bold before the first of its group, `label` before each, `note` behind it."""

    label: str
    parts: Sequence[Part]
    note: str = ""
    group: str = ""


def bars(rows: Sequence[Bar], longest: float, title: str) -> str:
    """Horizontal bars, one below the other; `longest` is the length that fills the plot.

    Each group is a drawing of its own, so that paper is cut between groups.
    """
    groups: list[list[Bar]] = []
    for bar in rows:
        if bar.group or not groups:
            groups.append([])
        groups[-1].append(bar)
    return _scrolling("".join(_group(group, longest, f"{title}: {group[0].group}") for group in groups))


def _group(rows: Sequence[Bar], longest: float, title: str) -> str:
    drawn = [_text(0, 13, rows[0].group, "group")]
    y = 20
    for bar in rows:
        drawn.append(_text(LABELS - 10, y + 13, bar.label, "label end"))
        drawn += _bar(bar, y, longest)
        y += 20
    return _svg(y, drawn, title)


def _bar(bar: Bar, y: int, longest: float) -> Iterator[str]:
    room, x = WIDTH - LABELS - 110, float(LABELS)
    for part in bar.parts:
        width = room * part.size / longest if longest else 0.0
        if width <= 0:
            continue
        yield (
            f'<rect class="{part.style}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="17">'
            f"<title>{escape(part.title)}</title></rect>"
        )
        if part.inside and width > 7.2 * len(part.inside) + 4:
            yield _text(x + width / 2, y + 13, part.inside, f"inside on-{part.style}")
        x += width
    yield _text(x + 6, y + 13, bar.note, "note")


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of one pipeline, in seconds, sorted, and its CSS class."""

    name: str
    seconds: Sequence[float]
    style: str


def distribution(curves: Sequence[Curve], title: str) -> str:
    """Cumulative: which share of requests took at most so long. The time axis is logarithmic."""
    height, bottom = 300, 250
    axis = _Axis([value for curve in curves for value in curve.seconds])
    drawn = [axis.draw(bottom, 10)]
    for share in (0, 25, 50, 75, 90, 100):
        y = bottom - (bottom - 10) * share / 100
        drawn.append(f'<line class="grid" x1="60" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}"/>')
        drawn.append(_text(52, y + 4, f"{share} %", "label end"))
    for curve in curves:
        points = _steps(curve.seconds, axis, bottom)
        drawn.append(
            f'<polyline class="curve {curve.style}" points="{points}"><title>{escape(curve.name)}</title></polyline>'
        )
    return _scrolling(_svg(height, drawn, title))


def _steps(seconds: Sequence[float], axis: _Axis, bottom: float) -> str:
    """A stair: each value lifts the curve by its share. A value drawn thrice is one riser."""
    count, points = len(seconds), [(60.0, bottom)]
    for rank, value in enumerate(seconds, start=1):
        x = axis.at(value)
        points += [(x, points[-1][1]), (x, bottom - (bottom - 10) * rank / count)]
    points.append((WIDTH - 20.0, points[-1][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def histograms(curves: Sequence[Curve], title: str) -> str:
    """How often each latency occurs: a row for each pipeline, bins of equal width on the logarithmic axis."""
    axis = _Axis([value for curve in curves for value in curve.seconds])
    bins, row = 60, 74
    bottom = row * len(curves)
    drawn = [axis.draw(bottom, 0)]
    for number, curve in enumerate(curves):
        counts = [0] * bins
        for value in curve.seconds:
            counts[min(bins - 1, int((axis.at(value) - 60) / (WIDTH - 80) * bins))] += 1
        base, most = row * (number + 1) - 2, max(counts, default=1) or 1
        drawn.append(_text(60, row * number + 14, curve.name, "group"))
        for index, count in enumerate(counts):
            size = 46 * count / most
            if count:
                drawn.append(
                    f'<rect class="{curve.style}" x="{60 + index * (WIDTH - 80) / bins:.1f}" y="{base - size:.1f}" '
                    f'width="{(WIDTH - 80) / bins - 1:.1f}" height="{size:.1f}"><title>{count} requests</title></rect>'
                )
    return _scrolling(_svg(bottom + 50, drawn, title))


class _Axis:
    """Seconds on a logarithmic axis from 60 to the right margin."""

    def __init__(self, values: Sequence[float]) -> None:
        positive = [value for value in values if value > 0] or [0.001, 1.0]
        self.low = math.floor(math.log10(min(positive)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(positive))))

    def at(self, value: float) -> float:
        """The x of a value; nothing lies left of the axis."""
        share = (math.log10(max(value, 10.0**self.low)) - self.low) / (self.high - self.low)
        return 60 + (WIDTH - 80) * min(1.0, share)

    def draw(self, bottom: float, top: float) -> str:
        """Ticks with their labels below."""
        drawn = []
        for power in range(self.low, self.high + 1):
            x = self.at(10.0**power)
            drawn.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
            drawn.append(_text(x, bottom + 18, _tick(power), "label middle"))
        drawn.append(_text(60 + (WIDTH - 80) / 2, bottom + 38, "time of a request (logarithmic)", "note middle"))
        return "".join(drawn)


def _tick(power: int) -> str:
    value, unit = (
        (10.0**power, "s")
        if power >= 0
        else (10.0 ** (power + 3), "ms")
        if power >= -3
        else (10.0 ** (power + 6), "µs")
    )
    return f"{value:g} {unit}"


def legend(entries: Mapping[str, str]) -> str:
    """Names with their colours, as HTML."""
    items = (
        f'<span class="key"><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="{style}" width="12" height="12"/>'
        f"</svg>{escape(name)}</span>"
        for name, style in entries.items()
    )
    return f'<p class="legend">{"".join(items)}</p>'


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>' if text else ""


def _scrolling(plots: str) -> str:
    """Plots that a narrow screen scrolls sideways: smaller, their words could not be read."""
    return f'<div class="wide">{plots}</div>'


def _svg(height: float, drawn: Sequence[str], title: str) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(drawn)}</svg>"
    )
