"""`litellm`: any hosted or self-hosted model that LiteLLM knows, by LiteLLM's names.

Accepts every `model` that does not begin with `local/`: `gpt-4o-mini`, `anthropic/…`, `ollama/…`, or `openai/…`
together with `api_base` for any server that speaks OpenAI's protocol. The key is read from the environment at each
call, from the provider's usual variable or the one named by `api_key_env`; a key never stands in YAML.

```yaml
backend:
  model: openai/gpt-4o-mini
  temperature: 0
  timeout: 60s
  retries: 2
```

Retries are ours, not LiteLLM's: after a rate limit, a failed connection or a server error (5xx) the call is made again,
up to `retries` times, after 0.5 s, 1 s, 2 s … (8 s at most; longer where the provider's `retry-after` asks for it), as
long as `timeout`, which counts all tries together, leaves time for it.

A `response_schema` of an object is sent as `response_format` where LiteLLM knows that the model supports it; any other
is left out, for OpenAI's interface takes none.
A parameter that the model does not support is an error, because leaving it out silently would change the answer;
`drop_params: true` leaves it out. LiteLLM's cache is never used. A reply without text is passed on as an empty text.

Whole requests of OpenAI's form (tools, images, several choices, streams) are relayed as they are, and so are their
replies. Parameters that are not OpenAI's go into the request's body (LiteLLM's `extra_body`); none can name an address,
a key, or another model.

Declines with `MissingApiKey`, `ConnectionRefused`, `RateLimited`, `TimedOut`, and `BackendError` for the rest.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import logging
import os
import re
import socket
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from stepflow.adapters.backends.relaying import OURS, SAMPLING, closed, named, passed_on, refusal, whole
from stepflow.errors import BackendError, ConnectionRefused, MissingApiKey, RateLimited, TimedOut
from stepflow.model import Usage
from stepflow.options import Options as BaseOptions
from stepflow.protocols import Call, Completion
from stepflow.toolcalls import text_of

NAME = "litellm"

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0
_QUOTED_CHARS = 300
_NO_KEY = re.compile(r"(?i)missing (credentials|\w+ api key)|api[_ ]key .*must be set|unable to locate credentials")
_NO_CONNECTION = ("ConnectError", "ClientConnectorError", "ServerDisconnectedError", "RemoteProtocolError")
_SECRET = ("api_key", "azure_ad_token", "aws_secret_access_key", "aws_session_token")


class Options(BaseOptions):
    """Which model is asked, and how it samples."""

    model: str = Field(description="LiteLLM's name of the model, e.g. openai/gpt-4o-mini.")
    temperature: float | None = Field(default=None, ge=0, description="The provider's default when not given.")
    max_tokens: int | None = Field(default=None, gt=0, description="Longest answer, in tokens.")
    seed: int | None = Field(default=None, description="Start of the random numbers, where the provider supports it.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Sample from this share of the likeliest tokens.")
    stop: str | list[str] | None = Field(default=None, description="Text at which the answer ends, not included.")
    timeout: float = Field(
        default=60.0, gt=0, description="Longest wait for an answer, in seconds, all tries together."
    )
    retries: int = Field(default=2, ge=0, description="How often a call is made again after a passing failure.")
    api_base: str | None = Field(default=None, description="Address of the server, e.g. http://127.0.0.1:8000/v1.")
    api_key_env: str | None = Field(default=None, description="Name of the environment variable that holds the key.")
    drop_params: bool = Field(default=False, description="Leave out parameters that the model does not support.")
    extra: dict[str, Any] = Field(default_factory=dict, description="More arguments, passed to LiteLLM as they are.")

    @field_validator("extra")
    @classmethod
    def _not_ours(cls, extra: dict[str, Any]) -> dict[str, Any]:
        for name in extra:
            if name in _SECRET:
                raise ValueError(f"{name!r} is a secret; name the variable that holds the key in `api_key_env`")
            if name in OURS or name in cls.model_fields:
                raise ValueError(f"{name!r} cannot be passed on; set it as an option of its own, if there is one")
        return extra


def build(options: Options, context: object = None) -> LiteLlm:
    """A backend that imports LiteLLM at its first call (2 to 10 s); `context` is not used."""
    named = options.model_dump(include={*SAMPLING, "api_base"}, exclude_none=True)
    identity = {"model": options.model, **options.extra, **named, "drop_params": options.drop_params}
    return LiteLlm(options.model, identity, options)


@dataclass(frozen=True, slots=True)
class LiteLlm:
    """A model behind LiteLLM. Safe to share between threads and event loops."""

    model: str
    identity: Mapping[str, Any]
    options: Options

    def warm(self) -> None:
        """Import LiteLLM now instead of at the first call, and also what it imports only then (another 1.5 s)."""
        _rehearse(_library())

    def complete(self, call: Call) -> Completion:
        """Ask and wait. Raises the errors named at the top of this module."""
        library = _library()
        tries = _Tries.begun(library, self.options, call)
        while True:
            try:
                return _completion(library.completion(**tries.arguments(call)), self.model)
            except Exception as error:
                wait = tries.wait_after(error)
            time.sleep(wait)

    async def acomplete(self, call: Call) -> Completion:
        """Ask without blocking the event loop, not even while LiteLLM is imported."""
        import asyncio

        library = await asyncio.to_thread(_library)
        tries = _Tries.begun(library, self.options, call)
        while True:
            try:
                asked = library.acompletion(**tries.arguments(call))
                return _completion(await asyncio.wait_for(asked, tries.left()), self.model)
            except Exception as error:
                wait = tries.wait_after(error)
            await asyncio.sleep(wait)

    async def arelay(self, body: Mapping[str, Any], timeout_s: float | None = None) -> Mapping[str, Any]:
        """Pass a whole request on; the reply as it came. Raises the errors named at the top of this module."""
        response = await self._relayed(body, timeout_s)
        return whole(response.model_dump(exclude_none=True))

    async def astream(
        self, body: Mapping[str, Any], timeout_s: float | None = None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Pass a whole request on; the reply's chunks as they come. A failure after the first is not tried again."""
        chunks = await self._relayed(body, timeout_s, stream=True, stream_options={"include_usage": True})
        try:
            async for chunk in chunks:
                yield whole(chunk.model_dump(exclude_none=True))
        except Exception as error:
            raise _translated(_library(), error, self.options, self.options.timeout) from error
        finally:
            await closed(chunks)

    async def _relayed(self, body: Mapping[str, Any], timeout_s: float | None, **how: Any) -> Any:
        import asyncio

        library = await asyncio.to_thread(_library)
        call = Call((), {name: value for name, value in body.items() if name != "messages"}, None, timeout_s)
        tries = _Tries.begun(library, self.options, call)
        if "tools" in body:  # LiteLLM would run tools of MCP servers that the request names; they are for the client
            how["_skip_mcp_handler"] = True
        while True:
            try:
                asked = library.acompletion(**{**tries.arguments(call), "messages": body["messages"], **how})
                return await asyncio.wait_for(asked, tries.left())
            except Exception as error:
                wait = tries.wait_after(error)
            await asyncio.sleep(wait)

    def close(self) -> None:
        """Nothing of ours is open; LiteLLM keeps its connections until the process ends."""


