"""Records survive the trip through text, and nothing else passes for one."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.fingerprint import RECORD_FORMAT
from stepflow.model import Answered, Record, Step, Usage
from stepflow.records import UnreadableRecord, decode_answered, decode_record, encode_record, pointed, pointer
from stepflow.values import Equation, Linear

TWO_X = Linear.of({"x": Fraction(2)}, Fraction(3))
EQUATION = Equation((TWO_X, Linear((), Fraction(11))), "2x + 3 = 11")
RECORD = Record(
    id="r1",
    rule="a-rule",
    namespace="ns",
    skeleton="sk",
    signature="sg",
    request_key="rk",
    prompt="Solve 2x + 3 = 11 — für x 😀",
    constraints={"equation": EQUATION, "unknown": "x", "limit": Fraction(7, 2)},
    let={"solution": 4},
    words=("solve", "für"),
    steps=(Step(1, "1. 2x = 8", "\n", {"equation": EQUATION}, "1."), Step(2, "2. x = 4", "", {}, "", "patch")),
    origin="model",
    final="verified",
    verified_under="vu",
    model="some/model",
    created_at=1700000000.25,
    usage=Usage(12, 34),
    tags=("release-7",),
)

texts = st.text(st.characters(codec=None), max_size=20)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.fractions(), texts, st.dates(min_value=datetime.date(1, 1, 1))
)
linears = st.builds(Linear.of, st.dictionaries(st.sampled_from("xyz"), st.fractions(), max_size=2), st.fractions())
equations = st.builds(
    lambda sides, text: Equation(tuple(sides), text), st.lists(linears, min_size=2, max_size=3), texts
)
values = st.recursive(
    scalars | linears | equations,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
maps = st.dictionaries(texts, values, max_size=3)
steps = st.builds(Step, st.integers(1, 99), texts, texts, maps, texts, st.sampled_from(["model", "patch", "fallback"]))
records = st.builds(
    Record,
    **dict.fromkeys(
        ("id", "rule", "namespace", "skeleton", "signature", "request_key", "prompt", "verified_under", "model"), texts
    ),
    constraints=maps,
    let=maps,
    words=st.lists(texts, max_size=3).map(tuple),
    steps=st.lists(steps, max_size=3).map(tuple),
    origin=st.sampled_from(["model", "repair"]),
    final=st.sampled_from(["verified", "fallback"]),
    created_at=st.floats(allow_nan=False, allow_infinity=False),
    usage=st.none() | st.builds(Usage, st.integers(0), st.integers(0)),
    value=values,
    tags=st.lists(texts, max_size=2).map(tuple),
)


def sealed(served: str, checked: str, version: int = RECORD_FORMAT) -> str:
    body = f'{served},"$rest":{checked}'
    checksum = sha256(body.encode()).hexdigest()
    return f'{{"format":{version},"sha256":"{checksum}","record":{body}}}'


def changed(change: dict, version: int = RECORD_FORMAT) -> str:
    """RECORD as text with a right checksum and other fields, in whichever part they stand."""
    whole = json.loads(encode_record(RECORD))
    parts = [part | {name: change[name] for name in change.keys() & part} for part in (whole["record"], whole["$rest"])]
    return sealed(*map(json.dumps, parts), version)


def with_steps(part: str, steps: object) -> str:
    whole = json.loads(encode_record(RECORD))
    whole[part]["steps"] = steps
    return sealed(json.dumps(whole["record"]), json.dumps(whole["$rest"]))


@given(records)
def test_encoding_and_decoding_is_identity_and_what_is_served_again_says_what_the_record_says(record):
    assert decode_record(encode_record(record)) == record
    answered = decode_answered(encode_record(record))
    same = set(Answered.__dataclass_fields__) - {"steps"}
    assert {name: getattr(answered, name) for name in same} == {name: getattr(record, name) for name in same}
    assert answered.steps == len(record.steps)


@pytest.mark.parametrize("nasty", [',"$rest":{', '},"$rest":', '","$rest":{}}', '\\","$rest":', "$rest"])
def test_a_text_that_looks_like_the_seam_is_none(nasty):
    steps = (Step(1, nasty, nasty, {nasty: nasty, "value": {nasty: (nasty,)}}, nasty),)
    record = replace(RECORD, prompt=nasty, steps=steps, let={nasty: nasty})
    assert decode_record(encode_record(record)) == record
    assert decode_answered(encode_record(record)).answer == nasty + nasty


@given(st.data())
def test_any_changed_character_is_refused(data):
    text = encode_record(RECORD)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda char: char != text[at]))
    with pytest.raises(UnreadableRecord):
        decode_record(text[:at] + other + text[at + 1 :])


@given(st.integers(min_value=0, max_value=len(encode_record(RECORD)) - 1))
def test_every_truncation_is_refused(length):
    with pytest.raises(UnreadableRecord):
        decode_record(encode_record(RECORD)[:length])


@given(st.text())
def test_foreign_text_is_refused(text):
    with pytest.raises(UnreadableRecord):
        decode_record(text)


def test_numbers_and_equations_keep_their_types_and_text():
    back = decode_record(encode_record(RECORD))
    assert type(back.constraints["limit"]) is Fraction
    assert back.constraints["equation"].text == "2x + 3 = 11"
    assert back.steps[0].fields["equation"].differences == EQUATION.differences


def test_the_text_is_one_line_of_ascii_json():
    text = encode_record(RECORD)
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["format"] == RECORD_FORMAT


@pytest.mark.parametrize("version", [RECORD_FORMAT - 1, RECORD_FORMAT + 1])
def test_another_format_is_named_in_the_refusal(version):
    with pytest.raises(UnreadableRecord, match=f"format {version}, and this version reads format {RECORD_FORMAT}"):
        decode_record(changed({}, version))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": 3},
        {"words": [1]},
        {"words": None},
        {"tags": [1]},
        {"tags": None},
        {"steps": [[]]},
        {"constraints": []},
        {"constraints": {"$mystery": 1}},
        {"constraints": {"a": {"$number": "1/0"}}},
        {"constraints": {"a": [{"$number": 1}, {"$number": True}]}},
        {"constraints": {"a": {"$linear": [0, ["x"]]}}},
        {"constraints": {"a": {"$equation": []}}},
        {"constraints": {"$map": [["a"]]}},
        {"created_at": "yesterday"},
        {"usage": [1]},
        {"usage": [None, 1]},
    ],
)
def test_a_wrongly_built_record_is_refused_even_with_a_right_checksum(change):
    with pytest.raises(UnreadableRecord, match="not built like one"):
        decode_record(changed(change))


@pytest.mark.parametrize(
    ("part", "steps"),
    [
        ("record", [["text"]] * 2),
        ("record", [["text", 1]] * 2),
        ("record", [["text", "", ""]] * 2),
        ("record", [["text", ""]] * 3),
        ("$rest", [["1", "", "model", {}]] * 2),
        ("$rest", [[1, "", "model"]] * 2),
        ("$rest", [[1, "", "model", []]] * 2),
        ("$rest", [[1, "", "model", {"$mystery": 1}]] * 2),
        ("$rest", [[1, "", 3, {}]] * 2),
        ("$rest", [[1, "", "model", {}]]),
        ("$rest", 3),
    ],
)
def test_wrongly_built_steps_are_refused_even_with_a_right_checksum(part, steps):
    with pytest.raises(UnreadableRecord, match="not built like one"):
        decode_record(with_steps(part, steps))


@pytest.mark.parametrize(
    "change",
    [
        {"id": 3},
        {"rule": None},
        {"origin": 1},
        {"steps": None},
        {"steps": [["text"]]},
        {"steps": [[1, 2]]},
        {"let": []},
        {"value": {"$mystery": 1}},
        {"created_at": "yesterday"},
        {"usage": [1]},
    ],
)
def test_what_is_served_again_is_refused_when_it_is_wrongly_built(change):
    with pytest.raises(UnreadableRecord, match="not built like one"):
        decode_answered(changed(change))


@pytest.mark.parametrize("rest", ["", "[]", "3", "{}"])
def test_a_wrongly_built_second_part_is_refused_even_with_a_right_checksum(rest):
    served = json.dumps(json.loads(encode_record(RECORD))["record"])
    with pytest.raises(UnreadableRecord, match="not built like one"):
        decode_record(sealed(served, rest))


def test_a_missing_field_or_an_abyss_of_brackets_is_refused():
    for body in ("{}", '{"id":' + "[" * 100_000 + "]" * 100_000 + "}"):
        with pytest.raises(UnreadableRecord):
            decode_record(sealed(body, body))
        with pytest.raises(UnreadableRecord):
            decode_answered(sealed(body, body))


@given(texts.filter(bool), texts)
def test_a_pointer_leads_the_request_for_which_it_was_made(id_, key):
    assert pointed(pointer(key, id_), key) in (id_, None)
    assert pointed(pointer(key, id_), key + "!") is None


def test_a_pointer_changed_in_any_character_leads_nowhere():
    text = pointer("a request", "a1b2")
    assert pointed(text, "a request") == "a1b2"
    for at in range(len(text)):
        for other in 'a1"],[0 ':
            altered = text[:at] + other + text[at + 1 :]
            assert altered == text or pointed(altered, "a request") is None
        assert pointed(text[:at], "a request") is None


@pytest.mark.parametrize("wrong", [0.5, object(), {1, 2}])
def test_what_is_not_a_value_is_never_encoded(wrong):
    with pytest.raises(TypeError):
        encode_record(replace(RECORD, let={"x": wrong}))
