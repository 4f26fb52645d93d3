"""`csv-table` and `markdown-table` against seeded prompts and replies. The judge reads tables with plain means."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from random import Random

import pytest
from rulekit import TRUSTED, World, read, trusted_answers

RULE = "csv-table"
TOPICS = ["fruits", "office supplies", "European capitals", "garden birds", "board games"]
COLUMNS = [
    ("name", ""),
    ("colour", "text"),
    ("stock", "integer"),
    ("price", "number"),
    ("added", "date"),
    ("sold", "boolean"),
]
CELLS = {"": "{t}{n}", "text": "c{n}", "integer": "{n}", "number": "{n}.50", "date": "2026-03-0{n}", "boolean": "true"}
WORDS = ["zero", "one", "two", "three", "four", "five", "six"]
MARKDOWN = "markdown-table"
WORDINGS = {
    "csv-table": [
        "Create a CSV table of {count} {topic} with columns {columns}{total}.",
        "Please write a CSV about {topic} with the columns {columns} and {count} rows{total}",
        "Could you generate a CSV file of {word} {topic}, with the following columns: {columns}{total}?",
        "I need a comma-separated table about {topic} with columns {columns} and {word} rows{total}. Just the CSV.",
        "Give me {count} rows of CSV data about {topic} with the columns {columns}{total}.",
        "List {word} {topic} as a CSV table with columns {columns}{total}",
        "In CSV format, list {count} {topic}. Use the columns {columns}{total}.",
        "Prepare a csv about {topic}, {count} rows, columns: {columns}{total}",
    ],
    MARKDOWN: [
        "Create a Markdown table of {count} {topic} with columns {columns}{total}.",
        "Please write a table in Markdown about {topic} with the columns {columns} and {count} rows{total}",
        "Could you generate a markdown table of {word} {topic}, with the following columns: {columns}{total}?",
        "I need a Markdown table about {topic} with columns {columns} and {word} rows{total}. Just the table.",
        "Draw a table of {count} {topic} in Markdown with the columns {columns}{total}.",
        "Show {word} {topic} in a Markdown table with columns {columns}{total}",
        "Make a {count}-row md table of {topic} whose columns are {columns}{total}.",
        "markdown table about {topic}, {word} rows, columns: {columns}{total}",
    ],
}


@dataclass(frozen=True, slots=True)
class Item:
    """A table that is asked for."""

    topic: str
    columns: tuple[tuple[str, str], ...]
    count: int
    total: bool = False
    wording: int = 0
    rule: str = RULE

    @property
    def prompt(self) -> str:
        """The prompt."""
        named = [f"{name} ({kind})" if kind else name for name, kind in self.columns]
        return WORDINGS[self.rule][self.wording % 8].format(
            topic=self.topic,
            count=self.count,
            word=WORDS[self.count],
            columns=", ".join(named[:-1]) + f" and {named[-1]}",
            total=", with a totals row" if self.total else "",
        )

    @property
    def rows(self) -> list[list[str]]:
        """A right table."""
        body = [
            [CELLS[kind].format(n=n, t=self.topic[:3]) for _, kind in self.columns] for n in range(1, self.count + 1)
        ]
        if self.total:
            sums = [sum(Fraction(row[at]) for row in body) if kind in ("integer", "number") else ""
                    for at, (_, kind) in enumerate(self.columns)]  # fmt: skip
            body.append(["Total", *(str(float(each)) if each else "" for each in sums[1:])])
        return [[name for name, _ in self.columns], *body]


def written(rows: list[list[str]], rule: str = RULE) -> str:
    if rule == MARKDOWN:
        rows = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n".join(",".join(row) for row in rows)


def cells(item: Item, answer: str) -> list[list[str]]:
    """The rows of a table, header first."""
    if item.rule != MARKDOWN:
        return [row for row in csv.reader(io.StringIO(answer)) if row]
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in answer.strip().splitlines()]
    return lines[:1] + lines[2:]


def fits(kind: str, cell: str) -> bool:
    try:
        if kind == "integer":
            int(cell)
        elif kind == "number":
            float(cell)
        elif kind == "date":
            date.fromisoformat(cell)
    except ValueError:
        return False
    return kind != "boolean" or cell.lower() in ("true", "false", "yes", "no")


def is_right(item: Item, answer: str) -> bool:
    """Whether the answer is such a table: header, rows, filled cells, types, total."""
    header, *rows = cells(item, answer)
    if header != [name for name, _ in item.columns]:
        return False
    if item.total:
        last = rows.pop()
        for at, (_, kind) in enumerate(item.columns):
            if kind in ("integer", "number") and Fraction(last[at]) != sum(Fraction(row[at]) for row in rows):
                return False
    kinds = [kind for _, kind in item.columns]
    return len(rows) == item.count and all(
        len(row) == len(kinds) and all(cell.strip() and fits(kind, cell) for kind, cell in zip(kinds, row, strict=True))
        for row in rows
    )


def items(seed: int, count: int, rule: str = RULE) -> list[Item]:
    rng = Random(seed)
    found = []
    for number in range(count):
        numeric = rng.sample(COLUMNS[2:4], 1)
        others = rng.sample([*COLUMNS[1:2], *COLUMNS[4:]], rng.randint(0, 2))
        columns = (COLUMNS[0], *rng.sample([*numeric, *others], len(others) + 1))
        found.append(Item(rng.choice(TOPICS), columns, rng.randint(2, 6), rng.random() < 0.4, number, rule))
    return found


def written_in(item: Item, rows: list[list[str]]) -> str:
    return written(rows, item.rule)


def wrong_replies(item: Item) -> list[str]:
    rows = item.rows
    header, body = rows[0], rows[1:]
    swapped = [[row[1], row[0], *row[2:]] for row in rows]
    return [
        written_in(item, body),
        written_in(item, rows[:-1]),
        written_in(item, [*rows, body[0]]),
        written_in(item, [header, *body[:-2], body[0], body[-1]]) if len(body) > 2 else written_in(item, [header]),
        written_in(item, swapped),
        written_in(item, [[*row, "x"] for row in rows]),
        written_in(item, [row[:-1] for row in rows]),
        written_in(item, [header, ["", *body[0][1:]], *body[1:]]),
        written_in(item, [header, ["...", *body[0][1:]], *body[1:]]),
        written_in(item, [[name.upper() for name in header], *body]),
        "\n".join(";".join(row) for row in rows),
        written(rows, RULE if item.rule == MARKDOWN else MARKDOWN),
        f"```csv\n{written_in(item, rows)}",
        f"{written_in(item, rows)}\n\n{written_in(item, rows)}",
        '{"rows": []}',
        "I cannot do that.",
        "",
    ]  # fmt: skip


@pytest.mark.parametrize("rule", [RULE, MARKDOWN])
def test_right_replies_are_verified_at_once_and_wrong_ones_never(rule: str) -> None:
    for item in items(1, 40, rule):
        right = written_in(item, item.rows)
        fenced = f"Sure:\n```csv\n{right}\n```\nDone."
        for reply in (right, right + "\n", *([fenced] if rule == RULE else [])):
            outcome = World(item.rule).ask(item.prompt, reply)
            assert outcome is not None, item.prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), (item.prompt, reply, outcome.verdicts)
            assert is_right(item, outcome.answer)
        for answer in trusted_answers(item.rule, item.prompt, wrong_replies(item), 3):
            assert is_right(item, answer), (item.prompt, answer)


def variants(item: Item) -> dict[str, Item]:
    at = 1 if item.columns[1][1] in ("integer", "number") else -1
    renamed = (*item.columns[:at], ("renamed", item.columns[at][1]), *(item.columns[at:][1:]))
    return {
        "reworded": replace(item, wording=item.wording + 1),
        "topic": replace(item, topic="garden tools"),
        "row_added": replace(item, count=item.count % 6 + 1 if item.count < 6 else 2),
        "column_added": replace(item, columns=(*item.columns, ("origin", ""))),
        "column_renamed": replace(item, columns=renamed),
        "columns_swapped": replace(item, columns=(item.columns[1], item.columns[0], *item.columns[2:]), total=False),
        "total_turned": replace(item, total=not item.total),
        "type_changed": replace(item, columns=(("name", "date"), *item.columns[1:]), total=False),
    }


@pytest.mark.parametrize("rule", [RULE, MARKDOWN])
def test_only_rewordings_of_the_request_get_a_stored_table(rule: str) -> None:
    reused = 0
    for item in items(3, 40, rule):
        for kind, variant in variants(item).items():
            world = World(item.rule)
            world.ask(item.prompt, written_in(item, item.rows))
            outcome = world.ask(variant.prompt, *["I cannot."] * 4)
            assert outcome is not None, variant.prompt
            if kind == "reworded":
                assert (outcome.final, outcome.calls) == ("verified", 0), (item.prompt, variant.prompt, outcome)
                reused += 1
            else:
                assert outcome.final not in TRUSTED, (item.prompt, variant.prompt, outcome.answer)
    assert reused == 40


def test_a_row_or_a_column_more_is_one_call_that_shows_the_old_table() -> None:
    for item in items(5, 12):
        variant = replace(item, columns=(*item.columns, ("origin", "")))
        world = World(RULE)
        world.ask(item.prompt, written(item.rows))
        outcome = world.ask(variant.prompt, written(variant.rows).replace(",\n", ",x\n"))
        assert outcome is not None
        if outcome.final in TRUSTED:
            assert (outcome.outcome, outcome.calls) == ("patch", 1)
            assert is_right(variant, outcome.answer)


def below(item: Item, rows: list[list[str]]) -> str:
    """Rows as a model writes them without their header."""
    return written_in(item, [item.rows[0], *rows]).split("\n", 1 if item.rule == RULE else 2)[-1]


@pytest.mark.parametrize("rule", [RULE, MARKDOWN])
def test_missing_rows_are_asked_for_alone_and_only_right_ones_are_put_below_the_kept(rule: str) -> None:
    for item in items(7, 24, rule):
        old = replace(item, total=False, count=min(item.count, 4))
        more = replace(old, count=old.count + 2)
        header, *rows = more.rows
        one, two = rows[-2:]
        wrong = [[one], [one, one], [rows[0], two], [one, two[:-1]], [one, ["", *two[1:]]], [header, two]]
        for reply in [[one, two], *wrong]:
            world = World(rule)
            world.ask(old.prompt, written_in(old, old.rows))
            outcome = world.ask(more.prompt, below(more, reply), *["I cannot."] * 3)
            assert outcome is not None
            assert (outcome.final in TRUSTED) == (reply == [one, two]), (more.prompt, reply, outcome.answer)
            if outcome.final in TRUSTED:
                assert (outcome.outcome, outcome.calls, outcome.kept) == ("patch", 1, old.count + 1)
                assert is_right(more, outcome.answer)


DECLINED = r"""
Create a CSV table of fruits with columns name and price.
Create a CSV table of 3 fruits.
Create a CSV table of at least 3 fruits with columns name and price.
Create a CSV table of 3 to 5 fruits with columns name and price.
Create a CSV table of about 3 fruits with columns name and price.
Create a CSV table of 3 fruits with columns name and price and 5 rows.
Create a CSV table of 3 fruits with columns name and price, sorted by price.
Create a CSV table of 3 fruits with columns name and price. Use semicolons.
Create a CSV table of 3 fruits with columns name and price without a header.
Create a CSV table of 3 fruits without columns name and price.
Create a CSV table of 3 fruits with columns name and price tidy.
Create a CSV table of 3 fruits with columns name, price (USD).
Create a CSV table of 3 fruits with columns name and price (number, optional).
Create a CSV table of 3 fruits with columns name and name.
Create a CSV table of 3 fruits with columns name, price and so on.
Create a CSV table of 3 fruits with columns name or price.
Create a CSV table of 3 fruits with 2 columns.
Create a CSV table of 3 fruits with columns name and price where price is over 2.
Create a CSV table of 3 fruits with columns name and price. The price must be over 2.
Create a CSV table of 3 fruits from Italy with columns name and price.
Create a CSV table of 3 red or green fruits with columns name and price.
Create a CSV table of 3 fruits with columns name and price in French.
Create a CSV table of 3 fruits with columns name and price and explain it.
Create a CSV table of 3 fruits with columns name and price. No fruit twice.
Create a CSV table of 3 fruits with columns name, price (number), stock (integer) and a totals row.
Create a CSV table of 3 fruits with columns name, price and a totals row.
Create a CSV table of 3 fruits with columns name and price and an average row.
Create a CSV table of 3 fruits with columns name and price, each quoted.
Create a CSV table of 3 fruits with columns name and price as JSON.
Create a Markdown table of 3 fruits with columns name and price.
Convert this to a CSV table of 3 fruits with columns name and price: fig 2
Write a Python script that writes a CSV table of 3 fruits with columns name and price.
What is a CSV table of 3 fruits with columns name and price?
Create two CSV tables of 3 fruits with columns name and price.
Create a CSV parser for 3 fruits with columns name and price.
Create a CSV table with columns name and price and 3 rows.\nfig,2
Create a CSV table of 3 fruits with columns name and price for 4 shops.
"""


@pytest.mark.parametrize("prompt", [line for line in DECLINED.splitlines() if line])
def test_a_prompt_that_is_not_understood_whole_is_left_alone(prompt: str) -> None:
    assert read(RULE, prompt.replace("\\n", "\n")) is None