# --- LiteLLM itself --------------------------------------------------------------------------------------------------


@functools.cache
def prices(model: str) -> tuple[float, float] | None:
    """US dollars for one prompt token and for one completion token, from LiteLLM's table; None when it has none."""
    table = _library().model_cost
    entry = table.get(model) or table.get(model.partition("/")[2])
    if not entry or "input_cost_per_token" not in entry or "output_cost_per_token" not in entry:
        return None
    return float(entry["input_cost_per_token"]), float(entry["output_cost_per_token"])


def _library() -> Any:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import fetches prices from the network
    import litellm  # not inside `catch_warnings`: that would undo the filters by which it silences its own warnings

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    if "LITELLM_LOG" not in os.environ:
        for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # whatever it logs, it also raises
    return litellm


def _rehearse(library: Any) -> None:
    """A streamed call that asks nobody, for LiteLLM plays the model too. It imports 500 modules, most of OpenAI's."""
    said = [{"role": "user", "content": "hi"}]
    with contextlib.suppress(Exception):  # it only saves time: what is wrong, the first call says
        importlib.import_module("openai.resources")
        for _ in library.completion(model="openai/gpt-4o-mini", messages=said, mock_response="hi", stream=True):
            pass


# --- one call: its arguments, its tries, its reply -------------------------------------------------------------------


