"""The grammar of expressions is Jinja's: its lexer and parser, with character offsets in place of line numbers.

Only the syntax comes from Jinja. What an expression computes is decided in `expressions.py`, over a closed list of
node types; no code is generated, and Jinja's own filters, globals and sandbox are not involved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, lexer, nodes, parser
from jinja2.lexer import TOKEN_FLOAT, TOKEN_INTEGER, TOKEN_STRING, Lexer, Token
from jinja2.parser import Parser

from stepflow.compiler.notations.error import NotationError
from stepflow.kept import Kept, texts_of
from stepflow.values import MAX_DIGITS, normal

MAX_EXPRESSION = 10_000
MAX_EXPONENT = 64
ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t", "r": "\r"}
"""What a backslash may stand before in a text. Anything else is refused: `\\b` would be a backspace to some, to others
the boundary of a word."""

_BRACKET = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?P<sign>[()\[\]{}])""", re.DOTALL)
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_KEPT = Kept("expression", texts_of(__file__, lexer.__file__, nodes.__file__, parser.__file__))
_NODES = {name: kind for name, kind in vars(nodes).items() if isinstance(kind, type) and issubclass(kind, nodes.Node)}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_HINTS = {
    "=": "to compare, write ==",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "?": "write `a if condition else b`",
    ";": "an expression is one value, without statements",
    "$": "names stand bare: `answer.value`",
    ".": "the name of a member must follow the dot",
    **dict.fromkeys(")]}", "no bracket stands open that it could close"),
}


class _OffsetLexer(Lexer):
    """Jinja's lexer, whose tokens carry character offsets in the place of line numbers, and exact decimals."""

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        offset = 0
        try:
            for _, token, text in super().tokeniter(source, name, filename, state):
                yield offset, token, text
                offset += len(text)
        except TemplateSyntaxError as error:
            error.lineno = offset
            raise

    def wrap(
        self, stream: Iterable[tuple[int, str, str]], name: str | None = None, filename: str | None = None
    ) -> Iterator[Token]:
        for offset, token, text in stream:
            if token == TOKEN_FLOAT:
                yield Token(offset, TOKEN_FLOAT, _decimal(text, offset))  # type: ignore[arg-type]
                continue
            if token == TOKEN_STRING:
                yield Token(offset, TOKEN_STRING, _unescaped(text, offset))
                continue
            if token == TOKEN_INTEGER and len(text) > MAX_DIGITS:
                raise NotationError(f"a number of more than {MAX_DIGITS} digits", offset, offset + len(text))
            yield from super().wrap(iter([(offset, token, text)]), name, filename)


class _Syntax(Environment):
    """A Jinja environment that only parses. Its delimiters hold a character that no text may contain."""

    def __init__(self) -> None:
        super().__init__("\0{%", "\0%}", "\0{{", "\0}}", "\0{#", "\0#}", keep_trailing_newline=True)
        self._offset_lexer = _OffsetLexer(self)

    @property
    def lexer(self) -> Lexer:
        return self._offset_lexer


@cache
def _syntax() -> _Syntax:
    return _Syntax()


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Any:
    """The Jinja node of an expression; each node's `lineno` is its character offset. Raises `NotationError`.

    Kept for later processes, and shared within this one: not to be changed.
    """
    found = _KEPT.get(text)
    if found is not None:
        with suppress(LookupError, TypeError, ValueError, ArithmeticError, RecursionError):
            return _grown(found)
    node = _parsed(text)
    _KEPT.put(lambda: _flat(node), text)
    return node


def _flat(node: Any) -> Any:
    """A node as plain data: its type, its place, its fields. Raises `TypeError` where a field is of another kind."""
    if isinstance(node, nodes.Node):
        return type(node).__name__, node.lineno, *(_flat(getattr(node, name)) for name in node.fields)
    if isinstance(node, list):
        return [_flat(item) for item in node]
    if isinstance(node, Fraction):
        return "/", node.numerator, node.denominator
    if node is None or type(node) in (str, int, bool):
        return node
    raise TypeError(f"a {type(node).__name__} in an expression")


