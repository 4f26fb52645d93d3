"""What a verdict rests on: whatever cannot be read, decided or seen has failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, edited, story

from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import Examination, examine

RIGHT = "1\n2\n3"
PROMPT = "count to 3"


def check(text: str, **more: Any) -> dict[str, Any]:
    return {"id": "it", "type": "expr", "assert": text, **more}


def examined(tmp_path: Path, rule: str, answer: str = RIGHT) -> Examination:
    flow = Flow(tmp_path, rule)
    return examine(flow.task(PROMPT), cut(flow.rule, answer))


FAILING: list[tuple[str, list[dict[str, Any]], dict[str, Any], str]] = [
    ("false", [check("1 == 2")], {}, "1 == 2 is false: 1 is not 2"),
    ("not a truth value", [check("last")], {}, "last gives 3, not true or false"),
    ("a name that is missing", [check("steps[9].text == 3")], {}, "steps[9] is missing"),
    ("a division by zero", [check("1 / (last - 3) == 1")], {}, "cannot be decided"),
    ("a text where a number belongs", [check("output + 1 == 2")], {}, "is not a number"),
    (
        "a `when` that cannot be decided",
        [check("last == 3", when="steps[9].text == 1")],
        {},
        "steps[9] is missing",
    ),
    (
        "a pattern that takes too long",
        [{"id": "it", "type": "regex", "pattern": "(a|aa)+$"}],
        {"answer_text": "3" + "a" * 60 + "!"},
        "took longer than",
    ),
]


@pytest.mark.parametrize(("name", "checks", "more", "reason"), FAILING, ids=[case[0] for case in FAILING])
def test_a_check_that_is_false_or_cannot_be_decided_fails(
    tmp_path: Path, name: str, checks: list[dict[str, Any]], more: dict[str, str], reason: str
) -> None:
    found = examined(tmp_path, edited(COUNT, parse=[], verify=checks), more.get("answer_text", RIGHT))
    assert not found.passed
    assert [verdict.check for verdict in found.failures] == ["it"]
    assert reason in found.reasons


def test_a_step_without_a_field_that_all_must_have_fails(tmp_path: Path) -> None:
    found = examined(tmp_path, edited(COUNT, verify=[check("last == 3")]), "1\nand\n3")
    assert (found.failed_steps, found.reasons) == ((2,), "step 2 has no n")


def test_an_optional_field_may_be_missing(tmp_path: Path) -> None:
    fields = [{"field": "n", "type": "regex", "pattern": r"\d+", "as": "integer", "optional": True}]
    checks = [check("step.n == step.index", scope="step", when="step.n is defined"), check("last == 3", id="last")]
    assert examined(tmp_path, edited(COUNT, parse=fields, verify=checks), "1\nand\n3").passed


def test_a_step_that_no_check_looks_at_fails_unless_the_whole_is_checked(tmp_path: Path) -> None:
    fields = [{"field": "n", "type": "regex", "pattern": r"\d+", "as": "integer", "optional": True}]
    each = check("step.n == step.index", scope="step", when="step.n is defined")
    found = examined(tmp_path, edited(COUNT, parse=fields, verify=[each]), "1\nand kill\n3")
    assert [(verdict.check, verdict.step) for verdict in found.failures] == [("unchecked", 2)]
    whole = check("'kill' not in output", id="whole")
    assert not examined(tmp_path, edited(COUNT, parse=fields, verify=[each, whole]), "1\nand kill\n3").passed


@pytest.mark.parametrize("checks", [[check("last == 3", on_fail="warn")], [check("1 == 2", on_fail="warn")]])
def test_a_check_that_only_warns_does_not_vouch_for_an_answer(tmp_path: Path, checks: list[dict[str, Any]]) -> None:
    found = examined(tmp_path, edited(COUNT, parse=[], verify=checks))
    assert not found.passed
    assert {verdict.check for verdict in found.failures} == {"unchecked"}


def test_a_check_that_only_warns_blocks_nothing_and_is_in_the_journal(tmp_path: Path) -> None:
    flow = Flow(
        tmp_path, edited(COUNT, verify=[check("answer.value == last"), check("1 == 2", id="w", on_fail="warn")])
    )
    outcome = flow.ask(PROMPT, RIGHT)
    assert outcome.final == "verified"
    assert "answer: w fails: 1 == 2 is false: 1 is not 2" in story(outcome)
    assert flow.ask("please count to 3").outcome == "reuse"


def test_a_check_whose_when_is_false_says_nothing(tmp_path: Path) -> None:
    rule = edited(COUNT, verify=[check("1 == 2", when="last > 3"), check("answer.value == last", id="right")])
    found = examined(tmp_path, rule)
    assert found.passed
    assert "it" not in {verdict.check for verdict in found.verdicts}


def test_a_disabled_check_is_not_made(tmp_path: Path) -> None:
    rule = edited(COUNT, verify=[check("1 == 2", enabled=False), check("answer.value == last", id="right")])
    assert examined(tmp_path, rule).passed


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("not {{ last }}: {{ reason }}", "not 3: 1 == 2 is false: 1 is not 2"),
        ("step {{ steps[9].text }}", "1 == 2 is false: 1 is not 2"),
    ],
)
def test_a_message_replaces_the_reason_but_never_hides_it(tmp_path: Path, message: str, reason: str) -> None:
    assert examined(tmp_path, edited(COUNT, parse=[], verify=[check("1 == 2", message=message)])).reasons == reason


TOLD = [
    (check("step.n == 1", scope="step"), "step 2 is wrong; step 3 is wrong"),
    (check("step.n == 1", scope="step", message="{{ step.n }} is not 1"), "2 is not 1; 3 is not 1"),
    (check("step.n == 1", scope="step", message="{{ steps[9].text }}"), "step 2 is wrong; step 3 is wrong"),
    (check("last == 4"), "the answer as a whole is not right"),
    (check("steps[7].n == 4"), "the answer as a whole is not right"),
    ({"id": "it", "type": "excludes", "values": ["2"]}, "holds '2'"),
    ({"id": "it", "type": "excludes", "values_from": "noun"}, "the answer as a whole is not right"),
]


@pytest.mark.parametrize(("one", "told"), TOLD)
def test_a_model_is_told_no_code(tmp_path: Path, one: dict[str, Any], told: str) -> None:
    noun = {"type": "regex", "pattern": "(?i)of (?P<value>[a-z]+)", "optional": True}
    last = {"type": "regex", "pattern": "(?P<value>[0-9]+)", "as": "integer"}
    found = examined(tmp_path, edited(COUNT, constraints={"last": last, "noun": noun}, verify=[one]))
    assert found.told == told
    assert found.reasons


def test_beside_a_reason_in_words_a_model_is_told_no_more_than_that(tmp_path: Path) -> None:
    checks = [check("last == 4"), check("last == 5", id="other", message="it must end with 5")]
    assert examined(tmp_path, edited(COUNT, parse=[], verify=checks)).told == "it must end with 5"


def test_an_answer_that_cannot_be_read_fails_even_if_no_check_asks_for_it(tmp_path: Path) -> None:
    answer = {"type": "regex", "pattern": r"\S+$", "as": "integer"}
    rule = edited(COUNT, parse=[], answer=answer, verify=[check("last == 3")])
    found = examined(tmp_path, rule, "1\n2\nx")
    assert [verdict.check for verdict in found.failures] == ["answer"]
    assert found.value is None


def test_an_answer_that_is_not_there_is_missing_to_the_checks(tmp_path: Path) -> None:
    found = examined(tmp_path, edited(COUNT, parse=[], verify=[check("answer.value == last")]), "none\nat\nall")
    assert "answer is missing" in found.reasons


def test_steps_see_the_fields_of_those_before_them(tmp_path: Path) -> None:
    rule = edited(
        COUNT,
        verify=[check("step.n == previous.n + 1", scope="step", when="step.index > 1"), check("last == 3", id="l")],
    )
    assert examined(tmp_path, rule).passed
    assert examined(tmp_path, rule, "1\n3\n4").failed_steps == (2,)


def test_a_cached_answer_is_seen_with_the_request_that_it_was_for(tmp_path: Path) -> None:
    checks = [
        check("answer.value == last"),
        check("cached.constraints.last == last", id="same", when="cached is defined"),
    ]
    flow = Flow(tmp_path, edited(COUNT, verify=checks, patch={"enabled": False}))
    flow.ask(PROMPT, RIGHT)
    assert flow.ask("please count to 3").outcome == "reuse"


@pytest.mark.parametrize("answer", ["", " ", "\n\n"])
def test_an_answer_without_text_has_no_steps(tmp_path: Path, answer: str) -> None:
    with pytest.raises(NotSegmentable, match="empty"):
        cut(Flow(tmp_path).rule, answer)


def test_no_steps_are_no_answer(tmp_path: Path) -> None:
    found = examine(Flow(tmp_path, edited(COUNT, verify=[check("last == 3")])).task(PROMPT), ())
    assert not found.passed
    assert found.failures
    assert found.pass_ratio == 0


class Raising:
    """A plug that raises whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        def fail(*arguments: Any) -> Any:
            raise RecursionError("too deep")

        return fail


@pytest.mark.parametrize("part", ["segmenter", "checks", "parse", "answer"])
def test_a_plug_that_raises_fails_the_answer_and_not_the_run(tmp_path: Path, part: str) -> None:
    flow = Flow(tmp_path)
    rule = flow.rule
    changed: Any = {
        "segmenter": Raising(),
        "checks": (*rule.checks, replace(rule.checks[0], verifier=Raising())),
        "parse": (replace(rule.parse[0], reader=Raising()),),
        "answer": replace(rule.answer, reader=Raising()),  # type: ignore[type-var]
    }[part]
    flow.pipeline.plan = replace(flow.pipeline.plan, rules=(replace(rule, **{part: changed}),))
    outcome = flow.ask(PROMPT, RIGHT)
    assert (outcome.final, outcome.record) == ("unverified", None)
