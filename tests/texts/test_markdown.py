from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.texts import markdown

TEXT = """# Title

Some text
goes on.
- one
  more
- two
1. three

| a | b |
|---|:-:|
| 1 | 2 |

```py
x = 1

y = 2
```
> quoted
---
end"""


def test_a_text_falls_into_its_blocks() -> None:
    kinds = [block.kind for block in markdown.blocks(TEXT)]
    assert kinds == ["heading", "paragraph", "item", "item", "item", "table", "fence", "quote", "rule", "paragraph"]


def test_what_a_block_holds_is_told_from_its_marker() -> None:
    inner = [TEXT[slice(*block.inner)] for block in markdown.blocks(TEXT)]
    assert inner[0] == "Title"
    assert inner[2] == "one\n  more"
    assert inner[6] == "x = 1\n\ny = 2"
    assert inner[7] == "quoted"


@given(st.text(alphabet="ab#-*>|`~ \t\n1.)\r:", max_size=60))
def test_blocks_never_overlap_and_leave_only_blanks(text: str) -> None:
    position = 0
    for block in markdown.blocks(text):
        assert text[position : block.start].strip() == ""
        assert block.start <= block.inner[0] <= block.inner[1] <= block.end <= len(text)
        position = block.end
    assert text[position:].strip() == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```\na\n```\n```\nb\n```", "2 fenced blocks"),
        ("```\na", "does not end"),
        ("```js\na\n```", "is js, not python"),
        ("x\n```\na\n```", "text beside"),
        ("````\na\n```", "does not end"),
    ],
)
def test_an_only_fence_must_be_alone_closed_and_of_the_language(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        markdown.only_fence(text, ("python", "py"))


def test_cells_keep_escaped_bars() -> None:
    assert markdown.table_rows("| a \\| b | c |\n|--|--|\n|  | 2 |") == (("a | b", "c"), ("", "2"))


@pytest.mark.parametrize("text", ["| a |", "| a | b |\n|---|\n| 1 |", "a\n---", ""])
def test_what_has_no_line_of_dashes_of_its_width_is_no_table(text: str) -> None:
    with pytest.raises(ValueError, match="a table has"):
        markdown.table_rows(text)
