"""Pipelines as they are loaded now, and how an edit of their files comes in without dropping a request.

A request holds the pipeline with which it began. An edit puts a new one in its place; the old one is closed when the
last request has left it. Files that do not compile change nothing, and `problem` says why.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepflow.adapters.backends.litellm import LiteLlm, prices
from stepflow.catalog import registry
from stepflow.compiler.pipelines import Compiled, compile_pipeline
from stepflow.config.references import closure
from stepflow.config.sources import PipelineFile
from stepflow.engine import Pipeline, open_archive
from stepflow.errors import StepflowError
from stepflow.version import VERSION

LOCAL_STORES = frozenset({"memory", "diskcache"})
"""Stores that answer a look in microseconds, so that it need not leave the event loop."""


@dataclass(slots=True, eq=False)
class Loaded:
    """One loading of a pipeline.

    `prices` are dollars for a prompt token and a completion token, where known.
    """

    pipeline: Pipeline
    compiled: Compiled
    exact_at_once: bool
    prices: tuple[float, float] | None = None
    users: int = 0
    retired: bool = False
    _kept: set[str] = field(default_factory=set)

    @contextmanager
    def used(self) -> Iterator[Pipeline]:
        """Hold it open."""
        self.users += 1
        try:
            yield self.pipeline
        finally:
            self.users -= 1
            self._close_when_left()

    def retire(self, *, keeping: set[str]) -> None:
        """Close it, less what its successor goes on using, as soon as nobody uses it."""
        self.retired, self._kept = True, keeping
        self._close_when_left()

    def _close_when_left(self) -> None:
        if not self.retired or self.users:
            return
        if "archive" not in self._kept:
            self.pipeline.archive.close()
        if "backend" not in self._kept:
            self.pipeline.backend.close()


class House:
    """One pipeline file."""

    def __init__(self, path: str, overrides: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self.problem = ""
        self.ready = False
        self.reloads = 0
        self._overrides = overrides
        self._look()
        self.current = _loaded(compile_pipeline(path, registry(), VERSION, overrides), None)

    @property
    def id(self) -> str:
        """The pipeline's id."""
        return self.current.pipeline.plan.id

    @property
    def model(self) -> str:
        """The backend's name of its model."""
        return self.current.pipeline.backend.model

    def answers_to(self, model: str) -> bool:
        """Whether a request for this model is for this pipeline."""
        return model in (self.id, f"stepflow/{self.id}", self.model, self.model.rpartition("/")[2])

    def warm(self) -> None:
        """Load what the first model call needs, and look up prices. Says in `problem` when the model cannot be had."""
        backend = self.current.pipeline.backend
        try:
            getattr(backend, "warm", lambda: None)()
            self.current.prices = prices(backend.model) if isinstance(backend, LiteLlm) else None
            self.ready = True
        except StepflowError as error:
            self.problem = str(error)

    def is_edited(self) -> bool:
        """Whether a file was written, added, removed or renamed since the last look. Costs a stat for each."""
        if _stats(self._watched) == self._glance:
            return False
        before = self._seen
        self._look()
        return self._seen != before

    def _look(self) -> None:
        files = _files(self.path, self._overrides)
        folders = {os.path.dirname(os.path.abspath(name)) for name in files}  # a file that comes or goes is seen there
        self._watched = (*files, *sorted(folders))
        self._glance, self._seen = _stats(self._watched), _stats(files)

    def compile(self) -> Compiled | None:
        """The files compiled anew; None when they do not compile. Runs in a thread: it takes seconds."""
        try:
            compiled = compile_pipeline(self.path, registry(), VERSION, self._overrides)
        except StepflowError as error:
            self.problem = f"the old files are still served: {error}"
            return None
        self.problem = ""
        return compiled

    def move_in(self, compiled: Compiled) -> None:
        """Serve the new files from now on. Raises `StoreError` when another store is named and does not open."""
        old, new = self.current, _loaded(compiled, self.current)
        self.current, self.reloads = new, self.reloads + 1
        kept = {name for name in ("archive", "backend") if getattr(new.pipeline, name) is getattr(old.pipeline, name)}
        old.retire(keeping=kept)

    async def reload(self) -> None:
        """Compile the files in a thread and serve them; what does not compile or open is only noted."""
        compiled = await asyncio.to_thread(self.compile)
        if compiled is None:
            return
        try:
            self.move_in(compiled)
        except StepflowError as error:
            self.problem = f"the old files are still served: {error}"
            return
        await asyncio.to_thread(self.warm)

    def close(self) -> None:
        """Close what is open. Idempotent."""
        self.current.pipeline.close()


def _loaded(compiled: Compiled, old: Loaded | None) -> Loaded:
    """The compiled pipeline with its store open; store and backend of before, where their settings are the same."""
    spec = compiled.spec
    if old is not None and (spec.store, spec.retrieve.embedder) == (
        old.compiled.spec.store,
        old.compiled.spec.retrieve.embedder,
    ):
        archive = old.pipeline.archive
    else:
        archive = open_archive(spec.store, spec.retrieve.embedder)
    pipeline = Pipeline(compiled, archive)
    if old is not None and spec.backend == old.compiled.spec.backend:
        pipeline.backend.close()
        pipeline.backend = old.pipeline.backend
    at_once = spec.store.type in LOCAL_STORES and "exact" in compiled.plan.stages
    return Loaded(pipeline, compiled, at_once)


def _files(path: str, overrides: Mapping[str, Any] | None) -> list[str]:
    """The pipeline's file and every file that it names. Reads them all, which takes some 50 ms."""
    try:
        file = PipelineFile(path, overrides)
        return sorted(set(closure([path, *(each for _, _, paths in file.rule_files() for each in paths)])))
    except StepflowError:
        return [path]


def _stats(names: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    return tuple(_stat(name) for name in names)


def _stat(name: str) -> tuple[str, int, int]:
    try:
        found = Path(name).stat()
    except OSError:
        return name, 0, 0
    return name, found.st_mtime_ns, found.st_size
