"""Right answers to an equation item, derived by the textbook and written in many styles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from workload.equations import EquationItem
from workload.linear import Linear, linear, write, write_number

Label = Literal["right", "wrong", "malformed"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model writes. Only `right` ones may ever be served as verified."""

    label: Label
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One step: the verb with what it uses (empty when nothing is done to both sides), and the equation it gives."""

    verb: str
    used: str
    left: str
    right: str

    @property
    def equation(self) -> str:
        return f"{self.left} = {self.right}"


@dataclass(frozen=True, slots=True)
class Derivation:
    """The item, its steps after the start, and its final statement."""

    item: EquationItem
    lines: tuple[Line, ...]

    @property
    def start(self) -> str:
        return self.item.equation.text

    @property
    def final(self) -> str:
        truth, letter = self.item.solution, self.item.unknown
        if truth == "none":
            return "no solution"
        if truth == "all":
            return "every real number is a solution"
        return f"{letter} = {self.value}"

    @property
    def value(self) -> str:
        truth = self.item.solution
        return truth if isinstance(truth, str) else write_number(truth, self.item.equation.decimals)


def derive(item: EquationItem) -> Derivation:
    """Tidy up, bring the unknown to the left, then the constants to the right, then divide."""
    return Derivation(item, tuple(_lines(item)))


def _lines(item: EquationItem) -> Iterator[Line]:
    equation = item.equation
    left, right = equation.left, equation.right

    def line(verb: str, used: str = "") -> Line:
        return Line(verb, used, *(write(side, equation.letter, equation.decimals) for side in (left, right)))

    if not equation.plain:
        yield line("simplify")
    if right.slope and not left.slope:
        left, right = right, left
        yield line("swap")
    if right.slope:
        moved = linear(right.slope)
        left, right = left - moved, right - moved
        yield line(*_moved(moved, item))
    if not isinstance(item.solution, Fraction):
        return
    if left.constant:
        moved = linear(0, left.constant)
        left, right = left - moved, right - moved
        yield line(*_moved(moved, item))
    if left.slope != 1:
        slope = left.slope
        left, right = left.scaled(1 / slope), right.scaled(1 / slope)
        flipped = slope.denominator > 1 and not equation.decimals
        yield line(
            *(("multiply", write_number(1 / slope)) if flipped else ("divide", write_number(slope, equation.decimals)))
        )


def _moved(term: Linear, item: EquationItem) -> tuple[str, str]:
    negative = (term.slope or term.constant) < 0
    written = write(term.scaled(-1 if negative else 1), item.unknown, item.equation.decimals)
    return ("add" if negative else "subtract"), written


_ACTIVE = {
    "subtract": "Subtract {} from both sides",
    "add": "Add {} to both sides",
    "divide": "Divide both sides by {}",
    "multiply": "Multiply both sides by {}",
    "simplify": "Expand and simplify both sides",
    "swap": "Swap the sides",
}
_SHORT = {"subtract": "Subtract {}", "add": "Add {}", "divide": "Divide by {}", "multiply": "Multiply by {}"}
_GERUND = {
    "subtract": "Subtracting {} from both sides gives",
    "add": "Adding {} to both sides gives",
    "divide": "Dividing both sides by {} gives",
    "multiply": "Multiplying both sides by {} gives",
    "simplify": "Simplifying gives",
    "swap": "With the sides swapped this is",
}
_PASSIVE = {
    "subtract": "{} is subtracted from both sides",
    "add": "{} is added to both sides",
    "divide": "Both sides are divided by {}",
    "multiply": "Both sides are multiplied by {}",
}


def said(line: Line, words: dict[str, str] = _ACTIVE) -> str:
    """The step's operation in words."""
    return words.get(line.verb, _ACTIVE[line.verb]).format(line.used)


def conclusion(solved: Derivation) -> str:
    """A final sentence."""
    if solved.item.solution == "none":
        return "This can never be true, so the equation has no solution."
    if solved.item.solution == "all":
        return "This is always true, so every real number is a solution (infinitely many solutions)."
    return f"So the solution is {solved.final}."


def numbered(lines: list[str]) -> str:
    """`1. …`, one a line."""
    return "\n".join(f"{index}. {line}" for index, line in enumerate(lines, 1))


def _end(solved: Derivation, always: bool = False) -> list[str]:
    """The final sentence, where the steps do not already end in the value."""
    return [conclusion(solved)] if always or isinstance(solved.item.solution, str) or not solved.lines else []


def as_numbered(solved: Derivation, always: bool = False) -> str:
    steps = [f"{said(line)}: {line.equation}" for line in solved.lines]
    return "\n".join([numbered([f"Start from {solved.start}", *steps]), *_end(solved, always)])


def _terse_numbered(solved: Derivation) -> str:
    return "\n".join([numbered([f"{said(line, _SHORT)}: {line.equation}" for line in solved.lines]), *_end(solved)])


def _equations_only(solved: Derivation) -> str:
    return "\n".join([solved.start, *(line.equation for line in solved.lines), *_end(solved)])


