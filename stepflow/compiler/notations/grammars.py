"""Grammars: Lark in LALR mode with the contextual lexer, built on first use and kept.

`longest` finds a grammar's text inside prose. It runs the parse table over the tokens without building trees, remembers
every place where the text could end, and only then builds the tree of the longest.
"""

from __future__ import annotations

import ast
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import lark
from lark.exceptions import GrammarError, LarkError, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.grammar import Rule
from lark.lexer import LexerState, LexerThread, TerminalDef
from lark.parsers.lalr_parser_state import ParseConf, ParserState
from lark.utils import TextSlice

from stepflow.budget import Budget
from stepflow.compiler.notations import expansions
from stepflow.compiler.notations.error import NotationError, offset_of
from stepflow.compiler.notations.expansions import check_expansions
from stepflow.compiler.notations.terminals import Timed, use, within
from stepflow.kept import Kept, texts_of
from stepflow.notation import Leaf, Node
from stepflow.patterns import PatternError, refuse_explosion

MAX_GRAMMAR = 50_000
MAX_TEXT = 20_000
MAX_TOKENS = 1_000
MAX_STARTS = 2_000
MAX_SECONDS = 0.5
"""Of processor time, for all that is read of one text."""
MAX_KEPT = 64
MAX_DEPTH = 150
"""Trees are read by recursive functions; deeper ones would exhaust Python's stack."""

_LIBRARIES = ("common", "unicode", "python", "lark")
_OURS = Path(__file__).resolve().parents[2] / "grammars"
_IMPORT = re.compile(r"^[ \t]*%import[ \t]*(?P<from>[^\s(]*)", re.MULTILINE)
_JOINED = re.compile(
    r"(?<=\w)(?=\w)|(?<=\d)(?=[.,]\d)|(?<=\d[.,])(?=\d)|(?<=\w)(?=['’][^\W\d_])|(?<=\w['’])(?=[^\W\d_])"
)
_LOGGING = threading.Lock()
_KEPT = Kept("grammar", lark.__version__, texts_of(__file__, expansions.__file__, *sorted(_OURS.glob("*.lark"))))


@dataclass(frozen=True, slots=True)
class _Built:
    """What is made of a grammar's text, once."""

    parser: lark.Lark
    lexers: dict[Any, Any]
    scan: ParseConf[Any]
    first: Timed


