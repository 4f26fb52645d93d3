"""Tables and grammars in files of their own, packs, and that an exact hit ends when one of them changes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import stepflow
from stepflow.catalog import registry
from stepflow.cli.commands.lint import lint_files
from stepflow.cli.commands.test import run_file
from stepflow.compiler.pipelines import check_rule_file
from stepflow.config.composition import compose
from stepflow.config.references import closure, file_names, parent_ids
from stepflow.config.source_text import SourceText
from stepflow.config.sources import PipelineFile
from stepflow.config.tables import BadTable, UnknownColumn, read_table
from stepflow.config.yaml_nodes import read_file
from stepflow.quick import exact_hit

RULE = r"""
stepflow: 1
kind: rule
id: unit
match: [{type: keywords, words: [metres]}]
tables:
  units: {file: ../tables/units.csv, key: name, value: factor}
constraints:
  size: {type: regex, pattern: '(?P<value>\d+)', as: number}
  unit: {type: regex, pattern: '\d (?P<value>\w+)'}
let: {metres: 'size * units[unit]'}
answer: {type: regex, pattern: '[\d.]+', as: number}
verify: [{type: expr, assert: answer.value == metres}]
tests:
  - {prompt: How many metres is 3 km?, expect: {let: {metres: 3000}}}
  - {prompt: hello, expect: {matched: false}}
