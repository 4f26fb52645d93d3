"""What `stepflow test` can do besides running tests: coverage, reports, recording, watching."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from stepflow.cli import suites
from stepflow.cli.commands import test as command
from stepflow.config.yaml_nodes import read

RULE = r"""
stepflow: 1
kind: rule
id: count
match: [{type: keywords, words: [count]}]
unless: [{id: halves, type: keywords, words: [halves]}]
constraints:
  last: {type: regex, pattern: 'to (?P<value>\d+)', as: integer}
  first: {type: regex, pattern: 'from (?P<value>\d+)', as: integer, default: 1}
  by: {type: regex, pattern: 'by (?P<value>\d+)', as: integer, optional: true}
segment: lines
parse: [{field: n, type: regex, pattern: '\d+', as: integer}]
answer: {type: regex, pattern: '\d+', as: integer, pick: last}
verify:
  - {id: in-order, scope: step, type: expr, assert: step.n == step.index}
  - {id: ends-right, type: expr, assert: answer.value == last}
reuse:
  guard: none
  skip_when:
    - {id: from-changed, type: constraint_changed, names: [first, by]}
rewrite: [{type: template, text: '{{ step.index }}'}]
repair: {max_attempts: 1}
fallback: {type: template, text: "1\n2\n3"}
tests:
""".lstrip()
RIGHT = r'"1\n2\n3"'
TESTS = {
    "constraint last is found": "prompt: count to 3, expect: {constraints: {last: 3}}",
    "constraint first is found": "prompt: count from 1 to 3, expect: {matched: true}",
    "constraint first takes its default": "prompt: count to 3, expect: {matched: true}",
    "constraint by is found": "prompt: count by 1 to 3, expect: {matched: true}",
    "constraint by is not there": "prompt: count to 3, expect: {matched: true}",
    "unless halves holds": "prompt: count halves to 3, expect: {matched: false}",
    "verifier in-order passes": rf"prompt: count to 3, output: {RIGHT}, expect: {{failed_checks: []}}",
    "verifier in-order fails": r'prompt: count to 3, output: "1\n1\n3", expect: {failed_steps: [2]}',
    "verifier ends-right passes": rf"prompt: count to 3, model: [{RIGHT}], expect: {{outcome: miss}}",
    "verifier ends-right fails": r'prompt: count to 3, output: "1\n2", expect: {failed_checks: [ends-right]}',
    "skip_when from-changed holds": (
        rf"prompt: count from 1 to 3, cache: [{{prompt: count from 2 to 3, output: {RIGHT}}}], "
        rf"model: [{RIGHT}], expect: {{skip_reason: from-changed}}"
    ),
    "rewrite template changes a step": (
        r'prompt: count to 3, cache: [{prompt: please count to 3, output: "1\n9\n3"}], expect: {outcome: rewrite}'
    ),
    "an answer is repaired": rf"prompt: count to 3, model: ['1', {RIGHT}], expect: {{origin: repair}}",
    "the fallback is served": "prompt: count to 3, model: ['1', '1'], expect: {final: fallback}",
}


def write(project: Any, *tests: str) -> None:
    project.write("rules/count.yaml", RULE + "".join(f"  - {{{test}}}\n" for test in tests))


def missing(project: Any) -> set[str]:
    said = project("test", "rules/count.yaml", "--coverage", "--format", "json").json
    return {part["part"] for part in said["coverage"]["rules"][0]["missing"]}


# --- coverage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", TESTS)
def test_a_test_exercises_the_part_that_it_shows(empty: Any, part: str) -> None:
    write(empty, TESTS[part])
    assert part not in missing(empty)
    write(empty, "prompt: hello, expect: {matched: false}")
    assert part in missing(empty)


def test_all_of_them_together_exercise_everything_but_the_patch(empty: Any) -> None:
    write(empty, *dict.fromkeys(TESTS.values()))
    assert missing(empty) == {"a step is patched"}
    said = empty("test", "--coverage", "rules/count.yaml")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[1:] == [
        "rules/count.yaml  93 % (14 of 15)",  # 93.3, rounded down
        "    rules/count.yaml:1  no test shows: a step is patched",
        "coverage 93 %",
    ]


@pytest.mark.parametrize(("least", "code"), [("93", 0), ("94", 1), ("0", 0)])
def test_too_little_coverage_fails(empty: Any, least: str, code: int) -> None:
    write(empty, *dict.fromkeys(TESTS.values()))
    said = empty("test", "rules/count.yaml", "--fail-under", least)
    assert said.code == code
    assert ("below the 94 %" in said.err) == bool(code)


def test_nothing_is_rounded_up_to_everything(empty: Any) -> None:
    from stepflow.coverage import Coverage, Part, percent

    parts = tuple(Part(str(number), "", number != 0) for number in range(1000))
    assert percent([Coverage("r", "f", parts)]) == 99
    assert percent([]) == 100


# --- reports --------------------------------------------------------------------------------------------------------


def test_several_processes_say_what_one_says(empty: Any) -> None:
    for name in ("first", "second"):
        rule = RULE.replace("id: count", f"id: {name}", 1)
        tests = (*TESTS.values(), "prompt: count to 3, expect: {matched: false}")
        empty.write(f"rules/{name}.yaml", rule + "".join(f"  - {{{test}}}\n" for test in tests))
    one, two = (empty("test", "--format", "json", "--coverage", "-j", jobs) for jobs in ("1", "2"))
    assert (one.code, one.json["failed"], one.out) == (1, 2, two.out)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("size", "jobs", "others"), [(1, 2, 2), (1, 1, 0), (1, None, 0), (suites.WORTH_IT, None, 2), (1, 9, 2)]
)
def test_files_are_tested_by_other_processes_where_it_is_asked_for_or_worth_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int, jobs: int | None, others: int
) -> None:
    monkeypatch.setattr(suites, "_may_fork", lambda: True)  # whatever threads the tests of others have left
    monkeypatch.setattr(suites, "_cores", lambda: 2)
    monkeypatch.setattr(suites._Task, "run", lambda task, file: suites.Tested([os.getpid()]))  # type: ignore[list-item]
    files = [tmp_path / name for name in ("one.yaml", "two.yaml")]
    for file in files:
        file.write_text("#" * size, encoding="utf-8")
    pids = suites.run(list(map(str, files)), jobs=jobs).results
    assert sum(pid != os.getpid() for pid in pids) == others


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_each_test_runs_once_whichever_of_the_files_name_its_rule(empty: Any, jobs: str) -> None:
    own = "id: same\n" + RULE.split("id: count\n")[1]
    for name in ("count", "other"):
        written = RULE.split("id: count")[0] + own.replace("id: same", f"id: {name}")
        empty.write(f"rules/{name}.yaml", written + f"  - {{name: {name}, {TESTS['constraint last is found']}}}\n")
    more = "stepflow: 1\nkind: tests\ntests:\n  - {name: loose, prompt: hello, expect: {matched: false}}\n"
    empty.write("rules/count.tests.yaml", more)
    empty.write("all.pack.yaml", "stepflow: 1\nkind: pack\nid: all\nrules: ['rules/*.yaml']\n")
    for given in (("rules",), ("rules", "all.pack.yaml"), ("all.pack.yaml", "rules"), ("all.pack.yaml",)):
        told = empty("test", "--format", "json", "-j", jobs, *given).json
        assert sorted(test["name"] for test in told["tests"]) == ["count", "loose", "other"], given


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_file_that_is_not_valid_keeps_no_other_from_being_tested(empty: Any, jobs: str) -> None:
    write(empty, "name: good, prompt: count to 3, expect: {matched: true}")
    empty.write("rules/broken.yaml", "stepflow: 1\nkind: rule\nid: broken\n")
    said = empty("test", "rules", "-j", jobs)
    assert (said.code, said.out) == (2, "1 passed, 0 failed\n")
    assert "rules/broken.yaml:1:1: error" in said.err


def test_results_as_json_and_as_junit(empty: Any) -> None:
    write(
        empty,
        "name: 'a & <b>', prompt: count to 3, expect: {matched: false}",
        "name: gap, todo: true, prompt: count to 3, expect: {matched: false}",
        "name: good, prompt: count to 3, expect: {matched: true}",
    )
    said = empty("test", "rules", "--format", "json")
    assert said.code == 1
    assert {key: said.json[key] for key in ("passed", "failed", "todo")} == {"passed": 1, "failed": 1, "todo": 1}
    assert said.json["tests"][0]["failures"] == [
        "the rule owns the prompt, but should not\n    read: last = 3, first = 1\n    left over: 'count to …'"
    ]
    assert "coverage" not in said.json
    said = empty("test", "rules", "--format", "junit")
    assert said.code == 1
    (suite,) = ElementTree.fromstring(said.out)
    assert suite.attrib == {"name": "rules/count.yaml", "tests": "3", "failures": "1", "skipped": "1"}
    assert [(case.attrib["name"], [child.tag for child in case]) for case in suite] == [
        ("a & <b>", ["failure"]),
        ("gap", ["skipped"]),
        ("good", []),
    ]


def test_junit_holds_what_xml_cannot() -> None:
    from stepflow.cli.reports import as_junit
    from stepflow.testing import TestResult

    text = as_junit([TestResult("n\x00", "f.yaml:1", ("bad \x1b[0m and ]]> & \ud800",))])
    assert "bad \ufffd[0m" in ElementTree.fromstring(text)[0][0][0].text


# --- recording ------------------------------------------------------------------------------------------------------

ASKING = """
  - name: block
    prompt: count to 3   # a comment
    # another
    expect: {final: verified}   # and one more

  - {name: flow, prompt: count to 3, expect: {outcome: miss}}
  - {name: has replies, prompt: count to 3, model: ["1\\n2\\n3"], expect: {outcome: miss}}
  - {name: prompt only, prompt: count to 3, expect: {matched: true}}
