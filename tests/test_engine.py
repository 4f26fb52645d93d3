"""The façade: loading, answering, closing; and what an edit of the files does to what is stored on disk."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, UNIT, Flow, edited, write_pipeline

import stepflow
from stepflow import quick
from stepflow.adapters.backends import scripted
from stepflow.engine import NoModel, make_request, open_archive, store_of
from stepflow.errors import BackendError, ConfigError, StoreError, UsageError
from stepflow.model import Message, Outcome, Request

RIGHT = "1\n2\n3"


def on_disk(folder: Path, *rules: str, **settings: Any) -> str:
    return write_pipeline(folder, *(rules or (COUNT,)), store={"path": str(folder / "cache")}, **settings)


def ask(path: str, prompt: str, *replies: str, **options: Any) -> Outcome:
    """One process's life: load, answer, close. Every reply must be used."""
    with stepflow.load(path) as pipeline:
        backend = scripted.build(scripted.Options.model_validate({"replies": list(replies)}))
        pipeline.backend = backend
        outcome = pipeline.run(prompt, **options)
        assert not backend.unused
        return outcome


# --- edits ----------------------------------------------------------------------------------------------------------


def test_an_edited_verifier_decides_anew_at_the_next_run(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    assert ask(path, "count to 3").outcome == "exact"

    stricter = {"id": "dots", "scope": "step", "type": "regex", "pattern": r"\.$", "on_fail": "skip_reuse"}
    checks = [stricter, {"id": "ends-right", "type": "expr", "assert": "answer.value == last"}]
    on_disk(tmp_path, edited(COUNT, verify=checks))
    refused = ask(path, "count to 3", "1.\n2.\n3.")
    assert (refused.outcome, refused.skip_reason, refused.final) == ("skip_reuse", "dots", "verified")
    assert ask(path, "count to 3").answer == "1.\n2.\n3."

    on_disk(tmp_path)
    assert ask(path, "count to 3").outcome in {"exact", "reuse"}, "the old files find their old answers again"


def test_an_edited_verifier_may_lead_to_a_patch(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    shouting = {"id": "ends-loud", "scope": "step", "type": "regex", "pattern": "!", "when": "step.index == last"}
    checks = [shouting, {"id": "ends-right", "type": "expr", "assert": "answer.value == last"}]
    on_disk(tmp_path, edited(COUNT, verify=checks))
    patched = ask(path, "count to 3", "3!")
    assert (patched.outcome, patched.answer, patched.kept) == ("patch", "1\n2\n3!", 2)


@pytest.mark.parametrize("edit", [COUNT + "\n# a comment\n", edited(COUNT, title="Counting")], ids=["comment", "title"])
def test_a_comment_or_a_title_costs_a_verification_and_no_call(tmp_path: Path, edit: str) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    on_disk(tmp_path, edit)
    assert [ask(path, "count to 3").outcome for _ in range(2)] == ["reuse", "exact"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("constraints", {"last": {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "integer"}}),
        ("let", {"half": "last / 2"}),
        ("segment", "paragraphs"),
        ("parse", [{"field": "n", "type": "regex", "pattern": r"\d+", "as": "number"}]),
    ],
)
def test_an_edit_of_how_a_rule_reads_starts_afresh(tmp_path: Path, key: str, value: Any) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    replies = ("1",) if key == "segment" else (RIGHT,)
    on_disk(tmp_path, edited(COUNT, **{key: value}))
    assert ask(path, "count to 3", *replies).outcome == "miss"


@pytest.mark.parametrize("change", [{"backend": {"type": "scripted", "model": "other"}}])
def test_another_model_starts_afresh(tmp_path: Path, change: dict[str, Any]) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    on_disk(tmp_path, **change)
    assert ask(path, "count to 3", RIGHT).outcome == "miss"


# --- exact hits without the pipeline --------------------------------------------------------------------------------


def test_a_quick_hit_is_the_same_answer_under_the_same_conditions(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    request = make_request("count to 3")
    assert quick.exact_hit(path, request) is None
    first = ask(path, "count to 3", RIGHT)
    hit = quick.exact_hit(path, request)
    assert hit is not None
    full = ask(path, "count to 3")
    for name in ("answer", "outcome", "final", "origin", "rule", "record", "kept", "calls", "constraints"):
        assert getattr(hit, name) == getattr(full, name), name
    assert hit.record == first.record


@pytest.mark.parametrize(
    "request_",
    [
        make_request("count to 4"),
        make_request("count to 3", tenant="b"),
        make_request("count to 3", system="Be brief."),
        make_request("count to 3", parameters={"temperature": 1}),
        make_request("count to 3", rule="count"),
        make_request([Message("user", "hello"), Message("user", "count to 3")]),
    ],
    ids=["prompt", "tenant", "system", "parameters", "rule", "turns"],
)
def test_a_quick_hit_needs_exactly_the_request(tmp_path: Path, request_: Request) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    assert quick.exact_hit(path, request_) is None


def test_a_quick_hit_needs_exactly_the_files_and_settings(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    request = make_request("count to 3")
    assert quick.exact_hit(path, request, {"backend": {"model": "other"}}) is None
    on_disk(tmp_path, COUNT + "\n# edited\n")
    assert quick.exact_hit(path, request) is None
    stages = ["extract", "retrieve", "gate", "verify", "generate", "integrity", "record"]
    ask(on_disk(tmp_path, stages=stages), "count to 3")
    assert quick.exact_hit(path, request) is None


@pytest.mark.parametrize("text", ["", "[", "stepflow: 1\n", "store: 3\n", "store: {path: 3}\n", "rules: {a: b}\n"])
def test_what_a_quick_look_does_not_understand_it_leaves_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
    assert quick.exact_hit(str(tmp_path / "pipeline.yaml"), make_request("count to 3")) is None
    assert quick.exact_hit(str(tmp_path / "nowhere.yaml"), make_request("count to 3")) is None


def test_a_damaged_record_is_no_quick_hit(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    record = ask(path, "count to 3", RIGHT).record
    archive = open_archive(store_of(path))
    store: Any = archive._store
    store.put(f"record:{record}", store.get(f"record:{record}")[:-3])
    archive.close()
    assert quick.exact_hit(path, make_request("count to 3")) is None
    assert ask(path, "count to 3", RIGHT).outcome == "miss"


def test_a_quick_hit_of_a_fallback_answer_says_so(tmp_path: Path) -> None:
    path = on_disk(tmp_path, edited(COUNT, fallback={"type": "template", "text": RIGHT}))
    assert ask(path, "count to 3", "1").final == "fallback"
    hit = quick.exact_hit(path, make_request("count to 3"))
    assert hit is not None
    assert (hit.final, hit.origin) == ("fallback", "fallback")


# --- loading and calling --------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere") as raised:
        stepflow.load(str(tmp_path / "nowhere.yaml"))
    assert raised.value.exit_code == 2


def test_a_wrong_file_is_a_config_error_with_every_problem(tmp_path: Path) -> None:
    path = write_pipeline(tmp_path, edited(COUNT, segmnt="lines"), edited(UNIT, verify=[]), limit={})
    with pytest.raises(ConfigError) as raised:
        stepflow.load(path)
    text = str(raised.value)
    assert all(each in text for each in ("segmnt", "verify", "limit")), text
    assert len(raised.value.diagnostics) >= 3


def test_a_store_that_cannot_open_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file stands here", encoding="utf-8")
    with pytest.raises(StoreError):
        stepflow.load(on_disk(tmp_path))


def test_overrides_replace_settings_and_are_checked(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    pipeline = stepflow.load(path, {"limits": {"model_calls": 0}, "store": {"type": "memory"}})
    assert pipeline.plan.limits.model_calls == 0
    with pytest.raises(ConfigError, match="model_cals"):
        stepflow.load(path, {"limits": {"model_cals": 0}})


def test_a_pipeline_closes_what_it_opened_and_may_be_closed_again(tmp_path: Path) -> None:
    closed: list[str] = []
    with stepflow.load(on_disk(tmp_path)) as pipeline:
        backend: Any = pipeline.backend

        class Noticing(NoModel):
            def close(self) -> None:
                closed.append("backend")

        pipeline.backend = Noticing(backend)
    assert closed == ["backend"]
    pipeline.close()


def test_without_a_model_stored_answers_are_served_and_nothing_else(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    ask(path, "count to 3", RIGHT)
    assert ask(path, "please count to 3", allow_model=False).outcome == "reuse"
    with pytest.raises(BackendError, match="--no-model forbids it"):
        ask(path, "count to 9", allow_model=False)


def test_a_model_that_must_not_be_asked_has_the_real_ones_identity(tmp_path: Path) -> None:
    backend = Flow(tmp_path).pipeline.backend
    assert (NoModel(backend).model, NoModel(backend).identity) == (backend.model, backend.identity)


def test_a_conversation_may_be_a_text_messages_or_a_request() -> None:
    user, system = Message("user", "hi"), Message("system", "Be brief.")
    assert make_request("hi").messages == (user,)
    assert make_request([user], system="Be brief.").messages == (system, user)
    request = Request((user,), {"seed": 1}, "b", "count")
    assert make_request(request) is request


@pytest.mark.parametrize(
    "options", [{"system": "Be brief."}, {"rule": "count"}, {"tenant": "b"}, {"parameters": {"seed": 1}}]
)
def test_options_beside_a_whole_request_are_refused_rather_than_dropped(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"`{next(iter(options))}` stands in the request already"):
        make_request(Request.of("hi"), **options)


# --- traces ---------------------------------------------------------------------------------------------------------


def test_every_run_leaves_a_trace_also_one_that_fails(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    path = on_disk(tmp_path, trace={"dir": str(folder), "keep": 10})
    outcome = ask(path, "count to 3", RIGHT)
    with pytest.raises(BackendError):
        ask(path, "count to 4", allow_model=False)
    hit = quick.exact_hit(path, make_request("count to 3"))
    assert hit is not None
    traces = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}
    assert len(traces) == 3
    assert traces[outcome.trace]["outcome"] == "miss"
    assert traces[hit.trace]["outcome"] == "exact"
    failed = next(trace for trace in traces.values() if "error" in trace)
    assert "--no-model" in failed["error"]
    assert [event["stage"] for event in failed["journal"]][:2] == ["exact", "extract"]


def test_a_trace_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "traces").write_text("a file stands here", encoding="utf-8")
    path = on_disk(tmp_path, trace={"dir": str(tmp_path / "traces"), "keep": 10})
    assert ask(path, "count to 3", RIGHT).final == "verified"


# --- many at once ---------------------------------------------------------------------------------------------------


def test_threads_and_tasks_share_a_store_on_disk(tmp_path: Path) -> None:
    path = on_disk(tmp_path)
    prompts = [f"{please}count to 3{mark}" for please in ("", "please ") for mark in ("", ".", "!", "?")]
    ask(path, "count to 3", RIGHT)
    with stepflow.load(path) as pipeline:
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(pipeline.run, prompts * 4))

        async def awaited() -> list[Outcome]:
            return await asyncio.gather(*(pipeline.arun(prompt) for prompt in prompts * 4))

        outcomes += asyncio.run(awaited())
    assert {(outcome.answer, outcome.final, outcome.calls) for outcome in outcomes} == {(RIGHT, "verified", 0)}
    assert {outcome.outcome for outcome in outcomes[-8:]} == {"exact"}
    archive = open_archive(store_of(path))
    assert archive.check() == ()
    archive.close()


GRAMMAR = r"""
stepflow: 1
kind: rule
id: sum
match: [{type: keywords, words: [sum]}]
grammars:
  sum: |
    start: NUMBER ("+" NUMBER)+
    NUMBER: /\d+/
    %import common.WS_INLINE
    %ignore WS_INLINE
constraints:
  terms: {type: lark, grammar: sum, as: text}
answer: {type: regex, pattern: '\d+', as: integer}
verify: [{type: expr, assert: answer.value == 3 and terms is defined}]
repair: {max_attempts: 0}
"""


def test_a_grammar_may_be_built_by_eight_threads_at_once(tmp_path: Path) -> None:
    for _ in range(5):
        with Flow(tmp_path, GRAMMAR).pipeline as pipeline:
            pipeline.backend = scripted.build(scripted.Options.model_validate({"replies": ["3"], "cycle": True}))
            with ThreadPoolExecutor(8) as threads:
                outcomes = list(threads.map(pipeline.run, [f"sum 1 + 2{'!' * index}" for index in range(8)]))
        assert {(outcome.rule, outcome.final) for outcome in outcomes} == {("sum", "verified")}
