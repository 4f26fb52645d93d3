"""Answers as people and small models really write them, against the judge."""

from __future__ import annotations

from fractions import Fraction

import pytest
from workload.checker import judge_equation
from workload.equation_shapes import Equation
from workload.equations import EquationItem
from workload.linear import Linear, Truth, linear, solve


def item(text: str, letter: str, left: Linear, right: Linear) -> EquationItem:
    truth: Truth = solve(left, right)
    return EquationItem(
        f"Solve {text}.", Equation(text, letter, left, right, truth), "hand", "spaced", "solve", "inline"
    )


EASY = item("2x + 3 = 11", "x", linear(2, 3), linear(0, 11))
THIRD = item("3x - 1 = 6", "x", linear(3, -1), linear(0, 6))
BOTH = item("5a - 4 = 2a + 8", "a", linear(5, -4), linear(2, 8))
BRACKET = item("3(x - 2) = 12", "x", linear(3, -6), linear(0, 12))
TERMS = item("2x + 3x - 4 = 11", "x", linear(5, -4), linear(0, 11))
HALF = item("x/2 + 1 = 4", "x", linear(Fraction(1, 2), 1), linear(0, 4))
NONE = item("2x + 3 = 2x + 5", "x", linear(2, 3), linear(2, 5))
ALL = item("2(x + 1) = 2x + 2", "x", linear(2, 2), linear(2, 2))
LARGE = item("125x + 3750 = 10000", "x", linear(125, 3750), linear(0, 10000))
TRICKY_I = item("4i + 1 = 9", "i", linear(4, 1), linear(0, 9))

RIGHT = [
    (EASY, "x=4"),
    (EASY, "4"),
    (EASY, "The answer is 4."),
    (EASY, "x is 4."),
    (EASY, "x equals 4"),
    (EASY, "**x = 4**"),
    (EASY, "$x = 4$"),
    (EASY, "2x + 3 - 3 = 11 - 3\n2x = 8\n2x/2 = 8/2\nx = 4"),
    (EASY, "x = (11 - 3)/2 = 8/2 = 4"),
    (EASY, "2x = 11 - 3 = 8, so x = 8 / 2 = 4."),
    (EASY, "Subtract 3 from both sides of 2x + 3 = 11 to get 2x = 8. Divide both sides of 2x = 8 by 2: x = 4."),
    (EASY, "First subtract 3 from both sides, then divide by 2.\n2x = 8\nx = 4"),
    (EASY, "Subtract 3 and then divide by 2: x = 4"),
    (
        EASY,
        "To solve for x, we need to isolate x. Start by subtracting 3 from both sides:\n\n2x + 3 - 3 = 11 - 3\n\n"
        "2x = 8\n\nNow divide both sides by 2:\n\n2x / 2 = 8 / 2\n\nx = 4",
    ),
    (EASY, "2x = 8 after 3 is subtracted from both sides.\nBoth sides are then divided by 2, so x = 4."),
    (EASY, "Move 3 to the right side: 2x = 11 - 3 = 8. Halve both sides: x = 4."),
    (EASY, "The coefficient of x is 2. Subtract 3, then divide by the coefficient of x, 2: x = 4"),
    (EASY, "- Subtract 3: 2x = 8\n- Divide by 2: x = 4"),
    (EASY, "1) 11 - 3 = 8\n2) 8 / 2 = 4\n3) x = 4"),
    (EASY, "x = 4\n\nCheck: multiply 2 by 4 to get 8, add 3 to get 11."),
    (EASY, "x = 4. Verification: 2 * 4 + 3 = 8 + 3 = 11 ✓"),
    (EASY, "Answer: x = 4, because 2·4 + 3 = 11"),
    (EASY, "To undo the addition of 3, subtract 3: 2x = 8. To undo multiplying by 2, divide by 2: x = 4."),
    (EASY, "4 = x"),
    (THIRD, "x = 7/3"),
    (THIRD, "x = 2 1/3"),
    (THIRD, "x = 7/3 ≈ 2.33"),
    (THIRD, "Add 1: 3x = 7. Divide by 3: x = 7/3."),
    (BOTH, "Subtract 2a from both sides: 3a - 4 = 8. Add 4: 3a = 12. Divide by 3: a = 4."),
    (
        BOTH,
        "This is a linear equation in a. I subtract 2a: 3a - 4 = 8\nI add 4: 3a = 12\nI divide by 3: a = 4\nSo a is 4.",
    ),
    (BRACKET, "Expand the bracket: 3x - 6 = 12\nAdd 6: 3x = 18\nDivide by 3: x = 6"),
    (
        BRACKET,
        "Multiply each term in the brackets by 3: 3x - 6 = 12. Adding 6 gives 3x = 18, dividing by 3 gives x = 6.",
    ),
    (BRACKET, "Divide both sides by 3: x - 2 = 4\nAdd 2: x = 6"),
    (TERMS, "Adding 2x and 3x gives 5x, so 5x - 4 = 11. Add 4: 5x = 15. Divide by 5: x = 3."),
    (HALF, "Subtract 1 from both sides: x/2 = 3\nMultiply both sides by 2: x = 6"),
    (HALF, "Double both sides: x + 2 = 8. Subtract 2: x = 6."),
    (NONE, "Subtract 2x from both sides: 3 = 5. This is false, so there is no solution."),
    (NONE, "The equation does not have a solution."),
    (NONE, "No solution"),
    (ALL, "Expanding gives 2x + 2 = 2x + 2, which is always true. Every real number is a solution."),
    (ALL, "Infinitely many solutions"),
    (ALL, "Subtract 2x: 2 = 2. True for all x."),
    (LARGE, "125x = 6,250, so x = 50"),
    (TRICKY_I, "I subtract 1 from both sides: 4i = 8. I divide by 4: i = 2."),
]

