"""Wrong and malformed replies to an equation item: right ones with one fault each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from random import Random

from workload.equation_answers import Derivation, Line, Reply, as_numbered, checked, conclusion, derive, said
from workload.equations import OTHERS, EquationItem
from workload.linear import write_number

Fault = Callable[[Derivation, Random], str | None]
"""The faulty text, or None where the item offers no place for the fault."""


def wrong_replies(item: EquationItem, rng: Random) -> list[Reply]:
    """One reply for every fault that the item can have."""
    faults = VALUE_FAULTS if isinstance(item.solution, Fraction) else NO_VALUE_FAULTS
    solved = derive(item)
    texts = {kind: fault(solved, rng) for kind, fault in (SHARED_FAULTS | faults).items()}
    return [Reply("wrong", kind, text) for kind, text in texts.items() if text is not None]


def malformed_replies(item: EquationItem) -> list[Reply]:
    """Replies that are no solution at all, or not a whole one."""
    solved = derive(item)
    text, letter = as_numbered(solved), item.unknown
    value = solved.value if isinstance(item.solution, Fraction) else "0"
    before_last = text[: text.rindex("\n")] if "\n" in text else ""
    texts = {
        "empty": "",
        "blank": " \n\n ",
        "cut_after_equals": f"{before_last}\n{letter} =",
        "cut_in_words": f"{before_last}\nDivide both si" if len(solved.lines) > 1 else "1. First we div",
        "only_prose": "To solve this equation, isolate the unknown on one side and simplify.",
        "refusal": "I am sorry, but I am not able to help with that.",
        "latex": rf"\[ {letter} = \frac{{{value}}}{{1}} \] so \boxed{{{letter} = {value}}}",
        "json": f'{{"answer": "{letter} = {value}"}}',
        "code": f"```python\n{letter} = solve('{solved.start}')\nprint({letter})\n```",
        "other_language": "Die Lösung dieser Gleichung findet man durch Umformen.",
        "question_mark": f"{letter} = ?",
        "number_in_words": f"{letter} is a certain number.",
    }
    return [Reply("malformed", kind, text) for kind, text in texts.items()]


def _value(solved: Derivation) -> Fraction:
    assert isinstance(solved.item.solution, Fraction)
    return solved.item.solution


def _other_value(solved: Derivation, rng: Random) -> str:
    return write_number(_value(solved) + rng.choice((-3, -2, -1, 1, 2, 3, 10)), solved.item.equation.decimals)


def _with_final(solved: Derivation, value: str) -> str | None:
    if not solved.lines:
        return None
    last = replace(solved.lines[-1], left=solved.item.unknown, right=value)
    return as_numbered(Derivation(solved.item, (*solved.lines[:-1], last)))


def _with_line(solved: Derivation, index: int, line: Line) -> str:
    lines = (*solved.lines[:index], line, *solved.lines[index + 1 :])
    return as_numbered(Derivation(solved.item, lines))


def _pick(solved: Derivation, rng: Random, *verbs: str) -> int | None:
    fitting = [index for index, line in enumerate(solved.lines) if line.verb in verbs]
    return rng.choice(fitting) if fitting else None


def _fresh_number(solved: Derivation, rng: Random) -> str:
    """A whole number that occurs nowhere in the problem or its solution."""
    taken = set(re.findall(r"\d+", solved.start + as_numbered(solved)))
    return next(str(n) for n in iter(lambda: rng.randint(2, 99), None) if str(n) not in taken)


def wrong_final(solved: Derivation, rng: Random) -> str | None:
    return _with_final(solved, _other_value(solved, rng))


def wrong_short_answer(solved: Derivation, rng: Random) -> str:
    return f"{solved.item.unknown} = {_other_value(solved, rng)}"


def wrong_sentence(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\nSo the answer is {_other_value(solved, rng)}."


def wrong_spoken_value(solved: Derivation, rng: Random) -> str:
    return f"The value of {solved.item.unknown} is {_other_value(solved, rng)}."


def sign_error(solved: Derivation, rng: Random) -> str | None:
    value = _value(solved)
    return _with_final(solved, write_number(-value, solved.item.equation.decimals)) if value else None


def wrong_middle(solved: Derivation, rng: Random) -> str | None:
    if len(solved.lines) < 2:
        return None
    index = rng.randrange(len(solved.lines) - 1)
    line = solved.lines[index]
    return _with_line(solved, index, replace(line, right=f"{line.right} + {rng.randint(1, 9)}"))


def wrong_start(solved: Derivation, rng: Random) -> str:
    return as_numbered(solved).replace(solved.start, f"{solved.start} + {rng.randint(1, 9)}", 1)


def wrong_operand(solved: Derivation, rng: Random) -> str | None:
    index = _pick(solved, rng, "subtract", "add", "divide", "multiply")
    if index is None:
        return None
    return _with_line(solved, index, replace(solved.lines[index], used=_fresh_number(solved, rng)))


def wrong_verb(solved: Derivation, rng: Random) -> str | None:
    index = _pick(solved, rng, "subtract", "add", "divide", "multiply")
    if index is None or solved.lines[index].used in ("1", "-1"):
        return None
    line = solved.lines[index]
    opposite = {"subtract": "add", "add": "subtract", "divide": "multiply", "multiply": "divide"}[line.verb]
    return _with_line(solved, index, replace(line, verb=opposite))


def wrong_operand_alone(solved: Derivation, rng: Random) -> str | None:
    """The operation stands on its own line, the equation on the next."""
    index = _pick(solved, rng, "subtract", "add", "divide", "multiply")
    if index is None:
        return None
    lines = [
        replace(line, used=_fresh_number(solved, rng)) if i == index else line for i, line in enumerate(solved.lines)
    ]
    return "\n\n".join(
        [f"Step {n}: {said(line)}.\n{line.equation}" for n, line in enumerate(lines, 1)] + [conclusion(solved)]
    )


def wrong_passive(solved: Derivation, rng: Random) -> str | None:
    index = _pick(solved, rng, "subtract", "add")
    if index is None:
        return None
    line = solved.lines[index]
    done = "subtracted from" if line.verb == "subtract" else "added to"
    text = f"{_fresh_number(solved, rng)} is {done} both sides: {line.equation}"
    before = [earlier.equation for earlier in solved.lines[:index]]
    return "\n".join(
        [solved.start, *before, text, *(later.equation for later in solved.lines[index + 1 :]), conclusion(solved)]
    )


def leftover_number(solved: Derivation, rng: Random) -> str:
    text = f"The constant {_fresh_number(solved, rng)} stands on the left, so we get rid of it first."
    return f"{text}\n{as_numbered(solved)}"


def leftover_equation(solved: Derivation, rng: Random) -> str:
    other = rng.choice([text for text in OTHERS if text != solved.start])
    return f"We want to solve {other}.\n{as_numbered(solved)}"


def wrong_letter(solved: Derivation, rng: Random) -> str:
    letter = rng.choice([each for each in "xyzbk" if each != solved.item.unknown])
    return f"{letter} = {solved.value}"


def wrong_letter_at_the_end(solved: Derivation, rng: Random) -> str:
    letter = rng.choice([each for each in "xyzbk" if each != solved.item.unknown])
    return f"{as_numbered(solved)}\nTherefore {letter} = {solved.value}."


def two_finals(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\n{solved.item.unknown} = {_other_value(solved, rng)}"


def hedged(solved: Derivation, rng: Random) -> str:
    letter = solved.item.unknown
    return f"{letter} = {solved.value} or {letter} = {_other_value(solved, rng)}"


def hedged_shortly(solved: Derivation, rng: Random) -> str:
    return f"{solved.item.unknown} = {solved.value} or {_other_value(solved, rng)}"


def negated(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\nBut {solved.item.unknown} is not {solved.value}."


def no_solution_beside(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\nThe equation has no solution."


def every_value_beside(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\nIt has infinitely many solutions."


def only_no_solution(solved: Derivation, rng: Random) -> str:
    return "The equation has no solution."


def wrong_check(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\n{checked(solved, off=rng.randint(1, 5))}"


def inequality(solved: Derivation, rng: Random) -> str:
    return f"{solved.item.unknown} > {solved.value}"


def rounded(solved: Derivation, rng: Random) -> str | None:
    value = _value(solved)
    return f"{solved.item.unknown} = {float(value):.2f}" if (value * 100).denominator != 1 else None


def self_corrected(solved: Derivation, rng: Random) -> str:
    letter = solved.item.unknown
    return f"{letter} = {_other_value(solved, rng)}. Wait, that is wrong. {letter} = {solved.value}"


def foreign_operation(solved: Derivation, rng: Random) -> str | None:
    if not solved.lines:
        return None
    return f"Restamos {_fresh_number(solved, rng)} en ambos lados: {solved.lines[-1].equation}\n{solved.final}"


def solved_nevertheless(solved: Derivation, rng: Random) -> str:
    return f"{solved.start}\n{solved.item.unknown} = {rng.randint(-9, 9)}"


def solved_beside(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\n{solved.item.unknown} = {rng.randint(-9, 9)}"


def the_other_extreme(solved: Derivation, rng: Random) -> str:
    if solved.item.solution == "none":
        return "Every real number is a solution, so there are infinitely many solutions."
    return "The equation has no solution."


def both_extremes(solved: Derivation, rng: Random) -> str:
    return f"{as_numbered(solved)}\n{the_other_extreme(solved, rng)}"


SHARED_FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        wrong_start,
        wrong_operand,
        wrong_verb,
        wrong_operand_alone,
        wrong_passive,
        leftover_number,
        leftover_equation,
    )
}
VALUE_FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        *(wrong_final, wrong_short_answer, wrong_sentence, wrong_spoken_value, sign_error, wrong_middle, wrong_letter),
        *(wrong_letter_at_the_end, two_finals, hedged, hedged_shortly, negated, no_solution_beside, every_value_beside),
        *(only_no_solution, wrong_check, inequality, rounded, self_corrected, foreign_operation),
    )
}
NO_VALUE_FAULTS: dict[str, Fault] = {
    fault.__name__: fault for fault in (solved_nevertheless, solved_beside, the_other_extreme, both_extremes)
}
