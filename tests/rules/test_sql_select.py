"""The rule `sql-select` against seeded prompts and replies. The judge runs statements in SQLite and compares rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import pytest
from rulekit import TRUSTED, World, read, runs

RULE = "extra/sql-select"
COLUMNS = ("name", "city", "age", "score", "id")
CITIES = ("Rome", "Paris", "Oslo", "rome")
SIGNS = {
    ">": ("is over", "is greater than", ">", "is above"),
    "<": ("is under", "is less than", "<", "is below"),
    ">=": ("is at least", ">=", "is greater than or equal to"),
    "<=": ("is at most", "<="),
    "=": ("is", "equals", "=", "is equal to"),
    "<>": ("is not", "!=", "does not equal"),
}
WORDINGS = [
    "Write a SQL query that selects {columns} from the {table} table{where}{order}{limit}.",
    "Please give me a SQL statement to get {columns} from {table}{where}{order}{limit}",
    "I need a SQL SELECT query returning the columns {columns} from `{table}`{where}{order}{limit}.",
    "Create a PostgreSQL query that returns {columns} from table {table}{where}{order}{limit}.",
]


@dataclass(frozen=True, slots=True)
class Item:
    """A query that is asked for: conditions are (column, sign, value); `order` is (column, descending)."""

    columns: tuple[str, ...]
    table: str = "users"
    conditions: tuple[tuple[str, str, int | str], ...] = ()
    order: tuple[str, bool] | None = None
    limit: int | None = None
    wording: int = 0

    @property
    def prompt(self) -> str:
        """The prompt."""
        columns = ", ".join(self.columns[:-1]) + (" and " if self.columns[1:] else "") + self.columns[-1]
        said = []
        for number, (column, sign, value) in enumerate(self.conditions):
            words = SIGNS[sign][(self.wording + number) % len(SIGNS[sign])]
            said.append(f"{column} {words} {value if isinstance(value, int) else repr(value)}")
        where = f" where {' and '.join(said)}" if said else ""
        order = ""
        if self.order is not None:
            order = f", ordered by {self.order[0]}" + (" in descending order" if self.order[1] else "")
        limit = f", limited to {self.limit} rows" if self.limit else ""
        wording = WORDINGS[self.wording % len(WORDINGS)]
        return wording.format(columns=columns, table=self.table, where=where, order=order, limit=limit)

    @property
    def sql(self) -> str:
        """A right answer."""
        said = [f"{column} {sign} {value!r}" for column, sign, value in self.conditions]
        where = f" WHERE {' AND '.join(said)}" if said else ""
        order = f" ORDER BY {self.order[0]}{' DESC' if self.order[1] else ''}" if self.order else ""
        limit = f" LIMIT {self.limit}" if self.limit else ""
        return f"SELECT {', '.join(self.columns)} FROM {self.table}{where}{order}{limit}"


@cache
def rows() -> list[tuple[str, str, int, int, int]]:
    rng = Random(1)
    return [
        (f"n{i % 17}", rng.choice(CITIES), rng.randint(10, 60), rng.choice([30, 40, rng.randint(0, 99)]), i)
        for i in range(150)
    ]


def result(statement: str) -> tuple[list[str], list[tuple[object, ...]]] | None:
    """Column names and rows of a statement over two tables of the same rows; None when it is no query that runs."""
    with closing(sqlite3.connect(":memory:")) as database:
        for table, some in (("users", rows()), ("members", rows()[:90])):
            database.execute(f"CREATE TABLE {table} (name TEXT, city TEXT, age INTEGER, score INTEGER, id INTEGER)")
            database.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", some)
        database.execute("PRAGMA query_only = 1")
        try:
            cursor = database.execute(statement.strip().removesuffix(";"))
        except (sqlite3.Error, sqlite3.Warning):
            return None
        return [each[0] for each in cursor.description or []], cursor.fetchall()


def is_right(item: Item, answer: str) -> bool:
    """Whether the answer gives the rows and columns that are asked for."""
    return result(answer) == result(item.sql)


def items(seed: int, count: int) -> Iterator[Item]:
    rng = Random(seed)
    for number in range(count):
        conditions = []
        for column in rng.sample(["age", "score", "city"], rng.randint(0, 2)):
            if column == "city":
                conditions.append((column, rng.choice(["=", "<>"]), rng.choice(CITIES[:3])))
            else:
                conditions.append((column, rng.choice(sorted(SIGNS)), rng.randint(20, 50)))
        order = (rng.choice(COLUMNS), rng.random() < 0.5) if rng.random() < 0.6 else None
        limit = rng.randint(2, 9) if rng.random() < 0.5 else None
        yield Item(tuple(rng.sample(COLUMNS, rng.randint(1, 3))), "users", tuple(conditions), order, limit, number)


def right_replies(item: Item) -> list[str]:
    aliased = item.sql.replace(" FROM users", " FROM users AS u", 1)
    return [item.sql, item.sql + ";", f"```sql\n{item.sql};\n```", f"Sure:\n```\n{item.sql}\n```\nDone.", aliased]


def wrong_replies(item: Item) -> list[str]:
    sql = item.sql
    return [
        sql.replace("SELECT ", "SELECT DISTINCT ", 1),
        sql.replace("SELECT ", "SELECT id AS extra, ", 1),
        sql.replace("users", "members", 1),
        f"{sql}; DROP TABLE users",
        f"{sql} OFFSET 1",
        sql.replace("FROM users", "FROM users JOIN members USING (id)", 1),
        "SELECT * FROM users",
        "DELETE FROM users",
        sql.replace("WHERE", "WHERE NOT") if item.conditions else f"{sql} WHERE 1 = 0",
        sql.replace(" AND ", " OR ") if len(item.conditions) == 2 else "SELECT 1",
        f"-- the query\n{sql.split(' FROM ')[0]}",
        f"Here it is: {sql}",
        f"```sql\n{sql}",
        "I cannot do that.",
        "",
    ]


def test_right_replies_are_verified_at_once_and_wrong_ones_never() -> None:
    for item in items(1, 42):
        for reply in right_replies(item):
            outcome = World(RULE).ask(item.prompt, reply)
            assert outcome is not None, item.prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), (item.prompt, reply, outcome.verdicts)
            assert is_right(item, outcome.answer)
        for outcome in runs(RULE, item.prompt, wrong_replies(item), 2):
            assert outcome is not None
            assert outcome.final in TRUSTED
            assert is_right(item, outcome.answer), (item.prompt, outcome.answer)


def variants(item: Item) -> dict[str, Item]:
    found = {
        "reworded": replace(item, wording=item.wording + 1),
        "column_added": replace(item, columns=(*item.columns, next(c for c in COLUMNS if c not in item.columns))),
        "table_changed": replace(item, table="members"),
        "limited": replace(item, limit=(item.limit or 2) + 1),
        "order_changed": replace(item, order=("id", not (item.order or ("", True))[1])),
    }
    for number, (column, sign, value) in enumerate(item.conditions):
        rest = item.conditions[:number] + item.conditions[number + 1 :]
        other = value + 3 if isinstance(value, int) else CITIES[(CITIES.index(value) + 1) % 3]
        turned = {">": "<", "<": ">", ">=": ">", "<=": "<", "=": "<>", "<>": "="}[sign]
        found[f"condition_removed_{number}"] = replace(item, conditions=rest)
        found[f"value_changed_{number}"] = replace(item, conditions=(*rest, (column, sign, other)))
        found[f"sign_changed_{number}"] = replace(item, conditions=(*rest, (column, turned, value)))
    return found


def test_rewordings_are_reused_and_changed_requests_get_their_own_statement() -> None:
    kinds = {"rewrite": 0, "reuse": 0}
    for number, item in enumerate(items(3, 42)):
        for kind, variant in variants(item).items():
            world = World(RULE)
            world.ask(item.prompt, item.sql)
            outcome = world.ask(variant.prompt, *([item.sql] * 4 if number % 2 else [""] * 4))
            assert outcome is not None, variant.prompt
            assert outcome.final in TRUSTED
            assert is_right(variant, outcome.answer), (variant.prompt, outcome.answer)
            kinds[outcome.outcome] = kinds.get(outcome.outcome, 0) + 1
            if kind == "reworded":
                assert outcome.calls == 0, (item.prompt, variant.prompt)
    assert kinds["rewrite"] > 50, kinds


DECLINED = """
Write a SQL query that selects name from users where age is over 30 or city is 'Rome'.
Write a SQL query that selects name from users where age is between 30 and 40.
Write a SQL query that selects name from users where age is 30 or more.
Write a SQL query that selects name from users where age is not over 30.
Write a SQL query that selects name from users where age is over 1,000.
Write a SQL query that selects name from users where age is over 30%.
Write a SQL query that selects name from users where name is "Rome" or "Oslo".
Write a SQL query that selects name from users where name starts with 'R'.
Write a SQL query that selects name from users where city is Rome.
Write a SQL query that selects name from users where age is over 3 and score is over 4 and id is over 5.
Write a SQL query that selects name from users unless age is over 30.
Write a SQL query that selects name from users without age over 30.
Write a SQL query that selects name from users where city is null.
Write a SQL query that selects name from users and orders.
Write a SQL query that selects name from users joined with orders.
Write a SQL query that selects distinct name from users.
Write a SQL query that selects the number of users from users.
Write a SQL query that selects the average age from users.
Write a SQL query that selects all names from users.
Write a SQL query that selects name as title from users.
Write a SQL query that selects name from users grouped by city.
Write a SQL query that selects name from users, ordered by name and age.
Write a SQL query that selects name from users, ordered by age from highest to lowest.
Write a SQL query that selects name from users, except the first 10 rows.
Write a SQL query that selects name from users, limit 10 offset 5.
Write a SQL query that selects name from users. Explain it.
Write an Oracle SQL query that selects name from users.
Write a SQL query that deletes name from users.
Write a SQL query that finds the oldest users.
Write a SQL query.
Write a SQL query that returns rows from users.
Write a SQL query that finds members from the users table where age is over 30.
Write a SQL query that returns data from users.
Is this a SQL query that selects name from users?
The SQL query selects name from users.
Does this SQL query select name from users: SELECT name FROM users?
Write a SQL query that selects name from users where age is over 30 and not from Rome.
Write a SQL query that selects name from public.users.
Write a SQL query that selects u.name from users.
Write two SQL queries that select name from users.
"""


@pytest.mark.parametrize("prompt", [line for line in DECLINED.splitlines() if line])
def test_a_prompt_that_is_not_understood_whole_is_left_alone(prompt: str) -> None:
    assert read(RULE, prompt) is None
