"""Once with a real model: OpenAI's client, the shipped rules, and llama.cpp in the server's own process."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import openai
import pytest
from serverkit import running

SHIPPED = Path(__file__).resolve().parents[2] / "rules" / "linear-equation.yaml"

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="no local model is installed"),
]


def test_the_openai_client_is_answered_verified_by_a_real_model(tmp_path: Path) -> None:
    backend = {"model": "local/smollm2-135m-instruct", "max_tokens": 60}
    with (
        running(tmp_path, SHIPPED.read_text(encoding="utf-8"), pipeline={"backend": backend}) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="-", timeout=120) as client,
    ):
        prompt: Any = [{"role": "user", "content": "Solve 2x + 3 = 11 for x."}]
        first = client.chat.completions.with_raw_response.create(model="kit", messages=prompt)
        again = client.chat.completions.with_raw_response.create(model="kit", messages=prompt)
        answers = [each.parse().choices[0].message.content for each in (first, again)]
        assert answers[0] == answers[1]
        assert "x = 4" in str(answers[0])
        assert first.headers["x-stepflow-final"] in ("verified", "fallback")
        assert (again.headers["x-stepflow-outcome"], again.headers["x-stepflow-calls"]) == ("exact", "0")

        hello: Any = [{"role": "user", "content": "Say hello."}]
        with client.chat.completions.create(model="kit", messages=hello, stream=True, max_tokens=12) as stream:
            chunks = list(stream)
        assert len(chunks) > 5  # token by token, as the model writes
        assert {chunk.model for chunk in chunks} == {"local/smollm2-135m-instruct"}  # and no path of the machine
        assert chunks[-1].choices[0].finish_reason == "length"
