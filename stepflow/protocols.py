"""One Protocol per kind of plug. What a plug is built with stands in notation.py.

Pure plugs (strategies) compute and decline; they see no clock, file, network or model:
Reader, Converter, Segmenter, Verifier, Condition, Fallback text.
Plugs that touch the world (adapters): Store, Index, Embedder, Backend.
"""

from __future__ import annotations

import pathlib
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from stepflow.model import Message, Record, Step, Usage
from stepflow.notation import Names

# --- strategies ---------------------------------------------------------------------------------------------------


class Groups(dict[str, Any]):
    """The named groups that took part in a match (its own class, so that no JSON object is mistaken for it)."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a reader found in a text: [start, end) offsets of the value and the raw value.

    `raw` is `str` (text), `Groups` (several named groups), `Node` (a parse tree) or already a value (JSON). `parts` are
    offsets within, where only parts of the text went into the value: what lies between them was not read.
    """

    start: int
    end: int
    raw: Any
    parts: tuple[tuple[int, int], ...] = ()


class Reader(Protocol):
    """Finds things in a text: used by `constraints`, `parse`, `answer` and `match`."""

    def read(self, text: str) -> Iterable[Found]:
        """Everything found, in the text's order, lazily. Raises `ValueError` when the text must not be read at all."""


Converter = Callable[[Any, str], Any]
"""From what a reader found (`raw`, and the text it covers) to a value. Raises `ValueError` to decline."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A step's text and what separates it from the next."""

    text: str
    separator: str = ""


class Segmenter(Protocol):
    """Cuts an answer into steps. Lossless: texts and separators, joined, are the identical text.

    One whose steps cannot stand on lines of their own says in `joint` what separates two of them.
    """

    def clean(self, text: str) -> str:
        """The part of a model's reply that is the answer (most return it unchanged; `json` strips fences and prose).

        Raises `ValueError` when the reply holds no answer, or more than one.
        """

    def segment(self, text: str) -> Sequence[Piece]:
        """The pieces, in order; never empty for a text that is not empty."""

    def body(self, text: str) -> int:
        """Where a step's content begins, after its marker: 0 for segmenters without markers."""

    def relabel(self, text: str, index: int) -> str:
        """The step's text fitted to the place `index` (1-based): its marker's number, a bracket of the first step."""


@runtime_checkable
class GrowingSegmenter(Segmenter, Protocol):
    """A segmenter that can tell steps while the text is still being written. Its `clean` changes nothing."""

    def settled(self, text: str) -> Sequence[Piece]:
        """The pieces, from the first on, that stay as they are whatever text may follow."""


@runtime_checkable
class HeadedSegmenter(Segmenter, Protocol):
    """A segmenter whose first step is a head, without which the others are not what they are: the rows of a table."""

    def below(self, text: str, head: str) -> str:
        """The answer with this head of a reply that holds only steps to stand below it.

        Raises `ValueError` when it holds none, or more than one run of them.
        """


@dataclass(frozen=True, slots=True)
class View:
    """What a verifier looks at: a text (one step's or the whole answer's) and every name of the run.

    `names` holds constraints, `let` values, tables, `prompt`, `output`, `steps`, `answer`, for a step also `step` and
    `previous`, and for a cached answer `cached` (its `constraints` and `let`).
    """

    text: str
    names: Names


class Verifier(Protocol):
    """Decides whether a text is right.

    One whose reasons are the rule's own code, and no use to a model, has an attribute `in_code` that is true.
    """

    def verify(self, view: View) -> str | None:
        """None when it passes, else the reason why not. Raising counts as failing."""


class Condition(Protocol):
    """Decides something about a prompt or a candidate: `match`, `unless`, `skip_when`.

    One that can tell why it holds has a method `because(text, names)` like `holds` that gives a few words, or none.
    """

    def holds(self, text: str, names: Names) -> bool:
        """Whether the condition holds. For `match`, `names` may be empty."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A step of a cached answer that fails for the new request, and what changed between the two requests.

    `old` and `new` hold constraints and `let` values by name; `names` is what templates may name.
    """

    step: Step
    body: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    names: Names


class Rewriter(Protocol):
    """Proposes other texts for a failing step, without a model. Verification decides which one, if any, is served."""

    def rewrite(self, rewriting: Rewriting) -> Iterable[str]:
        """Texts for the step's body, likeliest first, few and bounded; none when it has nothing to propose."""


# --- adapters -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One model call. `parameters` are the backend's (temperature, max_tokens, …); `timeout_s` is in seconds."""

    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    response_schema: Mapping[str, Any] | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model replied. `finish_reason` is 'stop' or 'length' (cut off at the token limit), or the provider's.

    `reasoning` is what it thought aloud before: no part of the answer.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    finish_reason: str = "stop"
    model: str = ""
    reasoning: str = ""


class Backend(Protocol):
    """A model. Errors are `stepflow.errors.BackendError`s whose text says what to do."""

    @property
    def model(self) -> str:
        """The model's name, as the pipeline gives it."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that can change an answer: model name, parameters, address. Part of every record's identity."""

    def complete(self, call: Call) -> Completion:
        """Ask and wait."""

    async def acomplete(self, call: Call) -> Completion:
        """Ask without blocking the event loop."""

    def close(self) -> None:
        """Free what was opened. Idempotent."""


