"""Of the same requests at once, one asks the model: threads, tasks and processes; and no leader holds up the others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, story, write_pipeline
from processkit import Child
from rediskit import KINDS, Server

import stepflow
from stepflow.adapters.stores.disk import DiskStore
from stepflow.adapters.stores.memory import MemoryStore
from stepflow.adapters.stores.redis import RedisStore
from stepflow.engine import Pipeline
from stepflow.errors import BackendError, StoreError
from stepflow.model import Outcome
from stepflow.protocols import Call, Completion, Store
from stepflow.runtime import flight as flights
from stepflow.runtime.effects import Join, Looked
from stepflow.runtime.flight import Keeper

RIGHT = "1\n2\n3"


class Slow:
    """A model that takes its time, and counts what it is asked."""

    model = "slow"

    def __init__(self, *ends: str | Exception, seconds: float = 0.3) -> None:
        self.identity = {"model": "slow"}
        self.ends = ends or (RIGHT,)
        self.seconds = seconds
        self.calls = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def complete(self, call: Call) -> Completion:
        end = self._begin()
        time.sleep(self.seconds)
        return self._finish(end)

    async def acomplete(self, call: Call) -> Completion:
        end = self._begin()
        await asyncio.sleep(self.seconds)
        return self._finish(end)

    def close(self) -> None:
        """Nothing is open."""

    def _begin(self) -> str | Exception:
        with self._lock:
            end = self.ends[min(self.calls, len(self.ends) - 1)]
            self.calls += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            return end

    def _finish(self, end: str | Exception) -> Completion:
        with self._lock:
            self._at_once -= 1
        if isinstance(end, Exception):
            raise end
        return Completion(end)


@pytest.fixture(params=["memory", "diskcache", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_servers: Callable[[str], Server]) -> dict[str, Any]:
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "memory": dict,
        "diskcache": lambda: {"path": str(tmp_path / "cache")},
        "redis": lambda: {"url": redis_servers(KINDS[0]).url},
    }
    return {"type": request.param, **kinds[request.param]()}


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    opened: list[Pipeline] = []

    def load(model: Slow, store: dict[str, Any] | None = None, *rules: str, **settings: Any) -> Pipeline:
        path = write_pipeline(tmp_path, *(rules or (COUNT,)), store=store or {"type": "memory"}, **settings)
        opened.append(stepflow.load(path))
        opened[-1].backend = model
        return opened[-1]

    yield load
    for pipeline in opened:
        pipeline.close()


def at_once(number: int, work: Callable[[], Any]) -> list[Any]:
    """What `work` returned or raised, in as many threads that begin together."""
    barrier = threading.Barrier(number, timeout=30)

    def attempt() -> Any:
        barrier.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return [future.result() for future in [pool.submit(attempt) for _ in range(number)]]


def names(outcomes: list[Outcome]) -> Counter[str]:
    """How they were answered. Who looks for likenesses just when the record comes reuses it: as good as exact."""
    return Counter("exact" if outcome.outcome == "reuse" else outcome.outcome for outcome in outcomes)


# --- one call ---------------------------------------------------------------------------------------------------------


def test_twenty_threads_make_one_call(load: Callable[..., Pipeline], settings: dict[str, Any]) -> None:
    model = Slow()
    pipeline = load(model, settings)
    outcomes = at_once(20, lambda: pipeline.run("count to 3"))
    assert model.calls == 1
    assert names(outcomes) == {"miss": 1, "exact": 19}
    assert {outcome.answer for outcome in outcomes} == {RIGHT}
    assert sum(outcome.calls for outcome in outcomes) == 1


def test_twenty_tasks_make_one_call_and_block_no_loop(load: Callable[..., Pipeline], settings: dict[str, Any]) -> None:
    model = Slow()
    pipeline = load(model, settings)

    async def go() -> tuple[list[Outcome], float]:
        longest, began = 0.0, time.monotonic()
        asked = asyncio.gather(*(pipeline.arun("count to 3") for _ in range(20)))
        while not asked.done():
            began = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - began)
        return list(await asked), longest

    outcomes, longest = asyncio.run(go())
    assert model.calls == 1
    assert names(outcomes) == {"miss": 1, "exact": 19}
    assert longest < model.seconds, "somebody waited on the loop"


ASK = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import stepflow
from stepflow.protocols import Completion
class Counting:
    model, identity = "slow", {"model": "slow"}
    def complete(self, call):
        import time
        print("call", flush=True)
        time.sleep(float(sys.argv[2]))
        return Completion("1\\n2\\n3")
    def close(self): pass
with stepflow.load(sys.argv[1]) as pipeline:
    pipeline.backend = Counting()
    pipeline._keeper.lease_s = float(sys.argv[4])
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(5) as pool:
        for outcome in pool.map(lambda _: pipeline.run("count to 3"), range(int(sys.argv[3]))):
            print(outcome.outcome, flush=True)
"""


