from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from stepflow.cli import batch
from stepflow.engine import Pipeline
from stepflow.errors import TimedOut

PROMPTS = [
    '"Add 1 and 2"',
    '{"prompt": "Add 10 and 20", "id": "b"}',
    "",
    '{"messages": [{"role": "user", "content": "Hi"}]}',
]


@pytest.fixture
def ready(project) -> Any:
    project.write("in.jsonl", "\n".join(PROMPTS) + "\n")
    project.replies("3", "30", "hello")
    return project


def go(project, *more: str) -> Any:
    return project("run", "--batch", "in.jsonl", "-o", "out.jsonl", *more)


def test_every_line_is_answered_with_its_account(ready) -> None:
    said = go(ready)
    assert (said.code, said.out) == (0, "")
    lines = ready.lines("out.jsonl")
    assert [(line["index"], line.get("id"), line["outcome"], line["answer"]) for line in lines] == [
        (0, None, "miss", "3"),
        (1, "b", "skip_reuse", "30"),
        (2, None, "passthrough", "hello"),
    ]
    assert {"final", "origin", "rule", "calls", "prompt_tokens", "milliseconds", "trace", "key"} <= lines[0].keys()


def test_the_summary_goes_to_stderr(ready) -> None:
    said = go(ready)
    assert "3 prompts in " in said.err
    assert "2 verified, 1 unverified · 3 calls · " in said.err


def test_a_finished_batch_asks_nothing_again(ready) -> None:
    go(ready)
    before = (ready.folder / "out.jsonl").read_text()
    said = go(ready, "--no-model")
    assert said.code == 0
    assert "3 of 3 prompts answered already" in said.err
    assert (ready.folder / "out.jsonl").read_text() == before


def test_a_cut_off_last_line_is_answered_again(ready) -> None:
    go(ready)
    text = (ready.folder / "out.jsonl").read_text()
    (ready.folder / "out.jsonl").write_text(text[:-40])
    assert len(text.splitlines()) == 3
    ready.replies("3", "30", "hello")
    said = go(ready)
    assert "2 of 3 prompts answered already" in said.err
    assert [line["index"] for line in ready.lines("out.jsonl")] == [0, 1, 2]


def test_errors_are_asked_again_and_leave_no_line_behind(ready, monkeypatch) -> None:
    run, failing = Pipeline.run, True

    def sometimes(self: Pipeline, request: Any, **options: Any) -> Any:
        if failing and request.prompt != "Add 1 and 2":
            raise TimedOut("too late\nby far")
        return run(self, request, **options)

    monkeypatch.setattr(Pipeline, "run", sometimes)
    ready.replies("30", "hello")
    ready.write("in.jsonl", "\n".join(PROMPTS[1:]))
    said = go(ready)
    assert said.code == 3
    assert "2 errors: too late\nthe same command asks those again\n" in said.err
    assert [(line["error"], line["exit_code"]) for line in ready.lines("out.jsonl")] == [("too late\nby far", 3)] * 2
    failing = False
    assert go(ready).code == 0
    assert [line["answer"] for line in ready.lines("out.jsonl")] == ["30", "hello"]


def test_answers_made_with_other_files_are_never_mixed_in(ready) -> None:
    go(ready)
    before = (ready.folder / "out.jsonl").read_text()
    rule = (ready.folder / "rules/sums.yaml").read_text()
    ready.write("rules/sums.yaml", rule.replace("answer.value == sum(numbers)", "answer.value >= sum(numbers)"))
    for arguments in ([], ["--model", "another"]):
        said = go(ready, *arguments)
        assert said.code == 2
        assert "out.jsonl:1: this answers another prompt, or was made with other files or another model" in said.err
    assert (ready.folder / "out.jsonl").read_text() == before


@pytest.mark.parametrize("text", ["precious", "precious\n", '{"index": 0}\n', "{}\nprecious", '"index"\n', "[1]\n"])
def test_a_file_that_is_no_output_is_never_touched(ready, text) -> None:
    ready.write("out.jsonl", text)
    said = go(ready)
    assert said.code == 2
    assert "name another file with -o" in said.err
    assert (ready.folder / "out.jsonl").read_text() == text


def test_the_file_of_prompts_is_never_written_to(ready) -> None:
    before = (ready.folder / "in.jsonl").read_text()
    said = ready("run", "--batch", "in.jsonl", "-o", "./in.jsonl")
    assert (said.code, said.err) == (2, "stepflow: ./in.jsonl holds the prompts; name another file with -o\n")
    assert (ready.folder / "in.jsonl").read_text() == before


def test_several_lines_can_be_answered_at_the_same_time(project) -> None:
    project.write("in.jsonl", "".join(f'"What is {number}?"\n' for number in range(40)))
    text = (project.folder / "pipelines/default.yaml").read_text()
    project.write("pipelines/default.yaml", text.replace("replies:", "cycle: true, replies:"))
    assert go(project, "-j", "4").code == 0
    lines = project.lines("out.jsonl")
    assert sorted(line["index"] for line in lines) == list(range(40))


def test_prompts_come_from_stdin(ready, stdin) -> None:
    stdin('"Add 1 and 2"\n')
    assert ready("run", "--batch", "-", "-o", "out.jsonl").code == 0
    assert [line["answer"] for line in ready.lines("out.jsonl")] == ["3"]


