"""`derivation`: the steps' linear equations, and the operations that they name, must lead from a given equation on.

A field of the steps holds what they claim, in reading order (a grammar with both, `find: all`, `as: equation`):

* An equation must have the given one's solutions. When an operation was named before it, that operation on both sides
  of the equation before must give this one; several operations may be named before the equations they lead to. An
  operation that is an `aside` may stand behind its equation instead: '2x = 8 (subtract 3)'.
* An operation must do something: to subtract 0, or to divide by 1, is no step.
* A term that is moved to another side (`move`, `move_right`, `move_left`) must stand on one that it can come from.
* The first equation must be the given one, with terms moved at most, or the result (x = 4).
* Of an equation without solutions, or that all numbers solve, only terms that it has may be moved without a word.
* Arithmetic beside it ('8 / 2 = 4') must be true, and start from numbers that the claims so far hold. So must what is
  worked out within an equation: '2x = 11 - 3 = 8', but not '2x = 14 - 6 = 8'; products of them are, for brackets.
  With letters it must get simpler: '2(x + 1) = 2x + 2', but not '2x + 3 = 3 + 2x', which says nothing. Numbers alone
  that are the same, '11 = 11', say something of a result that is checked, and nowhere else.

Options: `given_from`, the name of the equation; `field`, the steps' field.

    parse:
      - {field: claims, type: lark, grammar: algebra, find: all, as: equation, default: []}
    verify:
      - {scope: step, type: derivation, given_from: equation, field: claims}

Fails on the first claim of a step that does not follow, on an operation that no equation bears out, and when a step's
claims could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, NameRef
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import named
from stepflow.values import Equation, Linear, describe, show

NAME = "derivation"
_LITERAL = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+")
_BRACKET_OF_LETTERS = re.compile(r"\([^()]*[^\W\d_][^()]*\)")

Sides = frozenset[Linear]
Ordered = tuple[Linear, ...]
Operation = Mapping[str, Any]


class Options(stepflow.options.Options):
    """From where, and which claims."""

    given_from: NameRef = Field(description="Name of the equation from which the steps start.")
    field: str = Field(description="The steps' field that lists their equations and operations.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of a derivation."""
    return _Derivation(options.given_from, options.field)


