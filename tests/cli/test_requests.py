"""Whole requests, in OpenAI's form, from a file: for `run` and `render`."""

from __future__ import annotations

import json
from typing import Any

import pytest

CALL = '{"name": "add", "arguments": {"numbers": [1, 2]}}'
RULE = """\
stepflow: 1
kind: rule
id: calls
title: Call a function that adds
reply: tool_call
match: [{type: regex, pattern: '(?i)^add '}]
constraints:
  numbers: {type: regex, pattern: '\\d+', find: all, as: integer}
segment: {type: json, by: document, root: object}
answer: {type: json, root: object}
verify:
  - {id: right, type: expr, assert: "answer.value == {'name': 'add', 'arguments': {'numbers': numbers}}"}
repair: {max_attempts: 1}
fallback: {type: none}
"""
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
MESSAGES = [{"role": "user", "content": "Add 1 and 2"}]


def request(**members: Any) -> str:
    return json.dumps({"model": "any", "stream": True, "messages": MESSAGES, **members})


@pytest.fixture
def calling(project: Any) -> Any:
    project.write("rules/calls.yaml", RULE)
    project.replies("3", CALL)
    return project


def test_a_request_with_tools_is_answered_with_a_call_and_one_without_with_a_text(calling, stdin) -> None:
    calling.write("text.json", request(temperature=0))
    assert calling("run", "--request", "text.json").out == "3\n"
    calling.write("call.json", request(tools=TOOLS))
    said = calling("run", "--request", "call.json", "--json").json
    assert (json.loads(said["answer"]), said["rule"], said["outcome"]) == (json.loads(CALL), "calls", "miss")
    stdin(request(tools=TOOLS))
    assert calling("run", "--request", "-").err.startswith("exact · verified · calls")


def test_other_parameters_are_another_request(calling) -> None:
    for temperature in (0, 1):
        calling.write("text.json", request(temperature=temperature))
        said = calling("run", "--request", "text.json")
        assert said.err.startswith("miss · ")


def test_render_shows_what_a_rule_makes_of_a_request(calling) -> None:
    system = {"role": "system", "content": "Be brief."}
    calling.write("call.json", request(messages=[system, *MESSAGES], tools=TOOLS))
    said = calling("render", "calls", "--request", "call.json", "--output", CALL.replace("2", "3"))
    assert said.code == 0
    assert "content: Be brief." in said.out
    assert "numbers:" in said.out
    assert "right fails" in said.out
    assert "declines" in calling("render", "calls", "--prompt", "Add 1 and 2").out  # it offers no tools


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "it.json: the request is not JSON: Expecting property name"),
        ("[]", "it.json: the request is not a JSON object"),
        ("{}", "it.json: `messages` is a list with at least one message"),
        ('{"messages": [], "x": NaN}', "it.json: the request is not JSON: NaN is not a number of JSON"),
        (
            request(response_format={"type": "json_object"}),
            "it.json: it asks for `response_format`; a request is answered",
        ),
        (request(messages=[{"role": "tool", "content": "x"}]), "it.json: message 1 is of the role 'tool'"),
        (
            request(stepflow={"no_cache": True}),
            "it.json: `stepflow` speaks to a server; say it with this command's opt",
        ),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("render", "calls")])
def test_what_is_wrong_with_a_request_is_told_in_a_sentence(calling, command, text, sentence) -> None:
    calling.write("it.json", text)
    said = calling(*command, "--request", "it.json")
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--request", "nowhere.json"], "nowhere.json cannot be read: no such file or directory"),
        (["run", "--request", "it.json", "Add 1 and 2"], "--request holds the messages: leave PROMPT out"),
        (["run", "--request", "it.json", "--system", "x"], "--request holds the messages: leave --system out"),
        (["run", "--request", "it.json", "--batch", "in.jsonl"], "give either --request or --batch, not both"),
        (
            ["render", "sums", "--request", "it.json", "--prompt", "x"],
            "--request holds the messages: leave --prompt out",
        ),
        (
            ["render", "sums", "--request", "it.json", "--system", "x"],
            "--request holds the messages: leave --system out",
        ),
        (["render", "sums", "--request", "-", "--output", "-"], "only one of --prompt, --request and --output"),
        (["render", "sums", "--output", "x"], "--output needs --prompt or --request"),
    ],
)
def test_what_does_not_go_with_a_request_is_refused(calling, arguments, sentence) -> None:
    said = calling(*arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
