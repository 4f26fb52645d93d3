"""The rule `json-object` against prompts and replies of an independent generator, judged by an independent judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rulekit import BARE, new_archive, shipped, trusted_answers
from workload.checker import judge_json
from workload.json_families import Variant, families
from workload.json_replies import Reply, malformed_replies, right_replies, right_value, wrong_replies
from workload.json_requests import JsonItem, all_items
from workload.json_wordings import WORDINGS

from stepflow.adapters.backends import scripted
from stepflow.archive import Archive
from stepflow.errors import StepflowError
from stepflow.jsontext import extract
from stepflow.model import Message, Outcome, Request
from stepflow.plan import Plan, Rule
from stepflow.runtime.drivers import drive
from stepflow.runtime.extract import Declined, Task, understand
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.values import encode_plain

RULE = Path(__file__).parents[2] / "rules" / "json-object.yaml"
SEED = 20
ITEMS = 250
TRUSTED = {"verified", "fallback"}


def rule() -> Rule:
    return shipped("json-object")


def ask(archive: Archive, prompt: str | Request, replies: Sequence[str]) -> Outcome | None:
    """The outcome of a whole run; None when it ends in an error, with nothing served."""
    plan = Plan("test", str(RULE), (rule(),), {}, rule().verifying)
    backend = scripted.build(scripted.Options(replies=list(replies)), BARE)
    request = Request.of(prompt) if isinstance(prompt, str) else prompt
    try:
        return drive(interpret(plan, request, Journal()), archive, backend)
    except StepflowError:
        return None


def read(prompt: str) -> Task | None:
    try:
        return understand(rule(), Request.of(prompt))
    except Declined:
        return None


@cache
def items() -> list[JsonItem]:
    return all_items(SEED, ITEMS)


def some(replies: Sequence[Reply], turn: int, count: int) -> list[Reply]:
    """A few of the replies; over many items, all of them have their turn."""
    return [replies[(turn * count + step) % len(replies)] for step in range(min(count, len(replies)))]


# --- fresh answers --------------------------------------------------------------------------------------------------


def test_a_right_answer_in_any_style_is_verified_at_the_first_call() -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    for turn, item in enumerate(items()):
        for reply in some(right_replies(item, turn), turn, 3):
            outcome = ask(new_archive(), item.prompt, [reply.text])
            assert outcome is not None
            first = outcome.final == "verified" and outcome.calls == 1 and outcome.outcome == "miss"
            seen[reply.kind, first] += 1
            if first:
                assert judge_json(item, outcome.answer).right, (item.prompt, reply, outcome.answer)
    share = sum(count for (_, first), count in seen.items() if first) / seen.total()
    assert len({kind for kind, _ in seen}) >= 13
    assert share >= 0.99, seen


def test_a_wrong_or_malformed_answer_is_never_served_as_verified() -> None:
    seen: Counter[str] = Counter()
    for turn, item in enumerate(items()):
        bad = some([*wrong_replies(item, turn), *malformed_replies(item, turn)], turn, 6)
        seen.update(reply.kind for reply in bad)
        for answer in trusted_answers("json-object", item.prompt, (reply.text for reply in bad), 3):
            assert judge_json(item, answer).right, (item.prompt, answer)
    assert len(seen) >= 40


def test_a_repaired_answer_is_right_or_not_trusted() -> None:
    repaired = 0
    for turn, item in enumerate(items()):
        bad = some([*wrong_replies(item, turn), *malformed_replies(item, turn)], turn, 2)
        good = some(right_replies(item, turn), turn, 1)[0]
        outcome = ask(new_archive(), item.prompt, [*(reply.text for reply in bad), good.text])
        assert outcome is not None
        if outcome.final in TRUSTED:
            assert judge_json(item, outcome.answer).right, (item.prompt, bad, outcome.answer)
            repaired += outcome.origin == "repair"
    assert repaired >= 0.9 * len(items())


# --- reuse ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """A variant asked after its base, with a model that has nothing right to say; `stored` is the base's answer."""

    variant: Variant
    stored: str
    outcome: Outcome | None

    @property
    def reused(self) -> bool:
        """Whether the base's answer was served, verified and without a call."""
        outcome = self.outcome
        return outcome is not None and (outcome.final, outcome.calls, outcome.answer) == ("verified", 0, self.stored)


