"""Functions on linear forms and linear equations, exact throughout.

An equation is two or more linear forms joined by equals signs; `x = 8/2 = 4` is a chain and holds when every link does.
A solution is a number, `'no solution'` or `'all numbers'`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

from stepflow.values import Equation, Linear, Number, describe, is_number, normal

magnitude = abs
NO_SOLUTION = "no solution"
ALL_NUMBERS = "all numbers"


def symbol(name: Any) -> Linear:
    """The linear form that is one symbol.

    Examples:
        2 * symbol('x') + symbol('x') == 3 * symbol('x')
    """
    return Linear.of({_name(name, "symbol"): Fraction(1)}, Fraction(0))


def linear(value: Any) -> Linear:
    """A number as a linear form without symbols; a form stays itself.

    Examples:
        linear(4) == 4
    """
    return _form(value, "linear")


def equate(*sides: Any) -> Equation:
    """The equation of two or more sides, each a number or a linear form.

    Examples:
        equate(symbol('x'), 4) == equate(symbol('x') + 1 - 1, 4)
    """
    if len(sides) < 2:
        raise ValueError("equate: an equation has at least two sides")
    return Equation(tuple(_form(side, "equate") for side in sides))


def left(equation: Any) -> Linear:
    """The first side of an equation.

    Examples:
        left(equate(symbol('x'), 4)) == symbol('x')
    """
    return _equation(equation, "left").sides[0]


def right(equation: Any) -> Linear:
    """The last side of an equation.

    Examples:
        right(equate(symbol('x'), 4)) == 4
    """
    return _equation(equation, "right").sides[-1]


def symbols(value: Any) -> tuple[str, ...]:
    """The symbols of an equation or linear form, sorted; one that cancels out within a side is not among them.

    Examples:
        symbols(equate(symbol('y'), symbol('x') + 1)) == ['x', 'y']
    """
    return value.symbols if isinstance(value, Equation) else _form(value, "symbols").symbols


def coefficient(form: Any, name: Any) -> Number:
    """The factor of a symbol in a linear form; 0 when it is absent.

    Examples:
        coefficient(3 * symbol('x') + 1, 'x') == 3
    """
    return normal(_form(form, "coefficient").coefficient(_name(name, "coefficient")))


def evaluate(form: Any, name: Any, value: Any) -> Number | Linear:
    """A linear form with a number in place of a symbol: a number when no other symbol remains, else a form.

    Examples:
        evaluate(2 * symbol('x') + 3, 'x', 4) == 11
        evaluate(symbol('x') + symbol('y'), 'x', 1) == symbol('y') + 1
    """
    put = _put(_form(form, "evaluate"), _name(name, "evaluate"), _number(value, "evaluate"))
    return put if put.terms else normal(put.constant)


def solve_linear(equation: Any, unknown: Any) -> Number | str:
    """The solution of an equation in one unknown: a number, 'no solution' or 'all numbers'.

    Fails when another symbol remains, or when the equation speaks of other symbols only.

    Examples:
        solve_linear(equate(2 * symbol('x') + 3, 11), 'x') == 4
        solve_linear(equate(symbol('x'), symbol('x') + 1), 'x') == 'no solution'
        solve_linear(equate(symbol('x') + 1, symbol('x') + 1), 'x') == 'all numbers'
    """
    name, checked = _name(unknown, "solve_linear"), _equation(equation, "solve_linear")
    links = checked.differences
    others = sorted({each for link in links for each in link.symbols if each != name})
    if others:
        raise ValueError(f"solve_linear: {', '.join(others)} stands in the equation beside the unknown {name}")
    written = {*checked.symbols, *checked.written_symbols}
    if written and name not in written:
        raise ValueError(f"solve_linear: the unknown {name} does not occur in {describe(checked)}")
    return _common([_solution(link, name) for link in links])


def satisfies(equation: Any, unknown: Any, solution: Any) -> bool:
    """Whether an equation is true at a value of its unknown; for 'no solution' or 'all numbers', whether that is so.

    Fails when another symbol remains.

    Examples:
        satisfies(equate(2 * symbol('x'), 8), 'x', 4)
        not satisfies(equate(2 * symbol('x'), 8), 'x', 5)
        satisfies(equate(8, 2 * 4), 'x', 4)
        not satisfies(equate(2 * symbol('x'), 8), 'x', 'no solution')
    """
    if isinstance(solution, str):
        return solve_linear(equation, unknown) == _verdict(solution, "satisfies")
    name, value = _name(unknown, "satisfies"), _number(solution, "satisfies")
    links = [_put(link, name, value) for link in _equation(equation, "satisfies").differences]
    others = sorted({each for link in links for each in link.symbols})
    if others:
        raise ValueError(f"satisfies: {', '.join(others)} stands in the equation beside the unknown {name}")
    return all(link.constant == 0 for link in links)


def same_solutions(first: Any, second: Any, unknown: Any) -> bool:
    """Whether two equations in one unknown have the same solutions.

    Examples:
        same_solutions(equate(2 * symbol('x'), 8), equate(symbol('x'), 4), 'x')
    """
    return solve_linear(first, unknown) == solve_linear(second, unknown)


def derives(new: Any, old: Any) -> bool:
    """Whether a new equation follows from an old one by the same operation on both sides.

    That is: left minus right of the new one is a multiple, other than 0, of the old one's. An old equation without
    symbols (3 = 5) has every number as a multiple; there only the same difference counts, or its negative. In a new
    chain, links that hold by themselves (8/2 = 4) are allowed beside one that follows.

    Examples:
        derives(equate(2 * symbol('x'), 8), equate(2 * symbol('x') + 3, 11))
        derives(equate(4, symbol('x')), equate(2 * symbol('x'), 8))
        derives(equate(symbol('x'), 8 / 2, 4), equate(2 * symbol('x'), 8))
        not derives(equate(symbol('x'), 5), equate(2 * symbol('x'), 8))
        not derives(equate(0, 0), equate(symbol('x'), 4))
    """
    before = _equation(old, "derives").differences
    after = _equation(new, "derives").differences
    follows = [any(_multiple(link, base) for base in before) for link in after]
    return any(follows) and all(fits or link == Linear() for fits, link in zip(follows, after, strict=True))


def both_sides(equation: Any, operation: Any, operand: Any) -> Equation:
    """The equation after one operation on every side: 'add', 'subtract', 'multiply' or 'divide'.

    The operand is a number or a linear form; to multiply or divide it must be a number other than 0.

    Examples:
        both_sides(equate(2 * symbol('x') + 3, 11), 'subtract', 3) == equate(2 * symbol('x'), 8)
        both_sides(equate(2 * symbol('x'), 8), 'divide', 2) == equate(symbol('x'), 4)
    """
    operate = _OPERATIONS.get(operation) if isinstance(operation, str) else None
    if operate is None:
        raise ValueError(f"both_sides: {describe(operation)} is not one of {', '.join(_OPERATIONS)}")
    amount = _form(operand, "both_sides")
    if operation in ("multiply", "divide") and (amount.terms or amount.constant == 0):
        raise ValueError(f"both_sides: cannot {operation} by {describe(operand)}; a number other than 0 is needed")
    return Equation(tuple(operate(side, amount) for side in _equation(equation, "both_sides").sides))


def same_sides(first: Any, second: Any) -> bool:
    """Whether two equations have the same sides, in any order; equal sides of a chain count once.

    Examples:
        same_sides(equate(symbol('x'), 4), equate(4, symbol('x')))
        same_sides(equate(symbol('x'), 8 / 2, 4), equate(symbol('x'), 4))
        not same_sides(equate(2 * symbol('x'), 8), equate(symbol('x'), 4))
    """
    return set(_equation(first, "same_sides").sides) == set(_equation(second, "same_sides").sides)


def sides(equation: Any) -> tuple[Linear | Number, ...]:
    """The sides of an equation, in order; one without symbols is a number.

    Examples:
        sides(equate(2 * 4, 8, 16 / 2)) == [8, 8, 8]
    """
    return tuple(side if side.terms else normal(side.constant) for side in _equation(equation, "sides").sides)


def holds(equation: Any, rel: Any = 0, abs: Any = 0) -> bool:
    """Whether arithmetic is true: every two neighbours in an equation of numbers differ by at most so much.

    `abs` and `rel` are as in `close`. Fails when a symbol is in it.

    Examples:
        holds(equate(3 * 4, 12))
        holds(equate(5 * 1.609344, 8.04672, 8.05), rel=0.001)
        not holds(equate(3 * 4, 13))
    """
    equation = _equation(equation, "holds")
    if equation.symbols:
        raise ValueError(f"holds: {describe(equation)} speaks of {', '.join(equation.symbols)}")
    numbers = [side.constant for side in equation.sides]
    return all(
        magnitude(first - second) <= max(Fraction(abs), Fraction(rel) * max(magnitude(first), magnitude(second)))
        for first, second in pairwise(numbers)
    )


def isolated(equation: Any, unknown: Any) -> Number | None:
    """The number, when the equation reads unknown = number in any order and every further side agrees; else none.

    Examples:
        isolated(equate(symbol('x'), 8 / 2, 4), 'x') == 4
        isolated(equate(symbol('x'), 4, 5), 'x') is none
        isolated(equate(2 * symbol('x'), 8), 'x') is none
    """
    sides = set(_equation(equation, "isolated").sides)
    rest = sides - {symbol(_name(unknown, "isolated"))}
    if len(sides) != 2 or len(rest) != 1:
        return None
    value = rest.pop()
    return None if value.terms else normal(value.constant)


def _put(form: Linear, name: str, value: Number) -> Linear:
    factor = form.coefficient(name)
    rest = {each: amount for each, amount in form.terms if each != name}
    return Linear.of(rest, form.constant + factor * value)


def _solution(link: Linear, name: str) -> Number | str:
    factor = link.coefficient(name)
    if factor:
        return normal(-link.constant / factor)
    return NO_SOLUTION if link.constant else ALL_NUMBERS


def _common(solutions: list[Number | str]) -> Number | str:
    """What satisfies every link of a chain."""
    different = {each for each in solutions if each != ALL_NUMBERS}
    if not different:
        return ALL_NUMBERS
    return different.pop() if len(different) == 1 else NO_SOLUTION


def _multiple(link: Linear, base: Linear) -> bool:
    if not base.terms:
        return link in (base, -base)
    name, factor = base.terms[0]
    ratio = link.coefficient(name) / factor
    return ratio != 0 and link == base.scaled(ratio)


_OPERATIONS: Mapping[str, Callable[[Linear, Linear], Linear]] = {
    "add": Linear.__add__,
    "subtract": Linear.__sub__,
    "multiply": Linear.__mul__,
    "divide": Linear.__truediv__,
}


def _equation(value: Any, function: str) -> Equation:
    if not isinstance(value, Equation) or len(value.sides) < 2:
        raise ValueError(f"{function}: {describe(value)} is not an equation")
    return value


def _form(value: Any, function: str) -> Linear:
    return value if isinstance(value, Linear) else Linear(constant=Fraction(_number(value, function)))


def _number(value: Any, function: str) -> Number:
    if not is_number(value):
        raise ValueError(f"{function}: {describe(value)} is not a number")
    return value  # type: ignore[no-any-return]


def _name(value: Any, function: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{function}: {describe(value)} is not the name of a symbol")
    return value.strip()


def _verdict(value: str, function: str) -> str:
    if value not in (NO_SOLUTION, ALL_NUMBERS):
        raise ValueError(
            f"{function}: a solution is a number, '{NO_SOLUTION}' or '{ALL_NUMBERS}', not {describe(value)}"
        )
    return value


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "symbol": symbol,
    "linear": linear,
    "equate": equate,
    "left": left,
    "right": right,
    "symbols": symbols,
    "coefficient": coefficient,
    "evaluate": evaluate,
    "solve_linear": solve_linear,
    "satisfies": satisfies,
    "same_solutions": same_solutions,
    "derives": derives,
    "both_sides": both_sides,
    "same_sides": same_sides,
    "sides": sides,
    "holds": holds,
    "isolated": isolated,
}