""".lstrip()
UNITS = "name,factor,plural\nkm,1000,kilometres\ncm,0.01,centimetres\n"
PIPELINE = "stepflow: 1\nkind: pipeline\nid: p\nbackend: {type: scripted, replies: ['3000 metres'], cycle: true}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def workplace(folder: Path, rule: str = RULE, units: str = UNITS) -> str:
    write(folder, "tables/units.csv", units)
    return str(write(folder, "rules/unit.yaml", rule))


def said(folder: Path, name: str = "rules/unit.yaml") -> list[str]:
    return [str(each).replace(str(folder) + "/", "") for each in lint_files([str(folder / name)])]


# --- tables ---------------------------------------------------------------------------------------------------------


def table(text: str, key: str | None = None, value: str | None = None) -> Any:
    return read_table(SourceText.of(text, "t.csv"), key, value).data


@pytest.mark.parametrize(
    ("text", "key", "value", "expected"),
    [
        (UNITS, "name", "factor", {"km": 1000, "cm": 0.01}),
        (UNITS, "plural", "name", {"kilometres": "km", "centimetres": "cm"}),
        (UNITS, None, None, {
            "km": {"name": "km", "factor": 1000, "plural": "kilometres"},
            "cm": {"name": "cm", "factor": 0.01, "plural": "centimetres"},
        }),
        ("a, b\n x , 1 \n", None, "b", {"x": 1}),
        ('a,b\n"x, y","5"" pipe"\n', None, "b", {"x, y": '5" pipe'}),
        ('a,b\nx,"12"\n', None, "b", {"x": "12"}),
        ("a,b\nx,012\ny,-3\nz,1e5\nw,\n", None, "b", {"x": "012", "y": -3, "z": "1e5", "w": ""}),
        ("a,b\r\nx,1\r\n\r\ny,2", None, "b", {"x": 1, "y": 2}),
        ("a,b\nno,true\n", None, "b", {"no": "true"}),
        ('a,b\n"two\nlines",1\n', None, "b", {"two\nlines": 1}),
        ("a,b\n", None, "b", {}),
    ],
)  # fmt: skip
def test_a_csv_file_is_a_table(text: str, key: str | None, value: str | None, expected: Any) -> None:
    assert table(text, key, value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "t.csv:1:1: error[bad-table]: this table is empty"),
        ("a,b\nx,1,2\n", "t.csv:2:1: error[bad-table]: this row has 3 cells, but the header has 2"),
        ("a,b\nx\n", "t.csv:2:1: error[bad-table]: this row has 1 cells, but the header has 2"),
        ("a,b\nx,1\ny,2\nx,3\n", "t.csv:4:1: error[bad-table]: 'x' is already given on line 2"),
        ("a,b\n,1\n", "t.csv:2:1: error[bad-table]: this row has no key"),
        ("a,a\nx,1\n", "t.csv:1:3: error[bad-table]: another column is called 'a'"),
        ("a,\nx,1\n", "t.csv:1:3: error[bad-table]: this column has no name"),
        ('a,b\nx,5" pipe\n', "t.csv:2:3: error[bad-table]: this cell's quotes do not fit"),
        ('a,b\n"x,1\n', "t.csv:2:1: error[bad-table]: this cell's quotes do not fit"),
    ],
)
def test_what_is_no_table_is_told_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(BadTable) as bad:
        table(text)
    assert [str(problem) for problem in bad.value.problems] == [expected]


def test_a_misspelt_column_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UnknownColumn):
        table(UNITS, "nme")
    workplace(tmp_path, RULE.replace("value: factor", "value: fctor"))
    assert said(tmp_path) == ["rules/unit.yaml:6:56: error[unknown-name]: the table has no column 'fctor'"]


def test_numbers_of_a_table_are_exact(tmp_path: Path) -> None:
    rule, problems = check_rule_file(workplace(tmp_path), registry(), "1")
    assert problems == []
    assert rule is not None
    assert rule.tables["units"] == {"km": 1000, "cm": Fraction(1, 100)}


def test_a_cell_knows_where_it_stands(tmp_path: Path) -> None:
    document = compose(read_file(workplace(tmp_path))).document
    assert document is not None
    assert str(document.locate(("tables", "units", "cm"))).endswith("tables/units.csv:3:4")
    assert str(document.locate(("tables", "units", "cm"), "key")).endswith("tables/units.csv:3:1")
    assert str(document.locate(("tables", "units"), "key")).endswith("rules/unit.yaml:6:3")


def test_a_yaml_file_is_a_table_too_and_a_child_adds_to_its_parents(tmp_path: Path) -> None:
    write(tmp_path, "tables/units.yaml", "km: 1000\ncm: 0.01\n")
    workplace(
        tmp_path, RULE.replace("{file: ../tables/units.csv, key: name, value: factor}", "{file: ../tables/units.yaml}")
    )
    child = write(
        tmp_path,
        "rules/more.yaml",
        "stepflow: 1\nkind: rule\nid: more\nextends: unit\ntables: {units: {mile: 1609.344}}\n",
    )
    document = compose(read_file(child)).document
    assert document is not None
    assert document.data["tables"]["units"] == {"km": 1000, "cm": 0.01, "mile": 1609.344}


def test_a_table_of_words_may_have_a_word_called_file(tmp_path: Path) -> None:
    rule = RULE.replace("{file: ../tables/units.csv, key: name, value: factor}", "{file: 3, folder: 4, km: 1000}")
    assert said(tmp_path, str(workplace(tmp_path, rule))) == []


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("{file: ../tables/unit.csv}", "rules/unit.yaml:6:17: error[nothing-found]: there is no file"),
        ("{file: ../tables/units.yaml, key: name}", "rules/unit.yaml:6:44: error[bad-value]: `key` names a column"),
        ("{file: ../tables/list.yaml}", "rules/unit.yaml:6:17: error[wrong-type]:"),
        (
            "{file: '../tables/two words.csv'}",
            "rules/unit.yaml:6:17: error[bad-value]: '../tables/two words.csv' cannot",
        ),
        ("{from: ../tables/units.yaml}", "rules/unit.yaml:6:17: error[unknown-name]: "),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_at_its_place(tmp_path: Path, reference: str, expected: str) -> None:
    write(tmp_path, "tables/units.yaml", "km: 1000\n")
    write(tmp_path, "tables/list.yaml", "[1]\n")
    write(tmp_path, "tables/two words.csv", UNITS)
    workplace(tmp_path, RULE.replace("{file: ../tables/units.csv, key: name, value: factor}", reference))
    found = said(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(expected)


# --- grammars -------------------------------------------------------------------------------------------------------

GRAMMAR = r"""
stepflow: 1
kind: rule
id: amounts
match: [{type: keywords, words: [double]}]
grammars:
  amount: REFERENCE