@dataclass(slots=True)
class _Tries:
    """The tries of one call and the time that they share."""

    library: Any
    options: Options
    timeout: float
    deadline: float
    made: int = 0

    @classmethod
    def begun(cls, library: Any, options: Options, call: Call) -> _Tries:
        """The tries of a call whose time runs from now on."""
        timeout = options.timeout if call.timeout_s is None else min(options.timeout, call.timeout_s)
        return cls(library, options, timeout, time.monotonic() + timeout)

    def left(self) -> float:
        """Seconds until the call's time is over; a little above 0 at least, for 0 means 'no limit' to many clients."""
        return max(self.deadline - time.monotonic(), 0.001)

    def arguments(self, call: Call) -> dict[str, Any]:
        """What LiteLLM is called with now.

        The first try has the whole time: LiteLLM opens a connection of its own for each `timeout` that it is given.
        """
        return {**_arguments(self.library, self.options, call), "timeout": self.left() if self.made else self.timeout}

    def wait_after(self, error: Exception) -> float:
        """Seconds until the next try. Raises the error, in our words, when there is to be none."""
        self.made += 1
        wait = max(min(_FIRST_WAIT_S * 2.0 ** (self.made - 1), _LONGEST_WAIT_S), _retry_after(error))
        ours = _translated(self.library, error, self.options, self.timeout)
        if self.made > self.options.retries or wait >= self.left() or not _passing(ours):
            raise ours from error
        return wait


def _arguments(library: Any, options: Options, call: Call) -> dict[str, Any]:
    arguments = {
        **options.extra,
        **options.model_dump(include={*SAMPLING, "api_base"}, exclude_none=True),
        **passed_on(call.parameters),
        "model": options.model,
        "messages": [{"role": message.role, "content": message.content} for message in call.messages],
        "drop_params": options.drop_params,
        "max_retries": 0,
        "caching": False,
    }
    if options.api_key_env is not None:
        arguments["api_key"] = _key(options.api_key_env, options.model)
    if _is_of_objects(call.response_schema) and library.supports_response_schema(model=options.model):
        plain = json.loads(json.dumps(call.response_schema, default=dict))
        arguments["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": plain}}
    return arguments


def _is_of_objects(schema: Mapping[str, Any] | None) -> bool:
    """Whether it describes an object: OpenAI and others refuse the whole request where it does not."""
    return schema is not None and schema.get("type") == "object"


def _key(variable: str, model: str) -> str:
    key = os.environ.get(variable)
    if not key:
        raise MissingApiKey(f"{model} needs a key: set the environment variable {variable} (`api_key_env` names it)")
    return key


def _completion(response: Any, model: str) -> Completion:
    if not response.choices:
        raise BackendError(f"{model} replied without any choice to read an answer from; is `api_base` a chat server?")
    choice = response.choices[0]
    usage = getattr(response, "usage", None)
    tokens = Usage(getattr(usage, "prompt_tokens", 0) or 0, getattr(usage, "completion_tokens", 0) or 0)
    called = getattr(choice.message, "tool_calls", None)
    text = text_of(choice.message.model_dump()) if called else choice.message.content or ""
    reasoning = getattr(choice.message, "reasoning_content", None) or ""
    return Completion(text, tokens, choice.finish_reason or "stop", named(response.model, model), reasoning)


