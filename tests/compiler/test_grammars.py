import logging
import threading

import lark
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.grammars import LarkGrammar
from stepflow.notation import Leaf, Node

SUMS = r"""
start: sum "=" sum
?sum: product | sum "+" product -> add | sum "-" product -> sub
?product: atom | product "*" atom -> mul | NUMBER atom -> mul
?atom: NUMBER -> number | NAME -> symbol | "(" sum ")"
NUMBER: /\d+(\.\d+)?/
NAME: /[a-z](?![A-Za-z])/
%import common.WS_INLINE
%ignore WS_INLINE
"""
EQUATION = LarkGrammar("equation", SUMS)
LIST = LarkGrammar("list", 'start: ITEM ("," ITEM)*\nITEM: /[a-z]/\n%ignore " "')


def first_found(text, grammar=EQUATION):
    for start in grammar.starts(text):
        found = grammar.longest(text, start)
        if found:
            return text[start : found[1]]
    return None


def test_a_tree_is_in_our_own_form():
    assert EQUATION.parse("2x = 4") == Node(
        "start",
        (
            Node("mul", (Leaf("NUMBER", "2"), Node("symbol", (Leaf("NAME", "x"),)))),
            Node("number", (Leaf("NUMBER", "4"),)),
        ),
    )


def test_a_start_rule_that_is_one_token_is_still_a_node():
    assert LarkGrammar("word", "?start: WORD\nWORD: /[a-z]+/").parse("abc") == Node("start", (Leaf("WORD", "abc"),))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2x", "not an equation: it ends too early"),
        ("", "not an equation: it ends too early"),
        ("2x + ! 3", "unexpected '!' at character 6"),
        ("x = 3\n", "not an equation"),
        ("x = 3 = 4", "unexpected '=' at character 7"),
        ("x" * 20_001, "more than 20,000 characters"),
    ],
)
def test_a_text_that_does_not_parse_says_where(text, reason):
    with pytest.raises(ValueError, match=reason):
        EQUATION.parse(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Solve 2x + 3 = 11 for x.", "2x + 3 = 11"),
        ("Solve 2x + 3 = 11.", "2x + 3 = 11"),
        ("Solve 2x + 3 = 11.5, please", "2x + 3 = 11.5"),
        ("Then x = 1 + 2 + oops", "x = 1 + 2"),
        ("so (x + 1) = 4) holds", "(x + 1) = 4"),
        ("x = 11yy", None),
        ("x = 11.5.2", None),
        ("x = 1,200", None),
        ("x = 5e3", None),
        ("max = 4", None),
        ("nothing at all", None),
        ("x = 3's", None),
    ],
)
def test_the_longest_parse_in_prose_ends_at_a_word_boundary(text, found):
    assert first_found(text) == found


def test_starts_are_not_inside_words_or_numbers():
    text = "Ab 3.5x it's (y) 2"
    assert [text[start] for start in EQUATION.starts(text)] == ["3", "(", "y", "2"]
    assert list(EQUATION.starts(text, 4, 14)) == [13]


def test_looking_further_does_not_change_a_shorter_tree():
    # Lark's tree builder extends lists of repeated items in place.
    tree, end = LIST.longest("a, b, c, dd", 0)
    assert end == 7
    assert tree == LIST.parse("a, b, c")


@given(st.lists(st.sampled_from(["x", "2", "3.5", "+", "-", "*", "=", "(", ")", "word", ",", "."]), max_size=12))
def test_the_longest_parse_is_a_parse_and_no_longer_prefix_is(pieces):
    text = " ".join(pieces)
    found = EQUATION.longest(text, 0)
    end = found[1] if found else 0
    if found:
        assert EQUATION.parse(text[:end]) == found[0]
    for longer in range(end + 1, len(text) + 1):
        if text[longer - 1] != " " and text[longer : longer + 1] in ("", " "):
            with pytest.raises(ValueError, match="not an equation"):
                EQUATION.parse(text[:longer])


def test_hostile_texts_are_refused_in_time():
    with pytest.raises(ValueError, match="more than 1,000 tokens"):
        EQUATION.longest("(" * 5000, 0)
    with pytest.raises(ValueError, match="more than 2,000 places"):
        list(EQUATION.starts("( " * 5000))
    deep = LarkGrammar("nest", 'start: nest\nnest: "(" nest ")" | "x"')
    with pytest.raises(ValueError, match="nested more than 150 deep"):
        deep.parse("(" * 300 + "x" + ")" * 300)


