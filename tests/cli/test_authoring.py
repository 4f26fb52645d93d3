"""`stepflow init`, `new` and `render`: from an empty folder to a rule of one's own, and a look into it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import jsonschema
import pytest

from stepflow.authoring import KINDS, project_files
from stepflow.catalog import registry
from stepflow.compiler.pipelines import compile_rule_file
from stepflow.config.yaml_nodes import read
from stepflow.rendering import merged_text

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path.stem for path in (ROOT / "rules").glob("*.yaml") if ".tests" not in path.name)


# --- init -----------------------------------------------------------------------------------------------------------


def test_what_init_writes_passes_lint_and_test_at_once(empty: Any) -> None:
    assert empty("init").code == 0
    assert empty("lint", "--strict").code == 0
    tested = empty("test", "--coverage", "--fail-under", "100")
    assert tested.code == 0
    assert "coverage 100 %" in tested.out
    assert (empty.folder / ".gitignore").read_text(encoding="utf-8") == ".stepflow/\n"


def test_init_copies_shipped_rules_and_what_they_need(empty: Any) -> None:
    said = empty("init", "there", "--rules", "json-object, unit-conversion")
    assert said.code == 0
    assert "there/rules/unit-conversion.yaml" in said.out
    assert empty("lint", "--strict", "there").code == 0
    assert empty("test", "there/rules").code == 0


def test_init_overwrites_nothing_and_says_what_is_there(empty: Any) -> None:
    empty.write("pipelines/default.yaml", "mine")
    said = empty("init")
    assert said.code == 2
    assert "pipelines/default.yaml" in said.err
    assert [path.name for path in empty.folder.rglob("*") if path.is_file()] == ["default.yaml"]


def test_init_of_an_unknown_rule_suggests_one(empty: Any) -> None:
    said = empty("init", "--rules", "json-objct")
    assert said.code == 2
    assert "did you mean 'json-object'?" in said.err
    assert list(empty.folder.iterdir()) == []


def test_the_editor_finds_a_schema_for_every_kind_of_file(empty: Any) -> None:
    assert empty("init").code == 0
    settings = json.loads((empty.folder / ".vscode/settings.json").read_text(encoding="utf-8"))
    for path in settings["yaml.schemas"]:
        jsonschema.Draft202012Validator.check_schema(json.loads((empty.folder / path).read_text(encoding="utf-8")))
    assert len(settings["yaml.schemas"]) == len(KINDS)
    for name in ("rules/count.yaml", "pipelines/default.yaml"):
        line = (empty.folder / name).read_text(encoding="utf-8").splitlines()[0]
        assert (empty.folder / name).parent.joinpath(line.rpartition("=")[2]).resolve().is_file()


def test_an_installed_package_can_do_it_too(tmp_path: Path) -> None:
    """The layout of the wheel, as pyproject.toml describes it, outside the checkout."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    site = tmp_path / "site"
    copytree(ROOT / "stepflow", site / "stepflow", ignore=ignore_patterns("__pycache__"))
    for source, target in wheel["wheel"]["force-include"].items():
        copytree(ROOT / source, site / target)
    (tmp_path / "empty").mkdir()
    program = (
        "import stepflow, sys; from stepflow.cli.main import run; print(stepflow.__file__); sys.exit(run(sys.argv[1:]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    for words in (["init", "--rules", "json-object"], ["lint", "--strict"], ["test"], ["render", "json-object"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=tmp_path / "empty", env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(str(site))


# --- new ------------------------------------------------------------------------------------------------------------


def test_a_new_rule_passes_lint_and_test_and_lives_beside_others(empty: Any) -> None:
    assert empty("init").code == 0
    assert empty("new", "rule", "my-rule").code == 0
    assert empty("new", "rule", "my_other").code == 0
    assert empty("lint", "--strict").code == 0
    assert empty("test", "rules/my-rule.yaml").out == "7 passed, 0 failed\n"


def test_every_line_of_a_new_rule_that_says_something_new_has_a_comment(empty: Any) -> None:
    text = project_files()["rules/count.yaml"]
    keys = [line for line in text.splitlines() if line and line[0].isalpha()]
    assert keys
    assert all("  # " in line or " # " in line for line in keys)


@pytest.mark.parametrize("shipped", SHIPPED)
def test_a_copy_of_a_shipped_rule_passes_lint_and_test(empty: Any, shipped: str) -> None:
    assert empty("new", "rule", "mine", "--like", shipped, "-o", "own/mine.yaml").code == 0
    text = (empty.folder / "own/mine.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../schemas/rule.v1.json\n")
    assert empty("lint", "own/mine.yaml").code == 0
    assert empty("test", "own/mine.yaml").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["my rule"], "'my rule' cannot be an id"),
        (["count"], "nothing is written, because there is already: rules/count.yaml"),
        (["mine", "--like", "json"], "there is no shipped rule 'json'"),
    ],
)
def test_new_refuses_what_cannot_be(empty: Any, words: list[str], said: str) -> None:
    assert empty("init").code == 0
    found = empty("new", "rule", *words)
    assert found.code == 2
    assert said in found.err