def process(path: str, seconds: float = 0.5, threads: int = 5, lease_s: float = 10) -> Child:
    """A process that is ready to ask, once a line comes in."""
    started = Child(ASK, path, seconds, threads, lease_s)
    assert started.line() == "ready"
    return started


@pytest.mark.parametrize("settings", ["diskcache", "redis"], indirect=True)
def test_four_processes_of_five_threads_make_one_call(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = write_pipeline(tmp_path, COUNT, store=settings)
    started = [process(path) for _ in range(4)]
    for each in started:
        each.say()
    said = Counter(line for each in started for line in each.end())
    assert said["call"] == said["miss"] == 1
    assert said["exact"] + said["reuse"] == 19


def test_the_journal_says_who_was_waited_for(load: Callable[..., Pipeline]) -> None:
    pipeline = load(Slow())
    told = [story(outcome) for outcome in at_once(2, lambda: pipeline.run("count to 3"))]
    waited = [text for text in told if "flight:" in text]
    assert len(waited) == 1
    assert "flight: the same request was being answered: waited" in waited[0]
    assert "answers exactly this request" in waited[0]


def test_different_requests_go_side_by_side(load: Callable[..., Pipeline]) -> None:
    model = Slow("no answer")
    pipeline = load(model)
    prompts = iter([f"count to {number}" for number in range(3, 8)])
    at_once(5, lambda: pipeline.run(next(prompts)))
    assert model.most_at_once == 5


@pytest.mark.parametrize(
    "different", [{"tenant": "north"}, {"parameters": {"temperature": 1}}, {"system": "Be brief."}]
)
def test_requests_that_may_not_share_an_answer_do_not_wait(
    load: Callable[..., Pipeline], different: dict[str, Any]
) -> None:
    model = Slow()
    pipeline = load(model)
    options = iter([{}, different])
    at_once(2, lambda: pipeline.run("count to 3", **next(options)))
    assert (model.calls, model.most_at_once) == (2, 2)


# --- nobody waits in vain ---------------------------------------------------------------------------------------------


def test_after_a_leader_that_failed_another_leads(load: Callable[..., Pipeline], settings: dict[str, Any]) -> None:
    model = Slow(BackendError("the model is down"), RIGHT)
    pipeline = load(model, settings)
    results = at_once(10, lambda: pipeline.run("count to 3"))
    assert model.calls == 2
    assert [str(result) for result in results if isinstance(result, Exception)] == ["the model is down"]
    assert names([result for result in results if isinstance(result, Outcome)]) == {"miss": 1, "exact": 8}


def test_leaders_that_leave_no_record_do_not_queue_the_others_up(load: Callable[..., Pipeline]) -> None:
    model = Slow("nonsense", seconds=0.2)
    pipeline = load(model)
    began = time.monotonic()
    outcomes = at_once(12, lambda: pipeline.run("count to 3"))
    assert {outcome.final for outcome in outcomes} == {"unverified"}
    assert (model.calls, model.most_at_once > 5) == (12, True)
    assert time.monotonic() - began < 12 * model.seconds


def test_what_no_rule_owns_is_never_waited_for(load: Callable[..., Pipeline]) -> None:
    model = Slow("hello")
    pipeline = load(model)
    assert names(at_once(5, lambda: pipeline.run("hi"))) == {"passthrough": 5}
    assert model.most_at_once == 5


@pytest.mark.parametrize("settings", ["diskcache", "redis"], indirect=True)
def test_after_a_leader_was_killed_a_follower_takes_over(
    load: Callable[..., Pipeline], tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Slow()
    pipeline = load(model, settings)
    leader = process(str(tmp_path / "pipeline.yaml"), seconds=60, threads=1, lease_s=1.5)
    leader.say()
    assert leader.line() == "call"
    leader.kill()
    began = time.monotonic()
    outcomes = at_once(3, lambda: pipeline.run("count to 3"))
    assert names(outcomes) == {"miss": 1, "exact": 2}
    assert model.calls == 1
    assert 0.5 < time.monotonic() - began < 10


def test_a_slow_leader_keeps_its_lease_and_a_follower_its_patience(
    load: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Slow(seconds=1.2)
    pipeline = load(model, limits={"wall_time": "5s"})
    pipeline._keeper = Keeper(lease_s=0.3)
    assert names(at_once(3, lambda: pipeline.run("count to 3"))) == {"miss": 1, "exact": 2}
    assert model.calls == 1


def test_nobody_waits_longer_than_the_wall_time(load: Callable[..., Pipeline]) -> None:
    let_go = threading.Event()

    class Held(Slow):
        def complete(self, call: Call) -> Completion:
            end = self._begin()
            assert self.calls > 1 or let_go.wait(30)
            return self._finish(end)

    model = Held()
    pipeline = load(model, limits={"wall_time": "1s"})
    leader = threading.Thread(target=lambda: pipeline.run("count to 3"))
    leader.start()
    while not model.calls:
        time.sleep(0.01)
    began = time.monotonic()
    outcome = pipeline.run("count to 3")
    assert 0.9 < time.monotonic() - began < 2.5
    assert (outcome.outcome, outcome.final) == ("miss", "verified")
    assert "without getting a record; no longer" in story(outcome)
    let_go.set()
    leader.join()


def test_a_cancelled_leader_lets_the_others_go_on_at_once(load: Callable[..., Pipeline]) -> None:
    model = Slow(seconds=0.2)
    pipeline = load(model)

    async def go() -> Outcome:
        model.seconds = 30
        leader = asyncio.create_task(pipeline.arun("count to 3"))
        while not model.calls:
            await asyncio.sleep(0.01)
        model.seconds = 0.1
        follower = asyncio.create_task(pipeline.arun("count to 3"))
        await asyncio.sleep(0.2)
        leader.cancel()
        return await asyncio.wait_for(follower, 3)

    outcome = asyncio.run(go())
    assert (outcome.outcome, model.calls) == ("miss", 2)


def test_a_run_that_is_cancelled_while_it_takes_its_lease_gives_it_back(load: Callable[..., Pipeline]) -> None:
    model = Slow(seconds=0)
    pipeline = load(model)
    taking = threading.Event()

    class Held(MemoryStore):
        def acquire(self, key: str, owner: str, seconds: float) -> str:
            taking.set()
            time.sleep(0.3)
            return super().acquire(key, owner, seconds)

    pipeline.archive._store = store = Held()

    async def go() -> None:
        run = asyncio.create_task(pipeline.arun("count to 3"))
        await asyncio.to_thread(taking.wait, 10)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert store._leases == {}, "it is still being taken"
        await asyncio.sleep(0.6)

    asyncio.run(go())
    assert (store._leases, model.calls) == ({}, 0)


def test_runs_of_one_process_wait_for_their_leader_without_asking_the_store(load: Callable[..., Pipeline]) -> None:
    pipeline = load(Slow(seconds=1.0))
    store = watch(pipeline)
    assert names(at_once(10, lambda: pipeline.run("count to 3"))) == {"miss": 1, "exact": 9}
    assert store.taken <= 20, "each asks once or twice until somebody leads"


# --- nobody pays who need not ----------------------------------------------------------------------------------------


class Watched(MemoryStore):
    """A store that counts leases."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def acquire(self, key: str, owner: str, seconds: float) -> str:
        self.taken += 1
        return super().acquire(key, owner, seconds)


def watch(pipeline: Pipeline) -> Watched:
    store = Watched()
    pipeline.archive._store = store
    return store


def test_only_who_asks_the_model_takes_a_lease(load: Callable[..., Pipeline]) -> None:
    pipeline = load(Slow(seconds=0))
    store = watch(pipeline)
    assert (pipeline.run("count to 3").outcome, store.taken) == ("miss", 1)
    assert (pipeline.run("count to 3").outcome, store.taken) == ("exact", 1)
    assert (pipeline.run("please count to 3").outcome, store.taken) == ("reuse", 1)
    assert store._leases == {}


def test_a_run_without_a_model_waits_for_nobody(load: Callable[..., Pipeline]) -> None:
    pipeline = load(Slow(seconds=0))
    store = watch(pipeline)
    with pytest.raises(BackendError, match="forbids it"):
        pipeline.run("count to 3", allow_model=False)
    assert store.taken == 0


def test_it_can_be_switched_off(load: Callable[..., Pipeline]) -> None:
    model = Slow()
    pipeline = load(model, {"type": "memory", "single_flight": False})
    store = watch(pipeline)
    at_once(3, lambda: pipeline.run("count to 3"))
    assert (model.calls, store.taken) == (3, 0)


@pytest.mark.parametrize("stage", ["exact", "record"])
def test_without_the_stages_that_make_a_record_findable_nobody_waits(load: Callable[..., Pipeline], stage: str) -> None:
    from stepflow.plan import STAGES

    pipeline = load(Slow(seconds=0), None, COUNT, stages=[each for each in STAGES if each != stage])
    store = watch(pipeline)
    pipeline.run("count to 3")
    assert store.taken == 0


def test_a_patch_is_waited_for_like_a_full_answer(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.store("count to 3", "1\n2\n7")
    flow.pipeline.backend = model = Slow("3")
    outcomes = at_once(5, lambda: flow.pipeline.run("count to 3"))
    assert names(outcomes) == {"patch": 1, "exact": 4}
    assert {outcome.answer for outcome in outcomes} == {RIGHT}
    assert model.calls == 1


class Broken(MemoryStore):
    """A store that gives no leases."""

    def acquire(self, key: str, owner: str, seconds: float) -> str:
        raise StoreError("it is away")


def test_a_store_without_leases_costs_calls_and_is_named(load: Callable[..., Pipeline]) -> None:
    pipeline = load(Slow(seconds=0))
    pipeline.archive._store = Broken()
    outcome = pipeline.run("count to 3")
    assert (outcome.outcome, outcome.final) == ("miss", "verified")
    assert "flight: other runs of the same request cannot be seen: it is away" in story(outcome)


# --- leases -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "disk", *KINDS])
def store(request: pytest.FixtureRequest, tmp_path: Path, redis_servers: Callable[[str], Server]) -> Iterator[Store]:
    if request.param == "memory":
        opened: Store = MemoryStore()
    elif request.param == "disk":
        opened = DiskStore(tmp_path / "store")
    else:
        opened = RedisStore(redis_servers(request.param).url)
    yield opened
    opened.close()


def test_a_lease_has_one_owner_until_it_is_given_back_or_runs_out(store: Store) -> None:
    assert store.acquire("k", "a", 30) == "a"
    assert store.acquire("k", "b", 30) == "a"
    assert store.acquire("k", "a", 30) == "a"
    assert store.acquire("other", "b", 30) == "b"
    store.release("k", "b")
    assert store.acquire("k", "b", 30) == "a"
    store.release("k", "a")
    assert store.acquire("k", "b", 0.05) == "b"
    time.sleep(0.1)
    assert store.acquire("k", "c", 30) == "c"
    store.release("k", "b")
    assert store.acquire("k", "a", 30) == "c"


def test_of_many_who_ask_at_once_one_gets_the_lease(store: Store) -> None:
    asking = iter("abcdefgh")
    assert len(set(at_once(8, lambda: store.acquire("k", next(asking), 30)))) == 1


def test_leases_are_no_values_and_no_entries(store: Store) -> None:
    store.acquire("k", "a", 30)
    assert (list(store.keys()), list(store.tail(0)), list(store.check())) == ([], [], [])


def test_a_folder_that_holds_only_leases_is_still_a_store(tmp_path: Path) -> None:
    first = DiskStore(tmp_path / "store")
    first.acquire("k", "a", 30)
    first.close()
    again = DiskStore(tmp_path / "store")
    assert again.acquire("k", "b", 30) == "a"
    again.close()


def test_a_clock_that_went_back_binds_nobody_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskStore(tmp_path / "store")
    now = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    store.acquire("k", "a", 10)
    now -= 3600
    assert store.acquire("k", "b", 10) == "b"
    store.close()


def test_a_lease_that_was_given_back_is_not_renewed(tmp_path: Path) -> None:
    class Leases(MemoryStore):
        def lookup(self, key: str) -> tuple[None, tuple[str, ...]]:
            return None, ()

    leases = Leases()
    flight = flights.Flight(leases, Keeper(lease_s=30))
    assert flight.board(Join("k", 1)) == Looked(None)
    flight.land()
    flight.renew()
    assert leases.acquire("k", "other", 30) == "other"


def test_a_fork_does_not_renew_its_parents_leases(tmp_path: Path) -> None:
    class Leases(MemoryStore):
        def lookup(self, key: str) -> tuple[None, tuple[str, ...]]:
            return None, ()

    leases = Leases()
    flight = flights.Flight(leases, Keeper(lease_s=0.15))
    flight.board(Join("k", 1))
    time.sleep(0.4)
    assert leases.acquire("k", "other", 30) != "other", "the parent renews it"
    flight.pid = -1  # as a child sees a flight of its parent
    time.sleep(0.4)
    assert leases.acquire("k", "other", 30) == "other"