@pytest.fixture(scope="module")
def turns() -> list[Turn]:
    found = []
    for number, family in enumerate(families(SEED, len(WORDINGS))):
        archive = new_archive()
        stored = ask(archive, family.base.prompt, [right_replies(family.base, number)[number % 8].text])
        assert stored is not None
        assert stored.final == "verified", family.base.prompt
        for variant in family.variants:
            found.append(Turn(variant, stored.answer, ask(archive, variant.prompt, ["{}", "{}", "{}"])))
    return found


def test_rewordings_are_reused_without_a_call(turns: list[Turn]) -> None:
    reworded = [turn for turn in turns if turn.variant.kind in ("reworded", "greeted", "order_changed")]
    assert [turn.variant.prompt for turn in reworded if not turn.reused] == []
    assert len(reworded) >= 125


FITTED = {"key_case_changed", "count_changed", "key_removed"}
"""Variants that a base's values can be fitted to without a model: keys spelled otherwise, fewer elements or keys."""


def test_what_a_base_does_not_answer_never_gets_its_answer(turns: list[Turn]) -> None:
    refused: Counter[str] = Counter()
    for turn in turns:
        outcome, variant = turn.outcome, turn.variant
        if outcome is None or outcome.final not in TRUSTED:
            refused[variant.kind] += not variant.base_answer_right
            continue
        if not variant.base_answer_right:  # what the base says, in the shape that is asked for now
            assert (outcome.outcome, outcome.calls) == ("rewrite", 0), (variant, outcome.answer)
            assert variant.kind in FITTED, (variant, turn.stored, outcome.answer)
            assert outcome.answer != turn.stored
        assert variant.item is not None
        assert judge_json(variant.item, outcome.answer).right
    assert set(refused) >= {"subject_changed", "key_added", "key_renamed", "type_changed", "count_changed", "yaml"}


def test_in_one_store_of_many_families_nobody_gets_a_wrong_answer() -> None:
    archive = new_archive()
    rng = Random(SEED)
    many = families(SEED + 1, len(WORDINGS))
    prompts = [(family.base.prompt, family.base) for family in many]
    prompts += [(v.prompt, v.item) for family in many for v in family.variants if v.item is not None]
    rng.shuffle(prompts)
    reuses = 0
    for prompt, item in prompts:
        assert item is not None
        outcome = ask(archive, prompt, [right_replies(item, 1)[0].text])
        assert outcome is not None
        if outcome.final in TRUSTED:
            reuses += outcome.calls == 0
            assert judge_json(item, outcome.answer).right, (prompt, outcome.answer)
            if not item.shape.closed:
                assert item.subject.tag in outcome.answer, (prompt, outcome.answer)
    assert reuses > 0.25 * len(prompts)


def test_a_key_added_is_patched_in_one_call_that_shows_the_old_answer() -> None:
    patched = 0
    for family in families(SEED + 2, 40):
        for variant in family.variants:
            if variant.kind == "key_added" and variant.item is not None:
                archive = new_archive()
                ask(archive, family.base.prompt, [right_replies(family.base, 1)[0].text])
                outcome = ask(archive, variant.prompt, [right_replies(variant.item, 2)[9].text])
                assert outcome is not None
                assert (outcome.outcome, outcome.final, outcome.calls) == ("patch", "verified", 1)
                assert judge_json(variant.item, outcome.answer).right
                patched += 1
    assert patched >= 20


# --- reading --------------------------------------------------------------------------------------------------------


def test_what_is_read_of_a_prompt_accepts_its_right_values_and_names_its_keys() -> None:
    for turn, item in enumerate(items()):
        task = read(item.prompt)
        assert task is not None, item.prompt
        schema = encode_plain(task.let["schema"])
        of_one = schema if item.shape.count is None else schema["items"]
        assert of_one["required"] == [key.name for key in item.shape.keys], item.prompt
        assert schema.get("minItems") == schema.get("maxItems") == item.shape.count
        assert of_one.get("additionalProperties", True) is not item.shape.closed
        assert list(task.let["forbidden_keys"]) == list(item.shape.forbidden)
        assert isinstance(right_value(item, Random(turn)), list) == (schema["type"] == "array")


