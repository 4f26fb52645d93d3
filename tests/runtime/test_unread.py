"""What a rule has not read of a prompt: `rest`, phrases that do not count, words that two prompts must share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, edited

from stepflow.compiler.workshop import Workshop
from stepflow.model import Message, Request
from stepflow.protocols import View
from stepflow.runtime.wording import unread, words
from stepflow.strategies.conditions import regex as regex_condition
from stepflow.strategies.readers import lark
from stepflow.strategies.verifiers import jsonpath

SHOP = Workshop({}, {}, {"list": 'start: WORD (/,|and/ WORD)*\nWORD: /(?!and)[a-z]+/\n%ignore " "'})


@pytest.mark.parametrize(
    ("prompt", "spans", "phrases", "rest"),
    [
        ("count to 3, please", [(9, 10)], [], "count to …, please"),
        ("count to 3, please", [(6, 10)], [", pl", "ease"], "count …  "),
        ("count to 3", [], [], "count to 3"),
        ("a b c", [(0, 3), (2, 5)], [], "…"),
    ],
)
def test_the_rest_is_the_prompt_without_what_was_read(
    prompt: str, spans: list[tuple[int, int]], phrases: list[str], rest: str
) -> None:
    assert unread(prompt, spans, map(SHOP.regex, phrases)) == rest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("about 🐱", "about 🐶"),
        ("about C", "about C++"),
        ("the IT department", "the department"),
        ("की", "का"),
        ("5 < 6", "5 > 6"),
        ("pay 5 €", "pay 5 $"),
    ],
)
def test_words_tell_apart_what_differs_in_one_sign(one: str, other: str) -> None:
    assert words(one, frozenset()) != words(other, frozenset())


@pytest.mark.parametrize(
    ("one", "other"),
    [("Tell me, please: cats!", "tell me cats"), ("“Cats” — now…", "cats now"), ("Could you tell it?", "TELL it.")],
)
def test_words_do_not_mind_courtesy_case_and_punctuation(one: str, other: str) -> None:
    assert words(one, frozenset()) == words(other, frozenset())


def test_a_condition_on_the_rest_declines_what_was_not_read(tmp_path: Path) -> None:
    number = {"id": "another-number", "type": "regex", "of": "rest", "pattern": r"\d"}
    flow = Flow(tmp_path, edited(COUNT, unless=[number]))
    assert flow.ask("count to 3", "1\n2\n3").rule == "count"
    assert flow.ask("count to 3 in 5 seconds", "1 2 3").outcome == "passthrough"


def test_a_condition_on_a_text_that_is_not_there_cannot_be_decided() -> None:
    condition = regex_condition.build(regex_condition.Options(pattern="x", of="rest"), SHOP)
    assert condition.holds("", {"rest": "a x"})
    with pytest.raises(ValueError, match="rest"):
        condition.holds("x", {})


def test_ignored_phrases_do_not_stop_reuse(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, reuse={"ignore_matching": ["(?i),? no commas", "(?i) at once"]}))
    flow.ask("count to 3", "1\n2\n3")
    assert flow.ask("Count to 3 at once, no commas.").outcome == "reuse"
    assert flow.ask("count to 3, no fours", "1\n2\n3").skip_reason == "same_words"


def test_a_bad_pattern_of_phrases_is_reported_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="bad-regex"):
        Flow(tmp_path, edited(COUNT, reuse={"ignore_matching": ["x", "no (commas"]}))


def test_another_pattern_of_phrases_reads_other_records(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one = Flow(tmp_path, COUNT).rule.reading
    assert one != Flow(tmp_path / "other", edited(COUNT, reuse={"ignore": ["sheep"]})).rule.reading


def test_places_in_the_system_prompt_hide_no_words_of_the_prompt(tmp_path: Path) -> None:
    last = {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "integer", "from": "system"}
    flow = Flow(tmp_path, edited(COUNT, constraints={"last": last}))

    def asked(prompt: str) -> Any:
        return Request((Message("system", "to 3"), Message("user", prompt)))

    assert flow.ask(asked("count cats"), "1\n2\n3").final == "verified"
    assert flow.ask(asked("count dogs"), "1\n2\n3").skip_reason == "same_words"


@pytest.mark.parametrize(("cover", "found"), [(False, ["a, b and c", "d"]), (True, ["list a, b and c", "list:\n d"])])
def test_what_stands_before_may_belong_to_what_is_read(cover: bool, found: list[str]) -> None:
    text = "Please list a, b and c. Then list:\n d"
    reader = lark.build(lark.Options(grammar="list", after="list:?", cover_after=cover), SHOP)
    assert [text[each.start : each.end] for each in reader.read(text)] == found


def test_covering_needs_something_to_cover() -> None:
    with pytest.raises(ValueError, match="`cover_after` needs `after`"):
        lark.Options(grammar="list", cover_after=True)


@pytest.mark.parametrize(
    ("given", "text", "passes"),
    [
        ("$", '{"a": 1}', True),
        ("$", '{"Email": 1}', False),
        ("$", '{"a": {"email": 1}}', True),
        ("$..*", '{"a": [{"email": 1}]}', False),
        ("$..*", '{"a": ["email"]}', True),
        ("$..*", "{}", False),
        ("$", "email", False),
    ],
)
def test_keys_that_must_not_be_there(given: str, text: str, passes: bool) -> None:
    verifier = jsonpath.build(jsonpath.Options(given=given, lacks_keys=["email", "phone"]), SHOP)
    assert (verifier.verify(View(text, {})) is None) is passes
