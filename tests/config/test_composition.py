"""Rules made of several files: what is inherited, what is overridden, and where each part is said to stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stepflow.cli.commands.lint import lint_files
from stepflow.config.composition import compose
from stepflow.config.document import Document
from stepflow.config.yaml_nodes import read_file

BASE = r"""
stepflow: 1
kind: rule
id: base
title: The base
match:
  - {type: keywords, words: [count]}
tables:
  units: {km: 1000, m: 1}
constraints:
  last: {type: regex, pattern: 'to (?P<value>\d+)', as: integer}
let: {half: last / 2}
segment: lines
parse:
  - {field: n, type: regex, pattern: '\d+', as: integer}
verify:
  - {id: in-order, scope: step, type: expr, assert: step.n == step.index}
  - id: ends-right
    type: expr
    assert: steps[-1].n == last
  - no_stale_values
reuse:
  guard: none
  skip_when:
    - {id: fractions, type: prompt_matches, pattern: half}
repair: {max_attempts: 2}
tests:
  - {prompt: count to 3, expect: {constraints: {last: 3}}}
x-notes: mine
""".lstrip()
CHILD = "stepflow: 1\nkind: rule\nid: child\nextends: base\n"


def files(folder: Path, **texts: str) -> Path:
    """The folder with these files in it: `base='…'` writes base.yaml."""
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") if "." in name else f"{name.replace('__', '/')}.yaml")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    return folder


def child_of(folder: Path, child: str, base: str = BASE) -> Document:
    files(folder, base=base, child=CHILD + child)
    composed = compose(read_file(folder / "child.yaml"))
    assert composed.problems == ()
    assert composed.document is not None
    return composed.document


def data_of(folder: Path, child: str) -> dict[str, Any]:
    data: dict[str, Any] = child_of(folder, child).data
    return data


def where(document: Document, *path: str | int, part: Any = "value") -> str:
    span = document.locate(path, part)
    return f"{Path(span.path).name}:{span.line}:{span.column}"


def said(folder: Path, name: str = "child.yaml") -> list[str]:
    found = lint_files([str(folder / name)])
    return [str(each).replace(str(folder) + "/", "") for each in found if each.severity == "error"]


def test_a_rule_takes_over_all_but_what_is_its_parents_own(tmp_path: Path) -> None:
    data = data_of(tmp_path, "")
    base = read_file(tmp_path / "base.yaml").data
    own = {"stepflow", "kind", "id", "title", "tests", "x-notes"}
    assert data == {"stepflow": 1, "kind": "rule", "id": "child"} | {
        key: value for key, value in base.items() if key not in own
    }


@pytest.mark.parametrize(
    ("child", "path", "expected"),
    [
        ("constraints: {last: {find: last}}", ("constraints", "last", "find"), "last"),
        ("constraints: {last: {find: last}}", ("constraints", "last", "as"), "integer"),
        ("constraints: {step: {type: whole}}", ("constraints",), ["last", "step"]),
        ("constraints: {last: {type: whole}}", ("constraints", "last"), ["type"]),  # another type: all anew
        ("segment: numbered", ("segment",), "numbered"),
        ("reuse: {guard: same_words}", ("reuse", "guard"), "same_words"),
        ("reuse: {guard: same_words}", ("reuse", "skip_when", 0, "id"), "fractions"),
        ("repair: {prompt: Again.}", ("repair",), ["max_attempts", "prompt"]),
        ("verify: [json]", ("verify",), ["json"]),
        ("let: {third: half / 3}", ("let",), ["half", "third"]),
        ("tables: {units: {cm: 0.01}}", ("tables", "units"), ["km", "m", "cm"]),
        ("tables: {units: {type: 3}}", ("tables", "units"), ["km", "m", "type"]),  # `type` is a word like others there
        ("overrides: {in-order: {assert: 'true'}}", ("verify", 0, "assert"), "true"),
        ("overrides: {in-order: {assert: 'true'}}", ("verify", 0, "scope"), "step"),
        ("overrides: {in-order: {enabled: false}}", ("verify", 0, "id"), "ends-right"),
        ("overrides: {no_stale_values: {on_fail: repair}}", ("verify", 2), ["type", "on_fail"]),
        ("overrides: {fractions: {pattern: third}}", ("reuse", "skip_when", 0, "pattern"), "third"),
        ("overrides: {n: {optional: true}}", ("parse", 0, "optional"), True),
        ("overrides: {keywords: {words: [tally]}}", ("match", 0, "words"), ["tally"]),
    ],
)
def test_maps_merge_lists_are_replaced_items_are_overridden(
    tmp_path: Path, child: str, path: tuple[str | int, ...], expected: Any
) -> None:
    value: Any = data_of(tmp_path, child)
    for part in path:
        value = value[part]
    assert (list(value) if isinstance(value, dict) else value) == expected


def test_every_part_is_said_to_stand_where_it_is_written(tmp_path: Path) -> None:
    document = child_of(
        tmp_path,
        "constraints:\n  last: {find: only}\n  more: {type: whole}\n"
        "overrides:\n  in-order: {assert: x > 1}\n  ends-right: {when: last > 0}\n",
    )
    assert where(document) == "child.yaml:1:1"
    assert where(document, "match", part="key") == "base.yaml:5:1"
    assert where(document, "match", 0, "words", 0) == "base.yaml:6:30"
    assert where(document, "constraints", part="key") == "child.yaml:5:1"
    assert where(document, "constraints", "last", "find") == "child.yaml:6:16"
    assert where(document, "constraints", "last", "pattern", part="key") == "base.yaml:10:23"
    assert where(document, "constraints", "more") == "child.yaml:7:9"
    assert where(document, "verify", 0) == "base.yaml:16:5"
    assert where(document, "verify", 0, "assert", part="key") == "child.yaml:9:14"
    assert where(document, "verify", 0, "assert") == "child.yaml:9:22"
    assert where(document, "verify", 1, "when") == "child.yaml:10:22"
    assert where(document, "verify", 1, "assert") == "base.yaml:19:13"
    assert where(document, "verify", 2) == "base.yaml:20:5"
    assert str(document.inside(("constraints", "last", "pattern"), 3, 6)).endswith("base.yaml:10:36")
    problem = document.diagnostic("bad-value", "x", ("verify", 1, "assert"), offset=(0, 5))
    assert problem.source_line == "    assert: steps[-1].n == last"
    assert document.diagnostic("bad-value", "x", ("verify", 0, "assert")).source_line == "  in-order: {assert: x > 1}"


def test_a_grandparent_s_parts_keep_their_places(tmp_path: Path) -> None:
    files(
        tmp_path, middle="stepflow: 1\nkind: rule\nid: middle\nextends: base\noverrides: {in-order: {when: last > 1}}\n"
    )
    files(tmp_path, base=BASE, child=CHILD.replace("base", "middle.yaml") + "overrides: {in-order: {when: last > 2}}\n")
    document = compose(read_file(tmp_path / "child.yaml")).document
    assert document is not None
    assert document.data["verify"][0]["when"] == "last > 2"
    assert where(document, "verify", 0, "when") == "child.yaml:5:30"
    assert where(document, "verify", 0) == "base.yaml:16:5"


def test_problems_of_inherited_parts_point_into_the_parent(tmp_path: Path) -> None:
    files(tmp_path, base=BASE.replace("step.n == step.index", "step.n = step.index"), child=CHILD)
    assert said(tmp_path)[0].startswith("base.yaml:16:60: error[bad-expression]")


def test_one_problem_of_a_parent_is_told_once(tmp_path: Path) -> None:
    files(
        tmp_path, base=BASE.replace("words: [count]", "wrods: [count]"), child=CHILD, other=CHILD.replace("child", "o")
    )
    found = lint_files([str(tmp_path / name) for name in ("base.yaml", "child.yaml", "other.yaml")])
    assert [each.code for each in found if each.severity == "error"] == ["unknown-key"]


BROKEN = [
    ("extends: bsae", "child.yaml:4:10: error[unknown-name]: there is no rule 'bsae' in"),
    ("extends: ./nowhere.yaml", "child.yaml:4:10: error[nothing-found]: nowhere.yaml: there is no such file"),
    ("extends: [base]", "child.yaml:4:10: error[wrong-type]: `extends` is the id or the file of one rule"),
    ("extends: 'base rule'", "child.yaml:4:10: error[bad-value]: 'base rule' is no id of a rule"),
    ("extends: child.yaml", "error[extends-cycle]: rules extend each other in a circle: child.yaml → child.yaml"),
    ("overrides: {a: {}}", "child.yaml:4:1: error[missing-key]: `overrides` needs `extends`"),
    ("extends: base\noverrides: {in-ordr: {when: x}}", "child.yaml:5:13: error[unknown-name]: no inherited item is"),
    ("extends: base\noverrides: {in-order: no}", "child.yaml:5:23: error[wrong-type]: an override is a map of keys"),
    ("extends: base\noverrides: [in-order]", "child.yaml:5:12: error[wrong-type]: `overrides` is a map from ids"),
    ("extends: base\nverify: [json]\noverrides: {in-order: {when: x}}", "error[unknown-name]: no inherited item is"),
    ("extends: base\noverrides: {expr: {when: x}}", "error[unknown-name]: no inherited item is called 'expr'"),
    ("extends: base\noverrides: {in-order: {whn: x}}", "child.yaml:5:24: error[unknown-key]: 'whn' is not a parameter"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN, ids=[expected[-40:] for _, expected in BROKEN])
def test_what_does_not_fit_is_told_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    files(tmp_path, base=BASE, child=f"stepflow: 1\nkind: rule\nid: child\n{text}\n")
    assert [line for line in said(tmp_path) if expected in line], said(tmp_path)


def test_several_items_of_one_name_cannot_be_told_apart(tmp_path: Path) -> None:
    twice = BASE.replace("  - no_stale_values\n", "  - no_stale_values\n  - no_stale_values\n")
    files(tmp_path, base=twice, child=CHILD + "overrides: {no_stale_values: {on_fail: warn}}\n")
    assert "duplicate-id" in said(tmp_path)[0]
    assert "2 inherited items are called 'no_stale_values', under verify" in said(tmp_path)[0]


def test_a_circle_of_rules_names_them_all(tmp_path: Path) -> None:
    head = "stepflow: 1\nkind: rule\nid: {}\nextends: {}\n"
    files(tmp_path, child=head.format("child", "b"), b=head.format("b", "c"), c=head.format("c", "child"))
    assert said(tmp_path) == [
        "c.yaml:4:10: error[extends-cycle]: rules extend each other in a circle: "
        "child.yaml → b.yaml → c.yaml → child.yaml"
    ]


def test_five_parents_are_enough(tmp_path: Path) -> None:
    files(tmp_path, base=BASE)
    for number in range(1, 7):
        parent = "base" if number == 1 else f"r{number - 1}"
        files(tmp_path, **{f"r{number}": f"stepflow: 1\nkind: rule\nid: r{number}\nextends: {parent}\n"})
    assert said(tmp_path, "r5.yaml") == []
    assert "more than 5 times in a row" in said(tmp_path, "r6.yaml")[0]


def test_a_shipped_rule_is_found_by_its_id_and_may_be_extended_under_the_same(tmp_path: Path) -> None:
    files(tmp_path, child="stepflow: 1\nkind: rule\nid: json-object\nextends: json-object\n")
    composed = compose(read_file(tmp_path / "child.yaml"))
    assert composed.problems == ()
    assert Path(composed.parents[0]).name == "json-object.yaml"


def test_a_rule_written_in_a_pipeline_extends_too(tmp_path: Path) -> None:
    files(tmp_path, base=BASE)
    pipeline = """