# --- errors ----------------------------------------------------------------------------------------------------------


def _translated(library: Any, error: Exception, options: Options, timeout: float) -> BackendError:
    ours = _in_our_words(library, error, options, timeout)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and ours.status is None and not isinstance(ours, ConnectionRefused | TimedOut):
        ours.status = status
    return ours


def _in_our_words(library: Any, error: Exception, options: Options, timeout: float) -> BackendError:
    model, said = options.model, _quoted(error)
    if isinstance(error, BackendError):
        return error
    if isinstance(error, library.Timeout | TimeoutError):
        return TimedOut(f"{model} gave no answer within {timeout:g} s; raise `timeout`, or lower `max_tokens`")
    if isinstance(error, library.AuthenticationError) or _NO_KEY.search(str(error)):
        return MissingApiKey(_about_the_key(library, options, said))
    if isinstance(error, library.RateLimitError):
        return RateLimited(f"{model} takes no more requests for now: {said}; wait, or raise `retries`")
    if any(_is_no_connection(cause) for cause in _causes(error)):
        address = options.api_base or "its provider's address"
        return ConnectionRefused(f"{model}: nothing answers at {address}: {said}; start the server, or mend `api_base`")
    if isinstance(error, library.UnsupportedParamsError):
        return BackendError(f"{model} does not support a parameter: {said}; remove it, or set `drop_params: true`")
    if isinstance(error, library.NotFoundError):
        return BackendError(f"the provider does not know {model}: {said}; mend `model` or `api_base`")
    if "valid OpenAI chat completion messages" in str(error):  # LiteLLM's own check, with a status of 500
        return refusal(f"{model} was not asked: {said}")
    if "LLM Provider NOT provided" in str(error):
        return BackendError(
            f"LiteLLM does not know whose model {model!r} is; write provider/model, e.g. openai/{model}"
        )
    return BackendError(f"{model} could not be asked: {said}")


def _passing(ours: BackendError) -> bool:
    """Whether the same call may well succeed a little later."""
    failed_there = type(ours) is BackendError and ours.status is not None and ours.status >= 500
    return isinstance(ours, RateLimited | ConnectionRefused) or failed_there


def _about_the_key(library: Any, options: Options, said: str) -> str:
    variable = options.api_key_env or _usual_variable(library, options.model)
    if variable is None:
        return f"{options.model} refused the key that the environment holds: {said}; set a valid one"
    if os.environ.get(variable):
        return f"{options.model} refused the key in {variable}: {said}; set that variable to a valid one"
    return f"{options.model} needs a key: set the environment variable {variable}, or name another in `api_key_env`"


def _usual_variable(library: Any, model: str) -> str | None:
    """The variable that the provider's key is read from. LiteLLM names it only while it is not set."""
    missing: list[str] = library.validate_environment(model)["missing_keys"]
    if missing:
        return missing[0]
    guess = f"{library.get_llm_provider(model)[1].upper()}_API_KEY"
    return guess if guess in os.environ else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__


def _is_no_connection(cause: BaseException) -> bool:
    return isinstance(cause, ConnectionError | socket.gaierror) or type(cause).__name__ in _NO_CONNECTION


def _retry_after(error: Exception) -> float:
    """Seconds that the provider asks to wait; 0 when it does not say, or says it as a date."""
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", None
    )
    try:
        return max(0.0, float((headers or {}).get("retry-after", 0)))
    except ValueError:
        return 0.0


def _quoted(error: Exception) -> str:
    """What the provider said: one line, without LiteLLM's own prefixes and tracebacks, of bounded length."""
    said = str(error).partition("Traceback (most recent call last)")[0]
    text = " ".join(said.rsplit("Exception - ", 1)[-1].split()).rstrip(".;:")
    return text if len(text) <= _QUOTED_CHARS else f"{text[:_QUOTED_CHARS]}…"
