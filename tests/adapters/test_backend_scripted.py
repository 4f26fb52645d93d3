from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from stepflow.adapters.backends.scripted import Options, Scripted, build
from stepflow.errors import BackendError, MissingApiKey, RateLimited, ScriptExhausted, TimedOut
from stepflow.model import Message, Usage
from stepflow.protocols import Backend, Call


def call(*prompts: str) -> Call:
    return Call(tuple(Message("user", prompt) for prompt in prompts))


def scripted(*replies: object, **more: object) -> Scripted:
    return build(Options.model_validate({"replies": list(replies), **more}))


def test_replies_come_in_order_and_are_accounted_for() -> None:
    backend = scripted("one", {"text": "two words", "finish_reason": "length"})
    first = backend.complete(call("a b", "c"))
    assert (first.text, first.finish_reason, first.usage) == ("one", "stop", Usage(3, 1))
    assert [reply.text for reply in backend.unused] == ["two words"]
    second = asyncio.run(backend.acomplete(call("d")))
    assert (second.text, second.finish_reason, second.usage) == ("two words", "length", Usage(1, 2))
    assert not backend.unused
    assert [seen.messages[0].content for seen in backend.calls] == ["a b", "d"]


def test_a_used_up_script_shows_the_prompt_that_would_have_been_sent() -> None:
    backend = scripted("one")
    backend.complete(call("first"))
    with pytest.raises(ScriptExhausted, match=r"one reply is used up(.|\n)*\[user\] second"):
        backend.complete(call("second"))
    assert len(backend.calls) == 2


def test_an_empty_script_is_exhausted_at_once_even_when_it_cycles() -> None:
    with pytest.raises(ScriptExhausted, match="holds no reply"):
        scripted(cycle=True).complete(call("x"))


def test_a_huge_prompt_is_shown_shortened() -> None:
    with pytest.raises(ScriptExhausted) as caught:
        scripted().complete(call("x" * 50_000))
    assert len(str(caught.value)) < 2_500


def test_a_cycling_script_begins_again() -> None:
    backend = scripted("a", "b", cycle=True)
    assert [backend.complete(call("x")).text for _ in range(5)] == ["a", "b", "a", "b", "a"]
    assert not backend.unused


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TimedOut", TimedOut),
        ("RateLimited", RateLimited),
        ("MissingApiKey", MissingApiKey),
        ("BackendError", BackendError),
    ],
)
def test_a_reply_may_be_an_error_which_counts_as_used(name: str, kind: type[BackendError]) -> None:
    backend = scripted({"error": name}, {"error": name, "text": "as told"}, "after")
    with pytest.raises(kind, match="the script raises"):
        backend.complete(call("x"))
    with pytest.raises(kind, match="as told"):
        backend.complete(call("x"))
    assert backend.complete(call("x")).text == "after"


def test_a_reply_that_expects_other_words_is_not_consumed() -> None:
    backend = scripted({"text": "yes", "prompt_contains": "repair"})
    with pytest.raises(ScriptExhausted, match=r"reply 1 of the script expects 'repair'"):
        backend.complete(call("solve"))
    assert backend.complete(call("hello", "please repair")).text == "yes"


@pytest.mark.parametrize("reply", [{"error": "NoSuchError"}, {"txt": "a"}, 3])
def test_a_reply_of_the_wrong_shape_is_refused(reply: object) -> None:
    with pytest.raises(ValidationError):
        scripted(reply)


def test_it_is_a_backend_named_as_its_options_say_and_closes_twice() -> None:
    backend: Backend = build(Options(replies=["a"], model="play"), None)
    assert (backend.model, backend.identity) == ("play", {"model": "play"})
    backend.close()
    backend.close()
