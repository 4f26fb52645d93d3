from __future__ import annotations

import json

import pytest

BROKEN = "stepflow: 1\nkind: rule\nid: b\nmatch: [{type: regex, pattern: a}]\nverify: [jsn]\ntests: []\n"


def test_sound_files_are_fine(project) -> None:
    said = project("lint")
    assert (said.code, said.out) == (0, "")
    assert said.err == "2 files: 0 errors, 0 warnings\n"


def test_findings_go_to_stdout_once_each_and_the_count_to_stderr(project) -> None:
    project.write("rules/broken.yaml", BROKEN)
    said = project("lint")
    assert said.code == 1
    assert said.out == (
        "rules/broken.yaml:5:10: error[unknown-type]: 'jsn' is not a type of verifier\n"
        "  |\n"
        "5 | verify: [jsn]\n"
        "  |          ^^^\n"
        "  = did you mean 'json'?\n"
        "  = in: rule b › verify › jsn        see: stepflow list verifier\n"
    )
    assert said.err == "3 files: 1 error, 0 warnings\n"


def test_warnings_fail_only_when_strict(project) -> None:
    project.write("rules/sums.yaml", (project.folder / "rules/sums.yaml").read_text().split("tests:")[0])
    assert project("lint").code == 0
    said = project("lint", "--strict")
    assert (said.code, said.err) == (1, "2 files: 0 errors, 1 warning\n")


def test_json_is_a_list_of_maps(project) -> None:
    assert project("lint", "--format", "json").json == []
    project.write("rules/broken.yaml", BROKEN)
    (finding,) = project("lint", "--format", "json", "rules/broken.yaml").json
    place = {"path": "rules/broken.yaml", "line": 5, "column": 10, "end_line": 5, "end_column": 13}
    assert {"code": "unknown-type", "severity": "error", **place}.items() <= finding.items()
    assert finding["in"] == "rule b › verify › jsn"
    assert finding["hints"][0] == "did you mean 'json'?"


def test_github_reads_its_commands_back(project) -> None:
    assert project("lint", "--format", "github").out == ""
    project.write("rules/100%, a:b.yaml", BROKEN)
    said = project("lint", "--format", "github", "rules/100%, a:b.yaml")
    assert said.code == 1
    head, message = said.out.rstrip("\n").split("::", 2)[1:]
    assert head == ("error file=rules/100%25%2C a%3Ab.yaml,line=5,endLine=5,col=10,endColumn=12,title=unknown-type")
    assert message == "'jsn' is not a type of verifier%0Adid you mean 'json'?"


def test_sarif_names_rules_and_places(project) -> None:
    project.write("rules/a b.yaml", BROKEN.replace("tests: []\n", ""))
    said = project("lint", "--format", "sarif", "rules/a b.yaml")
    assert said.code == 1
    log = said.json
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == ["unknown-type"]
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("unknown-type", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "rules/a%20b.yaml"
    assert place["region"] == {"startLine": 5, "startColumn": 10, "endLine": 5, "endColumn": 13}


def test_sarif_of_nothing_is_a_whole_log(project) -> None:
    log = json.loads(project("lint", "--format", "sarif").out)
    assert log["runs"][0]["results"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "there is no rules/ or pipelines/ folder here; name files or folders"),
        (["nowhere"], "there is no file or folder nowhere"),
        (["."], "no YAML file found in ."),
    ],
)
@pytest.mark.parametrize("command", ["lint", "test"])
def test_nothing_to_look_at_is_a_wrong_call(empty, command, arguments, sentence) -> None:
    said = empty(command, *arguments)
    assert (said.code, said.err) == (2, f"stepflow: {sentence}\n")


def test_ambiguous_grammars_are_looked_for_by_lint_only(project) -> None:
    grammar = 'grammars:\n  total: |\n    start: sum\n    sum: sum "+" sum | NUMBER\n    NUMBER: /\\d+/\n'
    rule = (project.folder / "rules/sums.yaml").read_text()
    project.write("rules/sums.yaml", rule.replace("constraints:", grammar + "constraints:"))
    said = project("lint")
    assert "rules/sums.yaml:8:5: warning[ambiguous-grammar]" in said.out
    assert said.err == "2 files: 0 errors, 1 warning\n"
    assert project("run", "Add 1 and 2").code == 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("pipeline", "this says that it is a pipeline, but has the keys of a rule: match, verify"),
        ("rule", "this says that it is a rule, but has the keys of a pipeline: backend, rules"),
    ],
)
def test_a_file_of_the_wrong_kind_is_told_once_and_not_key_by_key(project, kind, said) -> None:
    source = {"pipeline": "rules/sums.yaml", "rule": "pipelines/default.yaml"}[kind]
    other = {"pipeline": "rule", "rule": "pipeline"}[kind]
    text = (project.folder / source).read_text(encoding="utf-8").replace(f"kind: {other}", f"kind: {kind}")
    project.write("wrong.yaml", text)
    found = project("lint", "wrong.yaml")
    assert (found.out + found.err).count("error[") == 1
    assert f"error[wrong-kind]: {said}" in found.out + found.err
    assert f"= write `kind: {other}`" in found.out + found.err