constraints:
  size: {type: lark, grammar: amount, as: number}
answer: {type: regex, pattern: '[\d.]+', as: number}
verify: [{type: expr, assert: answer.value == 2 * size}]
tests:
  - {prompt: 'Double 1,200 please', expect: {constraints: {size: 1200}}}
  - {prompt: hello, expect: {matched: false}}
""".lstrip()


@pytest.mark.parametrize(
    "reference",
    [
        "{from: number}",
        "{from: amount.lark}",
        "{from: shared.yaml}",
        "{from: shared.yaml, name: quantity}",
        "|\n    start: NUMBER\n    %import number.NUMBER",
    ],
)
def test_a_grammar_is_built_in_or_stands_in_a_file_or_a_pack(tmp_path: Path, reference: str) -> None:
    write(tmp_path, "amount.lark", "start: /[\\d,]+/\n")
    write(
        tmp_path,
        "shared.yaml",
        "stepflow: 1\nkind: pack\nid: shared\ngrammars:\n  amount: {from: amount.lark}\n  quantity: {from: number}\n",
    )
    path = write(tmp_path, "amounts.yaml", GRAMMAR.replace("REFERENCE", reference))
    assert said(tmp_path, "amounts.yaml") == []
    assert [result.failures for result in run_file(str(path))] == [(), ()]


def test_a_mistake_in_a_grammar_s_file_is_told_in_that_file(tmp_path: Path) -> None:
    write(tmp_path, "amount.lark", "start: NUMBER\nNUMBER: /[\\d,]+/\nstop: nothing\n")
    write(tmp_path, "amounts.yaml", GRAMMAR.replace("REFERENCE", "{from: amount.lark}"))
    assert said(tmp_path, "amounts.yaml") == ["amount.lark:3:7: error[bad-grammar]: 'nothing' is used but not defined"]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("{from: nubmer}", "error[unknown-name]: there is no built-in grammar 'nubmer'"),
        ("{from: gone.lark}", "error[nothing-found]: there is no file"),
        ("{form: number}", "error[unknown-key]: 'form' is not a key of a grammar's reference"),
        ("{}", "error[missing-key]: say where the grammar stands"),
        ("{from: pack.yaml, name: amont}", "error[unknown-name]:"),
        ("{from: pack.yaml}", "error[bad-value]:"),
    ],
)
def test_a_grammar_that_cannot_be_had_is_told(tmp_path: Path, reference: str, expected: str) -> None:
    pack = "stepflow: 1\nkind: pack\nid: a\ngrammars: {amount: {from: pack.yaml}}\n"
    write(tmp_path, "pack.yaml", pack)
    write(tmp_path, "amounts.yaml", GRAMMAR.replace("REFERENCE", reference))
    assert expected in said(tmp_path, "amounts.yaml")[0]


@pytest.mark.parametrize("name", ["number", "date", "name", "words"])
def test_a_built_in_grammar_is_sound_and_unambiguous(name: str) -> None:
    from stepflow.compiler.notations.grammars import LarkGrammar
    from stepflow.config.shared import library

    grammar = LarkGrammar(name, library()[name].read_text(encoding="utf-8"))
    grammar.check()
    assert grammar.conflicts == ()


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("number", "it costs -1,200.50 now", "-1,200.50"),
        ("number", "7/2 of it", "7/2"),
        ("number", "3-5 days", None),
        ("number", "on 2026-01-31", None),
        ("number", "3/4/2020", None),
        ("number", "version 1.5.2", None),
        ("number", "1,2", None),
        ("date", "on 31 January 2026 or later", "31 January 2026"),
        ("date", "Jan 3rd, 2026", "Jan 3rd, 2026"),
        ("date", "due 2026-01-31.", "2026-01-31"),
        ("date", "on 32 May 2020", None),
        ("name", "in New York City now", "New York City"),
        ("name", "lower case", None),
        ("words", "red, green and blue please", "red, green and blue"),
        ("words", "red", None),
    ],
)
def test_what_the_built_in_grammars_read(name: str, text: str, found: str | None) -> None:
    from stepflow.compiler.notations.grammars import LarkGrammar
    from stepflow.config.shared import library

    grammar = LarkGrammar(name, library()[name].read_text(encoding="utf-8"))
    read = ((start, grammar.longest(text, start)) for start in grammar.starts(text))
    assert next((text[start : parsed[1]] for start, parsed in read if parsed is not None), None) == found


# --- packs ----------------------------------------------------------------------------------------------------------

PACK = "stepflow: 1\nkind: pack\nid: metric\nversion: '1.2'\nrules: ['rules/*.yaml']\n"
PACK += "tables: {units: {file: tables/units.csv}}\n"


def test_a_pipeline_takes_the_rules_of_a_pack_each_once(tmp_path: Path) -> None:
    workplace(tmp_path)
    write(tmp_path, "metric.yaml", PACK)
    path = write(tmp_path, "p.yaml", PIPELINE + "rules: [metric.yaml, 'rules/*.yaml']\nstore: {type: memory}\n")
    assert said(tmp_path, "p.yaml") == []
    with stepflow.load(str(path)) as pipeline:
        assert [rule.id for rule in pipeline.plan.rules] == ["unit"]


def test_lint_and_test_of_a_pack_cover_its_rules(tmp_path: Path) -> None:
    workplace(tmp_path, RULE.replace("assert: answer", "assert: anwser"))
    path = write(tmp_path, "metric.yaml", PACK)
    assert "error[unknown-name]: there is no 'anwser' here" in said(tmp_path, "metric.yaml")[0]
    workplace(tmp_path)
    assert said(tmp_path, "metric.yaml") == []
    assert [result.passed for result in run_file(str(path))] == [True, True]


@pytest.mark.parametrize(
    ("pack", "expected"),
    [
        (PACK.replace("rules/*.yaml", "rule/*.yaml"), "metric.yaml:5:9: error[nothing-found]: no file matches"),
        (PACK.replace("rules/*.yaml", "rules"), "metric.yaml:5:9: error[bad-value]: 'rules' cannot be read as a file"),
        (PACK.replace("'1.2'", "1.2"), "metric.yaml:4:10: error[wrong-type]:"),
        (PACK.replace("version", "verison"), "metric.yaml:4:1: error[unknown-key]: 'verison' is not a key of a pack"),
        (PACK + "grammars: {a: 'start: B'}\n", "metric.yaml:7:"),
        (PACK.replace("rules/*.yaml", "metric.yaml"), "metric.yaml:2:7: error[wrong-kind]: this is a pack, but a rule"),
    ],
)
def test_what_is_wrong_in_a_pack_is_told_at_its_place(tmp_path: Path, pack: str, expected: str) -> None:
    workplace(tmp_path)
    write(tmp_path, "metric.yaml", pack)
    assert said(tmp_path, "metric.yaml")[0].startswith(expected)


# --- fingerprints ---------------------------------------------------------------------------------------------------


def test_files_are_found_in_a_text_without_reading_its_yaml() -> None:
    text = "a: {file: ../t/u.csv, k: v}\nb: 'x.lark'\n- \"*.yaml\"\nc: a.csvx\nextends: base-rule # x.yml\n"
    assert file_names(text) == {"../t/u.csv", "x.lark", "*.yaml", "x.yml"}
    assert parent_ids(text) == {"base-rule"}
    assert parent_ids("{extends: 'a', x: 1}\n'extends' : b\nextends:\n  c\nextends: d.yaml\n") == {"a", "b", "c"}


CHANGES = {
    "a table": ("tables/units.csv", UNITS.replace("1000", "1001")),
    "a parent": ("rules/unit.yaml", RULE.replace("title", "title") + "priority: 1\n"),
    "a grammar": ("rules/g.lark", "start: /b/\n"),
    "a pack": ("metric.yaml", PACK + "title: New\n"),
    "the rule": ("rules/sub/child.yaml", "CHILD # changed\n"),
}
CHILD = "stepflow: 1\nkind: rule\nid: child\nextends: ../unit.yaml\ngrammars: {g: {from: ../g.lark}}\n"


@pytest.mark.parametrize("change", CHANGES)
def test_an_exact_hit_ends_when_a_file_behind_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.chdir(tmp_path)
    workplace(tmp_path)
    write(tmp_path, "metric.yaml", PACK.replace("rules/*", "rules/sub/*"))
    write(tmp_path, "rules/g.lark", "start: /a/\n")
    write(tmp_path, "rules/sub/child.yaml", CHILD)
    path = str(write(tmp_path, "p.yaml", PIPELINE + "rules: [metric.yaml]\n"))
    request = stepflow.Request.of("How many metres is 3 km?")
    with stepflow.load(path) as pipeline:
        assert pipeline.run(request).outcome == "miss"
        assert pipeline.run(request).outcome == "exact"
    assert exact_hit(path, request) is not None
    name, text = CHANGES[change]
    write(tmp_path, name, text.replace("CHILD", CHILD))
    assert exact_hit(path, request) is None


def test_a_changed_table_also_changes_the_rule_s_own_fingerprints(tmp_path: Path) -> None:
    before, _ = check_rule_file(workplace(tmp_path), registry(), "1")
    after, _ = check_rule_file(workplace(tmp_path, units=UNITS.replace("1000", "1001")), registry(), "1")
    assert before is not None
    assert after is not None
    assert before.reading != after.reading
    assert before.verifying != after.verifying


def test_a_parent_named_by_id_is_part_of_it_and_so_is_one_that_takes_its_place(tmp_path: Path) -> None:
    workplace(tmp_path)
    child = write(tmp_path, "rules/child.yaml", CHILD.replace("../unit.yaml", "unit").replace("../g", "g"))
    path = str(write(tmp_path, "p.yaml", PIPELINE + "rules: [rules/child.yaml]\n"))
    assert [Path(each).name for each in closure([str(child)])] == ["child.yaml", "unit.yaml", "units.csv"]
    first = PipelineFile(path).fingerprint("1")
    write(tmp_path, "rules/a.yaml", RULE)
    assert PipelineFile(path).fingerprint("1") != first


def test_files_that_point_at_each_other_are_found_once(tmp_path: Path) -> None:
    a = write(tmp_path, "a.yaml", "x: b.yaml\n")
    write(tmp_path, "b.yaml", "x: a.yaml\n")
    assert [Path(each).name for each in closure([str(a)])] == ["a.yaml", "b.yaml"]


def test_files_that_change_while_they_are_read_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an answer verified under the new table could be found under the old one."""
    from stepflow.compiler import pipelines

    workplace(tmp_path)
    path = str(write(tmp_path, "p.yaml", PIPELINE + "rules: ['rules/*.yaml']\nstore: {type: memory}\n"))
    check, factors = pipelines.check_pipeline, iter(["1001", "1002"])

    def check_and_edit(*arguments: Any, **options: Any) -> Any:
        found = check(*arguments, **options)
        factor = next(factors, None)
        if factor is not None:
            write(tmp_path, "tables/units.csv", UNITS.replace("1000", factor))
        return found

    monkeypatch.setattr(pipelines, "check_pipeline", check_and_edit)
    with stepflow.load(path) as pipeline:
        assert pipeline.plan.rules[0].tables["units"]["km"] == 1002
    factors = iter("123456")
    with pytest.raises(stepflow.UsageError, match="change while they are read"):
        stepflow.load(path)