@dataclass(frozen=True, slots=True)
class _Derivation:
    given: str
    claims: str
    last: list[tuple[Any, Any, Mapping[int, str]]] = field(default_factory=list, compare=False)

    def verify(self, view: View) -> str | None:
        """None when this step's claims follow from the steps before it, and its operations are borne out."""
        given, steps, index = named(self.given, view), named("steps", view), named("step", view)["index"]
        if not isinstance(given, Equation):
            raise ValueError(f"{self.given} is {describe(given)}, not an equation")
        return self._objections(given, steps).get(index)

    def _objections(self, given: Equation, steps: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
        """By step. The last answer's are kept: its steps are asked about one by one, and each needs all of them."""
        for known_given, known_steps, objections in self.last[-1:]:
            if known_given is given and known_steps is steps:
                return objections
        found = _objections(given, steps, self.claims)
        self.last[:] = [(given, steps, found)]
        return found


def _objections(given: Equation, steps: Sequence[Mapping[str, Any]], claims: str) -> Mapping[int, str]:
    walk = _Walk(given)
    readable = True
    for step in steps:
        readable = readable and claims in step
        if readable:
            walk.read(step["index"], step[claims])
        else:
            walk.object(step["index"], "an equation here, or in a step before, cannot be read")
    for named_in, operation in walk.pending:
        walk.object(named_in, f"no equation follows from {_spoken(operation)}")
    return walk.objections


@dataclass(slots=True)
class _Walk:
    """Where the reading of a derivation has come to.

    `current` are the sides of the last equation, from left to right, `before` those of the different one before it;
    `pending` are named operations (with their step) that no equation has borne out yet; `known` are the numbers
    written so far.
    """

    given: Equation
    current: Ordered = ()
    before: Ordered | None = None
    started: bool = False
    pending: list[tuple[int, Operation]] = field(default_factory=list)
    known: set[Fraction] = field(default_factory=set)
    objections: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.current = self.given.sides
        self.known = {Fraction(0), Fraction(1), *_numbers(self.given)}
        for base in _differences(self.given.sides):
            if base.terms:
                self.known |= _folded(Linear((), -base.constant / base.terms[0][1]))

    def object(self, step: int, reason: str) -> None:
        """The first objection to a step counts."""
        self.objections.setdefault(step, reason)

    def read(self, step: int, claims: Sequence[Any]) -> None:
        """One step's claims, in their order."""
        behind_equation = False
        for claim in claims:
            if isinstance(claim, Equation):
                self._equation(step, claim)
            elif _does_nothing(claim):
                self.object(step, f"{_spoken(claim)} does nothing")
            elif not (behind_equation and self._is_explanation(claim)):
                self.pending.append((step, claim))
                self.known |= _folded(claim["operand"])
            behind_equation = isinstance(claim, Equation) or (behind_equation and "aside" in claim)

    def _is_explanation(self, operation: Operation) -> bool:
        if "aside" not in operation or self.before is None:
            return False
        return any(frozenset(after) == frozenset(self.current) for after in _after(self.before, operation))

    def _equation(self, step: int, claim: Equation) -> None:
        sides = frozenset(claim.sides)
        if not self._is_accounted(claim):
            self.object(step, f"nothing accounts for the numbers of {show(claim)}")
        reached = self._borne_out(sides)
        unexplained = bool(self.pending) and not reached and sides != frozenset(self.current)
        follows = not unexplained and (reached > 0 or self._follows(claim, sides))
        if not follows and self._is_arithmetic(claim):
            self.known |= _numbers(claim)
        elif unexplained:
            reason = f"{_spoken(self.pending[0][1])} does not lead from {_shown(self.current)} to {show(claim)}"
            self.object(self.pending[0][0], reason)
            self.object(step, reason)
            self.pending.clear()
            self._move_to(claim)
        elif follows:
            del self.pending[:reached]
            self._move_to(claim)
        else:
            self.object(step, f"{show(claim)} does not follow from {show(self.given)}")

    def _move_to(self, claim: Equation) -> None:
        if frozenset(claim.sides) != frozenset(self.current):
            self.before = self.current
        self.current = claim.sides
        self.started = True
        self.known |= _numbers(claim)

    def _borne_out(self, sides: Sides) -> int:
        """How many of the pending operations, done one after the other, give these sides; 0 when that is none."""
        bases = {self.current, self.given.sides} if _is_result(frozenset(self.current)) else {self.current}
        for base in bases:
            done: set[Ordered] = {base}
            for count, (_, operation) in enumerate(self.pending, start=1):
                done = {after for before in done for after in _after(before, operation)}
                if any(frozenset(each) == sides for each in done):
                    return count
        return 0

    def _follows(self, claim: Equation, sides: Sides) -> bool:
        given = _differences(self.given.sides)
        current = frozenset(self.current)
        if sides in (current, frozenset(self.given.sides)):
            return True
        if not any(base.terms for base in given):
            return sides in {*_moved(current), *_moved(frozenset(self.given.sides))}
        links = _differences(claim.sides)
        ratios = [next((ratio for base in given if (ratio := _ratio(link, base))), None) for link in links]
        if all(ratio is None for ratio in ratios):
            return False
        if any(ratio is None and link != Linear() for ratio, link in zip(ratios, links, strict=True)):
            return False
        return self.started or _is_result(sides) or all(ratio in (None, 1, -1) for ratio in ratios)

    def _is_accounted(self, claim: Equation) -> bool:
        """Whether each side's numbers are known, what it amounts to, or worked out from the side before it."""
        parts = claim.text.split("=")
        if len(parts) != len(claim.sides):
            return _literals(claim.text) <= self.known | _numbers(Equation(claim.sides))
        reached: list[Linear] = []
        for part, side in zip(parts, claim.sides, strict=True):
            written = _literals(part)
            if written <= self.known or side in reached:
                reached.append(side)
            elif not all(self._is_product(number) for number in written - self.known - _folded(side)):
                return False
        return True

    def _is_product(self, number: Fraction) -> bool:
        """Whether two known numbers give this one when brackets are expanded."""
        return any(factor and number / factor in self.known for factor in self.known)

    def _is_arithmetic(self, claim: Equation) -> bool:
        """A statement that is true by itself, worked out from numbers that are known.

        2(x + 1) = 2x + 2 is one too, but not beside an equation that all numbers solve, nor 0x + 3 = 3. Where no
        side gets simpler, as in 2x + 2 = 2 + 2x, nothing is worked out: it stands where an equation should. So does
        11 = 11, unless a result is checked.
        """
        letters = set(claim.symbols)
        if any(link != Linear() for link in _differences(claim.sides)) or letters != set(claim.written_symbols):
            return False
        if letters and (
            not letters <= set(self.given.symbols) or not any(base.terms for base in _differences(self.given.sides))
        ):
            return False
        parts = claim.text.split("=")
        if letters and _weight(parts[0]) <= _weight(parts[-1]):
            return False
        if _says_nothing(parts) and not _is_result(frozenset(self.current)):
            return False
        return any(_literals(part) <= self.known for part in (parts if len(parts) > 1 else [claim.text]))


def _does_nothing(operation: Operation) -> bool:
    return bool(operation["operand"] == Linear((), Fraction(operation["operation"] in ("multiply", "divide"))))


def _after(sides: Ordered, operation: Operation) -> Iterator[Ordered]:
    """The sides after an operation on each of them; none when it cannot be done, several when it may be meant so."""
    operand, kind = operation["operand"], operation["operation"]
    if kind.startswith("move"):
        for term in dict.fromkeys([operand, -operand] if _leads_positive(operand) else [operand]):
            if any(_stands_on(side, term) for side in _origins(sides, kind)):
                yield tuple(side - term for side in sides)
    elif kind in ("add", "subtract"):
        yield tuple(side + operand if kind == "add" else side - operand for side in sides)
    elif operand.constant and not operand.terms:
        factor = operand.constant if kind == "multiply" else 1 / operand.constant
        yield tuple(side.scaled(factor) for side in sides)


def _origins(sides: Ordered, kind: str) -> Ordered:
    """The sides from which a term can be moved."""
    return {"move_right": sides[:-1], "move_left": sides[1:]}.get(kind, sides)


def _stands_on(side: Linear, term: Linear) -> bool:
    """Whether a single term is one of a side's."""
    if term.terms:
        return not term.constant and len(term.terms) == 1 and term.terms[0] in side.terms
    return side.constant == term.constant != 0


def _leads_positive(operand: Linear) -> bool:
    """A number or term without a minus of its own: 'move 3' may speak of the 3 of x - 3."""
    return (operand.terms[0][1] if operand.terms else operand.constant) > 0


def _moved(sides: Sides) -> Iterator[Sides]:
    """The sides with one of their terms, or a whole side, taken from each."""
    for side in sides:
        for part in (*(Linear((term,)) for term in side.terms), Linear((), side.constant), side):
            yield frozenset(each - part for each in sides)


def _ratio(link: Linear, base: Linear) -> Fraction | None:
    """How many times a difference is another one; None when it is not a multiple, other than 0, of it."""
    if not base.terms:
        return None
    ratio = link.coefficient(base.terms[0][0]) / base.terms[0][1]
    return ratio if ratio and link == base.scaled(ratio) else None


def _is_result(sides: Sides) -> bool:
    """A symbol by itself on one side, a number on the other."""
    unknown = [side for side in sides if side.terms]
    return len(sides) == 2 and len(unknown) == 1 and unknown[0] == Linear(((unknown[0].terms[0][0], Fraction(1)),))


def _numbers(equation: Equation) -> frozenset[Fraction]:
    """The numbers that an equation is written with, and those that its sides amount to."""
    return _literals(equation.text).union(*map(_folded, equation.sides))


@lru_cache(maxsize=4096)
def _differences(sides: Ordered) -> Ordered:
    """For each equals sign, left minus right."""
    return Equation(sides).differences


@lru_cache(maxsize=4096)
def _folded(side: Linear) -> frozenset[Fraction]:
    """Constant and coefficients without their signs, and the parts of those that are fractions."""
    numbers = {abs(side.constant), *(abs(factor) for _, factor in side.terms)}
    return frozenset(numbers) | {
        Fraction(part) for number in numbers for part in (number.numerator, number.denominator)
    }


@lru_cache(maxsize=4096)
def _literals(text: str) -> frozenset[Fraction]:
    return frozenset(Fraction(literal.replace(",", "")) for literal in _LITERAL.findall(text))


def _weight(side: str) -> int:
    """How much is left to work out in a side as it is written: numbers, letters (twice), brackets of them."""
    return len(_LITERAL.findall(side)) + 2 * sum(map(str.isalpha, side)) + len(_BRACKET_OF_LETTERS.findall(side))


def _says_nothing(parts: Sequence[str]) -> bool:
    """Whether sides that are equal are numbers only, or written alike."""
    return all(_weight(part) <= 1 for part in parts) or len({"".join(part.split()) for part in parts}) == 1


def _spoken(operation: Operation) -> str:
    return f"'{operation['operation'].partition('_')[0]} {show(operation['operand'])}'"


def _shown(sides: Ordered) -> str:
    return " = ".join(map(show, sides))