stepflow: 1
kind: pipeline
id: p
backend: {type: scripted}
rules:
  - stepflow: 1
    kind: rule
    id: child
    extends: base.yaml
    overrides: {in-order: {assert: step.n == 1}}
"""
    files(tmp_path, p=pipeline)
    assert said(tmp_path, "p.yaml") == []
    files(tmp_path, p=pipeline.replace("step.n == 1", "stp.n == 1"))
    assert said(tmp_path, "p.yaml")[0].startswith("p.yaml:11:36: error[unknown-name]: there is no 'stp' here")


def test_further_tests_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    more = "stepflow: 1\nkind: tests\ntests:\n  - {prompt: count, expect: {matched: false}}\n"
    files(tmp_path, **{"base": BASE, "base.tests.yaml": more})
    document = compose(read_file(tmp_path / "base.yaml")).document
    assert document is not None
    assert [test["prompt"] for test in document.data["tests"]] == ["count to 3", "count"]
    assert where(document, "tests", 1, "prompt") == "base.tests.yaml:4:14"
    files(tmp_path, **{"base.tests.yaml": more.replace("matched", "mached")})
    assert said(tmp_path, "base.yaml")[0].startswith("base.tests.yaml:4:30: error[unknown-key]")


def test_tests_of_no_rule_are_reported(tmp_path: Path) -> None:
    more = "stepflow: 1\nkind: tests\ntests:\n  - {prompt: count, expect: {matched: false}}\n"
    files(tmp_path, **{"base": BASE, "bse.tests.yaml": more, "base.tests.yaml": more})
    assert [each.code for each in lint_files([str(tmp_path / "bse.tests.yaml")])] == ["orphan-tests"]
    assert lint_files([str(tmp_path / "base.tests.yaml")]) == []
