"""The two drivers: one outcome by either, and a store in trouble costs a model call or a note, never an answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, UNIT, Flow, edited, story

from stepflow.errors import CutOffAnswer, EmptyAnswer, RateLimited, ScriptExhausted, StepflowError, StoreError
from stepflow.model import Event, Outcome

RIGHT = "1\n2\n3"
FALLBACK = {"type": "template", "text": "1\n2\n3"}
Turn = tuple[str, tuple[Any, ...]]

TALES: list[tuple[str, str, list[Turn]]] = [
    ("miss, exact, reuse, exact", COUNT, [
        ("count to 3", (RIGHT,)), ("count to 3", ()), ("please count to 3", ()), ("please count to 3", ()),
    ]),
    ("patch", COUNT, [("count to 3", (RIGHT,)), ("count to 5", ("3\n4\n5",)), ("count to 5", ())]),
    ("patch that fails", COUNT, [("count to 3", (RIGHT,)), ("count to 4", ("I cannot", "1\n2\n3\n4"))]),
    ("skip", COUNT, [("count to 3", (RIGHT,)), ("count sheep to 3", (RIGHT,))]),
    ("passthrough", COUNT, [("hello", ("hi",)), ("hello", ("ho",))]),
    ("repair", UNIT, [("convert 2 km to m", ("2", "2000"))]),
    ("fallback", edited(COUNT, fallback=FALLBACK), [
        ("count to 3", ("1",)), ("count to 3", ()), ("count to 4", ("1", "1")),
    ]),
    ("unverified", COUNT, [("count to 3", ("1",))]),
    ("empty", COUNT, [("count to 3", ("",))]),
    ("cut off", COUNT, [("count to 3", ({"text": RIGHT, "finish_reason": "length"},))]),
    ("backend error", COUNT, [("count to 3", ({"error": "RateLimited"},)), ("count to 3", (RIGHT,))]),
    ("no reply left", COUNT, [("count to 3", ())]),
    ("error", edited(COUNT, fallback={"type": "error"}), [("count to 3", ("1",))]),
]  # fmt: skip


def told(outcome: Outcome) -> list[Any]:
    """An outcome without what differs from run to run: ids and seconds."""
    kept = [
        getattr(outcome, each.name)
        for each in fields(outcome)
        if each.name not in {"record", "reused", "seconds", "journal"}
    ]
    return [*kept, [_without_ids(event) for event in outcome.journal]]


def _without_ids(event: Event) -> Any:
    data = {key: value for key, value in event.data.items() if key not in {"record", "seconds"}}
    record = str(event.data.get("record", "?"))
    return event.stage, event.message.replace(record, "R").split("record ")[0].split(" in 0")[0], data


@pytest.mark.parametrize(("name", "rule", "turns"), TALES, ids=[tale[0] for tale in TALES])
def test_both_drivers_tell_the_same_tale(tmp_path: Path, name: str, rule: str, turns: list[Turn]) -> None:
    one, other = Flow(tmp_path, rule), Flow(tmp_path, rule)
    for prompt, replies in turns:
        blocking = _attempt(lambda p=prompt, r=replies: one.ask(p, *r))  # type: ignore[misc]
        awaited = _attempt(lambda p=prompt, r=replies: asyncio.run(other.aask(p, *r)))  # type: ignore[misc]
        assert blocking == awaited
        assert [call.messages for call in one.calls] == [call.messages for call in other.calls]
    assert len(one.records) == len(other.records)


def _attempt(run: Callable[[], Outcome]) -> Any:
    try:
        return told(run())
    except StepflowError as error:
        return type(error), str(error)


class Troubled:
    """A store of which some methods fail."""

    def __init__(self, store: Any, *broken: str) -> None:
        self._store = store
        self._broken = broken

    def __getattr__(self, name: str) -> Any:
        if name in self._broken:
            return self._fail
        return getattr(self._store, name)

    def _fail(self, *arguments: Any, **options: Any) -> Any:
        raise StoreError("the disk is full")


def troubled(flow: Flow, *broken: str) -> Flow:
    archive: Any = flow.pipeline.archive
    archive._store = Troubled(archive._store, *broken)
    return flow


@pytest.mark.parametrize(
    ("broken", "outcome", "replies"),
    [
        (("get",), "miss", (RIGHT,)),
        (("with_signature",), "miss", (RIGHT,)),
        (("put",), "reuse", ()),
        (("get", "with_signature", "put", "write", "tail"), "miss", (RIGHT,)),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_store_in_trouble_costs_a_call_or_a_note_and_never_an_answer(
    tmp_path: Path, broken: tuple[str, ...], outcome: str, replies: tuple[str, ...], asynchronous: bool
) -> None:
    flow = Flow(tmp_path)
    flow.ask("count to 3", RIGHT)
    troubled(flow, *broken)
    prompt = "please count to 3"
    served = asyncio.run(flow.aask(prompt, *replies)) if asynchronous else flow.ask(prompt, *replies)
    assert (served.outcome, served.answer, served.final) == (outcome, RIGHT, "verified")
    assert "the disk is full" in story(served)


def test_an_answer_that_cannot_be_stored_is_served_and_says_so(tmp_path: Path) -> None:
    flow = troubled(Flow(tmp_path), "write")
    outcome = flow.ask("count to 3", RIGHT)
    assert (outcome.answer, outcome.final, outcome.record) == (RIGHT, "verified", None)
    assert "not stored: the disk is full" in story(outcome)


def test_a_record_that_was_damaged_counts_as_absent_with_a_line_in_the_journal(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    record = flow.ask("count to 3", RIGHT).record
    store: Any = flow.pipeline.archive._store
    store.put(f"record:{record}", store.get(f"record:{record}").replace("2", "3"))
    outcome = flow.ask("count to 3", RIGHT)
    assert (outcome.outcome, outcome.record == record) == ("miss", False)
    assert "counts as absent" in story(outcome)


def test_a_record_may_go_between_the_look_and_the_use(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    record = flow.ask("count to 3", RIGHT).record
    store: Any = flow.pipeline.archive._store
    store.delete(f"record:{record}")
    assert flow.ask("count to 3", RIGHT).outcome == "miss"


def test_eight_threads_share_one_pipeline(tmp_path: Path) -> None:
    numbers = [3, 4, 5, 6] * 12
    replies = {f"count to {last}": "\n".join(map(str, range(1, last + 1))) for last in numbers}

    flow = Flow(tmp_path, edited(COUNT, patch={"enabled": False}))
    backend: Any = flow.pipeline.backend
    flow.pipeline.backend = Answering(backend, replies)
    found: list[tuple[int, Outcome]] = []

    def work(part: list[int]) -> None:
        found.extend((last, flow.pipeline.run(f"count to {last}")) for last in part)

    threads = [threading.Thread(target=work, args=(numbers[index::8],)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(numbers)
    for last, outcome in found:
        assert (outcome.answer, outcome.final) == (replies[f"count to {last}"], "verified")


class Answering:
    """A model that knows the answers."""

    def __init__(self, backend: Any, replies: dict[str, str]) -> None:
        self.model, self.identity = backend.model, backend.identity
        self._replies = replies

    def complete(self, call: Any) -> Any:
        from stepflow.protocols import Completion

        return Completion(self._replies[call.messages[-1].content])

    async def acomplete(self, call: Any) -> Any:
        await asyncio.sleep(0)
        return self.complete(call)

    def close(self) -> None:
        """Nothing is open."""


def test_many_tasks_share_one_event_loop(tmp_path: Path) -> None:
    replies = {f"count to {last}": "\n".join(map(str, range(1, last + 1))) for last in (3, 4)}
    flow = Flow(tmp_path, edited(COUNT, patch={"enabled": False}))
    flow.pipeline.backend = Answering(flow.pipeline.backend, replies)  # type: ignore[assignment]

    async def all_of_them() -> list[Outcome]:
        prompts = [f"count to {3 + index % 2}" for index in range(20)]
        return await asyncio.gather(*(flow.pipeline.arun(prompt) for prompt in prompts))

    outcomes = asyncio.run(all_of_them())
    assert [outcome.value for outcome in outcomes] == [3, 4] * 10


def test_a_task_that_is_cancelled_leaves_no_half_answer(tmp_path: Path) -> None:
    flow = Flow(tmp_path)

    class Slow(Answering):
        async def acomplete(self, call: Any) -> Any:
            await asyncio.sleep(60)

    flow.pipeline.backend = Slow(flow.pipeline.backend, {})  # type: ignore[assignment]

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flow.pipeline.arun("count to 3"), 0.05)

    asyncio.run(give_up())
    assert flow.records == []


@pytest.mark.parametrize("error", [EmptyAnswer, CutOffAnswer, RateLimited, ScriptExhausted])
def test_errors_of_the_model_are_backend_errors_with_exit_code_3(error: type[StepflowError]) -> None:
    assert error.exit_code == 3
