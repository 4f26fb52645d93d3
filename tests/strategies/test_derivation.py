"""The verifier `derivation`, and the converter that reads equations and operations in one field."""

from __future__ import annotations

from typing import Any

import pytest

from stepflow.compiler.notations.grammars import compile_grammar
from stepflow.notation import Leaf, Node
from stepflow.protocols import View
from stepflow.strategies.converters import equation
from stepflow.strategies.verifiers import derivation
from stepflow.values import Equation, Linear

GRAMMAR = compile_grammar(
    "algebra",
    r"""
    start: _equation | operation | aside
    _equation: sum ("=" sum)+
    ?operation: "subtract" sum -> subtract | "add" sum -> add | "divide" amount -> divide | "multiply" sum -> multiply
      | "halve" -> halve | "double" -> double
      | "move" sum "across" -> move | "move" sum "right" -> move_right | "move" sum "left" -> move_left
    ?amount: sum | WORD -> number
    WORD: /seven|two/
    aside: "(" operation ")"
    ?sum: product | sum "+" product -> add | sum "-" product -> sub
    ?product: atom | product "*" atom -> mul | product "/" atom -> div | product NAME -> mul | product bracket -> mul
    ?atom: NUMBER -> number | NAME -> symbol | "-" atom -> neg | bracket
    ?bracket: "(" sum ")"
    NUMBER: /\d+(\.\d+)?/
    NAME: /[a-z](?![a-z])/
    %ignore " "
    """,
)


def claim(text: str) -> Any:
    return equation.convert(GRAMMAR.parse(text), text)


def objections(given: str, *steps: str) -> dict[int, str]:
    """What the verifier says of each step; a step's claims are separated by semicolons."""
    read = [
        {"index": index, "claims": tuple(claim(each.strip()) for each in step.split(";") if each.strip())}
        for index, step in enumerate(steps, start=1)
    ]
    verifier = derivation.build(derivation.Options(given_from="given", field="claims"), None)  # type: ignore[arg-type]
    names = {"given": claim(given), "steps": tuple(read)}
    said = {step["index"]: verifier.verify(View("", {**names, "step": step})) for step in read}
    return {index: reason for index, reason in said.items() if reason}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subtract 2x + 1", {"operation": "subtract", "operand": Linear.of({"x": 2}, 1)}),
        ("add 3", {"operation": "add", "operand": Linear.of({}, 3)}),
        ("halve", {"operation": "divide", "operand": Linear.of({}, 2)}),
        ("double", {"operation": "multiply", "operand": Linear.of({}, 2)}),
        ("divide seven", {"operation": "divide", "operand": Linear.of({}, 7)}),
        ("move 3 right", {"operation": "move_right", "operand": Linear.of({}, 3)}),
        ("(divide 1/2)", {"operation": "divide", "operand": Linear.of({}, 1) / Linear.of({}, 2), "aside": True}),
    ],
)
def test_a_tree_that_names_an_operation_becomes_a_map(text: str, expected: dict[str, Any]) -> None:
    assert claim(text) == expected


def test_an_operation_needs_one_linear_operand() -> None:
    with pytest.raises(ValueError, match="no equals sign"):
        equation.convert(Node("start", (Node("add", (Leaf("N", "1"), Leaf("N", "2"))),)), "1 + 2")
    with pytest.raises(ValueError, match="product of unknowns"):
        claim("subtract x*x")


