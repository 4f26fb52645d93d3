"""Every outcome and every final, each by the shortest way to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, UNIT, Flow, edited, story

from stepflow.errors import BackendError, CutOffAnswer, EmptyAnswer, RateLimited, UnverifiedAnswer
from stepflow.model import Message

RIGHT = "1\n2\n3"
FALLBACK = {"type": "template", "text": "1\n2\n3"}


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path)


def test_a_first_request_is_a_miss_verified_and_stored(flow: Flow) -> None:
    outcome = flow.ask("count to 3", RIGHT)
    assert (outcome.outcome, outcome.final, outcome.origin, outcome.calls) == ("miss", "verified", "model", 1)
    assert (outcome.answer, outcome.value, outcome.rule) == (RIGHT, 3, "count")
    assert [record.id for record in flow.records] == [outcome.record]
    assert dict(outcome.constraints) == {"last": 3}


def test_the_same_request_again_is_exact_and_costs_nothing(flow: Flow) -> None:
    first = flow.ask("count to 3", RIGHT)
    again = flow.ask("count to 3")
    assert (again.outcome, again.final, again.calls, again.usage.total) == ("exact", "verified", 0, 0)
    assert (again.answer, again.value, again.record, again.kept) == (first.answer, 3, first.record, 3)


def test_a_reworded_request_is_reused_and_exact_from_then_on(flow: Flow) -> None:
    first = flow.ask("count to 3", RIGHT)
    reworded = flow.ask("Please count to 3!")
    assert (reworded.outcome, reworded.final, reworded.calls, reworded.kept) == ("reuse", "verified", 0, 3)
    assert reworded.record == first.record
    assert flow.ask("Please count to 3!").outcome == "exact"
    assert len(flow.records) == 1


def test_a_failing_tail_is_patched_and_the_patched_answer_is_exact_from_then_on(flow: Flow) -> None:
    flow.ask("count to 3", RIGHT)
    longer = flow.ask("count to 5", "3\n4\n5")
    assert (longer.outcome, longer.final, longer.origin, longer.calls) == ("patch", "verified", "patch", 1)
    assert (longer.answer, longer.kept, longer.patched, longer.value) == ("1\n2\n3\n4\n5", 2, 3, 5)
    assert flow.ask("count to 5").answer == longer.answer
    assert {record.origin for record in flow.records} == {"model", "patch"}


def test_a_refused_candidate_is_skipped_with_its_reason(flow: Flow) -> None:
    flow.ask("count to 3", RIGHT)
    other = flow.ask("count sheep to 3", RIGHT)
    assert (other.outcome, other.skip_reason, other.calls) == ("skip_reuse", "same_words", 1)


def test_what_no_rule_owns_is_passed_through_and_never_stored(flow: Flow) -> None:
    outcome = flow.ask("What is love?", "A word.")
    assert (outcome.outcome, outcome.final, outcome.answer) == ("passthrough", "unverified", "A word.")
    assert (outcome.rule, outcome.record, flow.records) == (None, None, [])
    assert flow.ask("What is love?", "Another.").outcome == "passthrough"


def test_no_match_error_refuses_what_no_rule_owns(tmp_path: Path) -> None:
    flow = Flow(tmp_path, route={"no_match": "error"})
    with pytest.raises(UnverifiedAnswer, match="no rule owns this prompt"):
        flow.ask("What is love?")


def test_a_repaired_answer_is_verified_and_says_so(tmp_path: Path) -> None:
    flow = Flow(tmp_path, UNIT)
    outcome = flow.ask("Convert 2 km to m", "200", "2000")
    assert (outcome.outcome, outcome.final, outcome.origin, outcome.calls) == ("miss", "verified", "repair", 2)
    assert flow.records[0].origin == "repair"
    assert flow.ask("Please convert 2 km to m.").origin == "repair"


def test_a_fallback_answer_is_stored_and_stays_marked_in_every_account(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(UNIT, fallback={"type": "template", "text": "{{ result }} {{ target }}"}))
    outcome = flow.ask("Convert 2 km to m", "200", "300")
    assert (outcome.answer, outcome.outcome, outcome.final, outcome.origin) == (
        "2000 m",
        "miss",
        "fallback",
        "fallback",
    )
    for prompt, name in (("Convert 2 km to m", "exact"), ("Please convert 2 km to m", "reuse")):
        again = flow.ask(prompt)
        assert (again.outcome, again.final, again.origin, again.answer) == (name, "fallback", "fallback", "2000 m")


def test_a_fallback_that_does_not_pass_is_not_served(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, fallback=FALLBACK))
    outcome = flow.ask("count to 4", "1\n2")
    assert (outcome.final, outcome.answer, outcome.record) == ("unverified", "1\n2", None)
    assert "the fallback does not pass" in story(outcome)


def test_an_unverified_answer_is_returned_flagged_and_not_stored(flow: Flow) -> None:
    outcome = flow.ask("count to 3", "1\n2")
    assert (outcome.outcome, outcome.final, outcome.answer, outcome.record) == ("miss", "unverified", "1\n2", None)
    assert flow.records == []
    assert flow.ask("count to 3", RIGHT).outcome == "miss"


@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        (COUNT, {"on_unverified": "error"}),
        (edited(COUNT, fallback={"type": "error"}), {}),
    ],
)
def test_an_unverified_answer_is_an_error_where_pipeline_or_rule_say_so(
    tmp_path: Path, rule: str, settings: dict[str, str]
) -> None:
    flow = Flow(tmp_path, rule, **settings)
    with pytest.raises(UnverifiedAnswer, match="no answer passed the verifiers of rule count") as raised:
        flow.ask("count to 3", "1\n2")
    assert raised.value.exit_code == 1
    assert flow.records == []


BROKEN = [
    ("", EmptyAnswer),
    (" \n\t ", EmptyAnswer),
    ({"text": RIGHT, "finish_reason": "length"}, CutOffAnswer),
    ({"text": "", "finish_reason": "length"}, CutOffAnswer),
    ({"error": "RateLimited"}, RateLimited),
]


@pytest.mark.parametrize(("reply", "error"), BROKEN)
@pytest.mark.parametrize("prompt", ["count to 3", "What is love?"])
def test_a_broken_reply_is_a_backend_error_and_nothing_is_stored(
    flow: Flow, prompt: str, reply: str | dict[str, str], error: type[BackendError]
) -> None:
    with pytest.raises(error) as raised:
        flow.ask(prompt, reply)
    assert raised.value.exit_code == 3
    assert flow.records == []
    assert flow.pipeline.archive.stats()["values"] == 0


@pytest.mark.parametrize("reply", [reply for reply, error in BROKEN if error is not RateLimited])
def test_a_broken_reply_ends_in_the_fallback_where_there_is_one(tmp_path: Path, reply: str | dict[str, str]) -> None:
    flow = Flow(tmp_path, edited(COUNT, fallback=FALLBACK))
    outcome = flow.ask("count to 3", reply)
    assert (outcome.answer, outcome.final) == (RIGHT, "fallback")


def test_a_broken_reply_is_repaired_where_the_rule_repairs(tmp_path: Path) -> None:
    flow = Flow(tmp_path, UNIT)
    outcome = flow.ask("Convert 2 km to m", {"text": "2000", "finish_reason": "length"}, "2000 m")
    assert (outcome.answer, outcome.origin) == ("2000 m", "repair")
    assert "cut off" in flow.calls[1].messages[-1].content


CUT_OFF = {"text": "2000 2000 2000", "finish_reason": "length"}


@pytest.mark.parametrize("reply", [CUT_OFF, " "], ids=["cut off", "empty"])
def test_what_was_cut_off_is_not_sent_back_and_nobody_speaks_twice_in_a_row(tmp_path: Path, reply: Any) -> None:
    flow = Flow(tmp_path, UNIT)
    flow.ask([Message("system", "Be brief."), Message("user", "Convert 2 km to m")], reply, "2000 m")
    said = [(message.role, message.content) for message in flow.calls[1].messages]
    assert [role for role, _ in said] == ["system", "user"]
    assert said[1][1].startswith("Convert 2 km to m\n\n")
    assert "2000 2000" not in said[1][1]


@pytest.mark.parametrize(("reply", "again"), [(CUT_OFF, "short"), ("3", "right")])
def test_a_repair_may_ask_otherwise_for_what_was_cut_off(tmp_path: Path, reply: Any, again: str) -> None:
    repair = {
        "prompt": "Make it {{ 'short' if cut_off else 'right' }}.",
        "response_format": "{'type': 'string', 'maxLength': 6 if cut_off else 60}",
    }
    flow = Flow(tmp_path, edited(UNIT, repair=repair))
    outcome = flow.ask("Convert 2 km to m", reply, "2000 m")
    assert (outcome.final, outcome.origin) == ("verified", "repair")
    assert flow.calls[1].messages[-1].content.endswith(f"Make it {again}.")
    assert flow.calls[1].response_schema == {"type": "string", "maxLength": 6 if again == "short" else 60}


def test_a_cut_off_answer_is_never_served_even_if_what_is_there_would_pass(tmp_path: Path) -> None:
    flow = Flow(tmp_path, UNIT)
    with pytest.raises(CutOffAnswer):
        flow.ask("Convert 2 km to m", *[{"text": "2000", "finish_reason": "length"}] * 2)
    assert flow.records == []


def test_a_backend_error_in_a_repair_leaves_nothing_behind(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(UNIT, fallback={"type": "template", "text": "{{ result }}"}))
    with pytest.raises(RateLimited):
        flow.ask("Convert 2 km to m", "3", {"error": "RateLimited"})
    assert flow.pipeline.archive.stats()["values"] == 0


def test_repair_sends_the_answer_back_with_what_was_wrong(tmp_path: Path) -> None:
    flow = Flow(tmp_path, UNIT)
    flow.ask([Message("system", "Be brief."), Message("user", "Convert 2 km to m")], "200", "2000")
    said = [(message.role, message.content) for message in flow.calls[1].messages]
    assert said[:3] == [("system", "Be brief."), ("user", "Convert 2 km to m"), ("assistant", "200")]
    assert said[3][0] == "user"
    assert "not 2000 m" in said[3][1]


def test_repair_goes_no_further_than_its_attempts(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(UNIT, repair={"max_attempts": 3}))
    outcome = flow.ask("Convert 2 km to m", "1", "2", "3", "4")
    assert (outcome.calls, outcome.final, outcome.answer, outcome.origin) == (4, "unverified", "4", "repair")


def test_a_check_that_asks_for_the_fallback_is_not_repaired(tmp_path: Path) -> None:
    checks = [{"id": "right", "type": "expr", "assert": "answer.value == result", "on_fail": "fallback"}]
    flow = Flow(tmp_path, edited(UNIT, verify=checks, fallback={"type": "template", "text": "{{ result }}"}))
    assert flow.ask("Convert 2 km to m", "200").answer == "2000"


@pytest.mark.parametrize("missing", ["exact", "retrieve", "patch", "repair", "fallback", "record"])
def test_a_stage_that_is_left_out_does_not_happen(tmp_path: Path, missing: str) -> None:
    stages = ["extract", "exact", "retrieve", "gate", "verify", "rewrite", "patch", "generate", "repair", "fallback"]
    stages = [stage for stage in [*stages, "integrity", "record"] if stage != missing]
    rule = edited(COUNT, repair={"max_attempts": 1}, fallback=FALLBACK)
    flow = Flow(tmp_path, rule, stages=stages)
    flow.ask("count to 3", RIGHT)
    if missing == "exact":
        assert flow.ask("count to 3").outcome == "reuse"
    elif missing == "retrieve":
        assert flow.ask("please count to 3", RIGHT).outcome == "miss"
    elif missing == "patch":
        refused = flow.ask("count to 4", "1\n2\n3\n4")
        assert (refused.outcome, refused.skip_reason) == ("skip_reuse", "ends-right")
    elif missing == "repair":
        assert flow.ask("please list and count to 3", "1").final == "fallback"
    elif missing == "fallback":
        assert flow.ask("please list and count to 3", "1", "2").final == "unverified"
    else:
        assert flow.records == []
        assert flow.ask("count to 3", RIGHT).outcome == "miss"


@pytest.mark.parametrize(
    ("limits", "replies", "calls"),
    [
        ({"model_calls": 2}, ("1", "2"), 2),
        ({"model_calls": 1}, ("1",), 1),
        ({"model_calls": 0}, (), 0),
    ],
)
def test_model_calls_are_bounded_and_the_fallback_still_serves(
    tmp_path: Path, limits: dict[str, int], replies: tuple[str, ...], calls: int
) -> None:
    flow = Flow(tmp_path, edited(COUNT, repair={"max_attempts": 5}, fallback=FALLBACK), limits=limits)
    outcome = flow.ask("count to 3", *replies)
    assert (outcome.calls, outcome.final) == (calls, "fallback")
    assert f"limit of {calls} model calls" in story(outcome)


@pytest.mark.parametrize("prompt", ["count to 3", "What is love?"])
def test_without_a_call_to_spend_and_without_a_fallback_there_is_a_clear_error(tmp_path: Path, prompt: str) -> None:
    flow = Flow(tmp_path, limits={"model_calls": 0})
    with pytest.raises(UnverifiedAnswer, match="the limit of 0 model calls is reached"):
        flow.ask(prompt)


def test_a_patch_without_a_call_left_is_no_patch(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, fallback={"type": "template", "text": "1\n2\n3\n4"}), limits={"model_calls": 0})
    flow.store("count to 3", RIGHT)
    outcome = flow.ask("count to 4")
    assert (outcome.outcome, outcome.skip_reason, outcome.final) == ("skip_reuse", "patch-failed", "fallback")


def test_a_prompt_that_is_too_long_is_read_by_no_rule(tmp_path: Path) -> None:
    flow = Flow(tmp_path, limits={"prompt_chars": 12})
    assert flow.ask("count to 3", RIGHT).outcome == "miss"
    longer = flow.ask("count to 3 please", RIGHT)
    assert longer.outcome == "passthrough"
    assert "longer than 12 characters" in story(longer)


def test_a_generate_prompt_is_sent_in_place_of_the_users(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, generate={"prompt": "Write 1 to {{ last }}."}))
    flow.ask([Message("user", "hello"), Message("assistant", "hi"), Message("user", "count to 3")], RIGHT)
    assert [message.content for message in flow.calls[0].messages] == ["hello", "hi", "Write 1 to 3."]


OPTIONAL = {
    "last": {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "integer"},
    "noun": {"type": "regex", "pattern": r"\bof\s+(?P<value>\w+)", "optional": True},
}


def test_a_generate_prompt_that_cannot_be_written_asks_nothing(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, constraints=OPTIONAL, generate={"prompt": "{{ noun }} to {{ last }}"}))
    with pytest.raises(UnverifiedAnswer, match="the prompt of rule count cannot be written: noun is missing"):
        flow.ask("count to 3")


def test_a_repair_prompt_that_cannot_be_written_ends_the_repair(tmp_path: Path) -> None:
    rule = edited(COUNT, constraints=OPTIONAL, repair={"prompt": "{{ noun }}?", "max_attempts": 2})
    outcome = Flow(tmp_path, rule).ask("count to 3", "1")
    assert (outcome.final, outcome.calls) == ("unverified", 1)
    assert "noun is missing" in story(outcome)


def test_a_fallback_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    rule = edited(COUNT, constraints=OPTIONAL, fallback={"type": "template", "text": "{{ noun }}"})
    outcome = Flow(tmp_path, rule).ask("count to 3", "1")
    assert outcome.final == "unverified"
    assert "the fallback has no answer: noun is missing" in story(outcome)


def test_a_schema_is_passed_where_its_name_has_one(tmp_path: Path) -> None:
    rule = edited(COUNT, tables={"shape": {"type": "string"}}, generate={"response_format_from": "shape"})
    flow = Flow(tmp_path, rule)
    flow.ask("count to 3", RIGHT)
    assert flow.calls[0].response_schema == {"type": "string"}


def test_a_schema_may_be_an_expression_over_what_the_prompt_may_name(tmp_path: Path) -> None:
    schema = "{'type': 'array', 'minItems': last}"
    again = "{'type': 'array', 'description': failures}"
    rule = edited(
        COUNT,
        generate={"response_format": schema},
        repair={"max_attempts": 1, "response_format": again},
        patch={
            "scope": "failing_step",
            "response_format": "{'maxItems': length(failing), 'have': kept | map(attribute='n')}",
        },
    )
    flow = Flow(tmp_path, rule)
    flow.ask("count to 3", "1\n2", RIGHT)
    assert [call.response_schema for call in flow.calls] == [
        {"type": "array", "minItems": 3},
        {"type": "array", "description": "the answer as a whole is not right"},
    ]
    other = Flow(tmp_path, rule)
    other.store("count to 4", "1\n2\n7\n4")
    other.ask("count to 4", "3")
    assert other.calls[0].response_schema == {"maxItems": 1, "have": (1, 2, 4)}


def test_a_schema_that_cannot_be_computed_is_not_sent_and_said_so(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, generate={"response_format": "lookup({}, 'shape')"}))
    outcome = flow.ask("count to 3", RIGHT)
    assert (outcome.final, flow.calls[0].response_schema) == ("verified", None)
    assert "no schema is sent" in story(outcome)


def test_parameters_reach_the_model(flow: Flow) -> None:
    flow.ask("count to 3", RIGHT, parameters={"temperature": 1})
    assert flow.calls[0].parameters == {"temperature": 1}
    assert flow.calls[0].timeout_s == 120


def test_every_decision_stands_in_the_journal_with_its_place(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, reuse={"skip_when": [{"type": "pass_ratio", "below": 1}]}))
    flow.ask("count to 3", RIGHT)
    flow.store("count now to 4", "1\n2\n4\n4")
    outcome = flow.ask("count now to 4", RIGHT + "\n4")
    assert [event.stage for event in outcome.journal if event.stage != "verify"] == [
        "exact", "extract", "retrieve", "gate", "retrieve", "gate", "gate", "generate", "integrity", "record",
    ]  # fmt: skip
    places = {event.data["where"] for event in outcome.journal if event.data.get("where")}
    assert all("rule-0.yaml:" in place for place in places)
    failed = next(event for event in outcome.journal if event.data.get("passed") is False)
    assert (failed.data["step"], failed.data["check"]) == (3, "in-order")
    refused = next(event for event in outcome.journal if event.data.get("reason") == "pass_ratio")
    assert refused.data["where"]


def test_when_what_the_hashes_found_does_not_pass_likeness_is_asked_too(tmp_path: Path) -> None:
    """The newest of many prompts of one wording need not be the one that fits."""
    word = {"type": "regex", "pattern": r"\bto\s+(?P<value>\w+)"}
    checks = [{"id": "ends-right", "type": "expr", "assert": "answer.value == n"}]
    numbers = {"three": 3, "3": 3, "4": 4, "5": 5}
    rule = edited(
        COUNT,
        tables={"numbers": numbers},
        constraints={"last": word},
        let={"n": "lookup(numbers, last)"},
        verify=checks,
        reuse={"guard": "none"},
        patch={"enabled": False},
    )
    flow = Flow(tmp_path, rule, retrieve={"top_k": 2})
    flow.store("to 3, that is, count to three", RIGHT)
    flow.store("count to 4", "1\n2\n3\n4")
    flow.store("count to 5", "1\n2\n3\n4\n5")
    outcome = flow.ask("count to three")
    assert (outcome.outcome, outcome.answer, outcome.calls) == ("reuse", RIGHT, 0)
    assert "found by skeleton" in story(outcome)
    assert "found by similarity" in story(outcome)
