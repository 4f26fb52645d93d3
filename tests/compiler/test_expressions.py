import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.expressions import compile_expression
from stepflow.notation import Missing
from stepflow.strategies.functions import arithmetic, collections, linear, text

FUNCTIONS = {**arithmetic.FUNCTIONS, **linear.FUNCTIONS, **text.FUNCTIONS, **collections.FUNCTIONS}
NAMES = {
    "answer": {"value": 4, "name": "x", "items": "mine", "parts": (1, 2, 3)},
    "n": 7,
    "word": "abc",
    "rows": ({"p": {"q": 1}}, {"p": {"q": 5}}),
    "data": "{{ n }}",
}


def evaluate(source, **names):
    return compile_expression(source, FUNCTIONS)({**NAMES, **names})


def mistake(source):
    with pytest.raises(NotationError) as caught:
        compile_expression(source, FUNCTIONS)
    return caught.value


@pytest.mark.parametrize(
    "source",
    [
        "0.1 + 0.2 == 0.3",
        "1/3*3 == 1",
        "0.12345678901234567890123 * 10 == 1.2345678901234567890123",
        "2 ** -2 == 0.25",
        "7 // 2 == 3 and -7 // 2 == -4 and 7.5 % 2 == 1.5",
        "1_000 == 1000 and 0x10 == 16 and 1.5e3 == 1500 and 1e-3 == 0.001",
        "1 < 2 <= 2 != 3",
        "2 in [1, 2.0] and 'b' in word and 'value' in answer and 4 not in answer.parts",
        "[1, 2] == answer.parts[:2] and answer.parts[-1] == 3 and answer.parts[::-1] == [3, 2, 1]",
        "not (true == 1) and true != 1 and none == none",
        "{'a': [1, {'b': 2}]} == {'a': [1, {'b': 4/2}]}",
        "'a' ~ 1/4 ~ [1, 2] == 'a0.251, 2'",
        "'a' 'b' + 'c' == word",
        "[1] + [2] == [1, 2]",
        "(1 if n > 5 else 2) == 1",
        "symbol('x') * 2 + symbol('x') == 3 * symbol('x') and symbol('x') / 2 * 2 == symbol('x')",
        "linear(3) == 3",
        "answer.items == 'mine' and answer['items'] == 'mine'",
        "rows | map(attribute='p.q') == [1, 5]",
        "rows | selectattr('p.q', 'gt', 2) | map(attribute='p.q') | first == 5",
        "rows | rejectattr('p.q', 'gt', 2) | length == 1",
        "[{'a': 1}, {'b': 2}] | selectattr('a', 'defined') == [{'a': 1}]",
        "[{'a': 1}, {'b': 2}] | selectattr('a', 'undefined') == [{'b': 2}]",
        "[{'a': none}, {'b': 2}] | rejectattr('a.c', 'defined') | length == 2",
        "[1, none] | select('defined') == [1, none] and [1] | select('undefined') == []",
        "[1, 2, 3] | select('odd') == [1, 3] and [1, 2] | reject('even') == [1]",
        "[0, 1] | select == [1]",
        "[1.5, 2.5] | map('round') == [2, 3] and ['a'] | map('upper') == ['A']",
        "4 is even and 3 is odd and 6 is divisibleby 3 and 6 is divisibleby(2)",
        "n is number and n is integer and 0.5 is not integer and true is not number and word is string",
        "answer is mapping and answer.parts is sequence and none is none and 3 is in [3] and 3 is eq 3",
        "answer.value is defined and answer.other is undefined and nothing is not defined",
        "answer.value.deep.deeper is undefined and answer.parts[9] is undefined",
        "answer.other | default(3) == 3 and answer.value | default(3) == 4",
        "all(x in [1, 2], x > 0) and not all(x in [1, 2], x > 1) and all(x in [], x > 1)",
        "any(x in [1, 2], x > 1) and not any(x in [1, 2], x > 2) and not any(x in [], true)",
        "map(x in [1, 2], x * n) == [7, 14] and map(n in [1], n) == [1] and n == 7",
        "select(row in rows, row.p.q > 2) == [{'p': {'q': 5}}]",
        "all(row in rows, any(key in ['p', 'z'], key in row)) and map(a in [1, 2], map(b in [a], a + b)) == [[2], [4]]",
        "map(x in [[1, 2], [3]], map(x in x, -x)) == [[-1, -2], [-3]]",
        "any(x in [1, 2], x / (x - 1) > 1 if x > 1 else false) and any(x in [1, 0], 1 / x == 1)",
    ],
)
def test_an_expression_is_exact_and_means_what_it_says(source):
    assert evaluate(source) is True


