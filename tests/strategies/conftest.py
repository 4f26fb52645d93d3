from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from stepflow.compiler.workshop import Workshop

EQUATION = r"""
start: sum "=" sum ("=" sum)*
?sum: product | sum "+" product -> add | sum "-" product -> sub
?product: atom | product "*" atom -> mul | product "/" atom -> div | NUMBER atom -> mul
?atom: NUMBER -> number | NAME -> symbol | "-" atom -> neg | "(" sum ")"
NUMBER: /\d+(\.\d+)?/
NAME: /[a-z](?![A-Za-z])/
%import common.WS_INLINE
%ignore WS_INLINE
"""
PAIR = r"""
start: amount unit
amount: /\d+/
unit: /[a-z]+/+
%ignore " "
"""
FUNCTIONS: dict[str, Callable[..., Any]] = {}
TABLES = {"units": {"km": "kilometre", "m": "metre", "square metre": "area"}}

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def context() -> Workshop:
    return Workshop(FUNCTIONS, TABLES, {"equation": EQUATION, "pair": PAIR})


@pytest.fixture(scope="session")
def make(context: Workshop) -> Make:
    def build(plug: ModuleType, **options: Any) -> Any:
        return plug.build(plug.Options.model_validate(options), context)

    return build
