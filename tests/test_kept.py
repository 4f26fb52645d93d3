"""What was compiled is found again by the next process, and nothing doubtful is ever taken for it."""

from __future__ import annotations

import copyreg
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lark
import pytest
import regex

from stepflow import kept, patterns
from stepflow.catalog import registry
from stepflow.compiler.notations import grammars, jinja_syntax
from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.regexes import compile_regex
from stepflow.compiler.pipelines import compile_rule_file
from stepflow.config.yaml_nodes import read_file
from stepflow.version import VERSION

ROOT = Path(__file__).resolve().parent.parent


class Compiled(AssertionError):
    """Something was compiled that should have been found."""


def _compiled(*_: object, **__: object) -> None:
    raise Compiled


def _forget() -> None:
    """What a process knows of what it compiled."""
    for known in (grammars._compile, patterns._lasting, jinja_syntax.parse_expression):
        known.cache_clear()
    regex.purge()


@pytest.fixture
def next_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """An empty folder; a call ends this process, as far as what it keeps goes, and begins the next."""
    monkeypatch.setenv(kept.VARIABLE, str(tmp_path / "kept"))

    def ended() -> None:
        kept._FILE.save()
        monkeypatch.setattr(kept, "_FILE", kept._File())
        _forget()

    monkeypatch.setattr(kept, "_FILE", kept._File())
    _forget()
    yield ended
    _forget()


@pytest.fixture
def compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, whoever compiles a pattern or makes a grammar's tables fails."""

    def forbid() -> None:
        patterns._rebuild()
        monkeypatch.setattr(patterns.regex, "compile", _compiled)
        monkeypatch.setattr(grammars.lark.Lark, "__init__", _compiled)

    return forbid


def _inner(pattern: patterns.RegexPattern) -> object:
    """All that a compiled pattern consists of."""
    return copyreg.dispatch_table[regex.Pattern](pattern.compiled)[1]


PATTERNS = (r"a+b", r"(?i)\bno\b|(?P<x>[^\W\d_]{2,3})", r"(?xs) a . (?# dot)\n", r"(?<!\w)(?:\$|€)(?P<v>\d+)(?=,)", "")


@pytest.mark.parametrize("text", PATTERNS)
def test_the_next_process_has_the_very_same_pattern_and_does_not_compile_it(
    text: str, next_process: Callable[[], None], compiles_nothing: Callable[[], None]
) -> None:
    before = compile_regex(text)
    next_process()
    compiles_nothing()
    after = compile_regex(text)
    assert _inner(after) == _inner(before)
    assert (after.compiled.pattern, after.compiled.flags) == (before.compiled.pattern, before.compiled.flags)
    assert after.compiled.groupindex == before.compiled.groupindex


SHIPPED = [
    pytest.param(text, id=f"{path.stem}.{name}")
    for path in sorted((ROOT / "rules").glob("*.yaml"))
    for name, text in (read_file(str(path)).data.get("grammars") or {}).items()
]
DANGLING = 'start: s\ns: "if" s | "if" s "else" s | X\nX: /x+/'


@pytest.mark.parametrize("text", [*SHIPPED, DANGLING])
def test_the_next_process_has_the_same_grammar_and_does_not_make_it(
    text: str, next_process: Callable[[], None], compiles_nothing: Callable[[], None]
) -> None:
    before = grammars.LarkGrammar("g", text)
    conflicts, terminals, tables = list(map(str, before.conflicts)), before.terminals, _tables(before)
    next_process()
    compiles_nothing()
    after = grammars.LarkGrammar("g", text)
    assert list(map(str, after.conflicts)) == conflicts
    assert after.terminals == terminals
    assert _tables(after) == tables


def _tables(grammar: grammars.LarkGrammar) -> object:
    """What the parser and its lexers do: rules, parse table, and the terminals in the order in which they are tried."""
    parser = grammar._build().parser
    conf: Any = parser.parse_interactive("").parser_state.parse_conf
    rows = conf.parse_table.states.items()
    lexers: Any = parser.parser.lexer
    return (
        [
            (rule, rule.alias, rule.order, {name: str(value) for name, value in vars(rule.options).items()})
            for rule in parser.rules
        ],
        {state: {name: (str(action), argument) for name, (action, argument) in row.items()} for state, row in rows},
        {state: [str(terminal) for terminal in lexer.terminals] for state, lexer in lexers.lexers.items()},
        (conf.start_state, conf.end_state),
    )


EXPRESSIONS = (
    "a.b[0] == 1/3 + 0.25 and not (x in ['y', \"z\"])",
    "rows | length if rows else none",
    "f(1, *more, named=true) ~ -x ** 2 // 3 % 4 <= {'k': [1.50, 'v']}.k[1:2]",
    "0.1",
)


