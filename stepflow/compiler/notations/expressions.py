"""Expressions: Jinja's syntax over exact values, compiled to closures over a closed list of node types.

Members are reached on maps only (`answer.items` is the member `items`), calls go to the given functions only, numbers
are exact rationals, and what is absent raises `Missing` unless `is defined` or `default(...)` asks first.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from stepflow.compiler.notations import operators
from stepflow.compiler.notations.calls import misfit
from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.jinja_syntax import parse_expression
from stepflow.compiler.notations.listforms import FORMS, NAMED_TESTS, TESTS, Bound
from stepflow.compiler.notations.loops import LOOPS, Loop, Scope, loop_budget, loop_of, turns
from stepflow.compiler.notations.members import Member, Outline, members_read, outline
from stepflow.notation import Missing, Names
from stepflow.values import describe, is_number, literal, show

MAX_DEPTH = 60
ELSEWHERE = {
    "range": "from_to(1, 3) is [1, 2, 3]",
    "len": "it is length(items)",
    "size": "it is length(items)",
    "filter": "write select(x in items, x > 0)",
    "every": "write all(x in items, x > 0)",
    "some": "write any(x in items, x > 0)",
    "str": "it is text(value)",
    "int": "number(text) reads a number",
    "float": "number(text) reads a number",
}
"""How what other languages call so is written here."""

Function = Callable[..., Any]
Closure = Callable[[Names], Any]


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """A compiled expression: a pure function of the names. `names` are the top-level names it reads.

    `members` are the members that it reads of them, and `outline` what its syntax tells of its value.
    """

    text: str
    names: frozenset[str]
    run: Closure
    members: tuple[Member, ...] = ()
    outline: Outline = None
    sides: Callable[[], tuple[Closure, ...]] = tuple
    """Makes the two sides, where the whole expression is `… == …` or `… != …`; seldom asked for."""

    def __call__(self, names: Names) -> Any:
        """The value. Raises `Missing` when a name or member is not there, `ValueError` when it cannot be computed."""
        try:
            return self.run(names)
        except ValueError:
            raise
        except (TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
            raise ValueError(f"{self.text.strip()!r} cannot be computed: {error}") from error

    def difference(self, names: Names) -> str:
        """What the sides of `… == …` or `… != …` are: '90 is not 80', 'both are 5'. Empty for any other expression."""
        values = [side(names) for side in self.sides()]
        if not values:
            return ""
        left, right = values
        if left == right:
            return f"both are {literal(left)}"
        text, number = (left, right) if isinstance(left, str) else (right, left)
        if isinstance(text, str) and is_number(number):
            return f"{describe(text)} is not {describe(number)}"
        return f"{literal(left)} is not {literal(right)}"


def compile_expression(text: str, functions: Mapping[str, Function]) -> CompiledExpression:
    """The compiled expression. Raises `NotationError` with the offset of what is wrong; nothing is evaluated."""
    builder = _Builder(text, functions)
    node = parse_expression(text)
    built = builder.build(node)
    run: Closure = (lambda names: built(Scope(names, loop_budget()))) if builder.has_loop else built
    names, members = frozenset(builder.names), members_read(text, node)
    return CompiledExpression(text, names, run, members, outline(node), partial(builder.sides, node))


class _Builder:
    """Turns one expression's nodes into closures, collecting the names it reads.

    A node of type `X` is built by the method `_x`; a type without a method is not part of the language.
    """

    def __init__(self, text: str, functions: Mapping[str, Function]) -> None:
        self.text = text
        self.functions = functions
        self.names: set[str] = set()
        self.bound: list[str] = []
        """Names of the items of the loops around the node at hand."""
        self.has_loop = False
        self.depth = 0

    def build(self, node: Any) -> Closure:
        make = getattr(self, "_" + type(node).__name__.lower(), None)
        if make is None:
            raise self._error(f"{type(node).__name__.lower()} is not part of the expression language", node.lineno)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._error(
                f"the expression is nested more than {MAX_DEPTH} deep", node.lineno, hint="name its parts under `let`"
            )
        try:
            return make(node)  # type: ignore[no-any-return]
        finally:
            self.depth -= 1

    def sides(self, node: Any) -> tuple[Closure, ...]:
        """The two sides of `a == b` or `a != b`, as closures of the names; none of any other expression."""
        if type(node).__name__ != "Compare" or [each.op for each in node.ops] not in (["eq"], ["ne"]):
            return ()
        left, right = self.build(node.expr), self.build(node.ops[0].expr)
        return (lambda names: left(Scope(names, loop_budget()))), (lambda names: right(Scope(names, loop_budget())))

    def _error(self, message: str, start: int, word: str = "", *, hint: str = "", name: str = "") -> NotationError:
        at = max(self.text.find(word, start), start) if word else start
        return NotationError(message, at, at + max(len(word), 1), hint=hint, name=name)

    # --- values and names

    def _const(self, node: Any) -> Closure:
        value = node.value
        return lambda names: value

    def _name(self, node: Any) -> Closure:
        name = node.name
        if name not in self.bound:
            self.names.add(name)

        def look_up(names: Names) -> Any:
            if name in names:
                return names[name]
            raise Missing(f"{name} is missing")

        return look_up

    def _getattr(self, node: Any) -> Closure:
        return self._member(node, lambda names: node.attr)

    def _getitem(self, node: Any) -> Closure:
        if type(node.arg).__name__ == "Slice":
            holder = self.build(node.node)
            start, stop, step = (self._optional(part) for part in (node.arg.start, node.arg.stop, node.arg.step))
            return lambda names: operators.part(holder(names), start(names), stop(names), step(names))
        return self._member(node, self.build(node.arg))

    def _member(self, node: Any, key: Closure) -> Closure:
        holder, path = self.build(node.node), _spelled(node)
        return lambda names: operators.member(holder(names), key(names), path)

    def _optional(self, node: Any) -> Closure:
        return (lambda names: None) if node is None else self.build(node)

    def _list(self, node: Any) -> Closure:
        items = [self.build(item) for item in node.items]
        return lambda names: tuple([item(names) for item in items])

    _tuple = _list

    def _dict(self, node: Any) -> Closure:
        pairs = [(self.build(pair.key), self.build(pair.value)) for pair in node.items]
        return lambda names: {key(names): value(names) for key, value in pairs}

    # --- operators

    def _and(self, node: Any) -> Closure:
        left, right = self.build(node.left), self.build(node.right)
        return lambda names: left(names) and right(names)

    def _or(self, node: Any) -> Closure:
        left, right = self.build(node.left), self.build(node.right)
        return lambda names: left(names) or right(names)

    def _not(self, node: Any) -> Closure:
        operand = self.build(node.node)
        return lambda names: not operand(names)

    def _condexpr(self, node: Any) -> Closure:
        if node.expr2 is None:
            raise self._error("an `if` needs an `else`", node.lineno, "if", hint="write `a if condition else b`")
        test, yes, no = self.build(node.test), self.build(node.expr1), self.build(node.expr2)
        return lambda names: yes(names) if test(names) else no(names)

    def _compare(self, node: Any) -> Closure:
        first = self.build(node.expr)
        links = [(operators.COMPARISONS[each.op], self.build(each.expr)) for each in node.ops]
        if len(links) == 1:
            compare, second = links[0]
            return lambda names: compare(first(names), second(names))

        def chain(names: Names) -> bool:
            left = first(names)
            for compare, operand in links:
                right = operand(names)
                if not compare(left, right):
                    return False
                left = right
            return True

        return chain

    def _concat(self, node: Any) -> Closure:
        parts = [self.build(part) for part in node.nodes]
        return lambda names: operators.bounded("".join([show(part(names)) for part in parts]))

    def _binary(self, node: Any, operate: operators.Binary) -> Closure:
        left, right = self.build(node.left), self.build(node.right)
        return lambda names: operate(left(names), right(names))

    def _add(self, node: Any) -> Closure:
        return self._binary(node, operators.add)

    def _sub(self, node: Any) -> Closure:
        return self._binary(node, operators.subtract)

    def _mul(self, node: Any) -> Closure:
        return self._binary(node, operators.multiply)

    def _div(self, node: Any) -> Closure:
        return self._binary(node, operators.divide)

    def _floordiv(self, node: Any) -> Closure:
        return self._binary(node, operators.floor_divide)

    def _mod(self, node: Any) -> Closure:
        return self._binary(node, operators.remainder)

    def _pow(self, node: Any) -> Closure:
        return self._binary(node, operators.power)

    def _neg(self, node: Any) -> Closure:
        operand = self.build(node.node)
        return lambda names: operators.negate(operand(names))

    def _pos(self, node: Any) -> Closure:
        operand = self.build(node.node)
        return lambda names: operators.positive(operand(names))

    # --- calls, filters, tests

    def _call(self, node: Any) -> Closure:
        if type(node.node).__name__ != "Name":
            raise self._error("only functions can be called; values have no methods", node.lineno)
        loop = loop_of(node)
        if loop is not None:
            return self._loop(node.node.name, loop)
        function = self._function(node.node.name, node.node.lineno, "function")
        return self._applied(function, node.node.name, node, ())

    def _loop(self, name: str, loop: Loop) -> Closure:
        """The body is built once; the names that it is given differ from turn to turn."""
        self.has_loop = True
        items, collect = self.build(loop.items), LOOPS[name]
        self.bound.append(loop.variable)
        body = self.build(loop.body)
        self.bound.pop()
        return lambda names: collect(turns(name, loop.variable, items(names), body, names))  # type: ignore[arg-type]

    def _filter(self, node: Any) -> Closure:
        name = node.name
        if name in ("default", "d"):
            return self._default(node)
        if name in FORMS:
            return self._form(node)
        function = self._function(name, node.lineno, "filter")
        return self._applied(function, name, node, (self.build(node.node),))

    def _test(self, node: Any) -> Closure:
        if node.name in ("defined", "undefined"):
            return self._defined(node)
        test = TESTS.get(node.name)
        if test is None:
            raise self._unknown(node.name, node.lineno, "test", NAMED_TESTS)
        return self._applied(test, node.name, node, (self.build(node.node),))

    def _default(self, node: Any) -> Closure:
        if len(node.args) != 1 or node.kwargs:
            raise self._error("default(...) takes one value", node.lineno, "default")
        value, otherwise = self.build(node.node), self.build(node.args[0])

        def with_default(names: Names) -> Any:
            try:
                return value(names)
            except Missing:
                return otherwise(names)

        return with_default

    def _defined(self, node: Any) -> Closure:
        value = self.build(node.node)
        wanted: bool = node.name == "defined"

        def is_defined(names: Names) -> bool:
            try:
                value(names)
            except Missing:
                return not wanted
            return wanted

        return is_defined

    def _form(self, node: Any) -> Closure:
        """`map`, `select` and their kin: filters that take the name of a filter or test."""
        form = FORMS[node.name]
        arguments = list(node.args)
        applied = form.names_at
        bound: Bound | None = None
        if len(arguments) > applied:
            bound = self._named(form.kind, arguments.pop(applied), node)
        return self._applied(form.apply, node.name, node, (self.build(node.node), lambda names: bound), arguments)

    def _named(self, kind: str, argument: Any, node: Any) -> Bound:
        name = getattr(argument, "value", None)
        if type(argument).__name__ != "Const" or not isinstance(name, str):
            raise self._error(f"{node.name}(...) takes the name of a {kind} in quotes", node.lineno, node.name)
        if kind == "filter":
            return self._function(name, argument.lineno, "filter")
        if name not in NAMED_TESTS:
            raise self._unknown(name, argument.lineno, "test", NAMED_TESTS)
        return NAMED_TESTS[name]

    def _applied(
        self, function: Function, name: str, node: Any, before: tuple[Closure, ...], arguments: list[Any] | None = None
    ) -> Closure:
        """The call of a function on built arguments. Its number of arguments is checked now, not at run time."""
        if node.dyn_args or node.dyn_kwargs:
            raise self._error("* and ** are not part of the expression language", node.lineno)
        given = [*before, *(self.build(each) for each in (node.args if arguments is None else arguments))]
        keywords = {each.key: self.build(each.value) for each in node.kwargs}
        self._check_call(function, name, getattr(node.node, "lineno", 0), len(given), keywords)
        if keywords:
            return lambda names: operators.bounded(
                function(*[each(names) for each in given], **{key: each(names) for key, each in keywords.items()})
            )
        if len(given) == 1:
            only = given[0]
            return lambda names: operators.bounded(function(only(names)))
        return lambda names: operators.bounded(function(*[each(names) for each in given]))

    def _check_call(self, function: Function, name: str, start: int, count: int, keywords: Iterable[str]) -> None:
        wrong = misfit(function, count, keywords)
        if wrong is not None:
            raise self._error(f"{name}(...): {wrong[0]}", start, name, hint=f"it is {name}{wrong[1]}")

    def _function(self, name: str, start: int, kind: str) -> Function:
        if name in self.functions:
            return self.functions[name]
        known = list(self.functions) if kind == "function" else [*self.functions, *FORMS, "default"]
        raise self._unknown(name, start, kind, known)

    def _unknown(self, name: str, start: int, kind: str, known: Iterable[str]) -> NotationError:
        near = difflib.get_close_matches(name, list(known), 1)
        hint = f"did you mean '{near[0]}'?" if near else ""
        if kind == "function":
            hint = ELSEWHERE.get(name, hint)
            ways = (f"{name}(x in items, …)" if name in LOOPS else "", f"items | {name}(...)" if name in FORMS else "")
            hint = f"write {' or '.join(filter(None, ways))}" if any(ways) else hint
        return self._error(f"there is no {kind} '{name}'", start, name, hint=hint, name=name)


def _spelled(node: Any) -> str:
    """How a member is written, for messages: `answer.value`, `steps[0].text`."""
    kind = type(node).__name__
    if kind == "Name":
        return str(node.name)
    if kind == "Getattr":
        return f"{_spelled(node.node)}.{node.attr}"
    if kind == "Getitem":
        inner = repr(node.arg.value) if type(node.arg).__name__ == "Const" else "..."
        return f"{_spelled(node.node)}[{inner}]"
    return "(...)"
