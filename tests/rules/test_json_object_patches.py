"""What a changed JSON request costs: members and elements are kept, dropped, renamed or asked for alone."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flowkit import Flow
from workload.checker import judge_json
from workload.json_families import families
from workload.json_replies import right_value

from stepflow.adapters.backends import scripted

RULE = (Path(__file__).parents[2] / "rules" / "json-object.yaml").read_text("utf-8")
CAT = "Give me a JSON object about a cat with"
BOOK: dict[str, Any] = {
    "title": "The long way to a small and angry planet",
    "author": "a writer of many books about ships and crews",
    "plot": "a crew of very different people digs a tunnel through space for a living",
    "tags": ["science fiction", "found family", "long journeys"],
    "year": 2014,
}


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path, RULE)


def book(*keys: str) -> str:
    return f"Give me a JSON object about a novel with keys {', '.join(keys)}."


@pytest.mark.parametrize("added", ["year", "tags", "author"])
def test_an_added_key_costs_less_than_three_tenths_of_a_full_answer(flow: Flow, added: str) -> None:
    before = {key: value for key, value in BOOK.items() if key != added}
    flow.store(book(*before), json.dumps(before))
    outcome = flow.ask(book(*BOOK), json.dumps(BOOK[added]))
    assert (outcome.outcome, outcome.final, outcome.kept, outcome.patched) == ("patch", "verified", 4, 1)
    assert json.loads(outcome.answer) == BOOK
    full = flow.ask(book(*BOOK).replace("novel", "story"), json.dumps(BOOK))
    assert full.final == "verified"
    assert outcome.usage.completion_tokens < 0.3 * full.usage.completion_tokens


def test_a_patch_sends_a_schema_of_what_is_missing_or_wrong_alone(flow: Flow) -> None:
    flow.store(f"{CAT} name, age and owner.", '{"name": "Luna", "age": "two", "owner": "Ann"}')
    flow.ask(f"{CAT} name, age as an integer, owner and tags (list of strings).", '{"age": 2, "tags": ["soft"]}')
    assert flow.calls[0].response_schema == {
        "type": "object",
        "additionalProperties": False,
        "required": ("age", "tags"),
        "properties": {"age": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    }
    sent = flow.calls[0].messages[0].content
    assert '"name": "Luna"' in sent
    assert "an object with only the keys age, tags" in sent


def test_a_patch_of_an_array_sends_a_schema_of_the_elements_missing(flow: Flow) -> None:
    flow.store(
        "Give me a JSON array of 2 cats, each with name and age.", '[{"name": "A", "age": 1}, {"name": "B", "age": 2}]'
    )
    prompt = "Give me a JSON array of 4 cats, each with name and age."
    outcome = flow.ask(prompt, '[{"name": "C", "age": 3}, {"name": "D", "age": 4}]')
    assert (outcome.outcome, outcome.kept, outcome.patched) == ("patch", 2, 2)
    assert [each["name"] for each in json.loads(outcome.answer)] == ["A", "B", "C", "D"]
    schema = flow.calls[0].response_schema
    assert schema is not None
    assert (schema["minItems"], schema["maxItems"], schema["items"]["required"]) == (2, 2, ("name", "age"))


CHEAP = [
    ("a key less is dropped where no others are allowed", "only the keys name and age", "rewrite"),
    ("a key less is left where others are allowed", "keys name and age", "reuse"),
    ("the order of keys is nothing", "keys colour, age and name", "reuse"),
    ("keys spelled otherwise are renamed", "keys Name, age and Colour", "rewrite"),
]


@pytest.mark.parametrize(("why", "keys", "outcome"), CHEAP, ids=[row[0] for row in CHEAP])
def test_what_needs_no_new_value_needs_no_call(flow: Flow, why: str, keys: str, outcome: str) -> None:
    flow.store(f"{CAT} keys name, age and colour.", '{"name": "Luna", "age": 2, "colour": "black"}')
    served = flow.ask(f"{CAT} {keys}.")
    assert (served.outcome, served.final, served.calls) == (outcome, "verified", 0)


def test_another_key_forbidden_is_dropped_at_any_depth_without_a_call(flow: Flow) -> None:
    cached = '{"name": "Ann", "phone": 1, "extra": {"more": [{"Phone": 2}]}}'
    flow.store("Give me a JSON object about a user with key name. Do not include email.", cached)
    served = flow.ask("Give me a JSON object about a user with key name. Do not include phone.")
    assert (served.outcome, served.answer) == ("rewrite", '{"name": "Ann"}')


def test_an_inner_object_is_asked_for_as_a_whole(flow: Flow) -> None:
    flow.store(
        f"{CAT} name and owner with first and last.", '{"name": "Luna", "owner": {"first": "Ann", "last": "Ash"}}'
    )
    reply = '{"owner": {"first": "Ann", "last": "Ash", "phone": "1"}}'
    outcome = flow.ask(f"{CAT} name and owner with first, last and phone.", reply)
    assert (outcome.outcome, outcome.kept, outcome.patched) == ("patch", 1, 1)
    assert json.loads(outcome.answer) == {"name": "Luna", **json.loads(reply)}


UNFIT = [
    '{"name": "Tom"}',
    '{"name": "Tom", "colour": "black"}',
    '{"colour": "black", "colour": "red"}',
    '{"Colour": "black"}',
    '[{"colour": "black"}]',
    '{"colour": "black"',
    "black",
    'The colour is "black".',
    '"black" "red"',
    '"black"}',
    '"black", "name": "Tom"',
    "colour: black",
    "{}",
    '{"data": {"colour": "black"}}',
    '{"colour": "black"} {"colour": "red"}',
]


@pytest.mark.parametrize("reply", UNFIT)
def test_a_reply_that_does_not_fit_is_followed_by_a_whole_answer(flow: Flow, reply: str) -> None:
    flow.store(f"{CAT} keys name and age.", '{"name": "Luna", "age": 2}')
    whole = '{"name": "Tom", "age": 4, "colour": "grey"}'
    outcome = flow.ask(f"{CAT} keys name, age and colour.", reply, whole)
    assert (outcome.outcome, outcome.skip_reason, outcome.answer) == ("skip_reuse", "patch-failed", whole)


FIT = [
    ('"black"', "black"),
    (' "black"\n', "black"),
    ("3", 3),
    ("true", True),
    ('["black", "white"]', ["black", "white"]),
    ('"a \\"brace\\" and more"', 'a "brace" and more'),
    ('{"colour": "black"}', "black"),
    ('Here it is:\n```json\n{"colour": "black"}\n```', "black"),
    ('{"name": "Luna", "age": 2, "colour": "black"}', "black"),
]


@pytest.mark.parametrize(("reply", "value"), FIT)
def test_the_value_of_a_single_key_is_put_behind_it(flow: Flow, reply: str, value: Any) -> None:
    flow.store(f"{CAT} keys name and age.", '{"name": "Luna", "age": 2}')
    outcome = flow.ask(f"{CAT} keys name, age and colour.", reply)
    assert (outcome.outcome, outcome.kept, outcome.patched) == ("patch", 2, 1)
    assert json.loads(outcome.answer) == {"name": "Luna", "age": 2, "colour": value}


TYPES = [
    ("colour", {"type": ("string", "number", "boolean", "array"), "items": {"type": "string"}}),
    ("colour as a string", {"type": "string"}),
    ("weight as an integer", {"type": "integer"}),
]


@pytest.mark.parametrize(("key", "schema"), TYPES)
def test_the_schema_of_a_single_value_is_its_own(flow: Flow, key: str, schema: Any) -> None:
    flow.store(f"{CAT} name and age.", '{"name": "Luna", "age": 2}')
    flow.ask(f"{CAT} name, age and {key}.", "3" if "integer" in key else '"3"')
    assert flow.calls[0].response_schema == schema


@pytest.mark.parametrize("reply", ['"heavy"', "3.5", "null", '["3"]'])
def test_a_single_value_of_another_type_is_no_patch(flow: Flow, reply: str) -> None:
    flow.store(f"{CAT} name and age.", '{"name": "Luna", "age": 2}')
    whole = '{"name": "Luna", "age": 2, "weight": 3}'
    outcome = flow.ask(f"{CAT} name, age and weight as an integer.", reply, whole)
    assert (outcome.outcome, outcome.answer) == ("skip_reuse", whole)


NULLS = [("keys name and age", "verified"), ("name and age as an integer", "unverified")]


@pytest.mark.parametrize(("keys", "final"), NULLS)
def test_null_is_a_value_where_no_type_is_asked_for_and_a_wrong_one_elsewhere(
    flow: Flow, keys: str, final: str
) -> None:
    reply = '{"name": "Luna", "age": null}'
    assert flow.ask(f"{CAT} {keys}.", *[reply] * (1 if final == "verified" else 3)).final == final


def test_patched_answers_of_many_families_are_right(tmp_path: Path) -> None:
    rng = Random(7)
    seen = 0
    for family in families(31, 40):
        flow = Flow(tmp_path, RULE)
        flow.store(family.base.prompt, json.dumps(right_value(family.base, rng)))
        for variant in family.variants:
            if variant.item is None or variant.kind not in ("key_added", "type_changed", "count_changed"):
                continue
            whole = right_value(variant.item, rng)
            part = dict(rng.sample(list(whole.items()), 1)) if isinstance(whole, dict) else whole[:1]
            flow.pipeline.backend = scripted.build(
                scripted.Options(replies=[json.dumps(each) for each in (part, whole)])
            )
            outcome = flow.pipeline.run(variant.prompt)
            seen += outcome.outcome == "patch"
            assert judge_json(variant.item, outcome.answer).right, (variant.prompt, part, outcome.answer)
    assert seen >= 10