def test_the_next_process_has_the_same_expressions_and_does_not_parse_them(
    next_process: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: dict[str, object] = {}
    parse = jinja_syntax._parsed

    def noting(text: str) -> object:
        parsed[text] = parse(text)
        return parsed[text]

    monkeypatch.setattr(jinja_syntax, "_parsed", noting)
    compile_rule_file(str(ROOT / "rules" / "linear-equation.yaml"), registry(), VERSION)
    for text in EXPRESSIONS:
        jinja_syntax.parse_expression(text)
    assert len(parsed) > 50
    next_process()
    monkeypatch.setattr(jinja_syntax, "_parsed", _compiled)
    for text, node in parsed.items():
        recalled = jinja_syntax.parse_expression(text)
        assert recalled == node
        assert jinja_syntax._flat(recalled) == jinja_syntax._flat(node)  # at the same places, too


def test_a_recalled_grammar_reads_as_the_one_that_was_made(next_process: Callable[[], None]) -> None:
    text = 'start: sum\nsum: N ("+" N)*\nN: /\\d+/\n%ignore " "'
    texts = ["1", "1 + 22+3", "is 1+1", "1+", "x"]

    def read() -> list[object]:
        grammar = grammars.LarkGrammar("sum", text)
        return [[grammar.longest(each, start) for start in grammar.starts(each)] for each in texts]

    made = read()
    next_process()
    assert read() == made


def test_what_is_refused_is_refused_again(next_process: Callable[[], None]) -> None:
    for _ in range(2):
        for wrong in ("a(", "((a{500}){500}){500}"):
            with pytest.raises(NotationError):
                compile_regex(wrong)
        with pytest.raises(NotationError, match="ambiguous"):
            grammars.LarkGrammar("g", "start: a | b\na: X\nb: X\nX: /x/").check()
        with pytest.raises(NotationError, match="counted repeats"):
            grammars.LarkGrammar("g", "start: A\nA: /((a{500}){500}){500}/").check()
        next_process()


def test_a_pattern_of_an_answer_is_not_kept(next_process: Callable[[], None]) -> None:
    patterns.compile_pattern("from an answer")
    next_process()
    assert not kept.path().exists()  # type: ignore[union-attr]


def _open_to_others(file: Path) -> None:
    file.chmod(0o644)


def _folder_open_to_others(file: Path) -> None:
    file.parent.chmod(0o777)


def _one_bit(file: Path) -> None:
    held = bytearray(file.read_bytes())
    held[-3] ^= 1
    file.write_bytes(held)


def _cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "spoil",
    [_open_to_others, _folder_open_to_others, _one_bit, _cut_short, _emptied, _a_folder],
    ids=lambda f: f.__name__,
)
def test_a_doubtful_file_counts_as_none(spoil: Callable[[Path], None], next_process: Callable[[], None]) -> None:
    compile_regex("doubt+")
    next_process()
    file = kept.path()
    assert file is not None
    assert kept.read(file)
    spoil(file)
    assert kept.read(file) == {}
    assert compile_regex("doubt+").search("doubttt") is not None
    next_process()  # writing it anew raises nothing either
    file.parent.chmod(0o700)


def test_another_version_counts_as_none() -> None:
    one, other = kept.Kept("k", "1.0"), kept.Kept("k", "1.1")
    one.put(lambda: (1, "a"), "key")
    assert one.get("key") == (1, "a")
    assert other.get("key") is None
    assert one.get("other key") is None


def test_a_file_that_cannot_be_read_has_no_name_that_was_ever_kept(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert kept.texts_of(missing) != kept.texts_of(missing)
    assert kept.texts_of(__file__) == kept.texts_of(__file__)


def test_off_keeps_nothing(next_process: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(kept.VARIABLE, "off")
    monkeypatch.chdir(tmp_path)
    compile_regex("off+")
    next_process()
    assert list(tmp_path.iterdir()) == []


def test_above_its_size_only_what_was_asked_for_stays(
    next_process: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = kept.Kept("k")
    for name in ("old", "asked"):
        shelf.put(lambda: "x" * 100, name)
    next_process()
    monkeypatch.setattr(kept, "MAX_BYTES", 250)
    assert shelf.get("asked") == "x" * 100
    shelf.put(lambda: "y" * 100, "new")
    next_process()
    assert [shelf.get(name) is not None for name in ("old", "asked", "new")] == [False, True, True]


def test_a_process_keeps_no_more_than_the_file_may_hold(
    next_process: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_BYTES", 250)
    shelf = kept.Kept("k")
    for name in ("first", "second", "third"):
        shelf.put(lambda: "x" * 100, name)
    assert [shelf.get(name) is not None for name in ("first", "second", "third")] == [True, True, False]
    next_process()
    assert [shelf.get(name) is not None for name in ("first", "second", "third")] == [True, True, False]


def test_data_of_other_types_are_not_kept_and_do_not_raise() -> None:
    shelf = kept.Kept("k")
    shelf.put(object, "key")
    assert shelf.get("key") is None


def test_processes_find_what_others_compiled(tmp_path: Path) -> None:
    """From the outside: `lint` writes the file, and a second one has nothing to add."""
    environment = {**os.environ, kept.VARIABLE: str(tmp_path / "kept")}
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "stepflow", "lint", "rules/classification.yaml"],
            cwd=ROOT, env=environment, check=True, capture_output=True,
        )  # fmt: skip
        (file,) = (tmp_path / "kept").iterdir()
        status = file.stat()
        assert status.st_mode & 0o077 == 0
        written = status.st_ino
    assert file.stat().st_ino == written


def test_lark_and_regex_still_offer_what_is_kept() -> None:
    """Else nothing would be kept, silently."""
    assert regex.Pattern in copyreg.dispatch_table
    assert callable(lark.Lark.load)
    assert callable(lark.Lark.memo_serialize)
