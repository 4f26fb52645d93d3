"""What a verifier looks at, and what it compares with. Ground of this folder, not a plug."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

from stepflow.notation import Expression, Missing, NameRef
from stepflow.options import Options
from stepflow.protocols import View
from stepflow.values import exact, show


def text_of(of: Expression | None, view: View) -> str:
    """The text to look at: the view's own, or what an expression gives. Raises `Missing` when it gives none."""
    if of is None:
        return view.text
    value = of(view.names)
    return value if isinstance(value, str) else show(value)


def named(name: str, view: View) -> Any:
    """The value of a name. Raises `Missing`."""
    if name not in view.names:
        raise Missing(f"{name} is missing")
    return view.names[name]


def named_text(name: str, view: View) -> str:
    """The text of a name. Raises `Missing`, and `ValueError` when it is something else."""
    value = named(name, view)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value written in the rule, or the name of one that the prompt fixes."""

    literal: Any = None
    name: str | None = None

    def __call__(self, view: View) -> Any:
        """The value in this run. Raises `Missing`."""
        return self.literal if self.name is None else named(self.name, view)

    def items(self, view: View) -> tuple[Any, ...]:
        """The items of a list, the keys of a map, or the one value."""
        value = self(view)
        if isinstance(value, Mapping):
            return tuple(value)
        return tuple(value) if isinstance(value, list | tuple) else (value,)

    def texts(self, view: View) -> tuple[str, ...]:
        """The items as texts. Raises `ValueError` for a blank one, which would be found everywhere."""
        texts = tuple(show(item).strip() for item in self.items(view))
        if not all(texts):
            raise ValueError(f"{self.name or 'the list'} holds an empty text")
        return texts

    def whole_number(self, view: View) -> int | None:
        """The value as a whole number, None when none is wanted. Raises `ValueError` when it is not one."""
        value = self(view)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise ValueError(f"{self.name} is {show(value)}, not a whole number")
        return value


def wanted(literal: Any, name: str | None) -> Wanted | None:
    """The literal or the name, None when neither is given."""
    return None if literal is None and name is None else Wanted(_exact(literal), name)


def at_least_one(options: Any, fields: Sequence[str]) -> None:
    """Raise `ValueError` unless one of the options is given, or when an option and its `_from` both are."""
    given = [field for field in fields if getattr(options, field) is not None]
    if not given:
        raise ValueError(f"give at least one of {', '.join(f'`{field}`' for field in fields)}")
    for field in given:
        if f"{field}_from" in given:
            raise ValueError(f"give either `{field}` or `{field}_from`, not both")


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, list | tuple):
        return tuple(_exact(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    return value


class PhraseOptions(Options):
    """Texts to look for, and when one counts as found."""

    values: list[str] | None = Field(None, description="The texts.", min_length=1)
    values_from: NameRef | None = Field(None, description="Name of the value that lists the texts.")
    ignore_case: bool = Field(False, description="Whether capitals count as small letters.")
    whole_words: bool = Field(True, description="Whether a text must not begin or end inside a word.")

    @model_validator(mode="after")
    def _given(self) -> PhraseOptions:
        at_least_one(self, ("values", "values_from"))
        return self
