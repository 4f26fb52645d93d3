"""What the interpreter may ask of the world. It yields one of these and receives the result.

A test can play the world from a list; two drivers play it for real (drivers.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stepflow.model import Answered, Record
from stepflow.protocols import Call, Completion, Nomination

if TYPE_CHECKING:
    from concurrent.futures import Future


@dataclass(frozen=True, slots=True)
class Lookup:
    """The record of exactly this request. Answered by `Looked`."""

    request_key: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What the record says, if there is one, and journal notes about rows that could not be read."""

    answered: Answered | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nominate:
    """Candidates for a prompt. Answered by a `Nomination`."""

    namespace: str
    signature: str
    skeleton: str
    prompt: str
    top_k: int
    min_similarity: float | None
    by_hash: bool = True


@dataclass(frozen=True, slots=True)
class Join:
    """Before the first model call: the record of exactly this request, if another run is just writing it.

    At most `patience_s` seconds are waited. Answered by `Looked`, without a record when this run is to ask the model.
    """

    request_key: str
    patience_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: ask again after `seconds`, or as soon as `over` is done."""

    seconds: float
    over: Future[None] | None = None


class Watch(Protocol):
    """Looks at a reply while it is being written."""

    def ready(self, text: str) -> str:
        """What of the reply so far may be handed on beyond what was said before: verified steps, or nothing yet."""


@dataclass(frozen=True, slots=True)
class Generate:
    """One model call; `purpose` is 'generate', 'patch', 'repair' or 'passthrough'. Answered by `Generated`.

    Whoever can show the reply to the `watch` while it is being written may hand on at once what it says is ready.
    """

    call: Call
    purpose: str
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """The reply and how long it took."""

    completion: Completion
    seconds: float


@dataclass(frozen=True, slots=True)
class Save:
    """Store a record (its `id` and `created_at` are set by the world). Answered by `Saved`."""

    record: Record


@dataclass(frozen=True, slots=True)
class Link:
    """Let a request find a record that already answers it. Answered by `Saved`."""

    request_key: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The record's id, or None with the reason why it was not stored."""

    record_id: str | None
    note: str = ""


Effect = Lookup | Nominate | Join | Generate | Save | Link
Reply = Looked | Nomination | Generated | Saved
