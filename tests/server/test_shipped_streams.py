"""The shipped rule that streams its steps: what is sent early is right, whatever the model writes behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import edited
from rulekit import RULES
from serverkit import running
from streamkit import Reading, Writing, reading

PROMPT = "Sort these words alphabetically: pear, apple, fig"
RULE = (RULES / "sorted-list.yaml").read_text(encoding="utf-8")
RIGHT = "apple\nfig\npear"


def served(folder: Path, model: Writing, rule: str = RULE) -> tuple[str, Any, str]:
    """The text that was streamed, the error it ended in, if any, and the last comment. What ended well is stored."""
    with running(folder, rule, model=model) as server, reading(server, PROMPT) as reply:
        client = Reading(reply)
        client.to_the_end()
        error = client.events[-1].get("error")
        assert len(server.client.get("/v1/records").json()["data"]) == (0 if error else 1)
    return client.text.rstrip("\n"), error, "".join(client.comments[-1:])


def test_lines_are_sent_while_the_model_writes_on(tmp_path: Path) -> None:
    model = Writing("apple\n", "fig\n", "pear", held_behind=2)
    with running(tmp_path, RULE, model=model) as server, reading(server, PROMPT) as reply:
        client = Reading(reply)
        client.until("apple\n")
        assert model.ended == 0
        model.go_on.set()
        client.to_the_end()
    assert client.text == RIGHT


@pytest.mark.parametrize(
    ("written", "patches", "calls"),
    [
        (RIGHT, (), 1),
        ("apple\npear\nfig", ("fig\npear",), 2),  # a wrong later line: asked for anew behind what was sent
        ("apple\nfig\nplum", ("pear",), 2),
        ("apple\nfig", ("pear",), 2),  # the last one is missing
        ("apple\nfig\npear\nzebra", (), 1),  # surplus, in all its forms
        ("apple\nfig\npear\npear", (), 1),
        ("apple\nfig\npear\n\nI hope this helps!", (), 1),
        ("apple\nfig\nplum", ("apple",), 2),  # the patch is wrong too: the rule's own list goes on with what was sent
        ("pear\nfig\napple", (RIGHT,), 2),  # nothing could be sent: repaired as a whole
    ],
)
def test_whatever_is_wrong_with_an_answer_the_right_one_is_streamed(
    tmp_path: Path, written: str, patches: tuple[str, ...], calls: int
) -> None:
    text, error, told = served(tmp_path, Writing(*written.splitlines(keepends=True), patches=patches))
    assert (text, error) == (RIGHT, None)
    assert f'"calls": {calls}' in told


def test_an_answer_that_was_cut_off_is_gone_on_with_behind_its_whole_lines(tmp_path: Path) -> None:
    model = Writing("apple\n", "fig\n", "pea", patches=("pear",))
    model.finish_reason = "length"
    text, error, _ = served(tmp_path, model)
    assert (text, error) == (RIGHT, None)
    assert "apple\nfig\n" in model.calls[0].messages[-1].content


def test_behind_numbered_lines_the_rules_own_list_goes_on_without_numbers(tmp_path: Path) -> None:
    numbered = Writing("1. apple\n", "2. fig\n", "3. plum", patches=("apple",))
    text, error, told = served(tmp_path, numbered)
    assert (text, error) == ("1. apple\n2. fig\npear", None)
    assert '"final": "fallback"' in told


def test_where_nothing_right_continues_what_was_sent_the_stream_ends_in_an_error(tmp_path: Path) -> None:
    rule = edited(RULE, fallback={"type": "error"})
    text, error, _ = served(tmp_path, Writing("apple\n", "fig\n", "plum", patches=("apple",)), rule)
    assert RIGHT.startswith(text)
    assert error["code"] == "unverified_answer"
