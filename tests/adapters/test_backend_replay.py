from __future__ import annotations

import asyncio
import stat
import threading
from pathlib import Path
from types import MappingProxyType

import pytest

from stepflow.adapters.backends.replay import Options, Recorder, Replay, build, read_recording
from stepflow.adapters.backends.scripted import Options as ScriptedOptions
from stepflow.adapters.backends.scripted import build as build_scripted
from stepflow.errors import BackendError, ScriptExhausted
from stepflow.model import Message, Usage
from stepflow.protocols import Backend, Call, Completion

LINE = '{"messages": [{"role": "user", "content": "hi"}], "reply": {"text": "hello"}}'


def call(prompt: str, role: str = "user") -> Call:
    return Call((Message(role, prompt),), {"temperature": 0}, MappingProxyType({"type": "object"}))


def replay(path: Path, text: str) -> Replay:
    path.write_text(text, encoding="utf-8")
    return build(Options(path=str(path)))


def recorder(path: Path, *replies: str) -> Recorder:
    return Recorder(build_scripted(ScriptedOptions(replies=list(replies))), path)


def test_what_was_recorded_is_replayed_whatever_the_parameters(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    recording: Backend = recorder(path, "one\u2028two\nthree", "later", "ähnlich")
    said = [recording.complete(call("a")), recording.complete(call("a")), asyncio.run(recording.acomplete(call("b")))]
    recording.close()
    backend: Backend = build(Options(path=str(path)))
    again = [backend.complete(Call((Message("user", "a"),))), backend.complete(call("a"))]
    assert [*again, asyncio.run(backend.acomplete(call("b")))] == said
    backend.close()


def test_the_last_reply_to_a_prompt_is_repeated(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    recording = recorder(path, "one", "two")
    recording.complete(call("a"))
    recording.complete(call("a"))
    backend = build(Options(path=str(path)))
    assert [backend.complete(call("a")).text for _ in range(4)] == ["one", "two", "two", "two"]


def test_blank_lines_and_missing_figures_are_tolerated(tmp_path: Path) -> None:
    backend = replay(tmp_path / "talk.jsonl", f"\n{LINE}\n   \n\n")
    assert backend.complete(call("hi")) == Completion("hello", Usage(), "stop", "")


@pytest.mark.parametrize(
    "other", [call("hi", role="system"), call("hi "), Call((*call("hi").messages, *call("hi").messages))]
)
def test_an_unknown_request_is_refused_and_shown(tmp_path: Path, other: Call) -> None:
    backend = replay(tmp_path / "talk.jsonl", LINE)
    with pytest.raises(ScriptExhausted, match=r"holds no reply to this prompt \(1 different(.|\n)*hi"):
        backend.complete(other)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "the line"),
        ("[]", "the line"),
        ('{"messages": [], "reply": {"text": ""}}', "messages"),
        ('{"messages": [{"role": "user"}], "reply": {"text": ""}}', "messages.0.content"),
        ('{"messages": [{"role": "user", "content": "a"}], "reply": {"text": 3}}', "reply.text"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "reply"),
    ],
)
def test_a_malformed_line_is_named_by_number(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(BackendError, match=rf"talk\.jsonl:3: {reason}: .*expected"):
        replay(tmp_path / "talk.jsonl", f"{LINE}\n\n{line}\n")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "talk.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackendError, match="cannot be read"):
        read_recording(path)


def test_a_failed_call_is_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    with pytest.raises(ScriptExhausted):
        recorder(path).complete(call("a"))
    assert not path.exists()


def test_a_recording_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be written"):
        recorder(tmp_path / "missing" / "talk.jsonl", "one").complete(call("a"))


def test_many_threads_write_whole_lines_into_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    recording = recorder(path, *["word " * 2000] * 40)
    threads = [threading.Thread(target=recording.complete, args=(call(f"prompt {n}"),)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_recording(path)) == 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