def _grown(flat: Any) -> Any:
    """The node of its plain data."""
    if isinstance(flat, list):
        return [_grown(item) for item in flat]
    if not isinstance(flat, tuple):
        return flat
    name, place, *fields = flat
    return Fraction(place, *fields) if name == "/" else _NODES[name](*map(_grown, fields), lineno=place)


def _parsed(text: str) -> Any:
    if len(text) > MAX_EXPRESSION:
        raise NotationError(f"an expression of more than {MAX_EXPRESSION} characters", 0, len(text))
    if "\0" in text:
        raise NotationError("a NUL character", text.index("\0"))
    if not text.strip():
        raise NotationError("the expression is empty", 0, len(text))
    if text.lstrip().startswith("{{"):
        hint = "an expression is written bare, e.g. answer.value == 4"
        raise NotationError(
            "{{ }} does not belong inside an expression", text.index("{{"), text.index("{{") + 2, hint=hint
        )
    # Same length as before, so that offsets stay right.
    source = text.replace("\r\n", " \n").replace("\r", "\n")
    try:
        reader = Parser(_syntax(), source, state="variable")
        node = reader.parse_expression()
        if not reader.stream.eos:
            current = reader.stream.current
            raise TemplateSyntaxError(f"unexpected {text[current.lineno :].split(maxsplit=1)[0]!r}", current.lineno)
        return node
    except TemplateSyntaxError as error:
        raise _mistake(text, error) from None
    except RecursionError:
        raise NotationError("the expression is nested too deeply", 0, len(text)) from None


def _mistake(text: str, error: TemplateSyntaxError) -> NotationError:
    message = re.sub(r" at \d+$", "", error.message or "not an expression")
    message = re.sub(r"'?end of (template|print statement)'?", "end of the expression", message)
    message = message[:1].lower() + message[1:].rstrip(".")
    start = min(error.lineno, len(text))
    hint = _HINTS.get(text[start : start + 1], "")
    if "end of the expression" in message:
        unclosed = _unclosed(text)
        if unclosed is not None:
            sign = text[unclosed]
            return NotationError(f"this {sign!r} is never closed by {_CLOSES[sign]!r}", unclosed)
        start = len(text.rstrip())
        hint = f"something must follow {text.rsplit(maxsplit=1)[-1]!r}"
    word = re.match(r"\w+|\S", text[start:])
    if message.startswith("unexpected '") and word and word.group()[0].isalnum():
        hint = "between two values stands `and`, `or`, `==`, `~` (to join texts) or the like; a text stands in quotes"
    if message.startswith("unexpected char") and text[start : start + 1] in ("'", '"'):
        message = "this quote is never closed"
    return NotationError(message, start, start + (len(word.group()) if word else 1), hint=hint)


def _unclosed(text: str) -> int | None:
    """Where the innermost bracket stands that nothing closes."""
    open_ones: list[int] = []
    for found in _BRACKET.finditer(text):
        if found["sign"] in _CLOSES:
            open_ones.append(found.start())
        elif found["sign"] and open_ones:
            open_ones.pop()
    return open_ones[-1] if open_ones else None


def _unescaped(quoted: str, offset: int) -> str:
    """The text between two quotes, its escapes resolved; `offset` is where the first quote stands."""

    def resolve(escape: re.Match[str]) -> str:
        sign = escape[1]
        if sign in ESCAPES:
            return ESCAPES[sign]
        start = offset + 1 + escape.start()
        hint = (
            f"write \\\\{sign}, with two backslashes (four inside double quotes of YAML)" if sign.isprintable() else ""
        )
        written = f"\\{sign}" if sign.isprintable() else "a backslash at the end of a line"
        raise NotationError(f"{written} means nothing in the text of an expression", start, start + 2, hint=hint)

    return _ESCAPE.sub(resolve, quoted[1:-1])


def _decimal(text: str, offset: int) -> int | Fraction:
    digits = text.replace("_", "")
    exponent = re.search(r"[eE]([+-]?\d+)\Z", digits)
    if len(digits) > MAX_DIGITS or (exponent and abs(int(exponent[1])) > MAX_EXPONENT):
        raise NotationError("the number is too large or too long", offset, offset + len(text))
    return normal(Fraction(digits))