WRONG = [
    (EASY, "5"),
    (EASY, "The answer is 5."),
    (EASY, "x is 5"),
    (EASY, "X = 4"),
    (EASY, "x = 4 or 5"),
    (EASY, "x = ±4"),
    (EASY, "x != 5"),
    (EASY, "x = -4"),
    (EASY, "x ≈ 4"),
    (EASY, "x cannot be 4"),
    (EASY, "x = 4 is wrong"),
    (EASY, "x = 4\n2x ="),
    (EASY, "x^2 = 16, so x = 4"),
    (EASY, "xy = 4, x = 4"),
    (EASY, "Subtract 3: 2x = 9. x = 4"),
    (EASY, "Subtract 5: 2x = 8\nDivide by 2: x = 4"),
    (EASY, "Subtract 3: 2x = 8\nDivide by 4: x = 4"),
    (EASY, "Subtract 3: 2x = 8\nSubtract 2: x = 4"),
    (EASY, "Add 3 to both sides: 2x = 8, so x = 4"),
    (EASY, "2x = 8 (subtract 5)\nx = 4 (divide by 2)"),
    (EASY, "2x = 8 (add 3)\nx = 4 (divide by 2)"),
    (EASY, "First subtract 3, then divide by 3.\n2x = 8\nx = 4"),
    (EASY, "5 is subtracted from both sides, so 2x = 8 and x = 4"),
    (EASY, "Move 5 to the right: 2x = 8. x = 4"),
    (EASY, "The right side is 17 at first. 2x = 8, x = 4"),
    (EASY, "11 - 3 = 7, so x = 4"),
    (EASY, "x = (11 - 3)/2 = 5 = 4"),
    (EASY, "x = 8/2 = 3, no: x = 4"),
    (EASY, "x = 4. Check: 2(4) + 3 = 12"),
    (EASY, "The solution is x = 4. The answer is 5."),
    (EASY, "Solve for y: x = 4"),
    (EASY, "2x = 8"),
    (EASY, "Start with 4x = 16. x = 4"),
    (EASY, "x = four"),
    (EASY, "x >= 4"),
    (EASY, "x = 4. There are infinitely many solutions."),
    (THIRD, "x = 2.33"),
    (THIRD, "x ≈ 2.33"),
    (THIRD, "x = 7/3 ≈ 2.4"),
    (BOTH, "Subtract 2a from both sides: 3a - 4 = 8. Subtract 4: 3a = 12. Divide by 3: a = 4."),
    (BRACKET, "3x - 2 = 12, so x = 6"),
    (HALF, "Subtract 1: x/2 = 3. Divide both sides by 2: x = 6"),
    (NONE, "x = 1"),
    (NONE, "3 = 5"),
    (NONE, "There is no solution. Infinitely many solutions."),
    (NONE, "It is not the case that there is no solution."),
    (NONE, "Subtract 2x from both sides: 3 = 9. There is no solution."),
    (NONE, "Subtract 2x: 3 = 3. There is no solution."),
    (BOTH, "Subtract 2b from both sides: 3a - 4 = 8. a = 4"),
    (ALL, "x = 0"),
    (ALL, "No solution"),
    (ALL, "2x + 2 = 2x + 3, but every real number is a solution."),
]


@pytest.mark.parametrize(("asked", "answer"), RIGHT, ids=[answer[:50] for _, answer in RIGHT])
def test_a_right_answer_raises_no_alarm(asked, answer):
    assert judge_equation(asked, answer).right, judge_equation(asked, answer).why


@pytest.mark.parametrize(("asked", "answer"), WRONG, ids=[answer[:50] for _, answer in WRONG])
def test_a_wrong_answer_is_refused_with_a_reason(asked, answer):
    judgement = judge_equation(asked, answer)
    assert not judgement.right
    assert judgement.why
