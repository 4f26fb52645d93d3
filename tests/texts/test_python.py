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
