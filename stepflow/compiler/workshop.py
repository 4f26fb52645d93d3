"""What the compiler builds plugs with: every pattern, expression, template, path and grammar of a rule, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepflow.compiler.notations.expressions import CompiledExpression, compile_expression
from stepflow.compiler.notations.grammars import LarkGrammar
from stepflow.compiler.notations.jsonpaths import compile_jsonpath
from stepflow.compiler.notations.regexes import compile_regex
from stepflow.compiler.notations.templates import compile_template
from stepflow.compiler.site import Site
from stepflow.compiler.written_values import exact_data
from stepflow.config.document import Document, MapNode, target_of
from stepflow.config.yaml_nodes import read
from stepflow.errors import ConfigError
from stepflow.notation import Expression, Grammar, Notation, Path, Pattern, Template


class Workshop:
    """A `BuildContext`. Each text is compiled once; a bad one raises `NotationError`."""

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]],
        tables: Mapping[str, Mapping[str, Any]],
        grammars: Mapping[str, str],
    ) -> None:
        self.tables = tables
        self._functions = functions
        self._grammars = {name: LarkGrammar(name, text) for name, text in grammars.items()}
        self._built: dict[tuple[Notation, str], Any] = {}
        self.patterns: dict[str, Site] = {}
        """Where each pattern is written, for lints."""

    def regex(self, text: str) -> Pattern:
        """The compiled pattern."""
        return self._once(Notation.REGEX, text, compile_regex)  # type: ignore[no-any-return]

    def expression(self, text: str) -> Expression:
        """The compiled expression."""
        return self._once(Notation.EXPRESSION, text, self._expression)  # type: ignore[no-any-return]

    def compiled(self, text: str) -> CompiledExpression:
        """The compiled expression, with what only the compiler asks of it."""
        return self._once(Notation.EXPRESSION, text, self._expression)  # type: ignore[no-any-return]

    def template(self, text: str) -> Template:
        """The compiled template."""
        return self._once(Notation.TEMPLATE, text, lambda each: compile_template(each, self._functions))  # type: ignore[no-any-return]

    def jsonpath(self, text: str) -> Path:
        """The compiled path."""
        return self._once(Notation.JSONPATH, text, compile_jsonpath)  # type: ignore[no-any-return]

    def grammar(self, name: str) -> Grammar:
        """The grammar of this name; it is built when first used."""
        return self.grammars[name]

    def yaml(self, text: str) -> Any:
        """The data of a YAML text, read as strictly as a rule file."""
        return exact_data(self._document(text).data)

    def yaml_lines(self, text: str) -> tuple[int, ...]:
        """The lines on which the top-level keys or items of a YAML text begin; none when some share a line."""
        document = self._document(text)
        root = target_of(document.root) if document.root is not None else None
        parts = [*root.keys.values()] if isinstance(root, MapNode) else getattr(root, "items", ())
        places = [document.source.position(part.start) for part in parts]
        if isinstance(root, MapNode):
            return tuple(line for line, _ in places) if all(column == 1 for _, column in places) else ()
        lines = [self._dash(document, line) for line, _ in places]
        return tuple(lines) if all(lines) and len(set(lines)) == len(lines) else ()

    @staticmethod
    def _dash(document: Document, line: int) -> int:
        """The line, at or above this one, that begins with the dash of a list's item; 0 when there is none."""
        return next((number for number in range(line, 0, -1) if document.line_text(number).startswith("-")), 0)

    @staticmethod
    def _document(text: str) -> Document:
        try:
            return read(text, "the text")
        except ConfigError as error:
            first = error.diagnostics[0]
            raise ValueError(f"{first.message} (line {first.span.line}, column {first.span.column})") from error

    @property
    def grammars(self) -> Mapping[str, LarkGrammar]:
        """All grammars of the rule."""
        return self._grammars

    def _expression(self, text: str) -> CompiledExpression:
        return compile_expression(text, self._functions)

    def _once(self, notation: Notation, text: str, build: Callable[[str], Any]) -> Any:
        key = (notation, text)
        if key not in self._built:
            self._built[key] = build(text)
        return self._built[key]
