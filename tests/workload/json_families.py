"""Families of JSON requests: a base and variants, with whether the base's answer still answers the variant.

`base_answer_right` speaks of an answer that holds exactly what the base asked for. Where it is False only because the
subject changed, the shape still fits: `subject_changed` variants are the trap that no check of shape can see.
`item` is None for a variant that no longer asks for JSON of a shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from workload.json_requests import JsonItem, make_item, random_item
from workload.json_shapes import SUBJECTS, Key, Shape
from workload.json_wordings import WORDINGS, listed, names


@dataclass(frozen=True, slots=True)
class Variant:
    """One changed prompt."""

    kind: str
    prompt: str
    item: JsonItem | None
    base_answer_right: bool


@dataclass(frozen=True, slots=True)
class Family:
    """A base and its variants."""

    base: JsonItem
    variants: tuple[Variant, ...]


TOPIC_CHANGES: dict[str, str] = {
    "xml": "Give me an XML document {about} with the elements {keys}.",
    "yaml": "Give me a YAML document {about} with the keys {keys}.",
    "csv": "Give me a CSV file {about} with the columns {keys}.",
    "schema": "Write a JSON Schema for an object {about} with keys {keys}.",
    "python": "Write a Python dataclass {about} with the fields {keys}.",
    "explanation": "Explain what a JSON object {about} with keys {keys} is good for.",
    "parser": "Write code that parses a JSON object {about} with keys {keys}.",
    "question": "Which of the keys {keys} should be required in a JSON object {about}?",
    "do_not": "Do not write JSON {about}; just list the keys {keys} in a sentence.",
}


def families(seed: int, n: int) -> list[Family]:
    """n families, each with every kind of variant that its base admits; every wording serves as a base in turn."""
    rng = Random(seed)
    wordings = list(WORDINGS)
    bases = [random_item(rng, wording=wordings[index % len(wordings)]) for index in range(n)]
    return [Family(base, tuple(v for v in _variants(base, rng) if v.prompt != base.prompt)) for base in bases]


def _variants(base: JsonItem, rng: Random) -> Iterator[Variant]:
    yield from _reworded(base, rng)
    yield from _keys_changed(base, rng)
    yield from _types_changed(base, rng)
    yield from _nesting_changed(base, rng)
    yield from _rest_changed(base, rng)
    parts = {"about": base.subject.about, "keys": listed(names(base.shape.keys))}
    for kind, text in TOPIC_CHANGES.items():
        yield Variant(kind, text.format(**parts), None, False)


def _with(base: JsonItem, kind: str, shape: Shape, right: bool) -> Variant:
    item = make_item(base.wording, base.subject, shape)
    return Variant(kind, item.prompt, item, right)


def _reworded(base: JsonItem, rng: Random) -> Iterator[Variant]:
    same_needs = [name for name, each in WORDINGS.items() if each.needs == base.form and name != base.wording]
    for wording in rng.sample(same_needs, min(3, len(same_needs))):
        item = make_item(wording, base.subject, base.shape)
        yield Variant("reworded", item.prompt, item, True)
    yield Variant("greeted", f"Hello! {base.prompt}", replace(base, prompt=f"Hello! {base.prompt}"), True)


def _keys_changed(base: JsonItem, rng: Random) -> Iterator[Variant]:
    shape = base.shape
    first, *rest = shape.keys
    unused = [name for name in base.subject.keys if name not in names(shape.keys)]
    typed = base.form.startswith("typed")
    if unused:
        name = rng.choice(unused)
        added = Key(name, base.subject.keys[name] if typed else None)
        yield _with(base, "key_added", replace(shape, keys=(added, *shape.keys)), False)
        yield _with(base, "key_exchanged", replace(shape, keys=(added, *rest)), False)
    if len(rest) > 1 or (rest and not rest[-1].inner):
        yield _with(base, "key_removed", replace(shape, keys=tuple(rest)), not shape.closed)
    renamed = replace(first, name=f"{first.name}_label" if "_" in first.name else f"{first.name}Label")
    yield _with(base, "key_renamed", replace(shape, keys=(renamed, *rest)), False)
    other_case = replace(first, name=first.name[0].upper() + first.name[1:])
    yield _with(base, "key_case_changed", replace(shape, keys=(other_case, *rest)), False)
    flat = [key for key in shape.keys if not key.inner]
    keys = (*reversed(flat), *(key for key in shape.keys if key.inner))
    yield _with(base, "order_changed", replace(shape, keys=keys), True)


def _types_changed(base: JsonItem, rng: Random) -> Iterator[Variant]:
    if base.form.startswith("typed"):
        first, *rest = base.shape.keys
        other = replace(first, type="integer" if first.type in ("string", "boolean", "list", "strings") else "string")
        yield _with(base, "type_changed", replace(base.shape, keys=(other, *rest)), False)


def _nesting_changed(base: JsonItem, rng: Random) -> Iterator[Variant]:
    *flat, outer = base.shape.keys
    if not outer.inner:
        return
    renamed = replace(outer, inner=(Key("note"), *outer.inner[1:]))
    yield _with(base, "nested_key_renamed", replace(base.shape, keys=(*flat, renamed)), False)
    more = replace(outer, inner=(*outer.inner, Key("note")))
    yield _with(base, "nested_key_added", replace(base.shape, keys=(*flat, more)), False)
    moved = replace(outer, name=f"{outer.name}Info")
    yield _with(base, "nested_object_renamed", replace(base.shape, keys=(*flat, moved)), False)


def _rest_changed(base: JsonItem, rng: Random) -> Iterator[Variant]:
    shape = base.shape
    others = [each for each in SUBJECTS if each.about != base.subject.about]
    siblings = [each for each in others if each.keys is base.subject.keys]
    for subject in (rng.choice(others), *siblings[:1]):
        item = make_item(base.wording, subject, shape)
        yield Variant("subject_changed", item.prompt, item, False)
    if shape.count:
        yield _with(base, "count_changed", replace(shape, count=shape.count % 5 + 1 + (shape.count == 5)), False)
    if base.form == "plain":
        array = make_item("array_objects", base.subject, replace(shape, count=rng.randint(2, 5)))
        yield Variant("array_instead_of_object", array.prompt, array, False)
        closed = make_item("exactly_these", base.subject, replace(shape, closed=True))
        yield Variant("closed_instead_of_open", closed.prompt, closed, True)
        free = make_item("do_not_include", base.subject, replace(shape, forbidden=base.subject.unwanted[:1]))
        yield Variant("unused_key_forbidden", free.prompt, free, True)