def test_keys_of_earlier_turns_and_of_the_system_prompt_are_not_read_and_keep_records_apart() -> None:
    prompt = "Give me a JSON object about a cat with keys name and age."
    earlier = (
        Message("system", "Answer with a JSON object with the keys id and kind."),
        Message("user", "Give me a JSON object about a dog with only the keys breed and weight."),
        Message("assistant", '{"breed": "Pug", "weight": 8}'),
    )
    request = Request((*earlier, Message("user", prompt)))
    assert understand(rule(), request).let == understand(rule(), Request.of(prompt)).let
    archive = new_archive()
    assert ask(archive, prompt, ['{"name": "Luna", "age": 2}']) is not None
    outcome = ask(archive, request, ['{"name": "Tom", "age": 4}'])
    assert outcome is not None
    assert (outcome.outcome, outcome.answer) == ("miss", '{"name": "Tom", "age": 4}')


def sketch(schema: Mapping[str, Any]) -> str:
    """A schema in short: {name, age: integer, tags: [string], address: {street, zip}}, with ! when closed."""
    if schema.get("type") == "array":
        return f"[{sketch(schema['items']) if 'items' in schema else ''}]{schema.get('maxItems', '')}"
    if "properties" not in schema:
        return str(schema.get("format") or schema.get("type") or "any")
    members = ((name, sketch(held)) for name, held in schema["properties"].items())
    inner = ", ".join(name if held == "any" else f"{name}: {held}" for name, held in members)
    return f"{{{inner}}}{'!' if 'additionalProperties' in schema else ''}"


READ = [
    ("Give me a JSON object for a French user with name, email and age as an integer", "{name, email, age: integer}"),
    ("Return a JSON object for a book. It should contain title, author, and year.", "{title, author, year}"),
    ("Return a JSON object for a book. The keys are title, author and year.", "{title, author, year}"),
    ("Give me a JSON object with: name, age, city", "{name, age, city}"),
    ("Describe a cat as JSON with keys name and age.", "{name, age}"),
    ("Only return JSON with name and age.", "{name, age}"),
    ("Give me JSON with `name`: string, `tags`: string[]", "{name: string, tags: [string]}"),
    ("Give me JSON with name as string, tags as list of strings", "{name: string, tags: [string]}"),
    ("Give me a JSON object with id, date and number.", "{id, date, number}"),
    ("Give me a JSON object with is-new, to-do and one_of.", "{is-new, to-do, one_of}"),
    ("Give me a JSON object with name, and age as a date", "{name, age: date}"),
    ("Give me a JSON object with keys name (string, required), age (int)", "{name: string, age: integer}"),
    ("Give me a JSON object with name and address {street, zip}", "{name, address: {street, zip}}"),
    ('Give me a JSON object with key "a" which has "b" and "c".', "{a: {b, c}}"),
    ("Give me JSON with name, age, and owner with first, last, and phone.", "{name, age, owner: {first, last, phone}}"),
    ("Give me JSON with items as a list of 2 objects, each with id and n, and total.", "{items: [{id, n}]2, total}"),
    ("Give me JSON with these fields:\n1. id\n2. rows (list of objects):\n   - x\n   - y", "{id, rows: [{x, y}]}"),
    (
        "Give me JSON with keys name and address (object with street (string) and zip).",
        "{name, address: {street: string, zip}}",
    ),
    ("Create a JSON array containing 2 objects. Every object should have the keys id and title.", "[{id, title}]2"),
    ("Return a JSON list of users with keys name and age", "[{name, age}]"),
    ("Return a JSON object with keys name and age and nothing else.", "{name, age}!"),
    ("Return a JSON object with only name and address with street and zip.", "{name, address: {street, zip}!}!"),
    ("Return a JSON object with keys name and age. Do not add any other keys.", "{name, age}!"),
    ("json for a car: make, model, year", "{make, model, year}"),
    ("Return JSON with only the keys a and b", "{a, b}!"),
    ("Return a JSON object with a name, b and a.", "{name, b, a}"),
    ("Give me JSON: name, age, city", "{name, age, city}"),
    ("Give me a JSON object for a book: title, author and year.", "{title, author, year}"),
    (
        "JSON object describing a book: title, author (object with first and last), year as integer",
        "{title, author: {first, last}, year: integer}",
    ),
    (
        "Give me a JSON object with an integer age, a name and a list of strings called tags",
        "{age: integer, name, tags: [string]}",
    ),
    ("Give me JSON with a string called name and an integer named age.", "{name: string, age: integer}"),
    ("Give me JSON with title as a string and year as integer", "{title: string, year: integer}"),
    ("Give me JSON with year as int, title and author", "{year: integer, title, author}"),
    ("Give me JSON with these keys:\n- title\n- year as integer", "{title, year: integer}"),
    ("Respond only with JSON containing keys title and tags (array of 3 strings)", "{title, tags: [string]3}"),
    ('Return JSON: {"name": string, "age": integer}', "{name: string, age: integer}!"),
    (
        'Return a JSON object about a dog in this format: {"tags": [string], "owner": {"name": string}}.',
        "{tags: [string], owner: {name: string}!}!",
    ),
    (
        "Give me JSON like this:\n{\n  name: string,\n  rows: [{id: integer}]\n}",
        "{name: string, rows: [{id: integer}!]}!",
    ),
    ("Give me a JSON object with keys name and age, no extra text.", "{name, age}"),
]


