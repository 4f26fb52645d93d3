"""What the server says of itself in OpenAPI's words is true, whatever is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from serverkit import TOOL_REPLY, Model, Relaying, bearer, keyring, running


def test_keys_are_asked_for_only_where_they_are_needed(tmp_path: Path) -> None:
    with running(tmp_path, model=Model()) as server:
        assert "security" not in server.client.get("/openapi.json").json()
    with running(tmp_path, model=Model(), keys=keyring(boss="k1")) as server:
        assert server.client.get("/openapi.json").json()["security"] == [{"key": []}]


def test_requests_made_from_the_description_get_replies_that_it_describes(tmp_path: Path) -> None:
    """Valid ones are taken, invalid ones refused, and nothing is had without a key: all the checks of Schemathesis."""
    schemathesis = pytest.importorskip("schemathesis")
    model = Relaying()
    model.reply, model.answers["*"] = TOOL_REPLY, "hi"
    with running(tmp_path, model=model, keys=keyring(boss="k1")) as server:
        server.chat(headers=bearer("k1"))  # so that there is a record
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        seen = []
        for found in schema.get_all_operations():
            operation = found.ok()
            seen.append(operation.label)

            @settings(
                max_examples=16, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck]
            )
            @given(case=operation.as_strategy())
            def keeps_its_word(case: Any) -> None:
                case.call_and_validate(headers={"Authorization": "Bearer k1"})

            keeps_its_word()
    assert len(seen) == 9
