"""Prompts that ask for JSON with named keys, each with its truth: keys, types, nesting, count, forbidden, closed.

`all_items(seed, n)` covers every wording and every subject, then fills up to n at random. Families live in
`json_families`, replies in `json_replies`, the judge in `checker`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from workload.json_shapes import SUBJECTS, Shape, Subject, random_shape
from workload.json_wordings import WORDINGS


@dataclass(frozen=True, slots=True)
class JsonItem:
    """One prompt and its truth. `wording` names the template, `subject` what it is about."""

    prompt: str
    shape: Shape
    subject: Subject
    wording: str

    @property
    def form(self) -> str:
        """plain, typed, nested, array, forbidden, closed, typed_array or typed_closed."""
        return WORDINGS[self.wording].needs


def random_item(rng: Random, wording: str | None = None, subject: Subject | None = None) -> JsonItem:
    """A random item, of one wording or about one subject if wished."""
    chosen = wording or rng.choice(list(WORDINGS))
    about = subject or rng.choice(SUBJECTS)
    return make_item(chosen, about, random_shape(rng, WORDINGS[chosen].needs, about))


def make_item(wording: str, subject: Subject, shape: Shape) -> JsonItem:
    """The item of exactly this shape; the wording must be able to express it."""
    return JsonItem(WORDINGS[wording].write(subject, shape), shape, subject, wording)


def all_items(seed: int, n: int) -> list[JsonItem]:
    """At least n items; every wording and every subject occurs."""
    rng = Random(seed)
    items = [random_item(rng, wording=wording) for wording in WORDINGS]
    items += [random_item(rng, subject=subject) for subject in SUBJECTS]
    items += [random_item(rng) for _ in range(n - len(items))]
    rng.shuffle(items)
    return items
