from __future__ import annotations

import asyncio
import json
import time

import pytest

from stepflow.adapters.backends import simulated
from stepflow.adapters.backends.simulated import Answers, Simulated, Speed, count_tokens
from stepflow.catalog import registry
from stepflow.errors import BackendError, ScriptExhausted
from stepflow.model import Message
from stepflow.protocols import Call

ANSWERS = Answers(("right",), ("wrong",))


def ask(backend, prompt):
    return backend.complete(Call((Message("user", prompt),)))


def model(correctness=0.725, seed=42, **more):
    return Simulated(lambda call: ANSWERS, correctness, seed, **more)


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    lines = [
        {"prompt": "Is 7 prime?", "right": ["Yes."], "wrong": ["No."]},
        {"prompt": "Is 7", "right": ["What?"]},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return str(path)


def build(**options):
    return simulated.build(simulated.Options(**options))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.725, 1.0])
def test_it_is_right_as_often_as_it_is_told(share):
    backend = model(share)
    right = sum(ask(backend, f"question {number}").text == "right" for number in range(2000))
    assert abs(right / 2000 - share) < 0.04


def test_the_same_call_gets_the_same_reply_wherever_it_comes():
    prompts = [f"question {number}" for number in range(50)]
    first, second = model(), model()
    forward = {prompt: ask(first, prompt).text for prompt in prompts}
    assert {prompt: ask(second, prompt).text for prompt in reversed(prompts)} == forward
    other = model(seed=43)
    assert {prompt: ask(other, prompt).text for prompt in prompts} != forward


def test_time_is_accounted_and_not_spent():
    backend = model(speed=Speed(latency=5.0, tokens_per_second=10.0))
    started = time.perf_counter()
    completion = ask(backend, "q")
    assert time.perf_counter() - started < 1
    assert backend.simulated_seconds == pytest.approx(5.0 + completion.usage.completion_tokens / 10)


def test_time_is_spent_where_that_is_wished():
    backend = model(speed=Speed(latency=0.05, tokens_per_second=1000, sleep=True))
    started = time.perf_counter()
    ask(backend, "q")
    asyncio.run(backend.acomplete(Call((Message("user", "q"),))))
    assert time.perf_counter() - started >= 0.1


def test_a_prompt_of_the_file_is_found_whole_before_one_that_it_holds(answers):
    assert ask(build(answers=answers, correctness=1), "Is 7 prime?").text == "Yes."
    assert ask(build(answers=answers, correctness=1), "Is 7 odd?").text == "What?"


def test_repair_and_patch_prompts_are_about_the_prompt_that_they_quote(answers):
    backend = build(answers=answers, correctness=1)
    turns = (Message("user", "Is 7 prime?"), Message("assistant", "No."), Message("user", "That is wrong."))
    assert backend.complete(Call(turns)).text == "Yes."
    assert ask(backend, "Earlier you were asked: Is 7 prime? Answer again.").text == "Yes."


def test_without_wrong_answers_it_is_always_right(answers):
    assert ask(build(answers=answers, correctness=0), "Is 7").text == "What?"


def test_an_unknown_prompt_is_refused_with_the_prompt(answers):
    with pytest.raises(ScriptExhausted, match="Name a river"):
        ask(build(answers=answers), "Name a river")


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "1"), ('{"prompt": "a"}', "right"), ('{"prompt": "a", "right": []}', "right"), ("[]", "object")],
)
def test_a_malformed_line_is_named(tmp_path, text, said):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(BackendError, match=said) as caught:
        build(answers=str(path))
    assert "bad.jsonl:1" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BackendError, match="nowhere"):
        build(answers=str(tmp_path / "nowhere.jsonl"))


def test_what_decides_the_replies_is_its_identity():
    assert model().identity == model().identity
    assert model(seed=1).identity != model().identity
    assert model(0.5).identity != model().identity


def test_it_is_built_in():
    assert registry().get("backend", "simulated") is simulated


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("2x = 8", 4), ("internationalisation", 4), ("a, b", 3)])
def test_tokens_are_counted_roughly_as_tokenizers_do(text, tokens):
    assert count_tokens(text) == tokens
