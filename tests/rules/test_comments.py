"""The shipped rules teach: every entry of a rule says in a comment what it is for."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from rulekit import RULES

PARTS = {"match", "unless", "constraints", "grammars", "tables", "let", "parse", "verify", "rewrite", "reuse"}
LISTS = {"skip_when:", "ignore_matching:"}


def starts(lines: list[str]) -> list[int]:
    """Where the entries begin: keys at the top, what lies directly below those with parts, and the lists in those."""
    found, section, listed = [], "", False
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if not line.strip() or line.lstrip().startswith(("#", "//")):
            continue
        if indent == 0:
            section = line.partition(":")[0]
        if indent == 2:
            listed = line.split()[0] in LISTS
        if indent == 0 or (indent == 2 and section in PARTS) or (indent == 4 and listed and line[4] == "-"):
            found.append(number)
    return found


def unexplained(text: str) -> list[str]:
    """Entries without a comment: on their first line, above it, or above the one-line entries that they continue."""
    lines = text.partition("\ntests:\n")[0].split("\n")
    missing, covered = [], -1
    for first, behind in pairwise([*starts(lines), len(lines)]):
        commented = re.search(r"\s#\s", lines[first]) or lines[first - 1].lstrip().startswith("#")
        if not commented and covered != first - 1:
            missing.append(f"line {first + 1}: {lines[first].strip()[:100]}")
            continue
        rest = [line for line in lines[first + 1 : behind] if line.strip() and not line.lstrip().startswith("#")]
        covered = -1 if rest else first
    return missing


@pytest.mark.parametrize("path", sorted(RULES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_entry_of_a_shipped_rule_says_what_it_is_for(path: Path) -> None:
    assert unexplained(path.read_text(encoding="utf-8")) == []


def test_an_entry_without_a_comment_is_found() -> None:
    head = "# A rule\nid: a\nmatch:   # how\n  - one   # this\n\n  - other\n"
    rule = head + "let:\n  # both\n  a: 1\n  b: 2\n\n  c: 3\ntests:\n"
    assert unexplained(rule) == ["line 6: - other", "line 7: let:", "line 12: c: 3"]