def test_whole_results_are_int_and_others_fractions():
    assert type(evaluate("4 / 2")) is int
    assert type(evaluate("0.5 + 0.5")) is int
    assert evaluate("1 / 3") == Fraction(1, 3)


numbers = st.integers(-99, 99)


@given(st.recursive(numbers.map(str), lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map("({0[0]} {0[1]} {0[2]})".format), max_leaves=12), numbers)  # fmt: skip  # noqa: E501
def test_it_agrees_with_jinja_where_jinja_is_exact(source, n):
    source = f"({source} + n) > 3 or {source} == n"
    assert evaluate(source, n=n) == jinja2.Environment(autoescape=True).compile_expression(source)(n=n)


@given(st.fractions(max_denominator=99), st.fractions(max_denominator=99).filter(bool))
def test_division_undoes_multiplication(a, b):
    assert evaluate("a * b / b == a and a / b * b == a and (a // b) * b + a % b == a", a=a, b=b) is True


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("answer.other", "answer.other is missing"),
        ("answer.value.deep", "answer.value.deep is missing: the number 4 has no such members"),
        ("nothing + 1", "nothing is missing"),
        ("answer.parts[7]", r"answer.parts\[7\] is missing: there are only 3"),
        ("answer['no']", r"answer\['no'\] is missing"),
        ("nothing == nothing", "nothing is missing"),
        ("[] | first", "the list is empty"),
        ("rows | map(attribute='z')", "item.z is missing"),
    ],
)
def test_what_is_absent_is_missing_and_named(source, message):
    with pytest.raises(Missing, match=message):
        evaluate(source)


@pytest.mark.parametrize(
    "source",
    [
        "n.real",
        "n.__class__",
        "word.upper",
        "answer.keys",
        "answer.__class__",
        "answer['__class__']",
        "answer.parts.count",
        "solve_linear.__globals__",
    ],
)
def test_no_attribute_of_a_python_object_can_be_reached(source):
    with pytest.raises(Missing):
        evaluate(source)


@pytest.mark.parametrize("source", ["word.upper()", "answer.get('value')", "answer['x']()", "(n)()()", "max(1)(2)"])
def test_only_functions_can_be_called(source):
    assert (
        "only functions can be called" in mistake(source).message or "there is no function" in mistake(source).message
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("word * 3", "the text 'abc' is not a number"),
        ("[1] * 3", "a list of 1 is not a number"),
        ("'%s' % word", "is not a number"),
        ("'5' + 1", r"number\(\.\.\.\) reads one from text"),
        ("true + 1", "true is not a number"),
        ("1 < 'a'", "cannot order"),
        ("1 / 0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("4 ** 0.5", "an exponent is a whole number"),
        ("2 ** 65", "at most 64"),
        ("(10 ** 60) ** 60", "more than 400 digits"),
        ("(10 ** 60) ** 6 * 10 ** 60", "more than 400 digits"),
        ("symbol('x') * symbol('x')", "not linear"),
        ("1 / symbol('x')", "not linear"),
        ("3 in 5", "cannot hold"),
        ("n[1:]", "has no parts"),
        ("word[0.5:]", "whole numbers"),
        ("word[::0]", "must not be 0"),
        ("word is odd", "is not a number"),
        ("n | map('round')", "is not a list"),
        ("rows | map", "takes the name of a filter"),
        ("{[1]: {}}[0]", "is missing"),
        ("{ {}: 1 }", "cannot be computed"),
        ("word | replace('', 'x')", "is empty"),
        ("big | replace('a', big)", "more than 1,000,000 characters"),
        ("big ~ big", "more than 1,000,000 characters"),
    ],
)
def test_what_cannot_be_computed_says_why(source, message):
    with pytest.raises(ValueError, match=message):
        evaluate(source, big="a" * 600_000)


