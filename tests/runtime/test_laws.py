"""Laws of identity and of bytes, for whatever the generators think up."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, UNIT, Flow, edited
from hypothesis import given, settings
from hypothesis import strategies as st

from stepflow.catalog import registry
from stepflow.compiler.workshop import Workshop
from stepflow.model import Message, Request
from stepflow.runtime.drivers import new_id
from stepflow.runtime.record import Keys, namespace, request_key
from stepflow.runtime.segment import NotSegmentable, cut

RIGHT = "1\n2\n3"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PARAMETERS = st.dictionaries(st.sampled_from(["temperature", "seed", "top_p"]), st.integers(0, 3), max_size=2)
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), st.sampled_from(["", "a", "b", "count to 3"])),
    min_size=1,
    max_size=4,
).map(tuple)
REQUESTS = st.builds(
    Request, MESSAGES, PARAMETERS, st.sampled_from(["", "a", "b"]), st.sampled_from([None, "count", "unit"])
)


@cache
def flow() -> Flow:
    return Flow(Path(tempfile.mkdtemp()))


def plain(request: Request) -> Any:
    return request.messages, dict(request.parameters), request.tenant, request.rule


@given(REQUESTS, REQUESTS)
@settings(max_examples=300, deadline=None)
def test_two_requests_have_one_key_exactly_when_they_are_one(one: Request, other: Request) -> None:
    same = plain(one) == plain(other)
    assert (request_key("files", one) == request_key("files", other)) is same
    assert request_key("files", one) != request_key("other files", one)


@given(MESSAGES, PARAMETERS, st.sampled_from(["", "a"]))
@settings(max_examples=100, deadline=None)
def test_a_namespace_is_all_but_the_last_prompt(earlier: Any, parameters: dict[str, int], tenant: str) -> None:
    def space(prompt: str, messages: Any, **changed: Any) -> str:
        request = Request((*messages, Message("user", prompt)), parameters, tenant)
        return namespace(flow().task(replace(request, **changed)), {"model": "m"})

    base = space("count to 3", earlier)
    assert base == space("please count to 4", earlier)
    assert base != space("count to 3", (*earlier, Message("assistant", "1")))
    assert base != space("count to 3", earlier, parameters={**parameters, "top_k": 1})
    assert base != space("count to 3", earlier, tenant=tenant + "x")


def key_parts(rule: str, prompt: str = "count to 3", **identity: Any) -> Keys:
    return Keys(Flow(Path(tempfile.mkdtemp()), rule).task(prompt), {"model": "m", **identity}, "k")


READING = [
    ("constraints", {"last": {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "number"}}),
    ("let", {"half": "last / 2"}),
    ("segment", "paragraphs"),
    ("parse", [{"field": "n", "type": "regex", "pattern": r"\d", "as": "integer"}]),
    ("answer", {"type": "regex", "pattern": r"\d", "as": "integer", "pick": "first"}),
    ("tables", {"few": {"two": 2}}),
    ("id", "another"),
]


@pytest.mark.parametrize(("key", "value"), READING, ids=[key for key, _ in READING])
def test_records_never_cross_an_edit_of_how_a_rule_reads(key: str, value: Any) -> None:
    assert key_parts(COUNT).namespace != key_parts(edited(COUNT, **{key: value})).namespace


JUDGING = [
    ("title", "Counting"),
    ("verify", [{"type": "expr", "assert": "answer.value == last"}]),
    ("fallback", {"type": "error"}),
    ("priority", 3),
    ("x-note", "hello"),
]


@pytest.mark.parametrize(("key", "value"), JUDGING, ids=[key for key, _ in JUDGING])
def test_records_outlive_an_edit_of_how_a_rule_judges(key: str, value: Any) -> None:
    assert key_parts(COUNT).namespace == key_parts(edited(COUNT, **{key: value})).namespace


def test_another_model_or_setting_is_another_namespace() -> None:
    assert key_parts(COUNT).namespace != key_parts(COUNT, temperature=1).namespace


@given(st.integers(1, 10**6), st.integers(1, 10**6))
@settings(max_examples=60, deadline=None)
def test_prompts_that_differ_in_constraint_values_alone_have_one_skeleton(one: int, other: int) -> None:
    keys = [Keys(flow().task(f"Please  count to {last}"), {}, "k") for last in (one, other)]
    assert keys[0].skeleton == keys[1].skeleton
    assert (keys[0].signature == keys[1].signature) is (one == other)
    assert keys[0].skeleton != Keys(flow().task(f"Count up to {one}"), {}, "k").skeleton


SEGMENTERS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in registry().names("segmenter") if name not in {"regex", "lark", "json"}),
    ("regex", {"separator": ";"}),
    ("json", {"by": "document"}),
    ("json", {"by": "member"}),
    ("json", {"by": "element"}),
]
PIECES = [
    "1. a",
    "2) b",
    "\n",
    "\n\n",
    "- ",
    "; ",
    "A. B! ",
    "```\nx\n```",
    "# h\n",
    "a,b\n",
    ' {"a": 1, "b": [2]} ',
    "[1, 2]",
]
ANSWERS = st.lists(st.sampled_from(PIECES) | TEXT, max_size=8).map("".join)


@pytest.mark.parametrize(("name", "options"), SEGMENTERS, ids=[f"{name}-{options}" for name, options in SEGMENTERS])
@given(answer=ANSWERS)
@settings(max_examples=60, deadline=None)
def test_steps_rejoin_to_the_identical_text(name: str, options: dict[str, Any], answer: str) -> None:
    plug = registry().get("segmenter", name)
    segmenter = plug.build(plug.Options(**options), Workshop({}, {}, {}))
    rule = replace(flow().rule, segmenter=segmenter)
    try:
        steps = cut(rule, answer)
    except NotSegmentable:
        return
    rejoined = "".join(step.text + step.separator for step in steps)
    assert rejoined == segmenter.clean(answer)
    assert rejoined in answer
    assert [step.index for step in steps] == list(range(1, len(steps) + 1))
    again = cut(rule, rejoined)
    assert "".join(step.text + step.separator for step in again) == rejoined


NOISE = st.lists(
    st.sampled_from(["", " ", "\t", "\u00a0", ".", " (!)", " é", " \u202e", " 😀"]), min_size=3, max_size=3
)


@given(NOISE, st.sampled_from(["\n", "\n\n", "\n \n", "\r\n"]), st.sampled_from(["", "\n", "\n\n "]))
@settings(max_examples=60, deadline=None)
def test_a_hit_never_changes_the_stored_bytes(noise: list[str], between: str, end: str) -> None:
    answer = between.join(f"{index}{extra}" for index, extra in enumerate(noise, start=1)) + end
    world = Flow(Path(tempfile.mkdtemp()))
    first = world.ask("count to 3", answer)
    assert (first.answer, first.final) == (answer, "verified")
    for prompt in ("count to 3", "please count to 3", "please count to 3"):
        hit = world.ask(prompt)
        assert hit.outcome in {"exact", "reuse"}
        assert hit.answer.encode() == answer.encode()
    assert world.records[0].answer == answer


def test_the_clock_is_no_part_of_any_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = Flow(tmp_path)
    world.ask("count to 3", RIGHT)
    monkeypatch.setattr("stepflow.runtime.drivers.time.time", lambda: 4_000_000_000.0)
    assert world.ask("count to 3").outcome == "exact"
    assert len({new_id() for _ in range(100)}) == 100


APART = [
    {"tenant": "b"},
    {"system": "Be brief."},
    {"parameters": {"temperature": 1}},
]


@pytest.mark.parametrize("options", APART, ids=[next(iter(each)) for each in APART])
def test_requests_in_other_circumstances_share_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    world = Flow(tmp_path)
    world.ask("count to 3", RIGHT)
    other = world.ask("count to 3", RIGHT, **options)
    assert other.outcome == "miss"
    assert world.ask("count to 3", **options).outcome == "exact"
    assert world.ask("please count to 3", **options).record == other.record


def test_earlier_turns_and_their_order_keep_conversations_apart(tmp_path: Path) -> None:
    world = Flow(tmp_path)
    a, b, ask = Message("user", "hello"), Message("assistant", "hi"), Message("user", "count to 3")
    for conversation in ((ask,), (a, b, ask), (b, a, ask), (ask, b), (a, ask)):
        assert world.ask(conversation, RIGHT).outcome == "miss"
        assert world.ask(conversation).outcome == "exact"


def test_two_rules_of_one_pipeline_share_nothing(tmp_path: Path) -> None:
    world = Flow(tmp_path, COUNT, edited(COUNT, id="also"), UNIT)
    world.ask("count to 3", RIGHT)
    assert world.ask("count to 3", RIGHT, rule="also").outcome == "miss"
    assert world.ask("count to 3", rule="count").outcome == "reuse"