@pytest.mark.parametrize(("prompt", "shape"), READ)
def test_a_prompt_is_read_as_people_mean_it(prompt: str, shape: str) -> None:
    task = read(prompt)
    assert task is not None
    assert sketch(task.let["schema"]) == shape


DECLINED = r"""
Give me JSON: red, Green, blue
Give me JSON for the colors: red, green, blue
Give me JSON for the following user: bob, smith, paris
Give me JSON for a user: Bob, Smith
Give me JSON: title and summary of the article
Give me JSON: name
Give me JSON: name, age, city as a table
Give me a JSON object: name (string), age as integer between 1 and 5
Give me a JSON object with width, height as integer
Give me a JSON object with name, year as integer
Give me a JSON object with keys name, width and height as int
Give me a JSON object with name and address with street and zip as string
Give me a JSON object with keys name and age as integer or string.
Give me a JSON object with an integer called age in months and a name.
Give me a JSON object with a list of 2 to 3 strings called tags and a name.
Give me a JSON object with a list of objects called tags and a name.
Return JSON: {"name": "string", "age": "integer"}
Return JSON: {"name": string, "age": 30}
Return JSON: {"name": string, ...}
Return JSON: {"name": string or null}
Return JSON: {"name": string | null}
Return JSON: {"name"?: string}
Return JSON: [{"name": string}]
Return JSON: {"name": string, "name": integer}
Return JSON: {"name": string} and a key age
Return JSON: {"name": string} or {"title": string}
Return JSON: {"name": string, "tags": [string, string]}
Return JSON: {"tags": [string]} with at least two tags.
Return JSON: {"name": string, "age": integer}. The age must be above 3.
Return JSON: {"name": string, "age": integer} // age in years
Return JSON: {}
Return JSON in the form {"name": string} for the text {"x": string}
Return JSON with keys a and b from {"name": string}
Return a JSON object with keys name and age. Use single quotes.
Return a JSON object with keys name and age. Use double quotes inside the name.
Return a JSON object with keys name and age. Use double quotes around names.
Return a JSON object with keys title and body. Do not use markdown.
Return a JSON object with keys title and body. Do not include comments.
Return a JSON object with keys name and age and no explanation field.
Return a JSON object with keys name and age. Return valid JSON lines only.
Return JSON about a man with a dog.
Give me a JSON object about a weather … with keys name and age.
Give me a JSON object about a dog with keys name, age and a short description.
Give me a JSON object about a dog with keys name and age where age is over 3.
Give me a JSON object for a user with name, age and email, all strings.
Give me a JSON object with name and age as strings.
Give me a JSON object with name and age as string.
Give me a JSON object with keys name, age (integers).
Return a JSON object with keys name and age. Age must be an integer.
Return a JSON object with keys name and age. The age is an integer.
Return a JSON object with keys name and age, both strings.
Return a JSON object with keys name and age about Bob. Also add email.
Return a JSON object with keys name and age. Email as well.
Return a JSON object with keys name and age for the user and phone for the pet.
Return a JSON object with keys name and age for 3 users.
Return a JSON object with keys name and age for several users.
Return a JSON object for users, each with name and age.
Return JSON objects with keys name and age.
Give me a JSON array with name and age.
Give me a JSON array about dogs, each with name and age.
Return a JSON array of up to 5 users with keys name and age.
Return a JSON array of 3 to 5 users with keys name and age.
Return a JSON array of three users with name and age, sorted by age.
Return a JSON object with a key users, an array of 3 objects with id and title.
Return a JSON object with keys name and age in YAML.
Return JSON with name "Alice" and age 30.
Return JSON with keys name and age like {"name": "x"}.
Return a JSON object with keys name/age.
Return a JSON object with the keys name, age. No email.
Return a JSON object with the keys name, age. Never include email in address.
Return a JSON object with keys name and email. Do not include email.
Return a JSON object with keys name and age in that order.
Return a JSON object with keys name and age. Use snake_case.
Return a JSON object with either name or title and age.
Return a JSON object with keys name or title.
Return a JSON object with keys name and optionally age.
Return a JSON object with the 3 keys name, age, city.
Return a JSON object with exactly two keys, name and age.
Return a JSON object with at least the keys name and age.
Return a JSON object without the keys name and age.
Return a JSON object that does not have the keys name and age.
Return a JSON object with keys name, age, ... for Bob.
Return a JSON object with keys name, name and age.
Return a JSON object with keys name and age. Then write a poem.
Return a JSON object with keys name and age and explain it.
Give me a JSON object about Bob with keys name and age, then the same for Alice.
Give me a JSON object about Bob with keys name and age and one about Alice.
Give me a JSON object about Bob with keys name and age. He is called Robert.
Give me a JSON object with a name and a date of birth.
Give me a JSON object with name, phone number.
Give me a JSON object with an id, a number plate and a colour.
Give me a JSON object with name, status (active, inactive).
Give me a JSON object with name, address with street, and age.
Give me a JSON object with name, address with street and zip and age.
Give me a JSON object with keys:\n- name\n- home phone\n- age
Give me a JSON object with keys:\n- name: the full name\n- age
Give me a JSON object with keys:\n- name\n- age (optional)
Give me a JSON object with keys:\n- name\n- age\nand email.
Give me a JSON object with keys:\n- name\n- age\n\nDo not include:\n- email
Give me a JSON object with keys name and age. Wrap it in an array.
Convert this to a JSON object with keys name and age: Bob, 30
Give me a JSON object with keys name and age for Bob in French.
Give me a JSON object about Bob using metric units with keys height and weight.
Describe a JSON object with keys name and age.
"""