@pytest.mark.parametrize(
    ("source", "word", "message", "hint"),
    [
        ("answer.value = 4", "=", "unexpected '='", "to compare, write =="),
        ("n > 1 && n < 3", "&", "unexpected char '&'", "write `and`"),
        ("1 + slove(n)", "slove", "there is no function 'slove'", ""),
        ("1 + solve_liner(n)", "solve_liner", "there is no function 'solve_liner'", "did you mean 'solve_linear'?"),
        ("n | rond", "rond", "there is no filter 'rond'", "did you mean 'round'?"),
        ("n is od", "od", "there is no test 'od'", "did you mean 'odd'?"),
        ("[n] | map('uper')", "uper", "there is no filter 'uper'", "did you mean 'upper'?"),
        ("[n] | select('od')", "od", "there is no test 'od'", "did you mean 'odd'?"),
        ("map([n])", "map", "there is no function 'map'", "write map(x in items, …) or items | map(...)"),
        ("n + ]", "]", "unexpected ']'", ""),
        ("n n", "n", "unexpected 'n'", ""),
        ("{{ n }}", "{{", "does not belong inside an expression", "written bare"),
        ("n + 'a", "'", "this quote is never closed", ""),
        ("n if n", "if", "an `if` needs an `else`", "write `a if condition else b`"),
        ("round()", "round", "missing a required argument", "it is round(value, digits=0)"),
        ("n | round(1, 2)", "round", "too many positional arguments", ""),
        ("round(n, digts=1)", "round", "unexpected keyword argument 'digts'", ""),
        ("max(*answer.parts)", "(", "* and ** are not part", ""),
        ("n is divisibleby", "divisibleby", "missing a required argument", ""),
        ("n | default", "default", "default(...) takes one value", ""),
        ("round(n))", ")", "unexpected ')'", "no bracket stands open"),
        ("n 2", "2", "unexpected '2'", "between two values"),
        ("n.", ".", "expected name or number", "must follow the dot"),
        ("9" * 401, "9" * 401, "more than 400 digits", ""),
        ("1e99", "1e99", "too large", ""),
    ],
)
def test_a_mistake_is_pointed_at(source, word, message, hint):
    error = mistake(source)
    assert message in error.message
    assert source[error.start : error.end] == word
    assert hint in error.hint


@pytest.mark.parametrize(("source", "word"), [("n +", "+"), ("n and", "and"), ("(n) if n else", "else")])
def test_an_expression_that_breaks_off_is_pointed_at_where_it_ends(source, word):
    assert mistake(source + "  ").start == len(source)
    assert "end of the expression" in mistake(source).message
    assert mistake(source).hint == f"something must follow {word!r}"


@pytest.mark.parametrize(
    ("source", "at", "pair"),
    [
        ("(n", 0, "()"),
        ("[1, 2", 0, "[]"),
        ("round(n,", 5, "()"),
        ("(n + max(1, 2)", 0, "()"),
        ("n == ')' and {'a': 1", 13, "{}"),
    ],
)
def test_a_bracket_that_nothing_closes_is_pointed_at(source, at, pair):
    error = mistake(source)
    assert (error.start, error.end) == (at, at + 1)
    assert error.message == f"this {pair[0]!r} is never closed by {pair[1]!r}"


def test_offsets_count_characters_across_lines_of_any_kind():
    for newline in ("\n", "\r\n", "\r"):
        source = f"n +{newline}  round('ü') +{newline} nope(1)"
        assert mistake(source).start == source.index("nope")


@pytest.mark.parametrize("source", ["(" * 3000, "-" * 3000 + "1", "+".join("1" * 3000), "[" * 500 + "]" * 500])
def test_deep_nesting_is_refused_when_compiled(source):
    assert "nested" in mistake(source).message


@pytest.mark.parametrize("source", ["", "  ", "\0", "n\0", "n" * 10_001])
def test_what_is_no_expression_at_all_is_refused(source):
    assert mistake(source).message


@pytest.mark.parametrize("sign", list("bdswDBAZfvx01uUNa.(+é"))
def test_a_backslash_that_means_nothing_is_refused_with_the_cure(sign):
    error = mistake(f"n == 7 or word == 'ü\\{sign}'")
    assert (error.start, error.end) == (20, 22)
    assert f"\\{sign} means nothing" in error.message
    assert f"write \\\\{sign}" in error.hint


