from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from stepflow.notation import Missing
from stepflow.strategies.conditions import constraint_changed, expr, keywords, lark, pass_ratio, regex

Make = Callable[..., Any]
NAMES: dict[str, Any] = {
    "constraints": {"language": "en", "keys": ("a", "b"), "extra": 1},
    "cached": {"constraints": {"language": "de", "keys": ("a", "b")}, "let": {}},
    "pass_ratio": 1 - 2 / 3,
    "language": "en",
}


@pytest.mark.parametrize(
    ("plug", "options", "text", "holds"),
    [
        (regex, {"pattern": r"(?i)\bsolve\b"}, "Solve it", True),
        (regex, {"pattern": r"\bsolve\b"}, "resolve", False),
        (keywords, {"words": ["how many", "convert"]}, "Convert 5 km", True),
        (keywords, {"words": ["how many", "convert"], "need": "all"}, "Convert 5 km", False),
        (keywords, {"words": ["how many", "km"], "need": "all"}, "How  many km", True),
        (keywords, {"table": "units"}, "5km", True),
        (keywords, {"table": "units"}, "5 miles", False),
        (expr, {"assert": "language != cached.constraints.language"}, "", True),
        (expr, {"assert": "language == 'fr'"}, "", False),
        (lark, {"grammar": "equation"}, "What is x in 2x = 8?", True),
        (lark, {"grammar": "equation"}, "What is 2x?", False),
        (constraint_changed, {"names": ["language"]}, "", True),
        (constraint_changed, {"names": ["keys"]}, "", False),
        (constraint_changed, {"names": ["extra"]}, "", True),
        (constraint_changed, {"names": ["keys", "language"]}, "", True),
        (pass_ratio, {"below": 0.34}, "", True),
        (pass_ratio, {"below": 0.33}, "", False),
        (pass_ratio, {"below": 1}, "", True),
    ],
)
def test_a_condition_decides(make: Make, plug: Any, options: dict[str, Any], text: str, holds: bool) -> None:
    assert make(plug, **options).holds(text, NAMES) is holds


@pytest.mark.parametrize(
    ("plug", "options", "error"),
    [
        (expr, {"assert": "language == 'en'"}, Missing),
        (expr, {"assert": "1 + 1"}, ValueError),
        (constraint_changed, {"names": ["language"]}, Missing),
        (pass_ratio, {"below": 0.5}, Missing),
    ],
)
def test_what_cannot_be_decided_raises(make: Make, plug: Any, options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        make(plug, **options).holds("", {})


@pytest.mark.parametrize(
    ("plug", "options"),
    [
        (keywords, {}),
        (keywords, {"words": [" "]}),
        (constraint_changed, {"names": []}),
        (pass_ratio, {"below": 1.5}),
        (pass_ratio, {}),
    ],
)
def test_options_that_decide_nothing_are_refused(plug: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plug.Options.model_validate(options)
