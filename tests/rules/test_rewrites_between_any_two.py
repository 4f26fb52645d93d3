"""Whatever two prompts of a kind there are: what the answer to one becomes for the other, the judges call right."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rulekit import World

from stepflow.bench.checkers.equation import EquationCheck
from stepflow.bench.checkers.json_value import JsonCheck
from stepflow.bench.item import asked
from stepflow.bench.workloads.equations import Solver
from stepflow.protocols import Call

# --- equations: few numbers, so that several names often share one ----------------------------------------------------

SHAPES = (
    "{a}{u} {b} = {c}", "{c} = {a}{u} {b}", "{a}({u} {b}) = {c}", "{u}/{a} {b} = {c}", "{a}{u} {b} = {d}{u} {c+}",
    "{u} {b} = {c}", "{a}{u} = {c}", "{a/2}{u} {b} = {c}",
)  # fmt: skip
NUMBERS = st.sampled_from(["2", "3", "4", "6", "-2", "-3", "0.5", "1.5", "-2.5", "12", "15"])


def signed(number: str) -> str:
    return f"- {number[1:]}" if number.startswith("-") else f"+ {number}"


@st.composite
def equations(draw: st.DrawFn, shape: str) -> EquationCheck:
    a, b, c, d = (draw(NUMBERS) for _ in range(4))
    letter = draw(st.sampled_from("xyt"))
    text = shape.replace("{c+}", signed(c)).replace("{a/2}", f"({a}/5)" if "." not in a else a)
    check = EquationCheck(text.format(u=letter, a=a, b=signed(b), c=c, d=d), letter)
    try:
        assume(isinstance(check.truth, Fraction))
    except ValueError:
        assume(False)
    return check


def replies(check: EquationCheck) -> list[str]:
    """What a model may answer, rightly or wrongly."""
    answers = Solver(check).answers(Call(asked("")), "generate")
    return [*answers.right, *answers.wrong]


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[EquationCheck], EquationCheck]:
    """Problems that are stored, mostly of the shape of the one that is asked then."""
    shape = draw(st.sampled_from(SHAPES))
    other = draw(st.sampled_from([shape, shape, *SHAPES]))
    return [draw(equations(shape)), draw(equations(other))], draw(equations(shape))


@settings(max_examples=10)
@given(problems(), st.sampled_from([0, 0, 0, 1, 1, 1, *range(2, 10)]))
def test_an_equation_never_gets_a_wrong_solution_from_the_steps_of_others(
    drawn: tuple[list[EquationCheck], EquationCheck], number: int
) -> None:
    stored, new = drawn
    world = World("linear-equation")
    for each in stored:
        answers = replies(each)
        world.store(f"Solve {each.equation} for {each.unknown}.", answers[number % len(answers)])
    answer = world.trusted(f"Solve {new.equation} for {new.unknown}.", [])
    objection = None if answer is None else new.objection(answer)
    assert objection is None, f"{new.equation}: {answer!r}: {objection}"


# --- JSON: keys that look alike, in any order, some of them forbidden or of a type ------------------------------------

KEYS = ("name", "names", "Name", "user_name", "userName", "age", "ages", "contact", "e_mail", "email")
VALUES: dict[str, Any] = {
    "string": "some text", "integer": 7, "boolean": True, "array": ["a"], "object": {"email": "x", "inner": {"age": 1}},
}  # fmt: skip
AS = {"string": " as a string", "integer": " as an integer", "boolean": " as a boolean", "any": ""}


@st.composite
def wishes(draw: st.DrawFn) -> tuple[str, JsonCheck]:
    """A prompt for a JSON object, and its judge."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=2, max_size=4, unique=True))
    types = {key: draw(st.sampled_from(["any", "any", *AS])) for key in keys}
    listed = [f"{key}{AS[kind]}" for key, kind in types.items()]
    only = draw(st.booleans())
    forbidden = [] if only else draw(st.lists(st.sampled_from([key for key in KEYS if key not in keys]), max_size=1))
    text = f"Give me a JSON object about a cat with {'only the keys ' if only else ''}"
    text += f"{', '.join(listed[:-1])} and {listed[-1]}{''.join(f', without the key {key}' for key in forbidden)}."
    return text, JsonCheck(types, closed=only, forbidden=forbidden)


@st.composite
def objects(draw: st.DrawFn, check: JsonCheck) -> str:
    """An answer that may be right: the keys asked for and perhaps others, in any order, mostly of the right type."""
    extra = draw(st.lists(st.sampled_from(KEYS), max_size=2))
    keys = draw(st.permutations(list(dict.fromkeys([*check.keys, *extra]))))
    found = {}
    for key in keys:
        kind = check.keys.get(key, "any")
        kinds = [*VALUES] if kind == "any" else [kind, kind, "string"]
        value = VALUES[draw(st.sampled_from(kinds))]
        found[key] = f"the {key}" if isinstance(value, str) else value
    return json.dumps(found)


@settings(max_examples=20)
@given(st.data())
def test_a_json_request_never_gets_a_wrong_object_from_the_members_of_others(data: st.DataObject) -> None:
    world = World("json-object")
    for _ in range(2):
        prompt, check = data.draw(wishes())
        world.store(prompt, data.draw(objects(check)))
    prompt, check = data.draw(wishes())
    reply = data.draw(objects(check))
    answer = world.trusted(prompt, [reply])
    if answer is not None:
        objection = check.objection(answer)
        assert objection is None, f"{prompt}: {answer!r}: {objection}"
        for key, value in json.loads(answer).items():
            assert not isinstance(value, str) or alike(value.removeprefix("the ")) == alike(key)


def alike(key: str) -> str:
    """A key without what a renaming may change: capitals, underscores."""
    return key.replace("_", "").casefold()