FOLLOWS = [
    ("2x + 3 = 11", ["2x + 3 = 11", "subtract 3; 2x = 8", "divide 2; x = 4"]),
    ("2x + 3 = 11", ["11 = 2x + 3", "2x = 8", "x = 4"]),
    ("2x + 3 = 11", ["subtract 3", "2x = 8", "divide 2", "4 = x"]),
    ("2x + 3 = 11", ["subtract 3; divide 2; 2x = 8; x = 4"]),
    ("2x + 3 = 11", ["subtract 3; divide 2; x = 4"]),
    ("2x + 3 = 11", ["subtract 3; 2x + 3 - 3 = 11 - 3; 2x = 8; divide 2; 2x/2 = 8/2; x = 4"]),
    ("2x + 3 = 11", ["2x = 11 - 3 = 8", "x = 8/2 = 4"]),
    ("2x + 3 = 11", ["2x + 3 = 11; (subtract 3)", "2x = 8; (divide 2)", "x = 4"]),
    ("2x + 3 = 11", ["2x = 8; (subtract 3)", "x = 4; (divide 2)"]),
    ("2x + 3 = 11", ["x = 4", "subtract 3; 2x = 8", "divide 2; x = 4"]),
    ("2x + 3 = 11", ["subtract 3; 11 - 3 = 8; 2x = 8", "8/2 = 4; x = 4", "2(4) + 3 = 8 + 3 = 11"]),
    ("2x + 3 = 11", ["2x = 8", "x = 4", "2(4) + 3 = 11; 11 = 11"]),
    ("2x + 3 = 11", ["x = (11 - 3)/2 = 8/2 = 4"]),
    ("2(3x + 4) - 5 = 9", ["6x + 8 - 5 = 9", "6x + 3 = 9", "6x = 6", "x = 1"]),
    ("x/2 + 1/3 = 2", ["multiply 6; 6*(x/2) + 6*(1/3) = 6*2; 3x + 2 = 12", "3x = 10", "x = 10/3"]),
    ("2(x + 3) = 10", ["2(x + 3) = 2x + 6; 2x + 6 = 10", "2x = 4", "x = 2"]),
    ("x/2 = 3", ["multiply 2; x = 6"]),
    ("x = 4", ["x = 4"]),
    ("2x + 3 = 11", ["move 3 across; 2x = 11 - 3", "halve; x = 4"]),
    ("2x + 3 = 11", ["move 3 right; 2x = 8", "divide two; x = 4"]),
    ("2x - 5 = 11", ["move 5 right; 2x = 16", "x = 8"]),
    ("2x - 5 = 11", ["move 0 - 5 right; 2x = 16", "x = 8"]),
    ("5x = 3x + 8", ["move 3x left; 5x - 3x = 8", "2x = 8"]),
    ("11 = 2x + 3", ["move 3 left; 8 = 2x", "4 = x"]),
    ("2x + 3 = 11", ["subtract 3; 8 = 2x", "move 2x left; 8 - 2x = 0"]),
    ("x/2 = 3", ["double; x = 6"]),
    ("2x + 3 = 2x + 5", ["subtract 2x; 3 = 5"]),
    ("2x + 3 = 2x + 5", ["3 = 5"]),
    ("2x + 4 = 2x + 6", ["divide 2; x + 2 = x + 3", "2 = 3"]),
    ("2(x + 1) = 2x + 2", ["2x + 2 = 2x + 2", "subtract 2x; 2 = 2", "0 = 0"]),
]

