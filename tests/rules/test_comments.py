"""The shipped rules teach: every entry of a rule says in a comment what it is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rulekit import RULES

PARTS = (
    "match", "unless", "constraints", "grammars", "tables", "let", "parse", "verify", "rewrite", "skip_when",
    "ignore_matching",
)  # fmt: skip


def entries(text: str) -> list[tuple[int, int, str]]:
    """The entries of a rule outside its tests as (first line, last line, text): keys at the top, and their parts."""
    lines = text.split("\ntests:\n")[0].split("\n")
    starts: list[tuple[int, int]] = []
    section, deep = "", False
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if not line.strip() or line.lstrip().startswith(("#", "//")):
            continue
        if indent == 0:
            section, deep = line.split(":")[0], False
            starts.append((number, 0))
        elif indent == 2 and section in PARTS:
            starts.append((number, 2))
        elif section == "reuse" and indent == 2:
            deep = line.strip().split(":")[0] in PARTS
            starts.append((number, 2))
        elif section == "reuse" and deep and indent == 4 and line.lstrip().startswith("- "):
            starts.append((number, 4))
    found = []
    for (number, indent), following in zip(starts, [*starts[1:], (len(lines), 0)], strict=True):
        last = following[0] - 1
        while last > number and (not lines[last].strip() or lines[last].lstrip().startswith("#")):
            last -= 1
        found.append((number, last, lines[number]))
    return found


def unexplained(text: str) -> list[str]:
    """Entries without a comment: on their first line, above it, or above the one-line entries that they continue."""
    lines = text.split("\n")
    missing, explained_until = [], -1
    for first, last, line in entries(text):
        has = bool(re.search(r"\s#\s", line)) or lines[first - 1].lstrip().startswith("#")
        if has or explained_until == first - 1:
            explained_until = last if first == last or lines[first].rstrip().endswith(":") else -1
        else:
            missing.append(f"{first + 1}: {line.strip()[:100]}")
            explained_until = -1
    return missing


@pytest.mark.parametrize("path", sorted(RULES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_entry_of_a_shipped_rule_says_what_it_is_for(path: Path) -> None:
    missing = unexplained(path.read_text(encoding="utf-8"))
    assert missing == []
