"""How programs use stepflow, for the type checker: it must agree without a cast. Nothing here is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, assert_type

import stepflow
from stepflow import Message, Outcome, Pipeline, Request, StepflowError, UnverifiedAnswer


def blocking(path: str) -> str:
    with stepflow.load(path, {"backend": {"model": "openai/gpt-4o-mini"}}) as pipeline:
        assert_type(pipeline, Pipeline)
        outcome = pipeline.run("Solve 2x = 4.", system="Be brief.", tenant="a", parameters={"temperature": 0})
        assert_type(outcome, Outcome)
        final: Literal["verified", "fallback", "unverified"] = outcome.final
        assert_type(outcome.constraints, Mapping[str, Any])
        return f"{final}: {outcome.answer}"


async def awaited(pipeline: Pipeline) -> int:
    request = Request((Message("system", "Be brief."), Message("user", "Solve 2x = 4.")), tenant="a")
    try:
        outcome = await pipeline.arun(request)
    except UnverifiedAnswer as error:
        return error.exit_code
    except StepflowError:
        return 2
    return outcome.usage.total + outcome.calls
