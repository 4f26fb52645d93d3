"""`equation`: a parse tree as an exact linear equation, or as an operation on both sides of one.

The tree is read by the names of its branches: `number`, `symbol`, `add`, `sub`, `mul`, `div` (two parts each), `neg`
and `percent` (one part; 15% is 15/100); a bare token is a number or a symbol by its look. The root holds the sides:
two, or more in a chain.

    grammars:
      equation: |
        start: sum "=" sum
        ?sum: product | sum "+" product -> add | sum "-" product -> sub
        ?product: atom | product "*" atom -> mul | product "/" atom -> div | NUMBER atom -> mul
        ?atom: NUMBER -> number | NAME -> symbol | "-" atom -> neg | "(" sum ")"
    constraints:
      equation: {type: lark, grammar: equation, as: equation}

A branch `add`, `subtract`, `multiply` or `divide` with one part is an operation: a map of `operation` and `operand` (a
linear form); inside a branch `aside` it also has `aside: true`. So one grammar can read a derivation in its order.

    operation: _SUBTRACT sum -> subtract | _DIVIDE_BY sum -> divide

Branches `halve` and `double` without parts are divisions and multiplications by 2; `move`, `move_right` and `move_left`
with one part bring a term to another side. A branch `number` may hold a number word (seven).

Declines other branch names (naming them), products of unknowns, an unknown in a denominator, and division by zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from operator import add, mul, sub, truediv
from typing import Any

from stepflow.notation import Leaf, Node
from stepflow.numerals import read_number
from stepflow.values import Equation, Linear, exact

NAME = "equation"
_MAX_DEPTH = 200
_OPERATIONS: Mapping[str, Callable[[Linear, Linear], Linear]] = {"add": add, "sub": sub, "mul": mul, "div": truediv}
_KNOWN = (*_OPERATIONS, "neg", "percent", "number", "symbol")
_ON_BOTH_SIDES = ("add", "subtract", "multiply", "divide", "move", "move_right", "move_left")
_BY_TWO = {"halve": "divide", "double": "multiply"}


def convert(raw: Any, text: str) -> Equation | dict[str, Any]:
    """The equation or operation. Raises `NotLinear` or another `ValueError` when the tree is neither."""
    if not isinstance(raw, Node):
        raise ValueError("an equation is read from a parse tree: use `type: lark`")
    root, aside = raw, {}
    while len(root.children) == 1 and isinstance(root.children[0], Node) and root.kind not in _KNOWN:
        if root.kind in _ON_BOTH_SIDES:
            break
        if root.kind == "aside":
            aside = {"aside": True}
        root = root.children[0]
    if root.kind in _BY_TWO and not root.children:
        return {"operation": _BY_TWO[root.kind], "operand": Linear((), Fraction(2)), **aside}
    if root.kind in _ON_BOTH_SIDES and len(root.children) == 1:
        return {"operation": root.kind, "operand": _linear(root.children[0], 0), **aside}
    if root.kind in _KNOWN or len(root.children) < 2:
        raise ValueError(f"{text.strip()!r} has no equals sign with two sides")
    return Equation(tuple(_linear(side, 0) for side in root.children), text.strip())


def _linear(tree: Node | Leaf, depth: int) -> Linear:
    if depth > _MAX_DEPTH:
        raise ValueError(f"the expression nests deeper than {_MAX_DEPTH}")
    if isinstance(tree, Leaf):
        return _atom(tree.text)
    if tree.kind in ("number", "symbol") and len(tree.children) == 1:
        only = tree.children[0]
        if tree.kind == "number" and isinstance(only, Leaf):
            return Linear((), Fraction(read_number(only.text)))
        return _linear(only, depth + 1)
    parts = [_linear(child, depth + 1) for child in tree.children]
    if tree.kind == "neg" and len(parts) == 1:
        return -parts[0]
    if tree.kind == "percent" and len(parts) == 1:
        return parts[0].scaled(Fraction(1, 100))
    if tree.kind in _OPERATIONS and len(parts) >= 2:
        return reduce(_OPERATIONS[tree.kind], parts)
    raise ValueError(f"the branch {tree.kind!r} with {len(parts)} parts is not one of {', '.join(_KNOWN)}")


def _atom(token: str) -> Linear:
    if token.isidentifier():
        return Linear.of({token: Fraction(1)}, Fraction(0))
    return Linear((), Fraction(exact(token)))