@pytest.mark.parametrize(
    ("grammar", "text", "reason"),
    [
        ("start: A\nA: /(a|a)+[bc]/", "a" * 50, "a terminal of the grammar takes longer than 0.1 s"),
        ('start: "a"\nW: /(?: | )+[xy]| /\n%ignore W', " " * 15_000 + "a", "takes longer than 0.1 s"),
        ("start: A+\nA: /a(?=[ab]*[ab]*[cd])|a/", "a" * 2_000, "reading a slow one takes longer than 0.05 s"),
    ],
)
def test_a_catastrophic_terminal_ends_in_time_and_says_so(grammar, text, reason, monkeypatch):
    monkeypatch.setattr("stepflow.compiler.notations.grammars.MAX_SECONDS", 0.05)
    slow = LarkGrammar("slow one", grammar)
    with pytest.raises(ValueError, match=reason):
        slow.parse(text)


def test_all_places_of_one_text_share_the_time(monkeypatch):
    monkeypatch.setattr("stepflow.compiler.notations.grammars.MAX_SECONDS", 0.05)
    slow = LarkGrammar("slow one", "start: A\nA: /a(?=[ab ]*[ab ]*[cd])|a/")
    text, budget = "a " * 1_500, slow.budget()
    with pytest.raises(ValueError, match=r"reading a slow one takes longer than 0\.05 s"):
        [slow.longest(text, start, budget) for start in slow.starts(text, budget=budget)]


TERMINALS = "\n".join(f'A{number}: "{number}"' for number in range(30))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("start: " + " ".join(f"A{number}?" for number in range(30)), "more than 1,000 alternatives"),
        ("start: " + "[A1 | A2] " * 30, "more than 1,000 alternatives"),
        ("start: (A1 | A2 | A3)~1..40", "more than 1,000 alternatives"),
        ("start: A1~1..49 A2~1..49", "more than 1,000 alternatives"),
        ("start: a a\na: " + " | ".join(["A1 A2? A3? A4?"] * 200), "more than 1,000 alternatives"),
        ("start: " + "A1 " * 101, "more than 100 parts"),
        ("start: (A1 A2 A3)~40", "more than 100 parts"),
        ("start: " + "(" * 2_000 + "A1" + ")" * 2_000, "nested too deeply"),
        ("start: B\nB: /((a{500}){500}){500}/", "B: counted repeats come to"),
    ],
)
def test_a_grammar_that_would_exhaust_the_process_is_refused_before_lark_sees_it(rule, message):
    with pytest.raises(NotationError, match=message):
        LarkGrammar("large", f"{rule}\n{TERMINALS}").check()


@pytest.mark.parametrize(
    "rule",
    [
        "start: A1~5000 // as a rule of its own",
        "start: (A1 A2?)* [A3 | (A4 A5)+] A6~0..3 -> done",
        'start: "\\"(" /[(|]\\//x A1?',
        "start: pair{A1, A2}\npair{a, b}: a b | b a",
    ],
)
def test_what_is_large_in_its_texts_only_is_fine(rule):
    LarkGrammar("small", f"{rule}\n{TERMINALS}").check()


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("start: fo | A\nA: /a/", "fo", "'fo' is used but not defined"),
        ("start: A B\nA: /a/", "B", "'B' is used but not defined"),
        ("begin: A\nA: /a/", "b", "there is no rule 'start'"),
        ("start: (A\nA: /a/", "\n", "the line ends too early"),
        ("start A", "A", "missing colon"),
        ("start: A\nA: /(/", "(", "A is no valid pattern: missing )"),
        ("start: A\nA: /a*/", "a*", "zero-width"),
        ("start: A\nA: /a/\nA: /b/", "A", "more than once"),
        ("start: a | b\na: X\nb: X\nX: /x/", "a", "ambiguous before the end: a : X and b : X both fit"),
        ("%import .other.X\nstart: X", ".other.X", "nothing can be imported from '.other.X'"),
        ("start: X\n  %import. common.X", ".", "nothing can be imported from '.'"),
        ("%import /etc.X\nstart: X", "", "nothing can be imported"),
    ],
)
def test_a_bad_grammar_is_pointed_at(text, at, message):
    with pytest.raises(NotationError) as caught:
        LarkGrammar("g", text).check()
    assert message.lower() in caught.value.message.lower()
    assert text[caught.value.start :].startswith(at)


def test_a_bad_grammar_is_noticed_only_when_it_is_needed():
    grammar = LarkGrammar("g", "start: nope")
    with pytest.raises(NotationError):
        grammar.parse("x")


def test_silent_conflicts_can_be_asked_for_and_nothing_is_printed(capfd):
    ambiguous = LarkGrammar("g", 'start: e\ne: e "+" e | N\nN: /\\d/')
    assert [conflict.message for conflict in ambiguous.conflicts] == [
        "after e : e PLUS e, PLUS is read as a continuation"
    ]
    assert LIST.conflicts == ()
    assert capfd.readouterr() == ("", "")
    assert lark.logger.level == logging.CRITICAL


def test_many_threads_build_a_grammar_once():
    grammar = LarkGrammar("equation", SUMS)
    trees = []
    threads = [threading.Thread(target=lambda: trees.append(grammar.parse("x = 4"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trees == [EQUATION.parse("x = 4")] * 6
