"""Linear equations as a workload: base prompts, their perturbations, and an expert who solves them by the textbook."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from stepflow.adapters.backends.simulated import Answers
from stepflow.bench.checkers.arithmetic import Form, read_equation, solve
from stepflow.bench.checkers.equation import EquationCheck
from stepflow.bench.item import Item, Purpose, asked
from stepflow.protocols import Call

TASK = "equation"
CHANGING = frozenset({"constant_changed", "variable_renamed"})
BASE = "Solve {eq} for {u}."
WORDINGS = {
    "low": (
        "Please solve {eq} for {u}.", "Solve for {u}: {eq}", "Solve the equation {eq} for {u}.",
        "Please solve for {u}: {eq}", "Hello! Solve {eq} for {u}.",
    ),
    "medium": (
        "Find {u} if {eq}.", "Find the value of {u} in {eq}.", "What is {u} when {eq}?", "Can you solve {eq} for {u}?",
        "Determine {u} such that {eq}.",
    ),
    "high": (
        "Given that {eq}, find {u}.", "What value of {u} makes {eq} true?", "Which value of {u} satisfies {eq}?",
        "I need help with my homework. Solve {eq} for {u}, step by step.", "In the equation {eq}, what does {u} equal?",
    ),
}  # fmt: skip
LETTERS = "xyztnmpw"


@dataclass(frozen=True, slots=True)
class Problem:
    """Numbers in a pattern of an equation, e.g. `{a}{u} + {b} = {c}`, and the letter of its unknown."""

    pattern: str
    numbers: tuple[int, ...]
    letter: str

    @property
    def text(self) -> str:
        """The equation as typed."""
        return self.pattern.format(u=self.letter, **dict(zip("abcd", self.numbers, strict=False)))

    @property
    def swapped(self) -> str:
        """The equation with its sides swapped."""
        left, _, right = self.text.partition(" = ")
        return f"{right} = {left}"


def _from_solution(rng: Random, sign: int) -> tuple[int, ...]:
    a, b, x = rng.randint(2, 9), rng.randint(2, 15), rng.randint(2, 12)
    return (a, b, a * x + sign * b) if sign else (a, b, b - a * x)


def _sum(rng: Random) -> tuple[int, ...]:
    b, x = rng.randint(3, 20), rng.randint(2, 20)
    return b, b + x


def _bracket(rng: Random) -> tuple[int, ...]:
    a, b, x = rng.randint(2, 7), rng.randint(2, 9), rng.randint(2, 9)
    return a, b, a * (x + b)


def _both_sides(rng: Random) -> tuple[int, ...]:
    d, more, b, x = rng.randint(2, 4), rng.randint(2, 5), rng.randint(2, 9), rng.randint(2, 9)
    return d + more, b, more * x + b, d


def _quotient(rng: Random) -> tuple[int, ...]:
    a, b, x = rng.randint(2, 6), rng.randint(2, 9), rng.randint(2, 9)
    return a, b, x + b


def _no_whole_solution(rng: Random) -> tuple[int, ...]:
    a, b = rng.choice((3, 6, 7)), rng.randint(2, 9)
    return a, b, a * rng.randint(2, 9) + b + rng.randint(1, a - 1)


PATTERNS: tuple[tuple[str, Callable[[Random], tuple[int, ...]]], ...] = (
    ("{a}{u} + {b} = {c}", lambda rng: _from_solution(rng, 1)),
    ("{a}{u} + {b} = {c}", lambda rng: _from_solution(rng, 1)),
    ("{a}{u} - {b} = {c}", lambda rng: _from_solution(rng, -1)),
    ("{a}{u} - {b} = {c}", lambda rng: _from_solution(rng, -1)),
    ("{u} + {b} = {c}", lambda rng: (1, *_sum(rng))),
    ("{a}({u} + {b}) = {c}", _bracket),
    ("{a}{u} + {b} = {d}{u} + {c}", _both_sides),
    ("{b} - {a}{u} = {c}", lambda rng: _from_solution(rng, 0)),
    ("{u}/{a} + {b} = {c}", _quotient),
    ("{a}{u} + {b} = {c}", _no_whole_solution),
)


def bases(rng: Random) -> list[Problem]:
    """Ten base problems, one of each pattern, with different texts."""
    found: list[Problem] = []
    for pattern, draw in PATTERNS:
        problem = Problem(pattern, draw(rng), rng.choice("xxxyzn"))
        while any(problem.text == other.text for other in found):
            problem = replace(problem, numbers=draw(rng))
        found.append(problem)
    return found


def base_item(problem: Problem) -> Item:
    """The base prompt."""
    return item(problem, problem.text, BASE, "base", "", "")


def item(problem: Problem, equation: str, wording: str, kind: str, level: str, base: str) -> Item:
    """A prompt about an equation, as typed there, with its judge and its expert."""
    letter = problem.letter
    check = EquationCheck(equation, letter)
    prompt = wording.format(eq=equation, u=letter)
    return Item(asked(prompt), TASK, kind, level, base or prompt, kind in CHANGING, check, Solver(check))


def variant(problem: Problem, kind: str, level: str, rng: Random) -> Item:
    """A prompt that differs from the base in one way; drawn anew at each call."""
    base = base_item(problem).prompt
    if kind == "wording":
        equation = problem.text
        if level == "high" and rng.random() < 0.5:
            equation = equation.replace(" ", "")
        return item(problem, equation, rng.choice(WORDINGS[level]), kind, level, base)
    if kind == "sides_swapped":
        wording = BASE if level == "low" else rng.choice(WORDINGS[level])
        return item(problem, problem.swapped, wording, kind, level, base)
    changed = _renamed(problem, rng) if kind == "variable_renamed" else _renumbered(problem, level, rng)
    wording = rng.choice(WORDINGS["low"]) if level == "high" else BASE
    return item(changed, changed.text, wording, kind, level, base)


def _renamed(problem: Problem, rng: Random) -> Problem:
    return replace(problem, letter=rng.choice([letter for letter in LETTERS if letter != problem.letter]))


def _renumbered(problem: Problem, level: str, rng: Random) -> Problem:
    """Low: the last constant; medium: both constants; high: every number, drawn as for a base."""
    a, b, c, *rest = problem.numbers
    if level == "low":
        return replace(problem, numbers=(a, b, c + a * rng.randint(1, 6), *rest))
    if level == "medium":
        return replace(problem, numbers=(a, b + rng.randint(1, 6), c + a * rng.randint(7, 12), *rest))
    draw = next(draw for pattern, draw in PATTERNS if pattern == problem.pattern)
    numbers = problem.numbers
    while numbers == problem.numbers:
        numbers = draw(rng)
    return replace(problem, numbers=numbers)


# --- the expert -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """What is done, and the equation that it gives."""

    done: str
    equation: str


@dataclass(frozen=True, slots=True)
class Solver:
    """Solves an equation by the textbook, in two styles, or errs."""

    check: EquationCheck

    def answers(self, call: Call, purpose: Purpose) -> Answers:
        """For a patch only the lines behind those that the call shows as kept, numbered as it asks."""
        plain, full = tuple(solution(self.check)), tuple(solution(self.check, written_out=True))
        first, kept = 1, 0
        if purpose == "patch":
            text = call.messages[-1].content
            kept = max((at for at, line in enumerate(plain) if line.equation in text), default=0) + 1
            kept = min(kept, len(plain) - 1)
            wished = re.search(r"\bfrom (?:step )?(\d+)", text)
            first = int(wished.group(1)) if wished else kept + 1
            full = plain
        right = tuple(numbered(lines[kept:], first) for lines in (plain, full))
        return Answers(right, tuple(self._wrong(full[kept:], first)))

    def _wrong(self, lines: tuple[Line, ...], first: int) -> Iterator[str]:
        """Slips as models make them: in a value, an operand, a letter, the problem itself, the conclusion."""
        letter, value = self.check.unknown, _value(self.check)
        *before, last = lines
        right, slip = numbered(lines, first), written_number(value + 2)
        stray = next(number for number in range(23, 99) if str(number) not in f"{right} {self.check.equation}")
        other = next(each for each in "xyz" if each != letter)
        shifted = " = ".join(f"{side.strip()} + 1" for side in self.check.equation.split("="))
        yield numbered((*before, replace(last, equation=f"{letter} = {slip}")), first)
        yield numbered((*before, replace(last, equation=f"{other} = {written_number(value)}")), first)
        yield numbered((*before, replace(last, done=f"Subtract {stray} from both sides")), first)
        yield f"{right}\nSo the answer is {slip}."
        yield f"{right}\nThe equation has no solution."
        yield f"{right}\nThe constant {stray} has gone to the other side."
        yield f"The problem is {shifted}.\n{right}"
        yield f"To solve this equation, isolate {letter} on one side and simplify the other side."


def numbered(lines: tuple[Line, ...], first: int = 1) -> str:
    """`1. What is done: equation`, one a line."""
    return "\n".join(f"{index}. {line.done}: {line.equation}" for index, line in enumerate(lines, first))


def solution(check: EquationCheck, written_out: bool = False) -> Iterator[Line]:
    """Brackets away, the unknown to the left, constants to the right, then divide.

    `written_out` shows each operation on both sides before it is carried out.
    """
    letter = check.unknown
    left, right = check.sides
    yield Line("Start with the equation", check.equation)
    shown = check.equation
    if "(" in shown:
        shown = _equation(left, right, letter)
        yield Line("Expand the brackets", shown)
    if right.slope and not left.slope:
        left, right = right, left
        shown = _equation(left, right, letter)
        yield Line("Swap the sides", shown)
    for verb, sign, operand in _operations(left, right):
        text = written(operand, letter)
        words = {"+": f"Add {text} to", "-": f"Subtract {text} from"}.get(sign)
        head = f"{words} both sides" if words else f"{verb} both sides by {text}"
        if written_out and sign in "+-":
            one, other = (side.strip() for side in shown.split("="))
            yield Line(head, f"{one} {sign} {text} = {other} {sign} {text}")
            head = "Simplify both sides"
        left, right = _after(sign, operand, left, right)
        shown = _equation(left, right, letter)
        yield Line(head, shown)


def _operations(left: Form, right: Form) -> Iterator[tuple[str, str, Form]]:
    zero = Fraction(0)
    for part in (Form(right.slope, zero), Form(zero, left.constant)):
        size = part.slope or part.constant
        if size:
            yield ("Subtract", "-", part) if size > 0 else ("Add", "+", part.times(Fraction(-1)))
    slope = left.slope - right.slope
    if slope != 1:
        inverse = slope.numerator == 1
        yield ("Multiply", "*", Form(zero, 1 / slope)) if inverse else ("Divide", "/", Form(zero, slope))


def _after(sign: str, operand: Form, left: Form, right: Form) -> tuple[Form, Form]:
    if sign in "+-":
        return (left + operand, right + operand) if sign == "+" else (left - operand, right - operand)
    factor = operand.constant if sign == "*" else 1 / operand.constant
    return left.times(factor), right.times(factor)


def _value(check: EquationCheck) -> Fraction:
    truth = solve(*read_equation(check.equation, check.unknown))
    assert isinstance(truth, Fraction)
    return truth


def _equation(left: Form, right: Form, letter: str) -> str:
    return f"{written(left, letter)} = {written(right, letter)}"


def written(form: Form, letter: str) -> str:
    """`2x + 3`, `-x`, `x/4 - 1`, `7`."""
    if not form.slope:
        return written_number(form.constant)
    top, bottom = form.slope.numerator, form.slope.denominator
    front = {1: "", -1: "-"}.get(top, str(top))
    term = f"{front}{letter}" + (f"/{bottom}" if bottom > 1 else "")
    if not form.constant:
        return term
    return f"{term} {'+' if form.constant > 0 else '-'} {written_number(abs(form.constant))}"


def written_number(value: Fraction) -> str:
    """`4`, `-7/3`."""
    return str(value)
