from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, field_validator

from stepflow.config.problems import stray_dash, validate
from stepflow.config.yaml_nodes import read
from stepflow.options import Options
from stepflow.source import render


class Regex(Options):
    type: Literal["regex"]
    pattern: str = Field(description="What to look for")
    flags: list[str] = Field(default_factory=list)


class Words(Options):
    type: Literal["words"]
    words: tuple[str, ...]


class Reuse(Options):
    top_k: int = Field(5, ge=1, le=9)
    guard: Literal["same_words", "none"] = "same_words"


class Patch(Options):
    max_calls: int = 1


class Rule(Options):
    id: str
    match: list[str] = Field(min_length=1)
    convert: str | None = Field(None, alias="as")
    ratio: float = 0.5
    enabled: bool = True
    words: str | tuple[str, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    names: frozenset[str] = frozenset()
    find: list[Annotated[Regex | Words, Field(discriminator="type")]] = Field(default_factory=list)
    either: Regex | Patch | str = ""
    reuse: Reuse = Reuse()
    patch: Patch | None = None
    maps: dict[str, Reuse] = Field(default_factory=dict)
    anything: Any = None
    stages: list[str] = Field(default_factory=list)

    @field_validator("stages")
    @classmethod
    def _known(cls, stages: list[str]) -> list[str]:
        for stage in stages:
            if stage == "nap":
                raise ValueError("'nap' is not a stage")
        return stages


def check(text, **options):
    document = read(text, "r.yaml")
    given = {"breadcrumb": "rule x", "noun": "a rule"} | options
    return validate(Rule, document.data, document, (), **given)


MINIMAL = "id: x\nmatch: [a]\n"

TABLE = [
    ("mtch: 1\n", "3:1 unknown-key: 'mtch' is not a key of a rule", ("did you mean 'match'?",)),
    ("as_: x\n", "3:1 unknown-key: 'as_' is not a key of a rule", ("did you mean 'as'?",)),
    ("top_k: 1\n", "3:1 unknown-key: 'top_k' is not a key of a rule", ("'top_k' belongs under 'reuse'",)),
    ("max_calls: 1\n", "3:1 unknown-key: 'max_calls' is not a key of a rule",
     ("'max_calls' belongs under 'either' or 'patch'",)),
    ("reuse:\n  ratio: 1\n", "4:3 unknown-key: 'ratio' is not a key of 'reuse'",
     ("'ratio' belongs one level up, next to 'reuse'", "keys: guard, top_k")),
    ("reuse:\n  max_calls: 1\n", "4:3 unknown-key: 'max_calls' is not a key of 'reuse'",
     ("'max_calls' belongs under 'either' or 'patch'", "keys: guard, top_k")),
    ("reuse:\n  topk: 1\n", "4:3 unknown-key: 'topk' is not a key of 'reuse'",
     ("did you mean 'top_k'?", "keys: guard, top_k")),
    ("maps:\n  a: {topk: 1}\n", "4:7 unknown-key: 'topk' is not a key of 'a'",
     ("did you mean 'top_k'?", "keys: guard, top_k")),
    ("patch: {max_call: 1}\n", "3:9 unknown-key: 'max_call' is not a key of 'patch'",
     ("did you mean 'max_calls'?", "keys: max_calls")),
    ("find:\n  - {type: regex, pattern: x, flag: []}\n", "4:31 unknown-key: 'flag' is not a key of item 1 of 'find'",
     ("did you mean 'flags'?", "keys: flags, pattern, type")),
    ("find:\n  - type: regex\n", "4:5 missing-key: item 1 of 'find' needs 'pattern'", ("pattern: What to look for",)),
    ("find:\n  - type: regexp\n", "4:11 bad-value: 'type' cannot be text 'regexp'",
     ("did you mean 'regex'?", "allowed: regex, words")),
    ("find:\n  - pattern: x\n", "4:5 missing-key: item 1 of 'find' needs 'type'", ()),
    ("as: 3\n", "3:5 wrong-type: 'as': expected text, got the number 3", ("put it in quotes: '3'",)),
    ("as: 012\n", "3:5 wrong-type: 'as': expected text, got the number 12", ("put it in quotes: '012'",)),
    ("as: true\n", "3:5 wrong-type: 'as': expected text, got true", ("put it in quotes: 'true'",)),
    ("ratio: '0.5'\n", "3:8 wrong-type: 'ratio': expected a number, got text '0.5'", ("remove the quotes",)),
    ("ratio: half\n", "3:8 wrong-type: 'ratio': expected a number, got text 'half'", ()),
    ("enabled: 'true'\n", "3:10 wrong-type: 'enabled': expected true or false, got text 'true'",
     ("remove the quotes",)),
    ("enabled: yes\n", "3:10 wrong-type: 'enabled': expected true or false, got text 'yes'", ()),
    ("reuse: {top_k: 1.5}\n", "3:16 wrong-type: 'top_k': expected a whole number, got the number 1.5", ()),
    ("reuse: {top_k: '3'}\n", "3:16 wrong-type: 'top_k': expected a whole number, got text '3'",
     ("remove the quotes",)),
    ("reuse: [top_k]\n", "3:8 wrong-type: 'reuse': expected a map, got a list", ()),
    ("stages: nap\n", "3:9 wrong-type: 'stages': expected a list, got text 'nap'",
     ("a list of one is written [nap], or '- nap' on its own line",)),
    ("stages: {a: 1}\n", "3:9 wrong-type: 'stages': expected a list, got a map",
     ("begin each entry of the list with '- '",)),
    ("words: 3\n", "3:8 wrong-type: 'words': expected text or a list, got the number 3", ("put it in quotes: '3'",)),
    ("words: [a, 3]\n", "3:12 wrong-type: item 2 of 'words': expected text, got the number 3",
     ("put it in quotes: '3'",)),
    ("either: {max_calls: x}\n", "3:21 wrong-type: 'max_calls': expected a whole number, got text 'x'", ()),
    ("pairs: [[1, 2], [1, x]]\n", "3:21 wrong-type: item 2 of 'pairs': expected a whole number, got text 'x'", ()),
    ("reuse: {top_k: 0}\n", "3:16 bad-value: 'top_k' must be at least 1, not 0", ()),
    ("reuse: {top_k: 10}\n", "3:16 bad-value: 'top_k' must be at most 9, not 10", ()),
    ("reuse: {guard: nome}\n", "3:16 bad-value: 'guard' cannot be text 'nome'",
     ("did you mean 'none'?", "allowed: same_words, none")),
    ("reuse: {guard: false}\n", "3:16 bad-value: 'guard' cannot be false", ("allowed: same_words, none",)),
    ("reuse: {guard: }\n", "3:9 empty-value: 'guard' has no value", ("expected same_words, none",)),
    ("stages: [a, nap]\n", "3:13 bad-value: 'nap' is not a stage", ()),
    (
        "reuse:\n", "3:1 empty-value: 'reuse' has no value",
        ("expected a map", "indent the lines below that belong to it"),
    ),
    ("ratio: ~\n", "3:8 empty-value: 'ratio' cannot be null", ("expected a number",)),
    ("stages:\n  -\n", "4:4 empty-value: item 1 of 'stages' has no value", ("expected text",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "hints"), TABLE)
def test_each_problem_has_its_place_its_code_and_its_remedy(text, problem, hints):
    checked, found = check(MINIMAL + text)
    assert checked is None
    assert [f"{d.span.line}:{d.span.column} {d.code}: {d.message}" for d in found] == [problem]
    listed = tuple(hint for hint in found[0].hints if not hint.startswith("keys: anything"))
    assert listed == hints


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    _, found = check("ratio: x\nreuse: {guard: 1, topk: 2}\nstages: [nap]\nmatch: []\n")
    assert [(d.span.line, d.span.column, d.code) for d in found] == [
        (1, 1, "missing-key"),
        (1, 8, "wrong-type"),
        (2, 16, "bad-value"),
        (2, 19, "unknown-key"),
        (3, 10, "bad-value"),
        (4, 8, "bad-value"),
    ]


def test_a_missing_key_that_is_there_misspelt_is_told_once():
    _, found = check("ids: x\nmatch: [a]\n")
    assert [(d.code, d.hints[0]) for d in found] == [("unknown-key", "did you mean 'id'?")]


def test_a_valid_value_becomes_the_model_and_lists_become_tuples_and_sets():
    text = MINIMAL + "as: t\nwords: [a, b]\npairs: [[1, 2]]\nnames: [n, m]\nratio: 0.10\nanything: {x: [1]}\n"
    checked, found = check(text)
    assert found == []
    assert isinstance(checked, Rule)
    assert (checked.convert, checked.words, checked.pairs, checked.names) == ("t", ("a", "b"), ((1, 2),), {"n", "m"})
    assert checked.anything == {"x": [1]}
    assert checked.ratio == 0.1


def test_a_list_that_cannot_become_a_set_is_told():
    _, found = check(MINIMAL + "names: [[a]]\n")
    assert [d.code for d in found] == ["wrong-type"]


def test_the_document_as_a_whole_may_be_of_the_wrong_type():
    for text, problem in (("- a\n", "a rule: expected a map, got a list"), ("", "a rule cannot be null")):
        assert check(text)[1][0].message == problem


COMPONENT = """\
verify:
  - json
  - id: required-keys
    type: regex
    patern: x
    nested: {a: 1}
"""


def test_a_component_is_told_with_its_parameters_and_the_command_that_describes_it():
    document = read(COMPONENT, "rules/x.yaml")
    _, found = validate(
        Regex,
        document.data["verify"][1],
        document,
        ("verify", 1),
        breadcrumb="rule x › verify › required-keys",
        noun="verifier 'regex'",
        see="stepflow describe verifier/regex",
        elsewhere={"nested": "'reuse'"},
        ignore=frozenset({"id"}),
    )
    assert [render(problem).splitlines() for problem in found] == [
        [
            "rules/x.yaml:5:5: error[unknown-key]: 'patern' is not a parameter of verifier 'regex'",
            "  |",
            "5 |     patern: x",
            "  |     ^^^^^^",
            "  = did you mean 'pattern'?",
            "  = parameters: flags, pattern, type",
            "  = in: rule x › verify › required-keys        see: stepflow describe verifier/regex",
        ],
        [
            "rules/x.yaml:6:5: error[unknown-key]: 'nested' is not a parameter of verifier 'regex'",
            "  |",
            "6 |     nested: {a: 1}",
            "  |     ^^^^^^",
            "  = 'nested' belongs under 'reuse'",
            "  = parameters: flags, pattern, type",
            "  = in: rule x › verify › required-keys        see: stepflow describe verifier/regex",
        ],
    ]


def test_keys_set_aside_are_not_checked_and_may_be_what_was_meant():
    checked, _ = check(MINIMAL + "x-anchors: {a: 1}\n", ignore=frozenset({"x-anchors"}))
    assert checked is not None
    document = read("type: regex\npattern: x\nsope: step\n", "r.yaml")
    _, found = validate(
        Regex, document.data, document, (), breadcrumb="", noun="verifier 'regex'", ignore=frozenset({"scope"})
    )
    assert found[0].hints[0] == "did you mean 'scope'?"


def test_the_way_to_the_place_names_items_by_their_id():
    class Item(Options):
        id: str
        n: int

    class Holder(Options):
        items: list[Item]

    document = read("items:\n  - {id: first, n: x}\n  - {n: 1}\n", "r.yaml")
    _, found = validate(Holder, document.data, document, (), breadcrumb="pipeline p", noun="a pipeline")
    assert [d.breadcrumb for d in found] == ["pipeline p › items › first", "pipeline p › items › item 2"]


def test_a_stray_dash_is_suspected_where_an_item_lacks_what_the_one_above_has():
    _, found = check(MINIMAL + "find:\n  - type: regex\n  - pattern: x\n")
    assert [d.hints[0] for d in found] == [
        "pattern: What to look for",
        "did you mean to indent it under the item at line 4? Then remove this '- '",
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("- pattern: x\n- type: a\n", (0,)),
        ("- a\n- pattern: x\n", (1,)),
        ("- {type: a, pattern: y}\n- pattern: x\n", (1,)),
        ("pattern: x\n", ()),
        ("a: {pattern: x}\n", ("a",)),
    ],
)
def test_no_dash_is_suspected_elsewhere(text, path):
    assert stray_dash(read(text, "r.yaml"), path, "type") == ()