x-after: kept
""".lstrip("\n")


def pipeline(project: Any, *replies: Any) -> None:
    project.write("pipelines/default.yaml", "stepflow: 1\nkind: pipeline\nid: p\nbackend: " + json.dumps(
        {"type": "scripted", "replies": replies}) + "\n")  # fmt: skip


def test_replies_are_written_into_the_tests_that_lack_them_and_nothing_else_changes(empty: Any) -> None:
    empty.write("rules/count.yaml", RULE + ASKING)
    pipeline(empty, "1\n2\n3", "1\n2", "1\n2\n3")
    said = empty("test", "--record", "rules/count.yaml")
    assert said.code == 0
    text = (empty.folder / "rules/count.yaml").read_text(encoding="utf-8")
    assert text == RULE + ASKING.replace(
        "    expect: {final: verified}   # and one more",
        "    model:\n      - |-\n        1\n        2\n      - |-\n        1\n        2\n        3\n"
        "    expect: {final: verified}   # and one more",
    ).replace(
        "{name: flow, prompt: count to 3, expect", '{name: flow, prompt: count to 3, model: ["1\\n2\\n3"], expect'
    )
    assert empty("test", "--record", "rules/count.yaml").err == ""  # nothing is left to ask


@pytest.mark.parametrize(
    "reply",
    ["3", "no", "", "a: b # c", " leading", "trailing ", "a\n\nb", "a\nb\n", "\n\nx", "tab\tx\ny", "'", '"', "\\d\n\\n",
     "é😀\nö", "bell\x07\nx", "\x85\u2028\n", "\ufeffx\ny", "- a\n- b", "{{ x }}\n%",
     {"text": "1\n2", "finish_reason": "length"}],
)  # fmt: skip
def test_whatever_the_model_says_is_written_so_that_it_reads_the_same(reply: Any) -> None:
    from stepflow.recording import with_replies

    for tests in (
        ASKING,
        ASKING.replace(
            "    prompt: count to 3   # a comment\n    # another\n    expect: {final: verified}   # and one more",
            "    expect: {final: verified}\n    prompt: count to 3",
        ),
    ):
        document = read(RULE + tests, "count.yaml")
        for index in (0, 1):
            text = with_replies(document.source, document, ("tests", index), [reply, "x"])
            assert read(text, "count.yaml").data["tests"][index]["model"] == [reply, "x"]


def test_line_ends_and_byte_order_mark_stay(empty: Any) -> None:
    path = empty.folder / "rules/count.yaml"
    path.parent.mkdir()
    raw = ("\ufeff" + RULE + ASKING).replace("\n", "\r\n").encode()
    path.write_bytes(raw)
    pipeline(empty, "1\n2\n3", "1\n2\n3")
    assert empty("test", "--record", "rules/count.yaml").code == 0
    written = path.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\n") == written.count(b"\r\n")


def test_replies_go_into_the_file_in_which_the_test_stands(empty: Any) -> None:
    write(empty, "prompt: hello, expect: {matched: false}")
    empty.write(
        "rules/count.tests.yaml",
        "stepflow: 1\nkind: tests\ntests:\n  - {prompt: count to 3, expect: {outcome: miss}}\n",
    )
    pipeline(empty, "1\n2\n3")
    assert empty("test", "--record", "rules").code == 0
    text = (empty.folder / "rules/count.tests.yaml").read_text(encoding="utf-8")
    assert text.endswith('  - {prompt: count to 3, model: ["1\\n2\\n3"], expect: {outcome: miss}}\n')


def test_a_model_that_cannot_be_asked_changes_nothing(empty: Any) -> None:
    empty.write("rules/count.yaml", RULE + ASKING)
    pipeline(empty, {"error": "RateLimited"}, {"error": "RateLimited"})
    before = (empty.folder / "rules/count.yaml").read_text(encoding="utf-8")
    assert empty("test", "--record", "rules/count.yaml").code == 1
    assert (empty.folder / "rules/count.yaml").read_text(encoding="utf-8") == before


# --- files of tests -------------------------------------------------------------------------------------------------


def test_tests_in_a_file_of_their_own_run_once(empty: Any) -> None:
    write(empty, "name: own, prompt: hello, expect: {matched: false}")
    more = "stepflow: 1\nkind: tests\ntests:\n  - {name: more, prompt: count to 3, expect: {matched: true}}\n"
    empty.write("rules/count.tests.yaml", more)
    assert empty("test", "-v").out == (
        "✓ rules/count.yaml:24  own\n✓ rules/count.tests.yaml:4  more\n2 passed, 0 failed\n"
    )
    assert empty("test", "rules/count.tests.yaml", "-k", "more").out == "1 passed, 0 failed\n"
    pipeline(empty)
    assert empty("lint", "--strict").code == 1  # the pipeline has no rules; the tests are no rule
    assert "no-rules" in empty("lint", "--strict").out


# --- watching -------------------------------------------------------------------------------------------------------


def test_watching_runs_again_when_a_file_changes_until_it_is_interrupted(
    empty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(empty, "name: one, prompt: hello, expect: {matched: false}")
    edits = [
        lambda: None,
        lambda: write(empty, "name: two, prompt: hello, expect: {matched: true}"),
        lambda: empty.write("rules/count.yaml", "stepflow: [\n"),
        lambda: write(empty, "name: three, prompt: hello, expect: {matched: false}"),
    ]

    def sleep(seconds: float) -> None:
        if not edits:
            raise KeyboardInterrupt
        edits.pop(0)()

    monkeypatch.setattr(command.time, "sleep", sleep)
    said = empty("test", "--watch", "-v", "rules/count.yaml")
    assert said.code == 0
    assert [line for line in said.out.splitlines() if "failed" in line] == [
        "1 passed, 0 failed", "0 passed, 1 failed", "1 passed, 0 failed",
    ]  # fmt: skip
    assert "error[syntax]" in said.err


def test_a_change_of_a_table_is_seen_too(empty: Any) -> None:
    write(empty, "name: one, prompt: hello, expect: {matched: false}")
    empty.write("rules/count.yaml", RULE.replace("segment:", "tables: {t: {file: t.csv}}\nsegment:"))
    empty.write("rules/t.csv", "a,b\n")
    before = command._state(["rules"])
    assert Path("rules/t.csv") in map(Path, before)
    empty.write("rules/t.csv", "a,b,c\n")
    assert command._state(["rules"]) != before
