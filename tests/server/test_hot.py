"""Replies that are kept ready: they are what the long way would have said, and they go as soon as their record does."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flowkit import COUNT, edited, write_pipeline
from hypothesis import given
from hypothesis import strategies as st
from serverkit import RIGHT, Running, bearer, counting, events, keyring, running

import stepflow
from stepflow.records import pointer
from stepflow.server.hot import HotAnswers, Template, key_of
from stepflow.server.http import make_app
from stepflow.server.running import reload_all


class Kept:
    """A server on a disk store that has answered `count to 3` twice, and how many requests went the long way since."""

    def __init__(self, server: Running, **request: Any) -> None:
        self.server = server
        self.request = request
        self.long = 0
        answer = server.service.answer

        async def counted(*arguments: Any) -> Any:
            self.long += 1
            return await answer(*arguments)

        server.service.answer = counted  # type: ignore[method-assign]
        for _ in range(2):
            server.chat(**request)
        self.long = 0

    def again(self, **more: Any) -> httpx.Response:
        return self.server.chat(**{**self.request, **more})

    @property
    def archive(self) -> Any:
        return self.server.house.current.pipeline.archive

    @property
    def record(self) -> str:
        return next(iter(self.archive.records())).id


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    store = {"type": "diskcache", "path": str(tmp_path / "cache")}
    with running(tmp_path, COUNT, model=counting(), pipeline={"store": store}) as server:
        yield Kept(server)


def outcome(reply: httpx.Response) -> str:
    return reply.headers["x-stepflow-outcome"]


def test_the_third_of_the_same_requests_is_ready(kept: Kept) -> None:
    replies = [kept.again() for _ in range(3)]
    assert ({outcome(reply) for reply in replies}, kept.long) == ({"exact"}, 0)
    assert replies[0].json()["choices"][0]["message"]["content"] == RIGHT
    assert len({reply.headers["x-request-id"] for reply in replies}) == 3


SHAPES: dict[str, dict[str, Any]] = {
    "whole": {},
    "stream": {"stream": True},
    "stream with usage": {"stream": True, "stream_options": {"include_usage": True}},
    "namespace": {"stepflow": {"namespace": "mine"}},
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_ready_reply_is_what_the_long_way_says_but_for_its_id_and_time(tmp_path: Path, name: str) -> None:
    with running(tmp_path, model=counting()) as server:
        server.chat(**SHAPES[name])
        kept = Kept(server, **SHAPES[name])
        server.service.hot.clear()
        long, ready = kept.again(), kept.again()
    assert kept.long == 1
    assert _plain(long) == _plain(ready)
    assert list(_headers(long)) == list(_headers(ready))
    assert ready.headers["x-request-id"] in ready.text
    assert ready.headers["x-request-id"] != long.headers["x-request-id"]


def _plain(reply: httpx.Response) -> Any:
    text = reply.text.replace(reply.headers["x-request-id"], "ID")
    headers = {name: value.replace(reply.headers["x-request-id"], "ID") for name, value in _headers(reply).items()}
    return re.sub(r'"created":\d{10},', "", text), headers


def _headers(reply: httpx.Response) -> dict[str, str]:
    sent = {name: value for name, value in reply.headers.items() if name not in ("date", "transfer-encoding")}
    return {name: sent[name] for name in sorted(sent) if name != "content-length"}


def test_a_ready_stream_has_its_chunks_and_its_end(tmp_path: Path) -> None:
    with running(tmp_path, model=counting()) as server:
        kept = Kept(server, stream=True)
        reply = kept.again()
    assert kept.long == 0
    assert [event["choices"][0]["delta"].get("content") for event in events(reply)[:-2]] == ["", "1\n", "2\n", "3"]
    assert events(reply)[-1] == "[DONE]"


# --- what makes it go ------------------------------------------------------------------------------------------------


def delete_here(kept: Kept) -> None:
    assert kept.server.client.delete(f"/v1/records/{kept.record}").status_code == 200


def delete_elsewhere(kept: Kept) -> None:
    with stepflow.load(kept.server.house.path) as other:
        assert other.archive.delete(kept.record)


def lose_the_exact_row(kept: Kept) -> None:
    store = kept.archive._store
    store.delete(next(store.keys("exact:")))


def damage(kept: Kept) -> None:
    kept.archive._store.put(f"record:{kept.record}", '"damaged"')


def move_the_record(kept: Kept) -> None:
    """Another process lets the same request be answered by another record."""
    store = kept.archive._store
    kept.server.chat("count to 4")
    other = next(record.id for record in kept.archive.records() if record.id != kept.record)
    key = next(store.keys("exact:"))
    store.put(key, pointer(key.removeprefix("exact:"), other))


GOING: dict[str, tuple[Callable[[Kept], None], str]] = {
    "deleted here": (delete_here, "miss"),
    "deleted by another process": (delete_elsewhere, "miss"),
    "without its exact row": (lose_the_exact_row, "reuse"),
    "damaged": (damage, "miss"),
}


@pytest.mark.parametrize("name", GOING)
def test_a_record_that_is_gone_is_not_served_from_memory(kept: Kept, name: str) -> None:
    happen, then = GOING[name]
    assert (outcome(kept.again()), kept.long) == ("exact", 0)
    happen(kept)
    assert outcome(kept.again()) == then


def test_a_record_in_whose_place_another_came_is_not_served_from_memory(kept: Kept) -> None:
    first = kept.again().headers["x-stepflow-record"]
    move_the_record(kept)
    assert kept.again().headers["x-stepflow-record"] != first


def test_an_expired_record_is_not_served_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ({"type": "memory"}, {"type": "diskcache", "path": str(tmp_path / "cache")}):
        with running(tmp_path, model=counting(), pipeline={"store": {**kind, "expire": "1h"}}) as server:
            kept = Kept(server)
            assert (outcome(kept.again()), kept.long) == ("exact", 0)
            now = time.time
            with monkeypatch.context() as later:
                later.setattr(time, "time", lambda now=now: now() + 3601)
                if kind["type"] == "memory":
                    later.setattr(kept.archive._store, "_clock", time.time)
                assert outcome(kept.again()) == "miss"


def test_a_record_that_was_evicted_is_not_served_from_memory(kept: Kept) -> None:
    store = kept.archive._store
    store._cache._size_limit = 1
    assert store._cache.make_room()
    assert outcome(kept.again()) == "miss"


def test_a_refresh_puts_its_new_record_in_the_place_of_the_ready_reply(kept: Kept) -> None:
    old = kept.again().headers["x-stepflow-record"]
    new = kept.again(stepflow={"refresh": True})
    assert outcome(new) == "miss"
    assert kept.again().headers["x-stepflow-record"] == new.headers["x-stepflow-record"] != old


def test_what_others_write_only_makes_it_look_again(kept: Kept) -> None:
    with stepflow.load(kept.server.house.path) as other:
        other.archive._store.put("record:other", "1")
    assert (outcome(kept.again()), kept.long) == ("exact", 0)


def test_new_files_and_new_keys_are_heeded_at_once(kept: Kept, tmp_path: Path) -> None:
    old = kept.server.house.current
    (tmp_path / "rule-0.yaml").write_text(edited(COUNT, title="changed"), encoding="utf-8")
    asyncio.run(reload_all(kept.server.service))
    assert len(kept.server.service.hot) == 0  # nothing holds what is not served any more
    assert kept.server.house.current is not old
    kept.server.model = counting()
    assert outcome(kept.again()) == "reuse"


def test_what_was_prepared_under_old_files_is_never_served_under_new_ones(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "rule-0.yaml").write_text(edited(COUNT, title="changed"), encoding="utf-8")
    compiled = kept.server.house.compile()
    assert compiled is not None
    kept.server.house.move_in(compiled)
    assert len(kept.server.service.hot) == 1
    kept.server.model = counting()
    assert outcome(kept.again()) == "reuse"


# --- who gets it -----------------------------------------------------------------------------------------------------

WISHES = {
    "max_age": ({"max_age": 0}, "miss"),
    "no_cache": ({"no_cache": True}, "miss"),
    "shadow": ({"shadow": True}, "passthrough"),
    "refresh": ({"refresh": True}, "miss"),
    "namespace": ({"namespace": "other"}, "miss"),
}


@pytest.mark.parametrize("name", WISHES)
@pytest.mark.parametrize("how", ["header", "body"])
def test_a_wish_for_something_else_goes_the_long_way_each_time(kept: Kept, name: str, how: str) -> None:
    wish, first = WISHES[name]
    headers = {f"x-stepflow-{key.replace('_', '-')}": str(value).lower() for key, value in wish.items()}
    time.sleep(0.01)
    more: dict[str, Any] = {"headers": headers} if how == "header" else {"stepflow": wish}
    assert outcome(kept.again(**more)) == first
    kept.again(**more)
    if name != "namespace":
        assert (outcome(kept.again(**more)), kept.long) == (first, 3)
    assert outcome(kept.again()) == "exact"


def test_a_record_that_was_young_enough_is_looked_at_again_each_time(tmp_path: Path) -> None:
    with running(tmp_path, model=counting()) as server:
        kept = Kept(server, stepflow={"max_age": 1})
        assert (outcome(kept.again()), kept.long) == ("exact", 1)
        time.sleep(1)
        assert outcome(kept.again()) == "miss"


def test_a_tenant_never_gets_what_is_ready_for_another(tmp_path: Path) -> None:
    keys = keyring(north="key-north", south="key-south")
    with running(tmp_path, model=counting(), keys=keys) as server:
        kept = Kept(server, headers=bearer("key-north"))
        assert (outcome(kept.again()), kept.long) == ("exact", 0)
        assert outcome(kept.again(headers=bearer("key-south"))) == "miss"
        assert kept.again(headers=bearer("key-west")).status_code == 401
        server.service.keys = keyring(south="key-south")
        assert kept.again().status_code == 401


def test_a_page_of_another_site_gets_nothing_that_is_ready(kept: Kept) -> None:
    assert kept.again(headers={"host": "evil.example"}).status_code == 403


def test_the_shared_records_are_ready_for_their_owner_only(tmp_path: Path) -> None:
    keys = keyring(north="key-north", common="key-common")
    with running(tmp_path, model=counting(), keys=keys, shared="common") as server:
        server.chat(headers=bearer("key-common"))
        kept = Kept(server, headers=bearer("key-north"))
        kept.again()
        assert kept.long == 1
        server.client.delete(f"/v1/records/{kept.record}", headers=bearer("key-common"))
        assert outcome(kept.again()) == "miss"


def test_without_a_version_of_the_store_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepflow.adapters.stores.memory.MemoryStore.version", lambda self: None)
    with running(tmp_path, model=counting()) as server:
        kept = Kept(server)
        assert (outcome(kept.again()), kept.long, len(server.service.hot)) == ("exact", 1, 0)


# --- accounts --------------------------------------------------------------------------------------------------------


def test_whoever_looks_finds_all_hits_noted(kept: Kept) -> None:
    ids = [kept.again().headers["x-request-id"] for _ in range(5)]
    state = kept.server.client.get("/console/state").json()
    assert [each["id"] for each in state["requests"][:5]] == ids[::-1]
    assert state["rules"][0]["exact"] == 6
    story = kept.server.client.get(f"/console/requests/{ids[0]}").json()
    assert (story["outcome"], story["answer"], len(story["steps"])) == ("exact", RIGHT, 3)
    for _ in range(2):
        kept.again()
    assert 'outcome="exact",pipeline="kit",rule="count"} 8.0' in kept.server.client.get("/metrics").text


def test_nothing_that_was_not_yet_noted_is_lost_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepflow.server.ledger.SETTLED_EVERY_S", 3600)
    store = {"type": "diskcache", "path": str(tmp_path / "cache")}
    lines: list[str] = []
    monkeypatch.setattr("logging.Logger.log", lambda self, level, form, *said: lines.append(form % said))
    with running(tmp_path, model=counting(), log="text", pipeline={"store": store}) as server:
        kept = Kept(server)
        before = len([line for line in lines if line.startswith("request")])
        for _ in range(3):
            kept.again()
        assert len([line for line in lines if line.startswith("request")]) == before
    assert sum(line.count("request id=") for line in lines) == 5
    import sqlite3

    rows = sqlite3.connect(tmp_path / "cache" / "values" / "cache.db").execute("select access_count from Cache")
    assert {count for (count,) in rows} == {4}


# --- parts -----------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=60), st.text("0123456789abcdef", min_size=1, max_size=20), st.integers(0, 2**40))
def test_a_template_leaves_open_the_id_and_the_time_and_nothing_else(text: bytes, id_: str, at: int) -> None:
    def write(id_: str, at: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
        return [(b"x-a", text), (b"x-id", id_.encode())], text + id_.encode() + text + b"%d" % at + id_.encode()

    template = Template(write)
    assert template.whole
    assert template.filled(id_, at) == write(id_, at)


def test_a_header_that_only_holds_the_id_cannot_be_left_open() -> None:
    assert not Template(lambda id_, at: ([(b"x", b"it is " + id_.encode())], b"")).whole


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "chat", (), b"b"), ("", "chat", (), b"b")),
        (("a", "chat", (), b"b"), ("a", "text", (), b"b")),
        (("a", "chat", (), b"b"), ("a", "chat", (), b"b ")),
        (("a", "chat", ((b"x", b"y"),), b"b"), ("a", "chat", (), b"b")),
        (("a", "chat", ((b"x", b"y"), (b"x", b"z")), b"b"), ("a", "chat", ((b"x", b"z"), (b"x", b"y")), b"b")),
        (("a", "chat", ((b"xy", b""),), b"b"), ("a", "chat", ((b"x", b"y"),), b"b")),
    ],
)
def test_whatever_decides_an_answer_is_in_its_key(one: Any, other: Any) -> None:
    assert key_of(*one) != key_of(*other)
    assert key_of(*one) == key_of(*one)


def test_what_is_kept_never_takes_more_than_its_room(tmp_path: Path) -> None:
    model = counting(*range(1, 60))
    room = 16 * 8192
    with running(tmp_path, model=model, hot_bytes=room) as server:
        for _ in range(2):
            for last in range(1, 60):
                server.chat(f"count to {last}")
        hot = server.service.hot
        assert 0 < len(hot) < 30
        assert sum(each.size for each in hot._answers.values()) == hot._taken <= room
        last_one, first_one = "count to 59", "count to 1"
        assert outcome(server.chat(last_one)) == outcome(server.chat(first_one)) == "exact"


def test_an_answer_too_large_for_the_room_is_not_kept(tmp_path: Path) -> None:
    with running(tmp_path, model=counting(), hot_bytes=4096) as server:
        kept = Kept(server)
        assert (outcome(kept.again()), kept.long, len(server.service.hot)) == ("exact", 1, 0)


def test_those_used_longest_ago_make_room() -> None:
    class Answer:
        def __init__(self, size: int) -> None:
            self.size = size
            self.template = type("T", (), {"whole": True})

    hot = HotAnswers(160)
    for name in "abcdefghijklmnopq":
        hot.keep((name, "", (), b""), Answer(10))  # type: ignore[arg-type]
    assert [key[0] for key in hot._answers] == list("bcdefghijklmnopq")


def test_requests_of_one_turn_ask_for_the_version_once_and_those_of_the_next_again() -> None:
    class Archive:
        asked = 0

        def version(self) -> int:
            self.asked += 1
            return self.asked

    async def turns() -> list[Any]:
        hot, archive = HotAnswers(1000), Archive()
        seen: list[Any] = []

        async def one() -> None:
            seen.append(hot._version(archive))  # type: ignore[arg-type]

        await asyncio.gather(one(), one(), one())
        await asyncio.gather(one(), one())
        return seen

    assert asyncio.run(turns()) == [1, 1, 1, 2, 2]


def test_an_application_without_a_life_answers_too(tmp_path: Path) -> None:
    from stepflow.server.houses import House
    from stepflow.server.service import Service
    from stepflow.server.settings import Settings

    path = write_pipeline(tmp_path, COUNT)
    service = Service(Settings((path,), log="none"), [House(path)])
    service.houses[0].current.pipeline.backend = counting()

    async def ask() -> list[str]:
        transport = httpx.ASGITransport(make_app(service))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            body = {"model": "kit", "messages": [{"role": "user", "content": "count to 3"}]}
            return [outcome(await client.post("/v1/chat/completions", json=body)) for _ in range(4)]

    assert asyncio.run(ask()) == ["miss", "exact", "exact", "exact"]
    service.close()
