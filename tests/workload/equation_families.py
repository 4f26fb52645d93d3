"""Families: a base prompt and variants of it, with whether the base's answer still answers the variant.

`base_answer_right` is the whole promise: where it is False, serving the base's cached answer is an error. `item` is
None for a variant that is no longer "solve one linear equation" (its answer is not for the equation judge).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from workload.equation_shapes import NOTATIONS, Equation, build
from workload.equations import COMMON_LETTERS, OWN_LINE, WORDINGS, EquationItem, random_item, render


@dataclass(frozen=True, slots=True)
class Variant:
    """One changed prompt."""

    kind: str
    prompt: str
    item: EquationItem | None
    base_answer_right: bool


@dataclass(frozen=True, slots=True)
class Family:
    """A base and its variants."""

    base: EquationItem
    variants: tuple[Variant, ...]


TOPIC_CHANGES: dict[str, str] = {
    "inequality": "Solve {left} > {right} for {u}.",
    "inequality_or_equal": "Solve {left} <= {right} for {u}.",
    "quadratic": "Solve {u}^2 + {eq} for {u}.",
    "quadratic_unicode": "Solve {u}² + {eq} for {u}.",
    "system": "Solve {eq} and {u} + {v} = 10 for {u} and {v}.",
    "system_named": "Solve the system: {eq}, {u} - {v} = 1",
    "double_the_result": "Solve {eq} for {u} and double the result.",
    "add_to_the_answer": "Solve {eq} for {u}, then add 1 to your answer.",
    "multiple_asked": "If {eq}, what is 3{u}?",
    "sum_asked": "If {eq}, what is {u} + 5?",
    "square_asked": "If {eq}, find the square of {u}.",
    "round_the_result": "Solve {eq} for {u} and round up to the next multiple of 10.",
    "count_solutions": "How many solutions does {eq} have?",
    "is_it_a_solution": "Is {u} = 3 a solution of {eq}?",
    "largest_of_two": "Which is larger, 7 or the {u} in {eq}?",
    "integer_part": "Solve {eq} for {u} modulo 5.",
    "do_not_solve": "Do not solve {eq}, only name the first step.",
    "without_the_result": "Explain how to solve {eq} without telling the value of {u}.",
    "word_problem": "Write a word problem that leads to {eq}.",
    "graph": "How would I graph both sides of {eq}?",
    "one_more_equation": "Solve {eq} for {u}. Also solve 4{v} = 20 for {v}.",
    "another_unknown": "Solve {eq} + {v} for {v}.",
    "wrong_unknown": "Solve {eq} for {v}.",
    "absolute_value": "Solve |{left}| = {right} for {u}.",
    "root": "Solve sqrt({left}) = {right} for {u}.",
    "reciprocal": "Solve 1/({left}) = {right} for {u}.",
    "negated_result": "Solve {eq} for {u} and give me minus {u}.",
    "other_language_of_reply": "Solve {eq} for {u} and answer in words only, in French.",
}


def families(seed: int, n: int) -> list[Family]:
    """n families, each with every kind of variant that its base admits."""
    rng = Random(seed)
    return [_family(rng) for _ in range(n)]


def _family(rng: Random) -> Family:
    base = random_item(rng, letter=rng.choice(COMMON_LETTERS), notation="spaced", presentation="inline")
    variants = [_with_equation(base, kind, change(base, rng)) for kind, change in _CHANGED.items()]
    same = [_same_equation(base, kind, change(base, rng)) for kind, change in _KEPT.items()]
    found = (*same, *(v for v in variants if v), *_swapped(base), *_off_topic(base, rng))
    return Family(base, tuple(variant for variant in found if variant.prompt != base.prompt))


def _same_equation(base: EquationItem, kind: str, item: EquationItem) -> Variant:
    return Variant(kind, item.prompt, item, True)


def _with_equation(base: EquationItem, kind: str, equation: Equation | None) -> Variant | None:
    if equation is None:
        return None
    item = replace(base, equation=equation, prompt=render(equation, base.wording, base.presentation))
    return Variant(kind, item.prompt, item, False)


def _reworded(base: EquationItem, rng: Random) -> EquationItem:
    wording = rng.choice([each for each in WORDINGS if each != base.wording])
    return replace(base, wording=wording, prompt=render(base.equation, wording, base.presentation))


def _renotated(base: EquationItem, rng: Random) -> EquationItem:
    notation = rng.choice([each for each in NOTATIONS if each != "spaced"])
    equation = replace(base.equation, text=NOTATIONS[notation](base.equation.text))
    return replace(base, equation=equation, notation=notation, prompt=render(equation, base.wording, base.presentation))


def _politely(base: EquationItem, rng: Random) -> EquationItem:
    return replace(base, prompt=f"{rng.choice(('Hi there! ', 'Good morning. ', 'Hello, '))}{base.prompt}")


def _presented(base: EquationItem, rng: Random) -> EquationItem:
    shown = rng.choice(("backticks", "quotes", "dollars", *(["own_line"] if base.wording in OWN_LINE else [])))
    return replace(base, presentation=shown, prompt=render(base.equation, base.wording, shown))


_KEPT: dict[str, Callable[[EquationItem, Random], EquationItem]] = {
    "reworded": _reworded,
    "reworded_again": _reworded,
    "other_notation": _renotated,
    "greeted": _politely,
    "presented_otherwise": _presented,
}


def _new_numbers(base: EquationItem, rng: Random) -> Equation:
    """The same form with other numbers and another solution."""
    while True:
        other = build(rng, base.form, base.unknown, base.notation)
        if other.text != base.equation.text and (other.solution != base.solution or isinstance(base.solution, str)):
            return other


def _constant_changed(base: EquationItem, rng: Random) -> Equation | None:
    """One more term at the end, or the last constant raised; the solution moves with it."""
    equation = base.equation
    if isinstance(equation.solution, str):
        return None
    by = rng.randint(1, 9)
    right = replace(equation.right, constant=equation.right.constant + by)
    shift = by / (equation.left.slope - equation.right.slope)
    left_text, _, right_text = equation.text.partition(" = ")
    whole = right_text.lstrip("-").isdigit()
    text = f"{left_text} = {int(right_text) + by}" if whole else f"{left_text} = {right_text} + {by}"
    return replace(equation, text=text, right=right, solution=equation.solution + shift, plain=equation.plain and whole)


def _renamed(base: EquationItem, rng: Random) -> Equation:
    letter = rng.choice([each for each in "xyztnmpw" if each != base.unknown])
    return replace(base.equation, letter=letter, text=base.equation.text.replace(base.unknown, letter))


def _sign_changed(base: EquationItem, rng: Random) -> Equation | None:
    """The last sign of the left side is turned."""
    equation = base.equation
    if base.form not in ("two_step", "one_step_sum", "negative_coefficient", "large_numbers", "decimals"):
        return None
    left = replace(equation.left, constant=-equation.left.constant)
    head, _, tail = equation.text.partition(" = ")
    turned = head[:1] + head[1:].translate(str.maketrans("+-", "-+"))
    solution = (equation.right.constant - left.constant) / left.slope
    return replace(equation, text=f"{turned} = {tail}", left=left, solution=solution)


_CHANGED: dict[str, Callable[[EquationItem, Random], Equation | None]] = {
    "constant_changed": _constant_changed,
    "numbers_changed": _new_numbers,
    "unknown_renamed": _renamed,
    "sign_changed": _sign_changed,
}


def _swapped(base: EquationItem) -> list[Variant]:
    left, _, right = base.equation.text.partition(" = ")
    equation = replace(base.equation, text=f"{right} = {left}", left=base.equation.right, right=base.equation.left)
    item = replace(base, equation=equation, prompt=render(equation, base.wording, base.presentation))
    return [Variant("sides_swapped", item.prompt, item, True)]


def _off_topic(base: EquationItem, rng: Random) -> list[Variant]:
    other = rng.choice([each for each in "xyztnm" if each != base.unknown])
    left, _, right = base.equation.text.partition(" = ")
    parts = {"eq": base.equation.text, "u": base.unknown, "v": other, "left": left, "right": right}
    return [Variant(kind, text.format(**parts), None, False) for kind, text in TOPIC_CHANGES.items()]