def test_a_line_does_not_end_in_a_backslash_inside_a_text():
    assert "at the end of a line means nothing" in mistake("'a\\\nb'").message


@given(st.text(max_size=20))
def test_any_text_can_be_written_with_the_escapes_there_are(text):
    written = (
        text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    if "\0" not in text:
        assert evaluate(f"'{written}'") == text


@given(st.text(alphabet="n.()[]{}|+-*/'\" 0123=<>%~,:\\_aif", max_size=40))
def test_any_text_compiles_or_is_refused_and_any_expression_has_a_value_or_a_reason(source):
    try:
        expression = compile_expression(source, FUNCTIONS)
    except NotationError as error:
        assert 0 <= error.start <= len(source)  # noqa: PT017
        return
    try:
        expression(NAMES)
    except ValueError:
        return


def test_the_names_read_are_known_without_functions():
    assert compile_expression("max(a.b, c) + d['e'] | default(f)", FUNCTIONS).names == {"a", "c", "d", "f"}
    assert compile_expression("max + 1", FUNCTIONS).names == {"max"}


def test_the_name_of_a_loop_is_no_name_that_is_read():
    compiled = compile_expression("all(x in a.b, x.c > y) and x", FUNCTIONS)
    assert compiled.names == {"a", "x", "y"}
    assert [member.path for member in compiled.members] == [("a", "b"), ("a", "b", None, "c")]
    assert compile_expression("all(x in a, x > 0)", FUNCTIONS).names == {"a"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("all(x in n, x > 1)", r"all\(x in …\): the number 7 is not a list"),
        ("all(x in [1], x)", "the condition of a loop gives the number 1, not true or false"),
        ("map(x in [1], x / 0)", "division by zero"),
        ("all(x in [1], x.y == 1)", "x.y is missing"),
        ("map(a in many, map(b in many, a))", "a loop takes more than 20,000 turns"),
        ("length(map(a in many, 1)) + length(map(b in many, 1)) + length(map(c in many, 1))", "20,000 turns"),
        ("length(map(a in many, duplicates(many)))", "a loop takes longer than 1 s"),
    ],
)
def test_a_loop_that_cannot_be_decided_or_costs_too_much_fails(source, message):
    with pytest.raises(ValueError, match=message):
        evaluate(source, many=tuple(range(9_000)))


@pytest.mark.parametrize(
    ("source", "said", "hint"),
    [
        ("map([1], 'upper')", "there is no function 'map'", "write map(x in items, …)"),
        ("select(n > 1)", "there is no function 'select'", "write select(x in items, …)"),
        ("all(n > 1, n)", "all(...)", ""),
        ("range(1, 3)", "there is no function 'range'", "from_to(1, 3) is [1, 2, 3]"),
        ("every(x in [1], x > 0)", "there is no function 'every'", "write all(x in items, x > 0)"),
    ],
)
def test_what_is_no_loop_is_told_how_loops_are_written(source, said, hint):
    assert said in mistake(source).message
    assert hint in mistake(source).hint


def test_a_value_with_braces_stays_as_it_is():
    assert evaluate("data") == "{{ n }}"


def test_only_what_is_needed_is_looked_up():
    class Lazy(Mapping):
        asked: list = []  # noqa: RUF012

        def __getitem__(self, name):
            self.asked.append(name)
            return 1

        def __contains__(self, name):
            return True

        def __iter__(self):
            return iter(())

        def __len__(self):
            return 0

    assert compile_expression("a if true else b", {})(Lazy()) == 1
    assert compile_expression("false and c", {})(Lazy()) is False
    assert Lazy.asked == ["a"]


def test_evaluation_survives_a_nearly_exhausted_stack():
    expression = compile_expression("1" + " + 1" * 40, {})

    def deep(levels):
        return expression({}) if levels == 0 else deep(levels - 1)

    with pytest.raises((ValueError, RecursionError)):
        deep(sys.getrecursionlimit())


def test_one_expression_serves_many_threads():
    expression = compile_expression("[n, n + 1] | map('round') | sum", FUNCTIONS)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: expression({"n": n}), range(200))) == [2 * n + 1 for n in range(200)]
