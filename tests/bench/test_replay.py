from __future__ import annotations

import gzip
import json

import pytest
from click.testing import CliRunner

from stepflow.bench.logs import read_log
from stepflow.bench.replay import account, replay
from stepflow.cli.main import cli
from stepflow.engine import load
from stepflow.errors import UsageError
from stepflow.model import Usage


def line(prompt, answer, model="m", usage=(10, 20)):
    return {
        "request": {"model": model, "messages": [{"role": "user", "content": prompt}], "temperature": 0},
        "response": {
            "model": model,
            "choices": [{"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]},
        },
    }


def write(tmp_path, *lines):
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines))
    return str(path)


TRAFFIC = (
    line("Capital of France?", "France: Paris."),
    line("Capital of France?", "France: Lyon."),
    line("Name the capital of France.", "It is Paris"),
    line("Capital of Spain?", "Spain: Madrid"),
    line("Say hi", "hi"),
)


def fates_of(pipeline, path):
    with load(pipeline, {"store": {"type": "memory"}}) as loaded:
        return replay(loaded, read_log(path)[0])


def test_each_line_meets_the_fate_that_the_lines_before_it_prepared(pipeline, tmp_path):
    fates = fates_of(pipeline, write(tmp_path, *TRAFFIC))
    assert [fate.outcome for fate in fates] == ["miss", "exact", "reuse", "patch", "passthrough"]
    assert fates[2].served == "France: Paris."
    assert fates[2].source == "Capital of France?"
    assert [bool(fate.refused) for fate in fates] == [False, False, True, True, False]
    assert [fate.saved.total for fate in fates] == [0, 30, 30, 0, 0]


def test_no_model_is_asked(pipeline, tmp_path, monkeypatch):
    def refuse(self, call):
        raise AssertionError("a model was asked")

    monkeypatch.setattr("stepflow.adapters.backends.scripted.Scripted.complete", refuse)
    assert len(fates_of(pipeline, write(tmp_path, *TRAFFIC))) == len(TRAFFIC)


def test_a_refused_answer_is_never_stored(pipeline, tmp_path):
    lines = line("Capital of France?", "No idea"), line("Name the capital of France.", "France: Paris.")
    fates = fates_of(pipeline, write(tmp_path, *lines))
    assert fates[0].refused
    assert fates[1].served in ("", "France has a capital.")
    assert fates[1].from_fallback is (fates[1].served != "")


def test_models_and_parameters_never_share_answers(pipeline, tmp_path):
    other = line("Capital of France?", "France: Paris.", model="other")
    fates = fates_of(pipeline, write(tmp_path, TRAFFIC[0], other))
    assert [fate.outcome for fate in fates] == ["miss", "miss"]


def test_a_cut_off_or_empty_answer_is_refused(pipeline, tmp_path):
    cut = line("Capital of France?", "France: Paris.")
    cut["response"]["choices"][0]["finish_reason"] = "length"
    fates = fates_of(pipeline, write(tmp_path, cut, line("Capital of Spain?", "")))
    assert all(fate.refused for fate in fates)


def test_money_is_counted_for_models_with_a_price(pipeline, tmp_path):
    fates = fates_of(pipeline, write(tmp_path, *TRAFFIC, line("Say ho", "ho", model="free")))
    sums = account(fates, {"m": (0.001, 0.002)}.get)
    assert sums.logged_dollars == pytest.approx(5 * (0.01 + 0.04))
    assert sums.saved_dollars == pytest.approx(2 * (0.01 + 0.04))
    assert sums.unpriced == ("free",)
    assert account(fates, lambda model: None).saved_dollars is None


TURNS = [{"role": "user", "content": "q"}]


def chunk(text, **choice):
    return {
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, **choice}],
    }


def wire(*chunks):
    return "".join(f"data: {json.dumps(each)}\n\n" for each in chunks) + "data: [DONE]\n\n"


CHOICES = {"choices": [{"message": {"content": "a"}}]}


