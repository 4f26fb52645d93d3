"""Every function's examples are true, and every function is documented."""

import contextlib
import inspect
import re

import pytest

from stepflow.compiler.notations.expressions import compile_expression
from stepflow.strategies.functions import (
    arithmetic,
    code,
    collections,
    dates,
    linear,
    patterns,
    prose,
    sequences,
    sets,
    text,
)

MODULES = (arithmetic, linear, text, collections, sequences, sets, dates, prose, code, patterns)
FUNCTIONS = {name: function for module in MODULES for name, function in module.FUNCTIONS.items()}
CATALOGUED = [pytest.param(name, function, id=name) for name, function in FUNCTIONS.items()]


def examples(function):
    _, _, section = inspect.getdoc(function).partition("Examples:\n")
    return [line.strip() for line in section.splitlines() if line.strip()]


EXAMPLES = [example for function in dict.fromkeys(FUNCTIONS.values()) for example in examples(function)]


@pytest.mark.parametrize(("name", "function"), CATALOGUED)
def test_a_function_says_in_a_sentence_what_it_does_and_shows_it(name, function):
    if name == "is_number":  # a contract of stepflow.values, shown there
        return
    assert re.match(r"[A-Z][^\n]*\.", inspect.getdoc(function))
    assert any(name in example for example in examples(function)) or name in inspect.getdoc(function)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_true(example):
    assert compile_expression(example, FUNCTIONS)({}) is True


def test_no_two_modules_offer_the_same_name():
    assert len(FUNCTIONS) == sum(len(module.FUNCTIONS) for module in MODULES)


@pytest.mark.parametrize(("name", "function"), CATALOGUED)
@pytest.mark.parametrize(
    "bad", [None, True, "", object(), {}, (), -1, "x" * 10], ids=lambda bad: repr(bad).split(" at ")[0]
)
def test_bad_input_gives_a_value_or_a_value_error_and_never_another_error(name, function, bad):
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
    ]
    with contextlib.suppress(ValueError):
        function(*[bad] * max(len(required), 1))
