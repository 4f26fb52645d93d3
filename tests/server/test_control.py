"""What a request may ask of stepflow, by headers and by `extra_body`; and what each tenant may see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from flowkit import COUNT, UNIT, edited, write_pipeline
from serverkit import RIGHT, Running, bearer, counting, keyring, running

from stepflow.server.control import PLAIN, Control, control_of
from stepflow.server.refusals import Refused


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, COUNT, edited(COUNT, id="other"), UNIT, model=counting()) as found:
        yield found


def outcome(reply: Any) -> str:
    assert reply.status_code == 200, reply.text
    return str(reply.headers["x-stepflow-outcome"])


def test_headers_come_before_the_body() -> None:
    assert control_of({}, None) is PLAIN
    assert control_of({"x-stepflow-rule": "a", "x-stepflow-no-cache": "1"}, {"rule": "b", "max_age": 5}) == Control(
        rule="a", no_cache=True, max_age=5.0
    )


@pytest.mark.parametrize(
    ("headers", "member"),
    [
        ({}, {"wibble": 1}), ({}, []), ({}, "x"), ({}, {"max_age": -1}), ({}, {"max_age": True}), ({}, {"rule": 3}),
        ({}, {"namespace": "a/b"}), ({}, {"namespace": ""}), ({"x-stepflow-no-cache": "maybe"}, None),
        ({}, {"rule": ""}),
        ({"x-stepflow-max-age": "1e9"}, None), ({"x-stepflow-max-age": "nan"}, None), ({}, {"no_store": "2"}),
        ({"x-stepflow-namespace": "../x"}, None), ({"x-stepflow-namespace": "a" * 65}, None),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_read_is_refused(headers: dict[str, str], member: Any) -> None:
    with pytest.raises(Refused) as caught:
        control_of(headers, member)
    assert caught.value.status == 400


def test_extra_body_of_the_openai_client_reaches_stepflow_and_not_the_model(server: Running) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="-") as client:
        messages: Any = [{"role": "user", "content": "count to 3"}]
        raw = client.chat.completions.with_raw_response.create(
            model="kit", messages=messages, extra_body={"stepflow": {"rule": "other"}}
        )
    assert raw.headers["x-stepflow-rule"] == "other"
    assert dict(server.model.calls[0].parameters) == {}


def test_a_rule_that_is_not_there_is_refused(server: Running) -> None:
    reply = server.chat(headers={"x-stepflow-rule": "wibble"})
    assert (reply.status_code, reply.json()["error"]["message"]) == (
        404, "there is no rule 'wibble' in the pipeline kit; there are: count, other, unit",
    )  # fmt: skip


def test_no_cache_reads_no_record_and_leaves_one(server: Running) -> None:
    assert [outcome(server.chat(headers={"x-stepflow-no-cache": "true"})) for _ in range(2)] == ["miss", "miss"]
    assert outcome(server.chat()) == "exact"


def test_no_store_leaves_no_record(server: Running) -> None:
    assert [outcome(server.chat(stepflow={"no_store": True})) for _ in range(2)] == ["miss", "miss"]
    assert server.client.get("/v1/records").json()["data"] == []


def test_refresh_answers_anew_and_forgets_the_old_record(server: Running) -> None:
    old = server.chat().headers["x-stepflow-record"]
    fresh = server.chat(stepflow={"refresh": True})
    assert (outcome(fresh), len(server.model.calls)) == ("miss", 2)
    assert [each["id"] for each in server.client.get("/v1/records").json()["data"]] == [
        fresh.headers["x-stepflow-record"]
    ]
    assert server.client.get(f"/v1/records/{old}").status_code == 404
    assert server.chat().headers["x-stepflow-record"] == fresh.headers["x-stepflow-record"]


def test_a_refresh_that_fails_forgets_nothing(server: Running) -> None:
    old = server.chat().headers["x-stepflow-record"]
    server.model.answers["count to 3"] = "no"
    assert server.chat(stepflow={"refresh": True}).headers["x-stepflow-final"] == "unverified"
    assert server.chat().headers["x-stepflow-record"] == old


def test_max_age_passes_older_records_by(server: Running) -> None:
    server.chat()
    assert outcome(server.chat(headers={"x-stepflow-max-age": "3600"})) == "exact"
    assert outcome(server.chat("please count to 3", headers={"x-stepflow-max-age": "0"})) == "miss"
    assert outcome(server.chat(headers={"x-stepflow-max-age": "0"})) == "miss"


def test_namespaces_share_nothing(server: Running) -> None:
    assert outcome(server.chat(stepflow={"namespace": "one"})) == "miss"
    assert outcome(server.chat(stepflow={"namespace": "two"})) == "miss"
    assert outcome(server.chat("please count to 3")) == "miss"
    assert outcome(server.chat(stepflow={"namespace": "one"})) == "exact"


def test_a_shadowed_request_gets_the_models_answer_and_says_what_it_would_have_got(server: Running) -> None:
    server.chat()
    server.model.answers["count to 3"] = "from the model"
    reply = server.chat(stepflow={"shadow": True})
    assert (outcome(reply), reply.headers["x-stepflow-shadow"]) == ("passthrough", "exact")
    assert reply.json()["choices"][0]["message"]["content"] == "from the model"
    assert server.chat("count to 4", stepflow={"shadow": True}).headers["x-stepflow-shadow"] in ("patch", "model")
    assert len(server.client.get("/v1/records").json()["data"]) == 1


def test_the_pipeline_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    paths = (write_pipeline(tmp_path, COUNT), write_pipeline(tmp_path / "b", UNIT, id="second"))
    with running(tmp_path, pipelines=paths, path=paths[0], model=counting()) as server:
        server.service.houses[1].current.pipeline.backend = counting()
        assert outcome(server.chat()) == "miss"
        assert outcome(server.chat(model="second")) == "passthrough"
        assert outcome(server.chat(headers={"x-stepflow-pipeline": "second"})) == "passthrough"
        assert server.chat(headers={"x-stepflow-pipeline": "third"}).status_code == 404


def test_a_deleted_record_is_never_served_again_and_others_stay(server: Running) -> None:
    gone = server.chat().headers["x-stepflow-record"]
    kept = server.chat("count to 4", stepflow={"no_cache": True}).headers["x-stepflow-record"]
    assert outcome(server.chat("please count to 3")) == "reuse"
    assert server.client.delete(f"/v1/records/{gone[:8]}").status_code == 404  # a part of an id is not an id
    assert server.client.delete(f"/v1/records/{gone}").json() == {"id": gone, "object": "record", "deleted": True}
    assert server.client.delete(f"/v1/records/{gone}").status_code == 404
    assert [each["id"] for each in server.client.get("/v1/records").json()["data"]] == [kept]
    assert outcome(server.chat("please count to 3", stepflow={"no_store": True})) != "exact"


# --- tenants ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Running]:
    keys = keyring(north="key-n", south="key-s", boss="key-b", house="key-h")
    with running(tmp_path, model=counting(), keys=keys, shared="house") as found:
        yield found


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "key-n", "Basic key-n", "Bearer key-n key-s", "Bearer ü"]
)
def test_without_a_valid_key_nothing_is_open(shared: Running, header: str) -> None:
    given = {"authorization": header.encode("latin-1")} if header else {}
    paths = ("/v1/models", "/v1/records", "/v1/records/x", "/console/state", "/console/requests/x", "/metrics")
    for method, path in [*(("GET", path) for path in paths), ("POST", "/v1/completions"), ("DELETE", "/v1/records/x")]:
        reply = shared.client.request(method, path, headers=given)  # type: ignore[arg-type]
        assert (reply.status_code, reply.json()["error"]["type"]) == (401, "authentication_error"), path


def test_no_tenant_is_ever_answered_from_anothers_records(shared: Running) -> None:
    assert outcome(shared.chat(headers=bearer("key-n"))) == "miss"
    for prompt in ("count to 3", "please count to 3"):
        for more in ({}, {"namespace": "north"}, {"rule": "count"}):
            assert outcome(shared.chat(prompt, headers=bearer("key-s"), stepflow={"no_store": True, **more})) == "miss"
    assert outcome(shared.chat(headers=bearer("key-n"))) == "exact"


def test_no_tenant_sees_or_deletes_anothers_records_or_requests(shared: Running) -> None:
    reply = shared.chat(headers=bearer("key-n"))
    record, request = reply.headers["x-stepflow-record"], reply.headers["x-stepflow-trace"]
    for key, status in (("key-s", 404), ("key-n", 200), ("key-b", 200)):
        assert shared.client.get(f"/v1/records/{record}", headers=bearer(key)).status_code == status
        assert shared.client.get(f"/console/requests/{request}", headers=bearer(key)).status_code == status
        seen = shared.client.get("/console/state", headers=bearer(key)).json()
        assert [len(seen["requests"]), len(seen["rules"])] == ([0, 0] if status == 404 else [1, 1])
        assert len(shared.client.get("/v1/records", headers=bearer(key)).json()["data"]) == (status == 200)
    assert shared.client.delete(f"/v1/records/{record}", headers=bearer("key-s")).status_code == 404
    assert shared.client.get("/metrics", headers=bearer("key-s")).status_code == 403
    assert shared.client.delete(f"/v1/records/{record}", headers=bearer("key-n")).status_code == 200


def test_the_shared_records_answer_everyone_and_only_their_owner_writes_them(shared: Running) -> None:
    assert outcome(shared.chat(headers=bearer("key-h"))) == "miss"
    reply = shared.chat("please count to 3", headers=bearer("key-n"))
    assert (outcome(reply), reply.json()["choices"][0]["message"]["content"]) == ("reuse", RIGHT)
    record = reply.headers["x-stepflow-record"]
    assert shared.client.delete(f"/v1/records/{record}", headers=bearer("key-n")).status_code == 404
    assert shared.client.get("/v1/records", headers=bearer("key-n")).json()["data"] == []
    assert outcome(shared.chat("count to 4", headers=bearer("key-n"), stepflow={"no_cache": True})) == "miss"
    assert outcome(shared.chat("count to 4", headers=bearer("key-s"), stepflow={"no_cache": True})) == "miss"
    assert len(shared.client.get("/v1/records", headers=bearer("key-h")).json()["data"]) == 1