# --- render ---------------------------------------------------------------------------------------------------------

CHILD = """\
stepflow: 1
kind: rule
id: more
extends: sums
overrides: {right: {on_fail: repair}}
repair:
  prompt: |
    Wrong: {{ failures }}.

    Again.
"""


def test_render_shows_the_merged_rule_and_where_each_line_stands(project: Any) -> None:
    project.write("rules/more.yaml", CHILD)
    said = project("render", "more")
    assert said.code == 0
    lines = {line.partition("#")[0].strip(): line.rpartition("# ")[2] for line in said.out.splitlines()}
    assert lines["id: more"] == "rules/more.yaml:3"
    assert lines["find: all"] == "rules/sums.yaml:6"
    assert lines["on_fail: repair"] == "rules/more.yaml:5"
    assert lines["max_attempts: 1"] == "rules/sums.yaml:11"
    assert project("render", "rules/more.yaml").out == said.out


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_rendered_reads_as_the_same_rule(path: Path) -> None:
    if path.name.endswith(".tests.yaml"):
        return
    _, document = compile_rule_file(str(path), registry(), "1")
    assert read(merged_text(document), "rendered").data == document.data


AWKWARD = {
    "a": ["no", "12", "true", "", " x", "x ", "it's", '"', "a: b", "# c", "- d", "{e}", "*f", "&g",
          "!h", "%i", "`j", "@k"],
    "b": ["two\nlines", "two\nlines\n", "two\n\n\nlines\n\n", "\nfirst", "  indented\nx", "tab\there",
          "\x07", "a\u2028b"],
    "c": {"1": 1, "1.5": 1.5, "x y": None, "": True, "q'": {}, "r": [], "s": [[1, [2]], [{"t": 1}], {}]},
}  # fmt: skip


def test_any_text_survives_rendering() -> None:
    document = read(json.dumps(AWKWARD).replace("\\u2028", "\\u2028"), "awkward.yaml")
    assert read(merged_text(document), "rendered").data == AWKWARD


def test_render_shows_what_a_prompt_fixes_and_would_send(project: Any) -> None:
    project.write("rules/more.yaml", CHILD)
    said = project("render", "more", "--prompt", "Please add 20 and 3", "--system", "Be brief.", "--output", "24")
    assert said.code == 0
    data = read(said.out, "said").data
    assert data["rule"] == "more"
    assert data["skeleton"] == "Please add ⟨numbers⟩ and ⟨numbers⟩"
    assert data["words"] == "add and"
    assert data["generate"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Please add 20 and 3"},
    ]
    assert data["repair"][2]["content"] == "24"
    assert data["repair"][3]["content"].startswith("Wrong: ")
    assert data["repair"][3]["content"].endswith("\n\nAgain.\n")
    assert "fails" in data["output"][0]


def test_what_render_shows_is_what_is_sent(project: Any) -> None:
    project.replies("24", "23")
    shown = read(project("render", "sums", "--prompt", "Add 20 and 3", "--output", "24").out, "said").data
    project("run", "Add 20 and 3")
    trace = json.loads(max((project.folder / ".stepflow/traces").glob("*.json")).read_text(encoding="utf-8"))
    sent = {event["stage"]: event["data"]["sent"] for event in trace["journal"] if "sent" in event.get("data", {})}
    as_text = {stage: [{**turn, "content": str(turn["content"])} for turn in shown[stage]] for stage in sent}
    assert set(sent) == {"generate", "repair"}
    assert {stage: [turn["content"].strip() for turn in turns] for stage, turns in as_text.items()} == {
        stage: [turn["content"].strip() for turn in turns] for stage, turns in sent.items()
    }


def test_render_shows_the_patch_of_a_wrong_step(empty: Any) -> None:
    assert empty("init").code == 0
    said = empty("render", "count", "--prompt", "Count from 3 to 6", "--output", "3\n4\n6\n6").out
    assert "patch:\n  - role: user\n" in said
    assert "keep it:\n      3\n      4\n" in said
    right = empty("render", "count", "--prompt", "Count from 3 to 6", "--output", "3\n4\n5\n6").out
    assert "patch: nothing is asked" in right
    assert "repair: nothing is asked" in right


