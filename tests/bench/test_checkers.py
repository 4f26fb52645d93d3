"""The bench's judges against the tests' own: two of independent make must agree on every answer."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from workload import equation_replies, json_replies
from workload.checker import judge_equation, judge_json
from workload.equations import all_items
from workload.json_requests import all_items as all_json_items
from workload.json_shapes import Key

from stepflow.bench.checkers.equation import EquationCheck
from stepflow.bench.checkers.json_value import JsonCheck


def _tables():
    path = Path(__file__).parent.parent / "workload_tests" / "test_equation_judge.py"
    spec = importlib.util.spec_from_file_location("equation_judge_tables", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [(item, text, True) for item, text in module.RIGHT] + [(item, text, False) for item, text in module.WRONG]


@pytest.mark.parametrize(("item", "text", "right"), _tables(), ids=lambda value: str(value)[:40])
def test_an_answer_as_people_write_it_is_judged_as_the_other_judge_does(item, text, right):
    objection = EquationCheck(item.equation.text, item.unknown).objection(text)
    assert (objection is None) is right, objection


def test_both_equation_judges_agree_on_generated_replies():
    apart = []
    for index, item in enumerate(all_items(7, 120)):
        check = EquationCheck(item.equation.text, item.unknown)
        assert check.truth == item.solution
        for reply in equation_replies.replies(item, index)[index % 4 :: 4]:
            objection, judgement = check.objection(reply.text), judge_equation(item, reply.text)
            if (objection is None) != judgement.right:
                apart.append((item.equation.text, reply.label, reply.kind, objection, judgement.why))
    assert not apart


@pytest.mark.parametrize("said", ["Start with the equation: {}", "The equation is {}.", "Solve the given equation {}"])
def test_another_problem_with_the_same_solution_is_not_the_problem(said):
    rest = "\nSubtract 2: 6x = 30\nDivide by 6: x = 5"
    check = EquationCheck("4x - 2 = 18", "x")
    assert check.objection(said.format("6x + 2 = 32") + rest) is not None
    assert EquationCheck("6x + 2 = 32", "x").objection(said.format("6x + 2 = 32") + rest) is None


def _kind(key: Key) -> str:
    return {"list": "array", "strings": "array", None: "any"}.get(key.type, key.type)


def test_both_json_judges_agree_on_generated_replies():
    apart, compared = [], 0
    for index, item in enumerate(all_json_items(5, 150)):
        shape = item.shape
        if any(key.inner or key.type == "strings" for key in shape.keys):
            continue
        check = JsonCheck({key.name: _kind(key) for key in shape.keys}, shape.count, shape.closed, shape.forbidden)
        for reply in json_replies.replies(item, index):
            compared += 1
            if (check.objection(reply.text) is None) != judge_json(item, reply.text).right:
                apart.append((item.prompt, reply.kind, check.objection(reply.text)))
    assert not apart
    assert compared > 1000


def test_an_answer_about_another_subject_is_wrong_though_its_shape_fits():
    check = JsonCheck({"name": "any"}, about="Luna", foreign=("Rex",))
    assert check.objection('{"name": "Rex"}') is not None
    assert check.objection('{"name": "Luna"}') is None
    assert check.objection('{"name": "Luna", "friend": "Rex"}') is None
