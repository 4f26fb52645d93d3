"""How people ask for JSON with certain keys: one function per wording, from the subject and the shape to the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workload.json_shapes import Key, Shape, Subject, Type

Writer = Callable[[Subject, Shape], str]


@dataclass(frozen=True, slots=True)
class Wording:
    """A way to ask, and the kind of shape that it can express."""

    write: Writer
    needs: str = "plain"


def listed(words: Iterable[str], oxford: bool = False) -> str:
    """`a, b and c`."""
    *first, last = tuple(words) or ("",)
    if not first:
        return last
    return f"{', '.join(first)}{',' if oxford and len(first) > 1 else ''} and {last}"


def article(word: str) -> str:
    """The word with `a` or `an`; a plural as it is."""
    return word if word.endswith("s") else f"{'an' if word[:1].lower() in 'aeio' else 'a'} {word}"


def names(keys: Iterable[Key], mark: str = "") -> list[str]:
    """The names of the keys, between marks."""
    return [f"{mark}{key.name}{mark}" for key in keys]


_IN_WORDS: dict[Type, str] = {
    **{"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"},
    **{"list": "list", "strings": "list of strings", "object": "object"},
}


def type_of(key: Key) -> str:
    """The type in words; only for typed keys."""
    assert key.type is not None
    return _IN_WORDS[key.type]


def _bullets(keys: Iterable[Key], bullet: str) -> str:
    return "\n".join(f"{bullet} {key.name}" for key in keys)


def _numbers(keys: Iterable[Key]) -> str:
    return "\n".join(f"{n}. {key.name}" for n, key in enumerate(keys, 1))


def _nested_bullets(keys: Iterable[Key]) -> str:
    lines = [line for key in keys for line in (f"- {key.name}", *(f"  - {inner.name}" for inner in key.inner))]
    return "\n".join(lines)


def _simple(template: str, mark: str = "", oxford: bool = False) -> Writer:
    """A template with {about}, {plural}, {keys} (`a, b and c`), {comma} (`a, b, c`), {count}, {forbidden}."""

    def write(subject: Subject, shape: Shape) -> str:
        written = names(shape.keys, mark)
        return template.format(
            about=subject.about,
            plural=subject.plural,
            keys=listed(written, oxford),
            comma=", ".join(written),
            count=shape.count,
            word=_COUNTS.get(shape.count or 0, ""),
            forbidden=listed(shape.forbidden).replace(" and ", " or "),
        )

    return write


_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}


def _having_articles(subject: Subject, shape: Shape) -> str:
    return f"I need a JSON object {subject.about} that has {listed([article(key.name) for key in shape.keys])}."


def _dash_list(subject: Subject, shape: Shape) -> str:
    return f"Return a JSON object {subject.about} with these keys:\n{_bullets(shape.keys, '-')}"


def _star_list(subject: Subject, shape: Shape) -> str:
    return f"Create a JSON object {subject.about}. It needs these fields:\n\n{_bullets(shape.keys, '*')}"


def _numbered_list(subject: Subject, shape: Shape) -> str:
    return f"Generate JSON {subject.about} with the following keys:\n{_numbers(shape.keys)}"


def _typed_as(subject: Subject, shape: Shape) -> str:
    parts = [f"{key.name} as {article(type_of(key))}" for key in shape.keys]
    return f"Give me a JSON object {subject.about} with {listed(parts)}."


def _typed_brackets(subject: Subject, shape: Shape) -> str:
    return f"Return a JSON object {subject.about} with keys {listed(f'{k.name} ({type_of(k)})' for k in shape.keys)}."


def _typed_bullets(subject: Subject, shape: Shape) -> str:
    lines = "\n".join(f"- {key.name}: {type_of(key)}" for key in shape.keys)
    return f"Return a JSON object {subject.about} with these keys:\n{lines}"


def _typed_quoted_bullets(subject: Subject, shape: Shape) -> str:
    lines = "\n".join(f"- `{key.name}` ({type_of(key)})" for key in shape.keys)
    return f"Please produce a JSON object {subject.about} with the following fields:\n{lines}"


def _typed_before(subject: Subject, shape: Shape) -> str:
    parts = [
        f"{article(key.name)} list of strings" if key.type == "strings" else f"{article(type_of(key))} {key.name}"
        for key in shape.keys
    ]
    return f"Write a JSON object {subject.about} with {listed(parts)}."


def _typed_array(subject: Subject, shape: Shape) -> str:
    keys = listed(f"{key.name} ({type_of(key)})" for key in shape.keys)
    return f"Give me a JSON array of {shape.count} {subject.plural}. Each object has {keys}."


def _typed_closed(subject: Subject, shape: Shape) -> str:
    lines = "\n".join(f"- {key.name} ({type_of(key)})" for key in shape.keys)
    return f"Return a JSON object {subject.about} with exactly these keys and no others:\n{lines}"


def _nested_where(subject: Subject, shape: Shape) -> str:
    outer = shape.keys[-1]
    inner = listed(names(outer.inner))
    return (
        f"Give me a JSON object {subject.about} with keys {listed(names(shape.keys))}, where {outer.name} has {inner}."
    )


def _nested_with(subject: Subject, shape: Shape) -> str:
    *flat, outer = shape.keys
    return (
        f"Return JSON {subject.about} with {', '.join(names(flat))} and {outer.name} with {listed(names(outer.inner))}."
    )


def _nested_brackets(subject: Subject, shape: Shape) -> str:
    *flat, outer = shape.keys
    inner = listed(names(outer.inner))
    return f"Create a JSON object {subject.about} with keys {', '.join(names(flat))} and {outer.name} (with {inner})."


def _nested_object(subject: Subject, shape: Shape) -> str:
    *flat, outer = shape.keys
    inner = listed(names(outer.inner))
    nested = f"{article(outer.name)} object containing {inner}"
    return f"Generate a JSON object {subject.about} with {', '.join(names(flat))} and {nested}."


def _nested_list(subject: Subject, shape: Shape) -> str:
    return f"Return a JSON object {subject.about} with these keys:\n{_nested_bullets(shape.keys)}"


WORDINGS: dict[str, Wording] = {
    "with_keys": Wording(_simple("Give me a JSON object {about} with keys {keys}.")),
    "with_the_fields": Wording(_simple("Return a JSON object {about} with the fields {comma}.")),
    "containing": Wording(_simple("Create a JSON object {about} containing {keys}.")),
    "properties": Wording(_simple("Please respond with a JSON object {about} having the properties {keys}.")),
    "oxford": Wording(_simple("Could you produce a JSON object {about} with {keys}?", oxford=True)),
    "double_quotes": Wording(_simple("Generate a JSON object {about} with the keys {comma}.", '"')),
    "single_quotes": Wording(_simple("Make a JSON object {about} with keys {keys}.", "'")),
    "backticks": Wording(_simple("Return a JSON object {about} with the keys {keys}.", "`")),
    "keys_colon": Wording(_simple("Write a JSON object {about}. Keys: {comma}")),
    "required_keys": Wording(_simple("Output JSON {about}. Required keys: {comma}.")),
    "terse": Wording(_simple("json {about}: {comma}")),
    "terse_keys_first": Wording(_simple("json object with {comma} {about}")),
    "i_would_like": Wording(_simple("I'd like some JSON {about} that includes {keys}.")),
    "must_have": Wording(_simple("Give me JSON {about}. It must have the keys {keys}.")),
    "only_the_json": Wording(_simple("Return a JSON object {about} with keys {keys}. No explanation, just the JSON.")),
    "greeting": Wording(_simple("Hi! Can you make me a JSON object {about} with the keys {keys}? Thank you.")),
    "articles": Wording(_having_articles),
    "dash_list": Wording(_dash_list),
    "star_list": Wording(_star_list),
    "numbered_list": Wording(_numbered_list),
    "typed_as": Wording(_typed_as, "typed"),
    "typed_brackets": Wording(_typed_brackets, "typed"),
    "typed_bullets": Wording(_typed_bullets, "typed"),
    "typed_quoted_bullets": Wording(_typed_quoted_bullets, "typed"),
    "typed_before": Wording(_typed_before, "typed"),
    "nested_where": Wording(_nested_where, "nested"),
    "nested_with": Wording(_nested_with, "nested"),
    "nested_brackets": Wording(_nested_brackets, "nested"),
    "nested_object": Wording(_nested_object, "nested"),
    "nested_list": Wording(_nested_list, "nested"),
    "array_each": Wording(_simple("Give me a JSON array of {count} {plural}, each with {keys}."), "array"),
    "array_objects": Wording(
        _simple("Return a JSON array of {count} objects describing {plural}, each with {keys}."), "array"
    ),
    "array_word": Wording(_simple("Create a JSON list of {word} objects about {plural} with keys {keys}."), "array"),
    "array_exactly": Wording(_simple("JSON array with exactly {count} {plural}. Each has the keys {comma}."), "array"),
    "do_not_include": Wording(
        _simple("Return a JSON object {about} with keys {keys}. Do not include {forbidden}."), "forbidden"
    ),
    "without_the_key": Wording(
        _simple("Give me a JSON object {about} with the keys {keys}, without the key {forbidden}."), "forbidden"
    ),
    "leave_out": Wording(_simple("JSON {about} with {keys}, but leave out {forbidden}."), "forbidden"),
    "typed_array": Wording(_typed_array, "typed_array"),
    "typed_closed": Wording(_typed_closed, "typed_closed"),
    "exactly_these": Wording(_simple("Return a JSON object {about} with exactly these keys: {comma}."), "closed"),
    "only_the_keys": Wording(_simple("Give me a JSON object {about} with only the keys {keys}."), "closed"),
    "no_other_keys": Wording(_simple("Create a JSON object {about} with keys {keys} and no other keys."), "closed"),
}
