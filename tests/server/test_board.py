"""The figures of several workers, put together: nothing is lost, and no counter goes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.model import Outcome, Usage
from stepflow.server.board import Board, Figures
from stepflow.server.metrics import page
from stepflow.server.tallies import Tallies

KINDS = st.tuples(st.sampled_from(["", "north"]), st.sampled_from([None, "rule"]), st.sampled_from(["exact", "miss"]))


def told(*answers: tuple[str, str | None, str], seconds: float = 0.25) -> Tallies:
    tallies = Tallies()
    for tenant, rule, outcome in answers:
        said = Outcome("3", outcome, "verified", "model", rule, calls=1, usage=Usage(3, 4), saved=Usage(1, 1))  # type: ignore[arg-type]
        tallies.answered(tenant, "kit", said, seconds, 0.5)
        tallies.refused(400 + len(tenant))
        tallies.shadowed("kit", outcome)
    return tallies


def boards(folder: Path) -> tuple[Board, Board]:
    return Board(str(folder)), Board(str(folder))


@given(st.lists(KINDS, max_size=6), st.lists(KINDS, max_size=6))
def test_two_workers_show_what_one_would_have_shown(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str, str | None, str]],
    second: list[tuple[str, str | None, str]],
) -> None:
    one, other = boards(tmp_path_factory.mktemp("board"))
    other.put(Figures(told(*second), 2, 1, {"kit": True}))
    together = page(one.all(Figures(told(*first), 1, 1, {"kit": True})))
    alone = page([Figures(told(*first, *second), 3, 2, {"kit": True})])
    assert sorted(together.splitlines()) == sorted(alone.splitlines())


def test_whoever_is_scraped_next_has_seen_what_the_last_one_showed(tmp_path: Path) -> None:
    one, other = boards(tmp_path)
    one.all(Figures(told(("", "rule", "exact"))))
    assert b'outcome="exact",pipeline="kit",rule="rule"} 1.0' in page(other.all(Figures(Tallies())))


def test_a_worker_that_is_gone_leaves_its_sums_and_nothing_under_way(tmp_path: Path) -> None:
    dead = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(dead, 0)
    (tmp_path / f"{dead}-aa.json").write_text(Figures(told(("", "rule", "miss")), 9, 9, {"kit": False}).text())
    shown = page(Board(str(tmp_path)).all(Figures(Tallies(), 1, 0, {"kit": True}))).decode()
    assert 'rule="rule"} 1.0' in shown
    assert "stepflow_requests_open 1.0" in shown
    assert 'stepflow_files_sound{pipeline="kit"} 1.0' in shown


def test_files_are_sound_only_where_they_are_so_for_every_worker(tmp_path: Path) -> None:
    one, other = boards(tmp_path)
    other.put(Figures(Tallies(), sound={"kit": False}))
    assert b'stepflow_files_sound{pipeline="kit"} 0.0' in page(one.all(Figures(Tallies(), sound={"kit": True})))


def test_one_worker_alone_puts_nothing_up() -> None:
    own = Figures(told(("", "rule", "miss")))
    assert Board(None).all(own) == [own]
