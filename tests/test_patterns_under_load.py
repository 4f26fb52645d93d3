"""The limit of a pattern is of the clock; load or a pause must not make a quick pattern fail, nor a slow one pass."""

from __future__ import annotations

import time
from typing import Any

import pytest
import regex

from stepflow.budget import Budget
from stepflow.compiler.notations.terminals import Timed
from stepflow.patterns import RegexPattern

LIMIT_S = 0.02


class Compiled:
    """A pattern whose first searches run out of time, with or without having had the processor."""

    def __init__(self, timeouts: int, *, works: float = 0) -> None:
        """`works`: for how many times its limit it has the processor."""
        self.timeouts = timeouts
        self.works = works
        self.calls = 0

    def search(self, text: str, start: int, timeout: float) -> Any:
        self.calls += 1
        if self.calls > self.timeouts:
            return regex.search("a", text)
        until = time.thread_time() + timeout * self.works
        while self.works and time.thread_time() < until:
            pass
        raise TimeoutError


def pattern(compiled: Any) -> RegexPattern:
    return RegexPattern("a", compiled, LIMIT_S)


@pytest.mark.parametrize(
    "compiled",
    [Compiled(1), Compiled(2), Compiled(1, works=1), Compiled(2, works=5)],
    ids=["waited", "waited twice", "stood still", "stood still twice, for long"],
)
def test_a_pattern_whose_time_ran_out_is_tried_again(compiled: Compiled) -> None:
    timeouts = compiled.timeouts
    assert pattern(compiled).search("xa") is not None
    assert compiled.calls == timeouts + 1


@pytest.mark.parametrize(("compiled", "calls"), [(Compiled(9, works=1), 2), (Compiled(9), 3)])
def test_a_pattern_that_is_slow_or_starved_thrice_fails_with_the_reason(compiled: Compiled, calls: int) -> None:
    with pytest.raises(ValueError, match=r"the pattern 'a' took longer than 0\.02 s"):
        pattern(compiled).search("xa")
    assert compiled.calls == calls


def test_a_terminal_of_a_grammar_that_had_to_wait_is_tried_again_and_no_more() -> None:
    timed = Timed("a")
    timed._compiled = Compiled(1)
    assert timed.search("xa", 0) is not None
    timed._compiled = Compiled(3)
    with pytest.raises(ValueError, match="a terminal of the grammar takes longer"):
        timed.search("xa", 0)


def test_a_budget_survives_one_long_pause_and_not_steady_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: clock[0])
    budget = Budget("it", 1.0)
    clock[0] += 60
    budget.spend()
    for _ in range(7):
        clock[0] += 0.1
        budget.spend()
    clock[0] += 0.1
    with pytest.raises(ValueError, match="it takes longer than 1 s"):
        budget.spend()