@pytest.mark.parametrize(
    "data",
    [
        {"request": {"messages": TURNS}, "response": CHOICES},
        {"messages": TURNS, **CHOICES},
        {"messages": TURNS, "response": "a"},
        {"body": {"messages": TURNS}, "response": {"body": CHOICES}},
        {"input": {"messages": TURNS}, "output": "a"},
        {"kwargs": {"messages": TURNS}, "completion": CHOICES},
        {"messages": TURNS, "reply": {"text": "a"}},
        {"prompt": "q", "answer": "a"},
        {"prompt": "q", "choices": [{"text": "a", "finish_reason": "stop"}]},
        {"messages": TURNS, "response": [chunk("a"), chunk("", finish_reason="stop")]},
        {"request": {"messages": TURNS, "stream": True}, "chunks": [chunk(None), chunk("a", finish_reason="stop")]},
        {"messages": TURNS, "response": wire(chunk("a"), chunk("", finish_reason="stop"), {"choices": []})},
        {"messages": TURNS, "usage": {"prompt_tokens": None, "completion_tokens": 2}, **CHOICES},
        {"messages": TURNS, "usage": {"prompt_tokens": -1, "completion_tokens": True}, **CHOICES},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}], "response": "a"},
    ],
)
def test_close_relatives_of_the_shape_are_read(tmp_path, data):
    ((entry,), skipped) = read_log(write(tmp_path, data))
    assert (entry.request.prompt, entry.answer, entry.estimated, skipped) == ("q", "a", True, [])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("{", "cut off"),
        (json.dumps({"prompt": "q", "answer": "a"})[:-4], "cut off"),
        ("[" * 200_000, "nested too deep"),
        ('{"prompt": "\\ud800", "answer": "a"}', "not UTF-8"),
        ([], "object"),
        ([{"prompt": "q", "answer": "a"}], "each element is a line"),
        ({"messages": TURNS, "error": {"message": "too many requests"}}, "too many requests"),
        ({"messages": TURNS, "response": {"error": {"code": 500}}}, "an error"),
        ({"messages": TURNS, "response": [chunk("a")]}, "broken off"),
        ({"messages": TURNS, "response": [chunk("a"), {"error": {"message": "overloaded"}}]}, "overloaded"),
        ({"messages": TURNS, "response": wire(chunk("a"))[:-40]}, "is not JSON"),
        ({"messages": TURNS, "response": [{"choices": [{"delta": {"tool_calls": [{}]}}]}]}, "tool call"),
        ({"messages": TURNS, "response": ["a"]}, "no JSON object"),
        ({"messages": TURNS, "response": 7}, "no answer"),
        (chunk("a"), "without its request"),
        ({"messages": [*TURNS, {"role": "assistant", "tool_calls": [{}]}], **CHOICES}, "tool calls"),
        ({"messages": [*TURNS, {"role": "tool", "content": "4"}], **CHOICES}, "tool calls"),
        ({"messages": TURNS}, "no answer"),
        ({"response": CHOICES}, "messages"),
        ({"messages": TURNS, "choices": []}, "no answer"),
        ({"messages": TURNS, "choices": [{"message": {"content": None, "tool_calls": [{}]}}]}, "tool call"),
        ({"messages": TURNS, "tools": [{}], **CHOICES}, "tools"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}], **CHOICES}, "else than text"),
    ],
)
def test_what_is_no_answered_chat_in_text_is_skipped_with_its_line_and_reason(tmp_path, data, why):
    _, skipped = read_log(write(tmp_path, TRAFFIC[0], data))
    assert [each.line for each in skipped] == [2]
    assert why in skipped[0].why


def test_a_log_without_any_entry_is_refused(tmp_path):
    with pytest.raises(UsageError, match="line 1"):
        read_log(write(tmp_path, "{}"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_log(str(tmp_path / "nowhere.jsonl"))


def test_usage_is_the_logs_where_it_says_it(tmp_path):
    (entry,), _ = read_log(write(tmp_path, TRAFFIC[0]))
    assert (entry.usage, entry.estimated, entry.model) == (Usage(10, 20), False, "m")


def test_the_command_tells_shares_savings_and_examples(pipeline, tmp_path):
    arguments = [write(tmp_path, *TRAFFIC, "{"), "-p", pipeline, "--price-in", "1", "--price-out", "2"]
    result = CliRunner().invoke(cli, ["replay", *arguments], standalone_mode=False)
    assert result.exception is None
    for said in (
        "exact",
        "60 of 150 saved (40.0%)",
        "refuse 2 of the logged",
        "$0.0001 of $0.00025",
        "from     Capital",
    ):
        assert said in result.output


def test_the_command_gives_the_same_as_json(pipeline, tmp_path):
    arguments = [write(tmp_path, *TRAFFIC), "-p", pipeline, "--price-in", "1", "--price-out", "2", "--json"]
    data = json.loads(CliRunner().invoke(cli, ["replay", *arguments], standalone_mode=False).stdout)
    assert data["outcomes"] == {"exact": 1, "reuse": 1, "patch": 1, "miss": 1, "passthrough": 1}
    assert data["tokens"]["saved"] == 60
    assert [each["outcome"] for each in data["requests_in_order"]] == ["miss", "exact", "reuse", "patch", "passthrough"]


def test_one_price_alone_is_refused(pipeline, tmp_path):
    result = CliRunner().invoke(cli, ["replay", write(tmp_path, *TRAFFIC), "--price-in", "1"], standalone_mode=False)
    assert isinstance(result.exception, UsageError)


def test_a_log_may_be_compressed_begin_with_a_bom_and_hold_a_broken_line(tmp_path):
    path = tmp_path / "log.jsonl.gz"
    good = json.dumps(TRAFFIC[0]).encode()
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + good + b"\r\n\xff\xfe\r\n" + good))
    entries, skipped = read_log(str(path))
    assert [each.line for each in entries] == [1, 3]
    assert [(each.line, each.why) for each in skipped] == [(2, "this is not UTF-8 text")]


def test_a_compressed_log_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(TRAFFIC[0]).encode())[:-9])
    with pytest.raises(UsageError, match="cannot be read"):
        read_log(str(path))


def test_the_chunks_of_a_stream_say_model_tokens_and_why_it_ended(tmp_path):
    last = chunk("", finish_reason="length") | {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    request = {"model": "alias", "messages": TURNS, "stream": True, "temperature": 0}
    (entry,), _ = read_log(write(tmp_path, {"request": request, "response": [chunk("a"), chunk("b"), last]}))
    assert (entry.answer, entry.finish_reason, entry.model, entry.usage) == ("ab", "length", "m", Usage(3, 4))
    assert entry.request.parameters == {"model": "alias", "temperature": 0}


def test_what_was_skipped_is_told_by_reason(pipeline, tmp_path):
    log = write(tmp_path, TRAFFIC[0], "{", "{", {"messages": TURNS})
    result = CliRunner().invoke(cli, ["replay", log, "-p", pipeline], standalone_mode=False)
    assert "skipped 2 lines, the first is line 2: this is not JSON; was the line cut off?" in result.output
    assert "skipped line 4: no answer was found" in result.output