class LarkGrammar:
    """A grammar. Nothing is compiled before it is first needed; safe to share between threads."""

    __slots__ = ("_built", "_lock", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._lock = threading.Lock()
        self._built: _Built | None = None

    def __repr__(self) -> str:
        return f"LarkGrammar({self.name!r})"

    def check(self) -> None:
        """Build it now. Raises `NotationError` with the offset of what is wrong."""
        self._build()

    def parse(self, text: str) -> Node:
        """The tree of the whole text. Raises `ValueError` when it does not parse, or above 20,000 characters."""
        if len(text) > MAX_TEXT:
            raise ValueError(f"a text of more than {MAX_TEXT:,} characters is not parsed")
        built = self._build()
        try:
            with within(self.budget()):
                return _node(built.parser.parse(text))
        except UnexpectedInput as error:
            raise ValueError(f"not {_article(self.name)}: {_unexpected(text, error)}") from None

    def budget(self) -> Budget:
        """What all the reading of one text may cost, for `starts` and `longest`."""
        return Budget(f"reading {_article(self.name)}", MAX_SECONDS)

    def longest(self, text: str, start: int, budget: Budget | None = None) -> tuple[Node, int] | None:
        """The longest parse that begins at `start` and does not end inside a word or number, and its end offset.

        Raises `ValueError` above 1,000 tokens, when nested too deeply, or when the budget is spent.
        """
        built = self._build()
        with within(budget or self.budget()):
            tokens, ends = _scan(built, text[start : start + MAX_TEXT])
        for count in reversed(ends):
            end = start + (tokens[count - 1].end_pos or 0)
            if not _JOINED.match(text, end):
                return _replay(built.parser, tokens[:count]), end
        return None

    def starts(self, text: str, start: int = 0, end: int | None = None, budget: Budget | None = None) -> Iterator[int]:
        """Offsets in [start, end) where a first terminal matches: not inside a word or number, left to right.

        Raises `ValueError` after 2,000 of them, or when the budget is spent.
        """
        first = self._build().first
        budget = budget or self.budget()
        stop = len(text) if end is None else end
        found = 0
        while (match := _search(first, text, start, budget)) and match.start() < stop:
            start = match.start() + 1
            if _JOINED.match(text, match.start()):
                continue
            found += 1
            if found > MAX_STARTS:
                raise ValueError(f"more than {MAX_STARTS:,} places where {_article(self.name)} could begin")
            yield match.start()

    @property
    def conflicts(self) -> tuple[NotationError, ...]:
        """The shift/reduce conflicts that Lark resolves silently, at their rules."""
        return tuple(
            NotationError(
                f"after {rule.strip()}, {terminal} is read as a continuation",
                *_definition(self.text, rule.split(maxsplit=1)[0]),
            )
            for terminal, rule in re.findall(
                r"conflict for terminal (\S+):.*\n \* <(.+)>", "\n".join(_compile(self.text)[1])
            )
        )

    @property
    def terminals(self) -> tuple[tuple[str, str, tuple[int, int]], ...]:
        """The grammar's own patterns: the terminal's name, its pattern, and where it is defined."""
        own = [each for each in self._build().parser.terminals if each.pattern.type == "re"]
        return tuple(
            (each.name, each.pattern.to_regexp(), _definition(self.text, each.name))
            for each in own
            if re.search(rf"^[ \t]*{re.escape(each.name)}\b", self.text, re.MULTILINE)
        )

    def _build(self) -> _Built:
        if self._built is None:
            with self._lock:
                if self._built is None:
                    self._built = _built(_compile(self.text)[0])
        return self._built


class _Collector(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _noting() -> Iterator[list[str]]:
    """Collects what Lark writes into its log; that is how it tells of conflicts."""
    notes: list[str] = []
    with _LOGGING:
        level, handlers = lark.logger.level, lark.logger.handlers
        lark.logger.handlers = [_Collector(notes)]
        lark.logger.setLevel(logging.DEBUG)
        try:
            yield notes
        finally:
            lark.logger.setLevel(level)
            lark.logger.handlers = handlers


@lru_cache(maxsize=MAX_KEPT)
def _compile(text: str) -> tuple[lark.Lark, tuple[str, ...]]:
    """The parser of a grammar's text, and what Lark notes of conflicts. Kept: rules and processes share grammars.

    Raises `NotationError`.
    """
    found = _KEPT.get(text)
    if found is not None:
        with suppress(LarkError, LookupError, TypeError, ValueError, AttributeError, AssertionError):
            data, memo, noted = found
            return lark.Lark.load({"data": data, "memo": memo}), noted
    parser, notes = _made(text)
    _KEPT.put(lambda: (*parser.memo_serialize([TerminalDef, Rule]), notes), text)
    return parser, notes


def _made(text: str) -> tuple[lark.Lark, tuple[str, ...]]:
    if len(text) > MAX_GRAMMAR:
        raise NotationError(f"a grammar of more than {MAX_GRAMMAR:,} characters", 0, len(text))
    known = (*_LIBRARIES, *sorted(path.stem for path in _OURS.glob("*.lark")))
    for match in _IMPORT.finditer(text):
        if match["from"].split(".", maxsplit=1)[0] not in known:
            hint = f"import from {', '.join(known)}, e.g. %import common.WS_INLINE"
            raise NotationError(f"nothing can be imported from '{match['from']}'", *match.span("from"), hint=hint)
    try:
        check_expansions(text)
    except RecursionError:
        raise NotationError("the grammar is nested too deeply", 0, len(text)) from None
    try:
        with _noting() as notes:
            parser = lark.Lark(
                text, parser="lalr", lexer="contextual", maybe_placeholders=False, import_paths=[str(_OURS)]
            )
    except (LarkError, re.error, RecursionError, ValueError, AssertionError, OSError) as error:
        raise _mistake(text, error) from None
    for terminal in parser.terminals:
        _refuse_terminal(text, terminal)
    return parser, tuple(notes)


def _refuse_terminal(text: str, terminal: Any) -> None:
    """Raise `NotationError` where a terminal is a pattern that would take all memory."""
    try:
        refuse_explosion(terminal.pattern.to_regexp())
    except PatternError as error:
        raise NotationError(f"{terminal.name}: {error}", *_definition(text, terminal.name)) from None


def _built(parser: lark.Lark) -> _Built:
    parse_conf = parser.parse_interactive("").parser_state.parse_conf
    table = parse_conf.parse_table
    accepted = parse_conf.states[parse_conf.start_state]
    opening = [terminal for terminal in parser.terminals if terminal.name in accepted]
    first = "|".join(f"(?:{terminal.pattern.to_regexp()})" for terminal in opening) or r"(?!)"
    lexer: Any = parser.parser.lexer
    use(lexer)
    return _Built(parser, lexer.lexers, ParseConf(table, {}, "start"), Timed(first))


def _search(first: Timed, text: str, start: int, budget: Budget) -> Any:
    with within(budget):
        return first.search(text, start)


def _scan(built: _Built, text: str) -> tuple[list[lark.Token], list[int]]:
    """The tokens up to the first that does not fit, and after how many of them the text could end."""
    # Without callbacks, reductions make fresh lists: Lark's own tree builders change children in place, so that the
    # stacks of a state must not be shared with a later one. Each lexer is asked directly: where nothing fits, Lark's
    # contextual lexer asks all terminals of the grammar once more, for the sake of its message.
    place = LexerState(TextSlice.cast_from(text))
    state: Any = ParserState(built.scan, LexerThread(built.parser.parser.lexer, place))
    tokens: list[lark.Token] = []
    ends: list[int] = []
    with suppress(EOFError, UnexpectedCharacters, UnexpectedToken):
        while True:
            token = built.lexers[state.position].next_token(place, state)
            state.feed_token(token)
            tokens.append(token)
            if len(tokens) > MAX_TOKENS:
                raise ValueError(f"more than {MAX_TOKENS:,} tokens in one piece")
            if _may_end(built.scan, state.state_stack):
                ends.append(len(tokens))
    return tokens, ends


def _may_end(scan: ParseConf[Any], stack: list[Any]) -> bool:
    """Whether the parse table accepts the end of the text now."""
    stack = stack.copy()
    while (step := scan.states[stack[-1]].get("$END")) is not None:
        rule: Any = step[1]
        if rule.expansion:
            del stack[-len(rule.expansion) :]
        stack.append(scan.states[stack[-1]][rule.origin.name][1])
        if stack[-1] == scan.end_state:
            return True
    return False


def _replay(parser: lark.Lark, tokens: list[lark.Token]) -> Node:
    session: Any = parser.parse_interactive("")
    for token in tokens:
        session.feed_token(token)
    return _node(session.feed_eof(tokens[-1]))


def _node(tree: Any, depth: int = 0) -> Node:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if not isinstance(tree, lark.Tree):  # a `?start` of one token
        return Node("start", (_leaf(tree),))
    children = tree.children
    return Node(
        str(tree.data),
        tuple([_leaf(each) if isinstance(each, lark.Token) else _node(each, depth + 1) for each in children]),
    )


def _leaf(token: lark.Token) -> Leaf:
    return Leaf(token.type, str(token))


def _article(name: str) -> str:
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"


def _unexpected(text: str, error: UnexpectedInput) -> str:
    position: Any = error.pos_in_stream
    if position is None or position >= len(text) or getattr(getattr(error, "token", None), "type", "") == "$END":
        return "it ends too early"
    word = text[position : position + 10].split()
    return f"unexpected {(word or [text[position]])[0]!r} at character {position + 1}"


# --- grammar mistakes, in our words ---------------------------------------------------------------------------------

_AT = (
    re.compile(r"line (?P<line>\d+),? col(?:umn)? (?P<column>\d+)"),
    re.compile(r"line (?P<line>\d+)"),
)
_UNDEFINED = re.compile(r"Rule '(?P<name>\w+)' used but not defined")
_TERMINAL = re.compile(r"Cannot compile token (?P<name>\w+)")
_QUOTED = re.compile(r"Terminals? (?:'|\")?(?P<name>\w+)|['\"](?P<quoted>[^'\"]+)['\"]")


def _mistake(text: str, error: Exception) -> NotationError:
    message = str(error)
    if "Reduce/Reduce" in message:
        return _ambiguous(text, message)
    if "Using an undefined rule" in message and "start" in message:
        return NotationError("there is no rule 'start'", 0, hint="every grammar begins with a rule named start")
    terminal = _TERMINAL.search(message)
    if terminal:
        return _bad_terminal(text, terminal["name"], message)
    undefined = _UNDEFINED.search(message)
    if undefined:
        name = undefined["name"]
        return NotationError(f"'{name}' is used but not defined", *_first(text, name), name=name)
    sentence = re.sub(r",? (in <string>|at line \d+,? column \d+)", "", message.splitlines()[0]).strip().rstrip(":.")
    sentence = re.sub(r"Token\('\w+', (.+?)\)", r"\1", sentence)
    sentence = sentence.replace(r"Unexpected token '\n'", "the line ends too early")
    place = next((found for pattern in _AT if (found := pattern.search(message))), None)
    if place:
        start = offset_of(text, int(place["line"]), int(place.groupdict().get("column") or 1))
        return NotationError(f"bad grammar: {sentence}", start)
    quoted = _QUOTED.search(message)
    start, end = _first(text, quoted["name"] or quoted["quoted"]) if quoted else (0, 1)
    kind = "" if isinstance(error, GrammarError) else f"{type(error).__name__}: "
    return NotationError(f"bad grammar: {kind}{sentence}", start, end)


def _ambiguous(text: str, message: str) -> NotationError:
    rules = re.findall(r"- <(.+?)>", message)
    rules.sort(key=lambda rule: _definition(text, rule.split(" ", maxsplit=1)[0]))  # Lark tells them in any order
    terminal = re.search(r"collision in (?:Terminal\()?'?\"?([\w$]+)", message)
    names = [rule.split(" ", maxsplit=1)[0] for rule in rules]
    before = "the end" if terminal and terminal[1] == "$END" else terminal[1] if terminal else "a token"
    sentence = f"the grammar is ambiguous before {before}: {' and '.join(rules)} both fit"
    hint = "let only one of the rules match there, e.g. by merging them"
    return NotationError(sentence, *_definition(text, names[0] if names else ""), hint=hint)


def _bad_terminal(text: str, name: str, message: str) -> NotationError:
    """What Python's `re`, which Lark asks, says of a terminal's pattern: asked again, since Lark leaves it out."""
    start, end = _definition(text, name)
    found = re.search(r"Cannot compile token \w+: (['\"].*['\"])\s*\Z", message, re.DOTALL)
    pattern = ast.literal_eval(found[1]) if found else ""
    why = "it cannot be compiled"
    try:
        re.compile(pattern)
    except re.error as cause:
        why = cause.msg
        written = text.find(f"/{pattern}/", start)
        if written >= 0:
            start = written + 1 + (cause.pos or 0)
            end = start + 1
    hint = "a pattern stands between slashes; every ( and [ in it needs its closing mark"
    return NotationError(f"{name} is no valid pattern: {why}", start, end, hint=hint)


def _definition(text: str, name: str) -> tuple[int, int]:
    """Where a rule or terminal is defined; else where its name stands first."""
    found = re.search(rf"^[ \t]*[?!]*({re.escape(name)})(?:\.-?\d+)?[ \t]*[:{{]", text, re.MULTILINE) if name else None
    return found.span(1) if found else _first(text, name)


def _first(text: str, name: str) -> tuple[int, int]:
    """Where a name stands first in the text."""
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) if name else None
    return found.span() if found else (0, 1)


compile_grammar = partial(LarkGrammar)
"""`compile_grammar(name, text)`: the grammar, not built yet; `check()` builds it."""