def test_options_are_the_defaults_of_every_line(ready) -> None:
    ready.write("in.jsonl", '"Add 1 and 2"\n{"prompt": "Add 1 and 2", "tenant": "b"}\n')
    ready.replies("3", "3")
    go(ready, "--tenant", "a")
    assert [line["outcome"] for line in ready.lines("out.jsonl")] == ["miss", "miss"]
    assert ready("run", "Add 1 and 2", "--tenant", "b", "--no-model").code == 0
    assert ready("run", "Add 1 and 2", "--no-model").code == 3


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nope", 'this is not JSON; a prompt alone stands in double quotes: "Solve 2x = 4 for x."'),
        ("3", "a text is expected, or a map with either `prompt` or `messages`"),
        ("{}", "a text is expected, or a map with either `prompt` or `messages`"),
        ('{"prompt": "a", "messages": []}', "a text is expected, or a map with either `prompt` or `messages`"),
        ('{"promt": "a"}', "unknown field 'promt'; fields: id, messages, parameters, prompt, rule, system, tenant"),
        ('{"prompt": 3}', "`prompt` is not a text"),
        ('{"prompt": "a", "rule": 3}', "`rule` is not a text"),
        ('{"prompt": "a", "parameters": 3}', "`parameters` is not a map"),
        ('""', "the prompt is empty"),
        ('{"messages": ["a"]}', "`messages` is a list of maps with `role` and `content`, one of them the user's"),
        ('{"messages": [{"role": "system", "content": "a"}]}', "`messages` is a list of maps"),
    ],
)
def test_a_wrong_line_is_named_before_anything_is_asked(ready, line, sentence) -> None:
    ready.write("in.jsonl", f'"Add 1 and 2"\n\n{line}\n')
    said = go(ready)
    assert said.code == 2
    assert said.err.startswith(f"stepflow: in.jsonl:3: {sentence}")
    assert not (ready.folder / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"\n\n", "in.jsonl holds no prompt"),
        (b'"\xff"', "in.jsonl is not UTF-8 text (byte 2)"),
        (None, "cannot be read"),
    ],
)
def test_a_file_without_prompts_is_refused(ready, raw, sentence) -> None:
    (ready.folder / "in.jsonl").unlink()
    if raw is not None:
        (ready.folder / "in.jsonl").write_bytes(raw)
    said = go(ready)
    assert said.code == 2
    assert sentence in said.err


def test_the_worst_line_decides_the_exit_code(ready) -> None:
    ready.replies("3", "31", "31", "hello")
    assert go(ready).code == 1
    ready.write("in.jsonl", '{"prompt": "Add 1 and 2", "rule": "nope"}\n')
    said = ready("run", "--batch", "in.jsonl", "-o", "other.jsonl")
    assert said.code == 2
    assert ready.lines("other.jsonl")[0]["error"].startswith("there is no rule 'nope'")


def test_an_interrupt_keeps_what_is_finished_and_the_same_command_goes_on(ready, monkeypatch) -> None:
    answer = batch._answer

    def interrupted(pipeline: Any, item: Any, **options: Any) -> Any:
        if item.index == 1:
            raise KeyboardInterrupt
        return answer(pipeline, item, **options)

    monkeypatch.setattr(batch, "_answer", interrupted)
    said = go(ready)
    assert said.code == 130
    assert "the same command goes on where this stopped" in said.err
    assert "Traceback" not in said.err
    assert [line["index"] for line in ready.lines("out.jsonl")] == [0]
    monkeypatch.undo()
    monkeypatch.chdir(ready.folder)
    said = go(ready)
    assert "1 of 3 prompts answered already" in said.err
    assert [line["index"] for line in ready.lines("out.jsonl")] == [0, 1, 2]


def test_each_line_is_on_disk_before_the_next_is_asked(ready, monkeypatch) -> None:
    seen: list[int] = []
    answer = batch._answer
    lock = threading.Lock()

    def watching(pipeline: Any, item: Any, **options: Any) -> Any:
        with lock:
            out = ready.folder / "out.jsonl"
            seen.append(len(out.read_text().splitlines()) if out.exists() else 0)
        return answer(pipeline, item, **options)

    monkeypatch.setattr(batch, "_answer", watching)
    go(ready)
    assert seen == [0, 1, 2]


def test_answers_of_any_text_stay_one_line_of_json(ready) -> None:
    ready.replies("zwölf\n\u2028 „3“", "3", "3")
    ready.write("in.jsonl", '"Ünicode?"\n')
    go(ready)
    assert json.loads((ready.folder / "out.jsonl").read_bytes())["answer"] == "zwölf\n\u2028 „3“"
    assert "1 of 1 prompt answered already" in go(ready).err


def test_a_shadowed_batch_counts_what_would_have_come_and_is_no_answer_to_another(ready) -> None:
    ready.write("in.jsonl", '"Add 1 and 2"\n"What is the sum of 1 and 2?"\n')
    ready.replies("3", "three")
    assert ready("run", "Add 1 and 2").code == 0
    said = ready("run", "--batch", "in.jsonl", "-o", "out.jsonl", "--shadow")
    assert (said.code, "shadow of exact" in said.err, "shadow of reuse" in said.err) == (0, True, True)
    assert [line["answer"] for line in ready.lines("out.jsonl")] == ["3", "three"]
    assert "this answers another prompt" in ready("run", "--batch", "in.jsonl", "-o", "out.jsonl").err