DOES_NOT_FOLLOW = [
    ("2x + 3 = 11", ["2x = 8", "x = 5"], [2]),
    ("2x + 3 = 11", ["2x = 9", "x = 4"], [1]),
    ("2x + 3 = 11", ["subtract 5; 2x = 8", "x = 4"], [1]),
    ("2x + 3 = 11", ["add 3; 2x = 8"], [1]),
    ("2x + 3 = 11", ["2x = 8", "subtract 2; x = 4"], [2]),
    ("2x + 3 = 11", ["2x = 8", "divide 0; x = 4"], [2]),
    ("2x + 3 = 11", ["2x = 8", "divide x; x = 4"], [2]),
    ("2x + 3 = 11", ["subtract 5", "2x = 8", "x = 4"], [1, 2]),
    ("2x + 3 = 11", ["2x = 8; (subtract 5)", "x = 4"], [1, 2]),
    ("2x + 3 = 11", ["2x = 8; subtract 3", "x = 4"], [1, 2]),
    ("2x + 3 = 11", ["2x = 8", "x = 4", "divide 2"], [3]),
    ("2x + 3 = 11", ["4x = 16", "x = 4"], [1]),
    ("2x + 3 = 11", ["y = 4"], [1]),
    ("2x + 3 = 11", ["x = 4; x = 5"], [1]),
    ("2x + 3 = 11", ["x = 4 = 5"], [1]),
    ("2x + 3 = 11", ["0 = 0"], [1]),
    ("2x + 3 = 11", ["11 = 11", "2x = 8", "x = 4"], [1]),
    ("2x + 3 = 11", ["2x = 8", "divide 2; 4 = 4", "x = 4"], [2]),
    ("2x + 3 = 11", ["2x = 8", "divide 2; 8/2 = 8/2", "x = 4"], [2]),
    ("2x + 3 = 11", ["11 - 3 = 7; 2x = 8"], [1]),
    ("2x + 3 = 11", ["x = 4", "2(4) + 3 = 12"], [2]),
    ("2x + 3 = 11", ["x = 4", "17 - 9 = 8"], [2]),
    ("2x + 3 = 11", ["x = 4", "y = y"], [2]),
    ("7x - 6 = 0 - 6", ["0x - 6 = 0 - 6", "7x = 0"], [1]),
    ("3(x + 2) = 3x + 6", ["3x/6 = 3x/6"], [1]),
    ("2x + 3 = 11", ["2x = 14 - 6 = 8", "x = 4"], [1]),
    ("2x + 3 = 11", ["2x = 17 - 9", "x = 4"], [1]),
    ("2x + 3 = 11", ["subtract 0; 2x + 3 = 11", "x = 4"], [1]),
    ("x = 4", ["divide 1; x = 4"], [1]),
    ("2x + 3 = 11", ["move 3 left; 2x = 8"], [1]),
    ("2x + 3 = 11", ["move 11 right; 2x = 8"], [1]),
    ("2x + 3 = 11", ["move 3 right; 2x = 14"], [1]),
    ("2x + 3 = 11", ["move 5 across; 2x = 8"], [1]),
    ("2x + 3 = 11", ["move 0 - 3 right; 2x = 8"], [1]),
    ("2x + 3 = 11", ["move x right; 2x = 8"], [1]),
    ("2x + 3 = 11", ["move 2x + 3 right; 0 = 8 - 2x"], [1]),
    ("2x = 8", ["move 0 right; 2x = 8"], [1]),
    ("2x + 3 = 11", ["halve; 2x = 8"], [1]),
    ("2x + 3 = 2x + 5", ["3 = 6"], [1]),
    ("2x + 3 = 2x + 5", ["6 = 10"], [1]),
    ("2x + 3 = 2x + 5", ["x = 1"], [1]),
    ("2x + 3 = 2x + 5", ["7x + 3 = 7x + 5"], [1]),
    ("2(x + 1) = 2x + 2", ["3(x + 2) = 3x + 6"], [1]),
    ("2(x + 1) = 2x + 2", ["x = 0"], [1]),
    ("2(x + 1) = 2x + 2", ["subtract 2x; 5 = 5"], [1]),
]


@pytest.mark.parametrize(("given", "steps"), FOLLOWS)
def test_a_sound_derivation_raises_no_objection(given: str, steps: list[str]) -> None:
    assert objections(given, *steps) == {}


@pytest.mark.parametrize(("given", "steps", "wrong"), DOES_NOT_FOLLOW)
def test_the_step_that_does_not_follow_is_named(given: str, steps: list[str], wrong: list[int]) -> None:
    assert list(objections(given, *steps)) == wrong


@pytest.mark.parametrize(
    "claimed", ["2x + 3 = 2x + 3", "3 + 2x = 2x + 3", "x = x", "2x + 3 = 3 + x + x", "x - 3 = -3 + x"]
)
def test_sides_that_get_no_simpler_stand_where_an_equation_should(claimed: str) -> None:
    assert list(objections("2x + 3 = 11", claimed, "2x = 8", "x = 4")) == [1]
    assert objections("2(x + 1) = 8", "2(x + 1) = 2x + 2", "2x + 2 = 8", "x = 3") == {}


def test_the_reason_says_which_operation_does_not_lead_where() -> None:
    reason = objections("2x + 3 = 11", "subtract 5; 2x = 8")[1]
    assert reason == "'subtract 5' does not lead from 2x + 3 = 11 to 2x = 8"


def test_from_a_step_whose_claims_cannot_be_read_on_everything_fails() -> None:
    verifier = derivation.build(derivation.Options(given_from="given", field="claims"), None)  # type: ignore[arg-type]
    steps = ({"index": 1, "claims": (claim("2x = 8"),)}, {"index": 2}, {"index": 3, "claims": (claim("x = 4"),)})
    names = {"given": claim("2x = 8"), "steps": steps}
    said = [verifier.verify(View("", {**names, "step": step})) for step in steps]
    assert said[0] is None
    assert said[1] == said[2] == "an equation here, or in a step before, cannot be read"


def test_only_an_equation_can_be_derived_from() -> None:
    verifier = derivation.build(derivation.Options(given_from="given", field="claims"), None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not an equation"):
        verifier.verify(View("", {"given": 4, "steps": (), "step": {"index": 1}}))


def test_an_equation_as_a_value_keeps_what_was_written() -> None:
    assert isinstance(claim("2x = 8"), Equation)
    assert claim("2x = 8").text == "2x = 8"
