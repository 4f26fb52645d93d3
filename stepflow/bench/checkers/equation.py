"""The judge of solved linear equations.

Right means: the final value is stated and right; every equation in the text has exactly the solutions of the problem,
or is true arithmetic; every named operation leads from the equation before it to the one after it; no number stands in
the prose that nothing accounts for; nothing is denied, hedged, contradicted or unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from stepflow.bench.checkers.arithmetic import (
    Form,
    Reading,
    Token,
    Truth,
    plain_signs,
    read_equation,
    solve,
    tokens_of,
)
from stepflow.bench.checkers.claims import (
    NUMBER,
    Equation,
    Operation,
    Unreadable,
    applied,
    equations_in,
    normalised,
    operations_in,
    outside_checks,
)

Sides = tuple[Form, Form]

_NONE = re.compile(
    r"(?i)\bno (?:real |possible |such )?(?:solutions?|values?|numbers?|answers?)\b|\bno \w+ (?:satisf|solv)"
    r"|\b(?:does|do|can)(?: not|n't) have (?:a|any) solutions?\b|\bnot have (?:a|any) solutions?\b|\bunsolvable\b"
)
_ALL = re.compile(
    r"(?i)\binfinite(?:ly)? (?:many|number)|\b(?:all|every|any) (?:real )?(?:numbers?|values?|\w)\b(?! side| term)"
    r"(?= (?:is|are|of|work|satisf|solve|make)|[.,!)]|$)|\balways true\b|\btrue for (?:all|every|any)\b"
)
_DENIAL = re.compile(r"(?i)\b(?:not|never|cannot|incorrect|wrong|false|untrue|mistake)\b|n't\b|≠|!=")
_DENIABLE = re.compile(r"(?i)\d|\b(?:solutions?|answers?|correct|true|right|equation)\b")
_RETRACTION = re.compile(r"(?i)\b(?:not true that|not the case|wrong|incorrect|mistake)\b")
_PRESENTED = re.compile(
    r"\b(?:start(?:ing)? (?:from|with)|want to solve|to solve|solve|given|(?:equation|problem)(?: is)?)"
    r"(?: the| this| our)?(?: original| given)?(?: linear)?(?: equation| problem)?(?: :)?$"
)
_AGAIN = re.compile(r"\b(?:original|given) (?:equation|problem)(?: is)?(?: :)?$")
_ABOUT = re.compile(r"\b(?i:solve for|isolate|value of|find|variable|unknown)\s+([A-Za-z])\b(?!')")
_SECOND = re.compile(
    rf"=\s*{NUMBER}\s*,?\s*\b(?:or|and)\s+(?:perhaps |maybe |possibly )?({NUMBER})(?!\d|\.\d|\s*[=A-Za-z(])"
)
_FOREIGN = frozenset({"<", ">", "<=", ">=", "≤", "≥", "≠", "!=", "±", "^", "²", "³"})


@dataclass(frozen=True, slots=True)
class EquationCheck:
    """Judges answers to "solve this equation for this unknown"."""

    equation: str
    unknown: str

    @property
    def sides(self) -> Sides:
        """What both sides mean. Raises `ValueError` when the equation is not linear in the unknown."""
        return read_equation(self.equation, self.unknown)

    @property
    def truth(self) -> Truth:
        """The solution, 'none', or 'all'."""
        return solve(*self.sides)

    def objection(self, answer: str) -> str | None:
        """What speaks against the answer, as served; None when it is right."""
        try:
            return next(_Hearing(self, answer).objections(), None)
        except Unreadable as reason:
            return str(reason)


class _Hearing:
    """One answer before the judge."""

    def __init__(self, check: EquationCheck, answer: str) -> None:
        self.unknown, self.problem, self.truth = check.unknown, check.sides, check.truth
        self.asked = tokens_of(plain_signs(check.equation))
        self.answer = plain_signs(answer)
        self.text = normalised(answer, check.unknown)
        self.tokens: Sequence[Token] = tokens_of(self.text)

    def objections(self) -> Iterator[str]:
        """Everything that speaks against the answer. Raises `Unreadable`."""
        if not self.answer.strip():
            yield "the answer is empty"
        if self.answer.lstrip()[:1] in ("{", "[") or re.search(r"\\[a-zA-Z(\[]", self.answer):
            yield "the answer is JSON or LaTeX, not a plain solution"
        yield from self._denials()
        yield from self._statements()
        equations = equations_in(self.tokens)
        operations = operations_in(self.tokens, self.unknown)
        for equation in equations:
            yield from self._false(equation)
        yield from self._other_problem(equations)
        yield from self._moved_gap(equations, operations)
        yield from self._unexplained(equations, operations)
        yield from self._stray_numbers(equations, operations)
        if isinstance(self.truth, Fraction) and not any(map(self._states_value, equations)):
            yield f"no final value of {self.unknown} is stated"

    def _denials(self) -> Iterator[str]:
        letter = re.compile(rf"(?<![A-Za-z]){self.unknown}(?![A-Za-z])")
        for sentence in re.split(r"[.!?;](?=\s|$)|\n", self.answer):
            if self.truth == "none":
                denied = _RETRACTION.search(sentence)
            else:
                denied = _DENIAL.search(sentence)
                denied = denied and (_DENIABLE.search(sentence) or letter.search(sentence))
            if denied:
                yield f"a denial: {sentence.strip()!r}"

    def _statements(self) -> Iterator[str]:
        said = {"none": bool(_NONE.search(self.text)), "all": bool(_ALL.search(self.text))}
        if said != {"none": self.truth == "none", "all": self.truth == "all"}:
            yield f"says no solution: {said['none']}, every value: {said['all']}; the truth is {self.truth}"
        for found in _ABOUT.finditer(self.text):
            if found.group(1) not in (self.unknown, "a", "A", "I"):
                yield f"speaks of the unknown {found.group(1)}"
        for found in _SECOND.finditer(self.text):
            if Fraction(re.sub(r"[\s,]", "", found.group(1))) != self.truth:
                yield f"hedges: {found.group()!r}"
        for token in self.tokens:
            if token.text in _FOREIGN:
                yield f"the sign {token.text} does not belong in a solved linear equation"

    def _false(self, equation: Equation) -> Iterator[str]:
        shown = " ".join(token.text for token in self.tokens[equation.start : equation.end])
        for left, right, sign in zip(equation.sides, equation.sides[1:], equation.signs, strict=False):
            strangers = (left.letters | right.letters) - {self.unknown}
            if strangers:
                yield f"another letter in {shown}: {', '.join(sorted(strangers))}"
            elif not (self._near(left, right) if sign == "≈" else self._holds(left, right)):
                yield f"{shown} does not follow from the problem"

    def _holds(self, left: Reading, right: Reading) -> bool:
        solutions = solve(left.form, right.form)
        if left.letters or right.letters:
            return solutions == self.truth
        if self.truth == "none" and max(left.end - left.start, right.end - right.start) <= 2:
            return solutions == "none"  # `3 = 5` is how a contradiction ends; `3 = 3` would say the opposite
        return solutions == "all"

    def _near(self, left: Reading, right: Reading) -> bool:
        """Rounded to the digits shown, and only numbers: a rounded value of the unknown is never right."""
        digits = len(self.tokens[right.end - 1].text.partition(".")[2])
        gap = abs(left.form.constant - right.form.constant)
        return not (left.letters | right.letters) and gap <= Fraction(1, 2 * 10**digits)

    def _other_problem(self, equations: Sequence[Equation]) -> Iterator[str]:
        for index, equation in enumerate(equations):
            before = " ".join(each.text.lower() for each in self.tokens[max(0, equation.start - 8) : equation.start])
            presented = _AGAIN.search(before) or (index == 0 and _PRESENTED.search(before))
            if presented and not _same(equation.ends, self.problem):
                yield f"presents another equation as the problem: {before!r}"

    def _moved_gap(self, equations: Sequence[Equation], operations: Sequence[Operation]) -> Iterator[str]:
        """All contradictions have the same solutions, namely none; so there the distance of the sides must stay."""
        if self.truth != "none" or any(operation.sign in "*/" for operation in operations):
            return
        distance = abs((self.problem[0] - self.problem[1]).constant)
        for left, right in (equation.ends for equation in equations):
            if solve(left, right) == "none" and abs((left - right).constant) != distance:
                yield "an equation does not follow: its sides lie nearer or further apart than those of the problem"

    def _states_value(self, equation: Equation) -> bool:
        """`x = 4`, `4 = x`, `x = 8/2 = 4`: the bare unknown against a number as people write one."""
        exact = equation.signs.index("≈") if "≈" in equation.signs else len(equation.signs)
        ends = equation.sides[0], equation.sides[exact]
        return exact > 0 and any(
            self._written(letter) == self.unknown and self._is_written_number(value)
            for letter, value in (ends, ends[::-1])
        )

    def _written(self, side: Reading) -> str:
        return "".join(token.text for token in self.tokens[side.start : side.end])

    def _is_written_number(self, side: Reading) -> bool:
        pieces = self.tokens[side.start : side.end]
        mixed = [each.is_number for each in pieces][-4:] == [True, True, False, True]
        return not side.letters and (mixed or bool(re.fullmatch(r"\(?-?[\d,.]+(/\d+)?\)?", self._written(side))))

    # --- operations ---------------------------------------------------------------------------------------------------

    def _unexplained(self, equations: Sequence[Equation], operations: Sequence[Operation]) -> Iterator[str]:
        steps = [each for each in equations if isinstance(self.truth, str) or any(side.letters for side in each.sides)]
        for group in _groups(operations, steps):
            if not any(
                self._behind(group[:cut], steps) and self._ahead(group[cut:], steps, operations)
                for cut in range(len(group) + 1)
            ):
                signs = " then ".join(operation.sign for operation in group)
                yield f"the operation {signs} does not lead from the equation before to the equation after"

    def _ahead(self, group: Sequence[Operation], steps: Sequence[Equation], operations: Sequence[Operation]) -> bool:
        """The operations, in turn, lead from the last equation before them to those after them."""
        if not group:
            return True
        first, own = group[0].at, {operation.at for operation in group}
        earlier = [each.ends for each in steps if each.end <= first]
        others = [operation.at for operation in operations if operation.at > first and operation.at not in own]
        barrier = min(others, default=len(self.tokens))
        later = [each.ends for each in steps if first < each.start < barrier]
        starts = [earlier[-1] if earlier else self.problem]
        if earlier and _is_solution(earlier[-1]):  # the answer stands first, and then why
            starts.append(self.problem)
        return any(_leads(start, group, later) for start in starts)

    def _behind(self, group: Sequence[Operation], steps: Sequence[Equation]) -> bool:
        """`2x = 8 (subtract 3)`: the operations stand behind their equation, the last one on its line."""
        if not group:
            return True
        before = [index for index, each in enumerate(steps) if each.end <= group[0].at]
        if not before:
            return False
        last = steps[before[-1]]
        ends = (at for at in range(group[-1].at, len(self.tokens)) if self.tokens[at].text == "\n")
        line_end = next(ends, len(self.tokens))
        if any(self.tokens[at].text == "\n" for at in range(last.end, group[0].at)):
            return False
        if any(group[0].at < each.start < line_end for each in steps):
            return False
        start = steps[before[-1] - 1].ends if before[-1] else self.problem
        return _leads(start, group, [last.ends])

    def _stray_numbers(self, equations: Sequence[Equation], operations: Sequence[Operation]) -> Iterator[str]:
        taken = {at for equation in equations for at in range(equation.start, equation.end)}
        known = {self.tokens[at].value for at in taken if self.tokens[at].is_number} | {Fraction(0), Fraction(1)}
        known |= {token.value for token in self.asked if token.is_number}
        known |= {abs(part) for side in self.problem for part in (side.slope, side.constant)}
        if isinstance(self.truth, Fraction):
            known |= {abs(self.truth), Fraction(abs(self.truth.numerator)), Fraction(self.truth.denominator)}
        taken |= {at for operation in operations for at in operation.taken}
        outside = set(outside_checks(self.tokens))
        for at, token in enumerate(self.tokens):
            if not token.is_number or at in taken or token.value in known:
                continue
            if at in outside or not _worked_out(token.value, known):
                yield f"nothing accounts for the number {token.text}"


def _same(one: Sides, other: Sides) -> bool:
    return one in (other, other[::-1])


def _is_solution(sides: Sides) -> bool:
    return any(one.slope == 1 and not one.constant and not other.slope for one, other in (sides, sides[::-1]))


def _groups(operations: Sequence[Operation], steps: Sequence[Equation]) -> list[list[Operation]]:
    """Operations with no equation between them belong together."""
    groups: list[list[Operation]] = []
    for operation in operations:
        if groups and not any(groups[-1][-1].at < step.start < operation.at for step in steps):
            groups[-1].append(operation)
        else:
            groups.append([operation])
    return groups


def _leads(start: Sides, group: Sequence[Operation], later: Sequence[Sides]) -> bool:
    """Whether the equations that follow are reached by the operations in turn, the last one's result among them."""
    states = [[start]]
    for operation in group:
        states.append([after for before in states[-1] for after in applied(operation, before)])
    reached = 0
    for sides in later:
        reached_now = [index for index, state in enumerate(states) if any(_same(sides, each) for each in state)]
        forward = [index for index in reached_now if index >= reached]
        if not forward:
            break
        reached = forward[0]
    return reached == len(group)


def _worked_out(value: Fraction, known: set[Fraction]) -> bool:
    """`multiply 2 by 4 to get 8`: in a check, numbers may be worked out in words."""
    return any(
        value in (one + other, one - other, one * other) or one == value * other for one in known for other in known
    )