@runtime_checkable
class Relay(Protocol):
    """A backend that also passes on requests as they are: tools, images, several choices, a stream of chunks.

    `body` is a request in the form of OpenAI's chat completions, without `model`, `stream` and `stream_options`; the
    reply is in that form too, whole. Errors are `BackendError`s.
    """

    async def arelay(self, body: Mapping[str, Any], timeout_s: float | None = None) -> Mapping[str, Any]:
        """Ask and wait; the reply with everything in it."""

    def astream(
        self, body: Mapping[str, Any], timeout_s: float | None = None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Ask; the reply's chunks as they come, the last of them with the usage. Closing it cancels the call."""


class Embedder(Protocol):
    """Turns text into a vector of unit length (float32)."""

    @property
    def name(self) -> str:
        """The embedder's name; vectors of different embedders are never compared."""

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""

    @property
    def default_min_similarity(self) -> float:
        """The cosine below which two prompts have nothing to do with each other."""

    def embed(self, text: str) -> bytes:
        """The vector, as little-endian float32 bytes of `dimensions` numbers; all zeros for a text without words."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a store's append-only log. `op` is '+' (a record was written) or '-' (it was deleted)."""

    op: str
    key: str
    namespace: str = ""
    skeleton: str = ""
    signature: str = ""
    vector: bytes = b""
    id: int = 0


class Store(Protocol):
    """Text values by text key, with absolute expiry, and an append-only log with increasing ids beside them.

    Several processes may share one store: what one writes, the others see at their next look.
    Values are JSON text; nothing else is ever written, and nothing is ever unpickled.
    """

    @property
    def folder(self) -> pathlib.Path | None:
        """A folder of this machine for what can be built again from the log (saved indexes); None for no such place."""

    def get(self, key: str) -> str | None:
        """The value, or None when absent, expired or unreadable. Never renews an expiry."""

    def follow(self, key: str, prefix: str) -> tuple[str | None, str | None]:
        """The value, and the one that it leads to, in one look: `["a","…"]` leads to that of `prefix` and `a`.

        Both are as `get` gives them; a value that does not begin so leads nowhere.
        """

    def expiry(self, key: str) -> float | None:
        """When the value expires, in seconds since 1970 (infinite: never); None when absent, expired or unknown."""

    def version(self) -> Hashable | None:
        """Another one after every change of any value, by whatever process, as seen from the calling thread.

        As long as it stays the same, what was read after it was asked for still stands, until it expires. It must be
        far cheaper than a value; None where it cannot be, and then nothing is taken for unchanged.
        """

    def put(self, key: str, value: str) -> None:
        """Write the value; it expires the store's `expire` seconds from now. Raises `StoreError` when not written."""

    def write(self, values: Mapping[str, str], entry: LogEntry) -> int:
        """Write all the values, and then append the entry, so that what it promises is there; the entry's id.

        Raises `StoreError` when not all of it was written.
        """

    def credit(self, *keys: str) -> None:
        """Note that these values have saved a model call: what saves most is kept longest.

        It never waits and never raises; a note may be lost.
        """

    def delete(self, key: str) -> bool:
        """Remove the value; whether it was there."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All live keys with the prefix, oldest first."""

    def append(self, entry: LogEntry) -> int:
        """Append to the log; the new entry's id, larger than all before it, also those that were deleted."""

    def tail(self, after: int, namespace: str | None = None, limit: int | None = None) -> Sequence[LogEntry]:
        """The log's entries after an id, in order: one namespace's, the first `limit`, when given."""

    def with_skeleton(self, namespace: str, skeleton: str, limit: int) -> Sequence[str]:
        """Keys written with this skeleton in this namespace, newest first, without those deleted since."""

    def with_signature(self, namespace: str, signature: str, limit: int) -> Sequence[str]:
        """The same, by signature."""

    def acquire(self, key: str, owner: str, seconds: float) -> str:
        """Take or renew a lease, in one piece for all processes; its owner now.

        That is `owner` when it was free, had run out, or was theirs already. Raises `StoreError`.
        """

    def release(self, key: str, owner: str) -> None:
        """Give a lease back; silent when it is another's by now. Raises `StoreError`."""

    def stats(self) -> Mapping[str, Any]:
        """Plain figures: values, bytes, size_limit, log_entries, path."""

    def prune(self) -> int:
        """Remove what has expired and compact the log; how many values went."""

    def check(self) -> Sequence[str]:
        """A self-audit: one sentence per thing found wrong; empty when sound."""

    def news(self) -> Sequence[str]:
        """What has mended by itself since this was last asked: a sentence for each, for the journal."""

    def close(self) -> None:
        """Free what was opened. Idempotent."""


class Index(Protocol):
    """Nearest vectors of one namespace. A vector whose record is gone costs time and nothing else: records decide."""

    @property
    def seen(self) -> int:
        """Id of the last log entry that went in. It may fall back, and then what follows it is to be fed again."""

    @property
    def note(self) -> str:
        """What a user should know about how it searches; mostly empty."""

    @property
    def is_behind(self) -> bool:
        """Whether feeding should wait a moment for what is being built."""

    def settle(self, after: int, seen: int) -> None:
        """What the log holds behind `after`, up to `seen`, is in: time to think of building, in the background.

        When `seen` has fallen back since it was `after`, it stays where it is: not all is in.
        """

    def close(self) -> None:
        """Finish what is being built, or give it up. Idempotent."""

    def add(self, key: str, vector: bytes) -> None:
        """Add or replace a vector."""

    def remove(self, key: str) -> None:
        """Forget a vector; silent when unknown."""

    def search(self, vector: bytes, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest keys with their cosine similarity, best first."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record proposed for reuse, and how it was found: 'signature', 'skeleton' or 'similarity' with its cosine."""

    record: Record
    found_by: str
    similarity: float = 1.0


@dataclass(frozen=True, slots=True)
class Nomination:
    """The candidates for a prompt, and a journal sentence for each record that was refused as unreadable."""

    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()
