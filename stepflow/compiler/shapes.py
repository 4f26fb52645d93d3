"""What is known of values before there are any: which members a map has. It is how a misspelt member is found.

A shape is a map of known members to their shapes, a list's items' shape in a tuple of one, or None: nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from stepflow.compiler.names import STEP_MEMBERS
from stepflow.compiler.notations.members import Outline, Path
from stepflow.options import Options

Shape = Mapping[str, Any] | tuple[Any] | None
Known = Mapping[str, Shape]
"""The names that may be used at some place, each with its shape."""


def named(names: Iterable[str]) -> dict[str, Shape]:
    """Names of values of which nothing is known."""
    return dict.fromkeys(names)


def of_data(value: Any) -> Shape:
    """The shape of a value that is there already: a table, a default."""
    return {key: of_data(item) for key, item in value.items()} if isinstance(value, Mapping) else None


def of_reading(reader: ModuleType, convert: ModuleType, options: Any) -> tuple[Shape, bool]:
    """The shape of what a reader and a converter make together, and whether that is a map of named groups."""
    converted: Shape = named(convert.MEMBERS) if hasattr(convert, "MEMBERS") else None
    groups = reader.groups(options) if hasattr(reader, "groups") else ()
    shape: Shape = {**named(groups), **({"value": converted} if "value" in groups else {})} if groups else converted
    if options.via is not None or (options.split is not None and not groups):
        return None, False
    if (getattr(options, "pick", None) or options.find) == "all":
        return (shape,), False
    default = of_data(options.default) if isinstance(options, Options) and hasattr(options, "default") else None
    if isinstance(shape, Mapping) and isinstance(default, Mapping):
        shape = {**default, **shape}
    return shape, bool(groups)


def of_answer(shape: Shape, is_map: bool) -> Shape:
    """What `answer` has: its text, and the value or the named groups."""
    return {"text": None, **shape} if is_map and isinstance(shape, Mapping) else {"text": None, "value": shape}


def of_outline(outline: Outline, known: Known) -> Shape:
    """The shape of an expression's value."""
    if isinstance(outline, Mapping):
        return {key: of_outline(part, known) for key, part in outline.items()}
    return None if outline is None else at(known, outline)


def of_run(constraints: Known, let: Known, fields: Known, answer: Shape) -> dict[str, Shape]:
    """What a run adds to the names of a rule, by what the rule reads in prompts and steps."""
    step = {**named(STEP_MEMBERS), **fields}
    cached = {"constraints": constraints, "let": let, "prompt": None}
    several = dict.fromkeys(("steps", "kept", "failing"), (step,))
    return {**several, "step": step, "previous": fields, "answer": answer, "cached": cached, "constraints": constraints}


def at(known: Known, path: Path) -> Shape:
    """The shape at a path; None when nothing is known of what stands there."""
    shape: Any = known
    for part in path:
        if part is None:
            shape = shape[0] if isinstance(shape, tuple) else None
        else:
            shape = shape.get(part) if isinstance(shape, Mapping) else None
    return shape  # type: ignore[no-any-return]


def lacking(known: Known, path: Path) -> Shape:
    """The shape of what stands before the path's last part, when it is known not to have that part; else None."""
    holder, key = at(known, path[:-1]), path[-1]
    if isinstance(holder, tuple):
        return holder if isinstance(key, str) and not key.isdecimal() else None
    return holder if key is not None and isinstance(holder, Mapping) and key not in holder else None


def written(path: Path) -> str:
    """A path as an expression would write it."""
    return "".join("[…]" if part is None else f".{part}" for part in path).removeprefix(".")
