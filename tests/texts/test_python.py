from __future__ import annotations

import pytest

from stepflow.texts import python


def names(text: str, *, own: bool = False) -> list[str]:
    return [call.name for call in python.parse(text).calls if call.own is own]


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("import numpy as np\nnp.mean(x)", ["numpy.mean"]),
        ("from os import system as s\ns('x')", ["os.system"]),
        ("import os\nf = os.system", ["os.system"]),
        ("map(eval, x)", ["map", "eval"]),
        ("@eval\ndef f(): pass", ["eval"]),
        ("@cache(1)\ndef f(): pass", ["cache"]),
        ("f()()", ["()", "f"]),
        ("', '.join(x).strip()", [".strip", ".join"]),
        ("a.b.c(1)", ["a.b.c"]),
        ("def f(x: list = print()) -> dict: pass", ["print"]),
        ("class A:\n    def eval(self): pass\neval('1')", ["eval"]),
        ("def f():\n    def g(): pass\ng()", ["g"]),
        ("def f(): pass\nf = 1\nf()", ["f"]),
        ("def eval(x): pass\neval(1)", ["eval"]),
    ],
)
def test_calls_are_named_as_they_are_meant(text: str, called: list[str]) -> None:
    assert names(text) == called


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("def f(): return f()", ["f"]),
        ("def f():\n    def g(): pass\n    return g()", ["g"]),
        ("class A:\n    def m(self): return self.m()\nA()", ["self.m", "A"]),
    ],
)
def test_what_the_code_defines_itself_is_its_own_where_it_stands(text: str, own: list[str]) -> None:
    assert sorted(names(text, own=True)) == sorted(own)


@pytest.mark.parametrize(
    "text", ["x =", "(" * 300 + ")" * 300, "-" * 20_000 + "1", "x = " + "1+" * 20_000 + "1", "\0", "a" * 60_000]
)
def test_no_code_is_refused_whatever_it_is(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        python.parse(text)


@pytest.mark.parametrize(
    ("text", "idle"), [("Sure", True), ("Yes, sure", True), ("", True), ("f()", False), ("a + b", False)]
)
def test_a_word_of_prose_does_nothing(text: str, idle: bool) -> None:
    assert python.parse(text).says_nothing is idle


@pytest.mark.parametrize(
    ("text", "unbound"),
    [
        ("def f(a):\n    return a + c", ["c"]),
        ("def f(r):\n    return math.pi * r", ["math"]),
        ("import math\ndef f(r):\n    return math.pi * r", []),
        ("def f(xs: List[int]):\n    return xs", ["List"]),
        ("def f(xs):\n    return [x for x in xs if len(x) > 1]", []),
        ("def f(xs):\n    [x for x in xs]\n    return x", ["x"]),
        ("def f(n):\n    return n and f(n - 1)", []),
        ("def f():\n    def g():\n        return a\n    a = 1\n    return g()", []),
        ("def f():\n    global total\n    total = 1\n    return total", []),
        ("def f():\n    try:\n        pass\n    except ValueError as e:\n        return str(e)", []),
        ("class C:\n    n = 1\n    def f(self):\n        return n", ["n"]),
        ("def f(x):\n    match x:\n        case [a, *b]:\n            return a, b", []),
        ("def f(x):\n    return (y := x) + y", []),
        ("x = y", ["y"]),
        ("print(__name__)", []),
    ],
)
def test_a_name_to_which_nothing_gives_a_value_is_found(text: str, unbound: list[str]) -> None:
    assert list(python.parse(text).unbound) == unbound


def test_code_whose_scopes_cannot_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be told apart"):
        _ = python.parse("nonlocal x").unbound


@pytest.mark.parametrize(
    ("body", "plain", "returns"),
    [
        ("return a", True, True),
        ("if a:\n        return a\n    return None", True, True),
        ("print(a)", True, False),
        ('"""return a"""\n    print(a)', True, False),
        ("return", True, False),
        ("return None", True, False),
        ("def g():\n        return a\n    g()", True, False),
        ("return (lambda: (yield a))", True, True),
        ("for each in 'ab': yield each", False, False),
        ("yield from a\n    return a", False, True),
        ("return list(each for each in a)", True, True),
        ("raise ValueError\n    return a", True, False),
        ("return\n    return a", True, False),
        ("assert False\n    return a", True, False),
        ("assert a\n    return a", True, True),
        ("while True:\n        pass\n    return a", True, False),
        ("while True:\n        break\n    return a", True, True),
        ("while True:\n        return a", True, True),
        ("if False:\n        return a", True, False),
        ("if True:\n        print(a)\n    else:\n        return a", True, False),
        ("try:\n        return a\n    finally:\n        pass", True, True),
        ("for each in a:\n        return each", True, True),
        ("match a:\n        case 1:\n            return a", True, True),
        ("return ...", True, False),
        ("return f(a)", True, False),
        ("return f(a - 1)", True, True),
        ("if False:\n        yield a\n    return a", False, True),
    ],
)
def test_what_a_function_gives_back_is_told_by_its_own_body(body: str, plain: bool, returns: bool) -> None:
    function = python.parse(f"def f(a):\n    {body}").function("f")
    assert (python.is_plain(function), python.returns_value(function)) == (plain, returns)


def test_an_asynchronous_function_is_not_plain() -> None:
    assert not python.is_plain(python.parse("async def f(a):\n    return a").function("f"))


@pytest.mark.parametrize(
    ("code", "parameters", "unread"),
    [
        ("def f(a, b):\n    return a + b", ("a", "b"), ()),
        ("def f(a, b):\n    return a", ("a", "b"), ("b",)),
        ("def f(a, b):\n    b = 3\n    return a", ("a", "b"), ("b",)),
        ("def f(a, b):\n    return [a for _ in (lambda: b)()]", ("a", "b"), ()),
        ("def f(*, a):\n    return a", ("*", "a"), ()),
        ("def f(a, *rest, **more):\n    return rest", ("a", "*rest", "**more"), ("a", "more")),
        ("def f(self, _a):\n    return 0", ("self", "_a"), ()),
    ],
)
def test_parameters_that_are_never_read_are_found(
    code: str, parameters: tuple[str, ...], unread: tuple[str, ...]
) -> None:
    function = python.parse(code).function("f")
    assert (python.parameters(function), python.unread_parameters(function)) == (parameters, unread)