@pytest.mark.parametrize("prompt", [line for line in DECLINED.splitlines() if line])
def test_a_prompt_that_is_not_understood_whole_is_left_alone(prompt: str) -> None:
    assert read(prompt.replace("\\n", "\n")) is None


SAYS_NOTHING = [
    "Use double quotes.",
    "Use double quotes for all keys and string values.",
    "Return valid JSON only.",
    "Output only the JSON.",
    "Respond in JSON.",
    "Please respond with JSON only.",
    "Do not wrap it in markdown.",
    "Don't use code fences.",
    "Do not include any explanation.",
    "Don't add any text before or after it.",
]


@pytest.mark.parametrize("sentence", SAYS_NOTHING)
def test_a_sentence_about_the_form_changes_nothing(sentence: str) -> None:
    prompt = "Give me a JSON object about a cat with keys name and age."
    archive = new_archive()
    ask(archive, prompt, ['{"name": "Luna", "age": 2}'])
    outcome = ask(archive, f"{prompt} {sentence}", [])
    assert outcome is not None
    assert (outcome.outcome, outcome.calls) == ("reuse", 0)


def test_the_text_served_is_the_json_alone() -> None:
    item = items()[0]
    for reply in right_replies(item, 1):
        outcome = ask(new_archive(), item.prompt, [reply.text])
        assert outcome is not None
        start, end, _ = extract(outcome.answer)
        assert outcome.answer.strip() == outcome.answer[start:end]
