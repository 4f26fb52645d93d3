"""YAML in prompts and answers is read as strictly as a rule file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flowkit import Flow

from stepflow.compiler.workshop import Workshop
from stepflow.protocols import View
from stepflow.strategies.readers import yaml as reader
from stepflow.strategies.verifiers import json_schema
from stepflow.strategies.verifiers import yaml as verifier

WORKSHOP = Workshop({}, {}, {})


def verdict(text: str, names: dict[str, Any] | None = None, **options: Any) -> str | None:
    return verifier.build(verifier.Options(**options), WORKSHOP).verify(View(text, names or {}))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("name: web\nport: 80\n", {"root": "mapping", "has_keys": ["name", "port"]}),
        ("```yaml\nname: web\n```", {"only_keys": ["name", "port"]}),
        ("- a\n- b\n", {"root": "sequence"}),
        ("no", {}),
    ],
)
def test_sound_yaml_passes(text: str, options: dict[str, Any]) -> None:
    assert verdict(text, **options) is None


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("a: 1\na: 2\n", {}, "already given on line 1"),
        ("a: [1, 2\n", {}, "is not YAML"),
        ("a: 1\n---\nb: 2\n", {}, "is not YAML"),
        ("a: !!python/object:os.system x\n", {}, "is not YAML"),
        ("- a\n", {"root": "mapping"}, "is not a YAML mapping"),
        ("a: 1\n", {"has_keys": ["a", "b"]}, "lacks the keys b"),
        ("a: 1\nc: 2\n", {"only_keys": ["a"]}, "has the keys c"),
        ("just words", {"has_keys": ["a"]}, "is not a YAML mapping"),
        ("Here it is:\n```yaml\na: 1\n```", {}, "text beside the fenced block"),
        ("```yaml\na: 1\n```\n```yaml\nb: 1\n```", {}, "2 fenced blocks"),
        ("```json\n{}\n```", {}, "not yaml"),
    ],
)
def test_anything_else_fails_with_the_reason(text: str, options: dict[str, Any], reason: str) -> None:
    assert reason.casefold() in str(verdict(text, **options)).casefold()


def test_keys_may_come_from_a_name() -> None:
    assert verdict("a: 1", {"keys": ("a", "b")}, has_keys_from="keys") == "lacks the keys b"


def test_the_reader_finds_the_fence_among_prose_and_reads_numbers_exactly() -> None:
    text = "Fix this:\n```yaml\nratio: 0.1\nports: [80, 443]\n```\nPlease."
    (found,) = reader.build(reader.Options(), WORKSHOP).read(text)
    assert found.raw == {"ratio": Fraction(1, 10), "ports": (80, 443)}
    assert text[found.start : found.end] == "ratio: 0.1\nports: [80, 443]"


def test_a_decimal_that_is_whole_is_no_integer_as_in_json() -> None:
    (found,) = reader.build(reader.Options(), WORKSHOP).read("port: 8080.0\ncount: 3\n")
    assert isinstance(found.raw["port"], Fraction)
    is_whole = WORKSHOP.expression("value is integer")
    assert not is_whole({"value": found.raw["port"]})
    assert is_whole({"value": found.raw["count"]})


SCHEMA = {
    "type": "object",
    "required": ["name", "ports"],
    "properties": {"name": {"type": "string"}, "ports": {"type": "array", "items": {"type": "integer"}}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "of", "reason"),
    [
        ("name: web\nports: [80, 443]\n", "whole", None),
        ("```yaml\nname: web\nports:\n- 80\n```", "whole", None),
        ("name: no\nports: []", "whole", None),
        ("name: web", "whole", "$: 'ports' is a required property"),
        ("name: web\nports: ['80']", "whole", "$.ports[0]: '80' is not of type 'integer'"),
        ("name: web\nports: [80.0]", "whole", "is not of type 'integer'"),
        ("name: 1\nports: []", "whole", "$.name: 1 is not of type 'string'"),
        ("name: web\nname: api\nports: []", "whole", "is not YAML: "),
        ("ports:\n- 80", "part", None),
        ("ports:\n- x", "part", "$.ports[0]: 'x' is not of type 'integer'"),
        ("port: 80", "part", "Additional properties are not allowed"),
    ],
)
def test_a_schema_holds_for_a_yaml_document_and_its_members(text: str, of: str, reason: str | None) -> None:
    options = json_schema.Options(schema=SCHEMA, language="yaml", of=of)  # type: ignore[arg-type]
    said = json_schema.build(options, WORKSHOP).verify(View(text, {}))
    assert said is None if reason is None else reason in str(said)


CONFIGURATION = r"""
stepflow: 1
kind: rule
id: configuration
match: [{type: keywords, words: [config]}]
constraints:
  port: {type: regex, pattern: '\bport (?P<value>\d+)', as: integer}
segment: {type: yaml, by: member}
parse: [{field: member, type: yaml}]
answer: {type: yaml}
verify:
  - {id: port, scope: step, type: expr, when: "has(step.member, 'port')", assert: step.member.port == port}
  - {id: parts, scope: step, type: json_schema, language: yaml, of: part, schema: {type: object}}
  - {id: whole, type: yaml, root: mapping, has_keys: [port, hosts], only_keys: [port, hosts]}
patch: {scope: failing_step, prompt: 'Keep {{ kept_steps }}. Write port {{ port }}.'}
repair: {max_attempts: 0}
"""


def test_a_member_of_a_configuration_is_patched_alone(tmp_path: Path) -> None:
    flow = Flow(tmp_path, CONFIGURATION)
    flow.store("config with port 80", "# ours\nport: 80\nhosts:\n- a\n- b\n")
    outcome = flow.ask("config with port 443", "```yaml\nport: 443\n```")
    assert (outcome.outcome, outcome.answer) == ("patch", "port: 443\nhosts:\n- a\n- b\n")
    assert (outcome.kept, outcome.patched) == (1, 1)


def test_the_reader_passes_over_prose() -> None:
    assert list(reader.build(reader.Options(), WORKSHOP).read("Please write a poem")) == []
