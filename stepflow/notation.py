"""Texts that are code of their own: which notation an option is written in, and what it becomes when compiled.

The compiler checks such options with positions inside the text, and hands plugs the compiled forms by `BuildContext`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Protocol

from stepflow.budget import Budget


class Notation(Enum):
    """What language an option's text is written in. The compiler checks it, with positions inside the text."""

    REGEX = "regex"
    EXPRESSION = "expression"
    TEMPLATE = "template"
    JSONPATH = "jsonpath"
    GRAMMAR = "grammar"  # the name of a grammar under `grammars:`
    NAME = "name"  # the name of a constraint, `let` value or table
    TABLE = "table"  # the name of a table


RegexText = Annotated[str, Notation.REGEX]
ExpressionText = Annotated[str, Notation.EXPRESSION]
TemplateText = Annotated[str, Notation.TEMPLATE]
JsonPathText = Annotated[str, Notation.JSONPATH]
GrammarName = Annotated[str, Notation.GRAMMAR]
NameRef = Annotated[str, Notation.NAME]
TableName = Annotated[str, Notation.TABLE]

Names = Mapping[str, Any]
"""What an expression or template may name, and the values."""


class Missing(ValueError):
    """A name or member that an expression needs is not there, e.g. 'answer.value is missing'."""


class Expression(Protocol):
    """A compiled expression. `names` are the top-level names it reads."""

    text: str
    names: frozenset[str]

    def __call__(self, names: Names) -> Any:
        """The value. Raises `Missing` or `ValueError` when it has none."""

    def difference(self, names: Names) -> str:
        """What the sides of `… == …` or `… != …` are: '90 is not 80', 'both are 5'. Empty for any other expression."""


class Template(Protocol):
    """A compiled template with `{{ … }}` holes. `names` are the top-level names it reads."""

    text: str
    names: frozenset[str]

    def __call__(self, names: Names) -> str:
        """The text. Raises `Missing` or `ValueError` when a hole has no value."""


@dataclass(frozen=True, slots=True)
class RegexMatch:
    """A match of a pattern: [start, end) offsets, and the named groups that took part."""

    start: int
    end: int
    text: str
    groups: Mapping[str, str]
    spans: Mapping[str, tuple[int, int]]


class Pattern(Protocol):
    """A compiled regular expression (dialect of the `regex` module) with a time limit.

    Its methods raise `ValueError` when the limit is hit: no pattern of an author can hang the process.
    """

    text: str

    def search(self, text: str, start: int = 0) -> RegexMatch | None:
        """The first match at or after `start`."""

    def finditer(self, text: str) -> Iterator[RegexMatch]:
        """All matches, left to right."""

    def fullmatch(self, text: str) -> RegexMatch | None:
        """The match of the whole text."""

    def split(self, text: str) -> list[str]:
        """The text between matches."""

    def sub(self, replacement: str, text: str) -> str:
        """The text with every match replaced by the literal replacement."""


@dataclass(frozen=True, slots=True)
class Node:
    """A parse tree in our own form: the rule's or alias's name, and children that are nodes or `Leaf`s."""

    kind: str
    children: tuple[Node | Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A token of a parse tree: the terminal's name and its text."""

    kind: str
    text: str


class Grammar(Protocol):
    """A Lark grammar (LALR, contextual lexer), built when first used."""

    name: str

    def parse(self, text: str) -> Node:
        """The tree of the whole text. Raises `ValueError` when it does not parse."""

    def budget(self) -> Budget:
        """What all the reading of one text may cost: for `longest` and `starts`, which else have one for each call."""

    def longest(self, text: str, start: int, budget: Budget | None = None) -> tuple[Node, int] | None:
        """The longest parse that begins at `start` and ends at a word boundary, and its end offset.

        Raises `ValueError` when that costs too much; so do the others.
        """

    def starts(self, text: str, start: int = 0, end: int | None = None, budget: Budget | None = None) -> Iterator[int]:
        """Offsets where a first terminal of the grammar could begin: not inside a word or number."""


class Path(Protocol):
    """A compiled JSONPath."""

    text: str

    def find(self, data: Any) -> list[Any]:
        """The values found, in document order."""


class BuildContext(Protocol):
    """What a plug's `build` may use. Everything it returns is compiled once and shared."""

    tables: Mapping[str, Mapping[str, Any]]

    def regex(self, text: str) -> Pattern:
        """The compiled pattern of a `RegexText` option."""

    def expression(self, text: str) -> Expression:
        """The compiled expression of an `ExpressionText` option."""

    def template(self, text: str) -> Template:
        """The compiled template of a `TemplateText` option."""

    def jsonpath(self, text: str) -> Path:
        """The compiled path of a `JsonPathText` option."""

    def grammar(self, name: str) -> Grammar:
        """The grammar of a `GrammarName` option."""

    def yaml_lines(self, text: str) -> tuple[int, ...]:
        """The lines (from 1) on which the top-level keys or items of a YAML text begin. Raises `ValueError`.

        None when they are not on lines of their own, as in braces or brackets.
        """

    def yaml(self, text: str) -> Any:
        """The data of a YAML text, strictly read, its numbers exact. Raises `ValueError`, naming the line."""
