from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

import stepflow.bench
from stepflow.bench.checkers.equation import EquationCheck
from stepflow.bench.workloads.equations import Solver
from stepflow.bench.workloads.files import read_workload
from stepflow.bench.workloads.mixes import MIXES, workload
from stepflow.errors import UsageError
from stepflow.model import Message
from stepflow.protocols import Call

SEEDS = (42, 43, 44)
CHECKERS = sorted((Path(stepflow.bench.__file__).parent / "checkers").glob("*.py"))


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("seed", SEEDS[:1])
def test_every_right_reply_is_right_and_every_wrong_one_wrong(mix, seed):
    found = workload(mix, seed)
    for item in {each.prompt: each for each in (*found.warm_up, *found.requests)}.values():
        answers = item.expert.answers(Call(item.messages), "generate")
        assert [item.check.objection(text) for text in answers.right] == [None] * len(answers.right)
        assert all(item.check.objection(text) for text in answers.wrong)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("mix", "changing"), [("paper", 45), ("harsh", 75)])
def test_a_mix_has_ten_bases_a_task_and_222_different_requests(mix, changing, seed):
    found = workload(mix, seed)
    assert Counter(item.task for item in found.warm_up) == {"equation": 10, "json": 10}
    prompts = [item.prompt for item in (*found.warm_up, *found.requests)]
    assert len(found.requests) == 222
    assert len(set(prompts)) == len(prompts)
    assert sum(item.changes for item in found.requests) == changing
    bases = {item.prompt for item in found.warm_up}
    assert all(item.base in bases for item in found.requests)
    assert set(Counter((item.base, item.kind) for item in found.requests if item.kind != "wording").values()) == {3}


@pytest.mark.parametrize("mix", ["paper", "harsh"])
def test_the_base_answer_fits_exactly_the_variants_that_change_nothing(mix):
    found = workload(mix, 42)
    right = {item.prompt: item.expert.answers(Call(item.messages), "generate").right[0] for item in found.warm_up}
    for item in found.requests:
        objection = item.check.objection(right[item.base])
        if item.kind == "sides_swapped":  # the values fit; whether the first step may show the old sides is a taste
            continue
        assert (objection is None) is not item.changes, (item.kind, item.prompt, objection)


def test_a_seed_gives_the_same_requests_and_another_one_others():
    prompts = [[item.prompt for item in workload("paper", seed).requests] for seed in (42, 42, 43)]
    assert prompts[0] == prompts[1] != prompts[2]


def test_repeat_asks_the_bases_again_and_zipf_asks_few_prompts_often():
    repeat, zipf = workload("repeat", 42, 60), workload("zipf", 42, 400)
    assert {item.prompt for item in repeat.requests} <= {item.prompt for item in repeat.warm_up}
    counts = Counter(item.prompt for item in zipf.requests).most_common()
    assert (len(repeat.requests), len(zipf.requests)) == (60, 400)
    assert counts[0][1] > 10 * counts[-1][1]


def test_a_patch_is_answered_with_the_lines_behind_the_kept_ones():
    solver = Solver(EquationCheck("2x + 3 = 11", "x"))
    prompt = "Problem: 2x + 3 = 11.\n1. Start with the equation: 2x + 3 = 11\n2. Subtract 3 from both sides: 2x = 8\n"
    answers = solver.answers(Call((Message("user", f"{prompt}Write the rest, numbered from 3."),)), "patch")
    assert set(answers.right) == {"3. Divide both sides by 2: x = 4"}
    assert "3. Divide both sides by 2: x = 6" in answers.wrong
    assert not set(answers.right) & set(answers.wrong)


def test_a_patch_is_answered_with_the_members_that_are_missing():
    item = next(each for each in workload("paper", 42).requests if each.kind == "key_added")
    keys = list(item.check.keys)
    shown = json.dumps(dict.fromkeys(keys[:-1], "old"))
    by_text = item.expert.answers(Call((Message("user", f"{item.prompt} Keep {shown}"),)), "patch")
    schema = {"properties": {keys[1]: {}}}
    by_schema = item.expert.answers(Call((Message("user", "…"),), response_schema=schema), "patch")
    assert [list(json.loads(text)) for text in by_text.right] == [keys[-1:]] * 2
    assert [list(json.loads(text)) for text in by_schema.right] == [[keys[1]]] * 2


@pytest.mark.parametrize("path", CHECKERS, ids=lambda path: path.stem)
def test_the_judges_import_nothing_of_rules_or_engine(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.startswith("stepflow.bench.checkers") or name.split(".")[0] in sys.stdlib_module_names


def test_a_file_is_a_workload(tmp_path):
    path = tmp_path / "mine.jsonl"
    lines = [
        {"prompt": "Solve x + 1 = 3 for x.", "check": {"equation": "x + 1 = 3"}, "warm_up": True},
        {"prompt": "json", "kind": "shape", "check": {"json": {"keys": {"a": "integer"}, "closed": True}}},
        {"messages": [{"role": "user", "content": "France?"}], "check": {"equals": "Paris"}, "right": ["Paris"]},
        {"prompt": "Say hi", "changes": True, "wants_reuse": False},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = read_workload(str(path), 7)
    equation, (shape, city, free) = found.warm_up[0], found.requests
    assert (equation.check.objection("x = 2"), bool(equation.check.objection("x = 3"))) == (None, True)
    assert (shape.check.objection('{"a": 1}'), bool(shape.check.objection('{"a": 1, "b": 2}'))) == (None, True)
    assert (city.check.objection(" Paris\n"), bool(city.check.objection("Lyon"))) == (None, True)
    assert (shape.kind, city.prompt, free.check) == ("shape", "France?", None)
    assert (shape.changes, shape.wants_reuse, free.changes, free.wants_reuse) == (False, True, True, False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "1"),
        ('{"prompt": "a", "messages": [{"role": "user", "content": "b"}]}', "either"),
        ("{}", "either"),
        ('{"prompt": "a", "chekc": {}}', "chekc"),
        ('{"prompt": "a", "check": {}}', "one of"),
        ('{"prompt": "a", "check": {"equals": "b", "equation": "x = 1"}}', "one of"),
        ('{"prompt": "a", "check": {"equation": "x^2 = 4"}}', "not a linear equation"),
        ("", "empty"),
    ],
)
def test_a_malformed_workload_is_refused_with_its_line(tmp_path, line, said):
    path = tmp_path / "mine.jsonl"
    path.write_text(line)
    with pytest.raises(UsageError, match=said):
        read_workload(str(path), 7)
