from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepflow.strategies.functions.linear import (
    both_sides,
    derives,
    equate,
    evaluate,
    isolated,
    left,
    right,
    same_sides,
    same_solutions,
    satisfies,
    solve_linear,
    symbol,
    symbols,
)
from stepflow.values import Equation, Linear

X, Y = symbol("x"), symbol("y")
ONE = Linear(constant=Fraction(1))


def number(value):
    return ONE.scaled(Fraction(value))


def form(a, b):
    return X.scaled(Fraction(a)) + number(b)


fractions = st.fractions(min_value=-50, max_value=50, max_denominator=12)
nonzero = fractions.filter(bool)


@settings(max_examples=40)
@given(nonzero, fractions, fractions, fractions)
def test_the_solution_of_an_equation_satisfies_it_and_no_other_number_does(a, b, c, other):
    equation = equate(form(a, b), c)
    solution = solve_linear(equation, "x")
    assert satisfies(equation, "x", solution)
    assert evaluate(left(equation), "x", solution) == c
    assert satisfies(equation, "x", other) is (other == solution)


@settings(max_examples=40)
@given(nonzero, fractions, fractions, nonzero)
def test_an_operation_on_both_sides_keeps_the_solution_and_derives(a, b, c, operand):
    equation = equate(form(a, b), c)
    for operation in ("add", "subtract", "multiply", "divide"):
        after = both_sides(equation, operation, operand)
        assert same_solutions(after, equation, "x")
        assert derives(after, equation)
        assert derives(Equation(after.sides[::-1]), equation)


@settings(max_examples=40)
@given(nonzero, fractions, fractions, nonzero)
def test_a_changed_constant_never_derives(a, b, c, change):
    assert not derives(equate(form(a, b + change), c), equate(form(a, b), c))


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        (equate(X, X + ONE), "no solution"),
        (equate(X, X), "all numbers"),
        (Equation((number(3), number(4)), "3 = 4"), "no solution"),
        (Equation((number(4), number(4)), "4 = 4"), "all numbers"),
        (equate(X, Fraction(8, 2), 4), 4),
        (equate(X, 4, 5), "no solution"),
        (equate(form(2, 0), 4, form(1, 2)), 2),
        (equate(form(2, 0), 4, form(1, 5)), "no solution"),
        (Equation((X + Y, Y + number(4)), "x + y = y + 4"), 4),
    ],
)
def test_every_link_of_an_equation_must_hold(equation, expected):
    assert solve_linear(equation, "x") == expected


@pytest.mark.parametrize(
    ("equation", "reason"),
    [
        (equate(X, Y), "y stands in the equation beside the unknown x"),
        (equate(Y, 4), "y stands in the equation beside"),
        (Equation((Y, Y), "y = y"), "the unknown x does not occur in the equation y = y"),
        (4, "the number 4 is not an equation"),
        ("x = 4", "the text 'x = 4' is not an equation"),
    ],
)
def test_what_cannot_be_solved_says_why(equation, reason):
    with pytest.raises(ValueError, match=reason):
        solve_linear(equation, "x")


@pytest.mark.parametrize(
    ("new", "old", "follows"),
    [
        (equate(0, 0), equate(X, 4), False),
        (equate(4, 4), equate(X, 4), False),
        (equate(X, 8 // 2, 4), equate(form(2, 0), 8), True),
        (equate(X, 4, 5), equate(X, 4), False),
        (equate(X, Y), equate(form(2, 0), Y.scaled(Fraction(2))), True),
        (equate(3, 5), equate(form(2, 3), form(2, 5)), True),
        (equate(5, 3), equate(form(2, 3), form(2, 5)), True),
        (equate(3, 6), equate(form(2, 3), form(2, 5)), False),
        (equate(0, 0), equate(X, X), True),
        (equate(1, 2), equate(X, X), False),
    ],
)
def test_an_equation_follows_only_by_the_same_operation_on_both_sides(new, old, follows):
    assert derives(new, old) is follows


def test_a_degenerate_solution_is_satisfied_by_equations_with_the_same_verdict():
    assert satisfies(equate(3, 5), "x", "no solution")
    assert satisfies(equate(X, X), "x", "all numbers")
    assert not satisfies(equate(X, 4), "x", "all numbers")
    with pytest.raises(ValueError, match="a solution is a number"):
        satisfies(equate(X, 4), "x", "four")


def test_other_symbols_are_never_ignored():
    with pytest.raises(ValueError, match="y stands in the equation"):
        satisfies(equate(X, Y), "x", 4)
    assert symbols(equate(X, Y)) == ("x", "y")
    assert isolated(equate(X, Y), "x") is None


def test_sides_compare_in_any_order_and_equal_sides_once():
    chain = equate(X, Fraction(8, 2), 4)
    assert same_sides(chain, equate(4, X))
    assert not same_sides(chain, equate(X, 5))
    assert (left(chain), right(chain)) == (X, number(4))
    assert isolated(equate(4, X), "x") == 4
    assert isolated(equate(4, 4), "x") is None


@pytest.mark.parametrize(("operation", "operand"), [("divide", 0), ("multiply", 0), ("multiply", X), ("shift", 1)])
def test_operations_that_lose_or_invent_solutions_are_refused(operation, operand):
    with pytest.raises(ValueError, match="both_sides"):
        both_sides(equate(X, 4), operation, operand)