def test_render_shows_what_the_parsers_see_of_each_step_and_what_they_read(empty: Any) -> None:
    """A marker is no content, which an author would otherwise look for in vain."""
    empty.write(
        "rules/notes.yaml",
        """\
stepflow: 1
kind: rule
id: notes
match: [{type: keywords, words: [notes]}]
constraints: {topic: {type: regex, pattern: 'notes on (?P<value>\\w+)'}}
segment: markdown
parse:
  - {field: title, type: regex, pattern: '^## (?P<value>.+)$', optional: true}
  - {field: word, type: regex, pattern: '\\w+', find: all}
verify: [{scope: step, type: expr, assert: step.word is sequence}]
""",
    )
    said = empty("render", "rules/notes.yaml", "--prompt", "notes on tea", "--output", "## Black tea\n\n- hot").out
    assert (
        """\
steps:
  - step 1: Black tea
    # title: not there, rules/notes.yaml:8
    word: [Black, tea]  # rules/notes.yaml:9
  - step 2: hot
    # title: not there, rules/notes.yaml:8
    word: [hot]  # rules/notes.yaml:9
output:
"""
        in said
    )
    assert read(said, "said").data["steps"][0] == {"step 1": "Black tea", "word": ["Black", "tea"]}


def test_render_says_why_a_rule_declines(project: Any) -> None:
    said = project("render", "sums", "--prompt", "What is the time?")
    assert said.code == 0
    assert "declines: '`match` finds nothing'  # rules/sums.yaml:4" in said.out


DECLINING = """
stepflow: 1
kind: rule
id: percent
match: [{type: keywords, words: [percent]}]
unless: [{id: more, type: regex, of: rest, pattern: plus}]
constraints:
  share: {type: regex, pattern: '(?P<value>\\d+) percent', as: integer}
  whole: {type: regex, pattern: 'of (?P<value>\\d+)', as: integer}
  unit: {type: regex, pattern: 'euros?', optional: true}
let: {inverse: 100 / share, result: inverse * whole}
verify: [{type: expr, assert: number(output) == result}]
"""


def test_render_points_at_the_file_of_a_rule_that_the_pipeline_does_not_hold(project: Any) -> None:
    project.write("rules/other.yaml", DECLINING)
    said = project("render", "other")
    assert said.code != 0
    assert said.err.endswith("for the file of that name: stepflow render rules/other.yaml\n")


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        (
            "Take 15 percent of it",
            [
                "declines: 'constraint whole: not found in the prompt'  # rules/percent.yaml:9",
                "constraints:",
                "  share: 15  # read in '15', rules/percent.yaml:8",
                "  # whole: not found in the prompt, rules/percent.yaml:9",
                "  # unit: not there, rules/percent.yaml:10",
                "  # inverse: not made, rules/percent.yaml:11",
                "  # result: not made, rules/percent.yaml:11",
                "rest: 'Take … percent of it'",
            ],
        ),
        (
            "Take 0 percent of 80",
            [
                "declines: 'let inverse: division by zero in the number 100 / the number 0'  # rules/percent.yaml:11",
                "constraints:",
                "  share: 0  # read in '0', rules/percent.yaml:8",
                "  whole: 80  # read in '80', rules/percent.yaml:9",
                "  # unit: not there, rules/percent.yaml:10",
                "  # inverse: not made, rules/percent.yaml:11",
                "  # result: not made, rules/percent.yaml:11",
                "rest: 'Take … percent of …'",
            ],
        ),
        (
            "Take 50 percent of 80 plus 1",
            [
                "declines: '`unless` holds: more: finds ''plus'''  # rules/percent.yaml:6",
                "constraints:",
                "  share: 50  # read in '50', rules/percent.yaml:8",
                "  whole: 80  # read in '80', rules/percent.yaml:9",
                "  # unit: not there, rules/percent.yaml:10",
                "let:",
                "  inverse: 2  # rules/percent.yaml:11",
                "  result: 160  # rules/percent.yaml:11",
                "rest: 'Take … percent of … plus 1'",
            ],
        ),
    ],
)
def test_render_shows_all_that_can_be_read_in_a_prompt_that_a_rule_declines(
    project: Any, prompt: str, lines: list[str]
) -> None:
    project.write("rules/percent.yaml", DECLINING)
    assert project("render", "percent", "--prompt", prompt).out.splitlines()[1:] == lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["smus"], "there is no rule 'smus' in pipelines/default.yaml; did you mean 'sums'?"),
        (["rules/none.yaml"], "there is no such file"),
        (["sums", "--output", "3"], "--output needs --prompt"),
        (["sums", "--output", "-", "--prompt", "-"], "only one of --prompt, --request and --output"),
    ],
)
def test_render_refuses_what_cannot_be(project: Any, words: list[str], said: str) -> None:
    found = project("render", *words)
    assert found.code == 2
    assert said in found.err