def _numbered_equations(solved: Derivation) -> str:
    return "\n".join([numbered([solved.start, *(line.equation for line in solved.lines)]), *_end(solved)])


def _step_labels(solved: Derivation) -> str:
    steps = [f"Step {n}: {said(line)}.\n{line.equation}" for n, line in enumerate(solved.lines, 1)]
    return "\n\n".join([*steps, *(_end(solved) or [f"Final answer: {solved.final}"])])


def _markdown(solved: Derivation) -> str:
    steps = [f"**Step {n}:** {said(line, _SHORT)}\n\n{line.equation}\n" for n, line in enumerate(solved.lines, 1)]
    return "\n".join(
        [f"To solve {solved.start} for {solved.item.unknown}:\n", *steps, *(_end(solved) or [f"**{solved.final}**"])]
    )


def _prose(solved: Derivation) -> str:
    steps = [f"{said(line, _GERUND)} {line.equation}." for line in solved.lines]
    return " ".join([f"We start from {solved.start}.", *steps, conclusion(solved)])


def _prose_lines(solved: Derivation) -> str:
    steps = [f"{said(line, _PASSIVE)}, which leaves {line.equation}." for line in solved.lines]
    return "\n".join([f"The equation is {solved.start}.", *steps, *_end(solved, True)])


def _bullets(solved: Derivation) -> str:
    return "\n".join([*(f"* {said(line)}: {line.equation}" for line in solved.lines), *_end(solved, True)])


def _lowered(text: str) -> str:
    return text[0].lower() + text[1:]


def _notes_behind(solved: Derivation) -> str:
    return "\n".join(
        [solved.start, *(f"{line.equation} ({_lowered(said(line, _SHORT))})" for line in solved.lines), *_end(solved)]
    )


def _arrows(solved: Derivation) -> str:
    return " → ".join([solved.start, *(line.equation for line in solved.lines), *_end(solved)])


def _short_answer(solved: Derivation) -> str:
    return conclusion(solved) if isinstance(solved.item.solution, str) else solved.final


def _answer_first(solved: Derivation) -> str:
    return f"{_short_answer(solved)}\n\nHere is why:\n{as_numbered(solved)}"


def _spoken_value(solved: Derivation) -> str:
    return f"{as_numbered(solved)}\nThe value of {solved.item.unknown} is {solved.value}."


def _answer_is(solved: Derivation) -> str:
    return f"{_terse_numbered(solved)}\n\nAnswer: {solved.value}"


def checked(solved: Derivation, off: int = 0) -> str:
    """`Check: 2(4) + 3 = 11`."""
    left = solved.start.partition("=")[0]
    put = re.sub(rf"(?<![A-Za-z]){solved.item.unknown}(?![A-Za-z])", f"({solved.value})", left).strip()
    value = solved.item.equation.left.at(Fraction(str(solved.item.solution))) + off
    return f"Check: {put} = {write_number(value, solved.item.equation.decimals)}"


def _with_check(solved: Derivation) -> str:
    return f"{as_numbered(solved)}\n{checked(solved)} ✓"


def _worked(solved: Derivation) -> str:
    """Each operation is written out on both sides before it is carried out."""
    shown, signs = [solved.start], {"subtract": "-", "add": "+", "divide": "/", "multiply": "*"}
    left, _, right = (part.strip() for part in solved.start.partition("="))
    for line in solved.lines:
        if line.verb in ("subtract", "add") and "(" not in line.used:
            shown.append(f"{left} {signs[line.verb]} {line.used} = {right} {signs[line.verb]} {line.used}")
        elif line.verb in signs:
            shown.append(f"({left}) {signs[line.verb]} ({line.used}) = ({right}) {signs[line.verb]} ({line.used})")
        left, right = line.left, line.right
        shown.append(line.equation)
    return "\n".join([*shown, *_end(solved)])


Style = Callable[[Derivation], str]
STYLES: dict[str, Style] = {
    "numbered": as_numbered,
    "terse_numbered": _terse_numbered,
    "equations_only": _equations_only,
    "numbered_equations": _numbered_equations,
    "step_labels": _step_labels,
    "markdown": _markdown,
    "prose": _prose,
    "prose_lines": _prose_lines,
    "bullets": _bullets,
    "notes_behind": _notes_behind,
    "arrows": _arrows,
    "short_answer": _short_answer,
    "answer_first": _answer_first,
    "final_sentence": lambda solved: as_numbered(solved, True),
    "worked": _worked,
}
VALUE_STYLES: dict[str, Style] = {"with_check": _with_check, "spoken_value": _spoken_value, "answer_is": _answer_is}


def right_replies(item: EquationItem) -> list[Reply]:
    """Right answers in every style that fits the item."""
    solved = derive(item)
    styles = STYLES | (VALUE_STYLES if isinstance(item.solution, Fraction) else {})
    return [Reply("right", kind, style(solved)) for kind, style in styles.items()]
