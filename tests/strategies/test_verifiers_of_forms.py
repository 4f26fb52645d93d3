"""Verifiers of order, repetition, tables, Python and SQL: what passes, and which wrong texts must not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from stepflow.protocols import View
from stepflow.strategies.verifiers import csv, markdown_table, order, python_syntax, sql, unique

Make = Callable[..., Any]

CITIES = ("York", "New York", "Rome")


def steps(*texts: str) -> tuple[dict[str, Any], ...]:
    return tuple({"text": text, "index": index} for index, text in enumerate(texts, start=1))


NAMES: dict[str, Any] = {
    "cities": CITIES,
    "found": ("York", "New York", "Rome"),
    "moved": ("New York", "York", "Rome"),
    "nothing": (),
    "columns": ("name", "age"),
    "count": 2,
    "tables": ("users", "orders"),
    "fields": ("id", "name", "user_id", "total"),
    "functions": ("sum",),
    "summed": ("price",),
    "properties": {"name": {}, "age": {"type": "integer"}, "seen": {"type": "string", "format": "date"}},
    "odd": {"name": {"type": "array"}},
    "steps": steps("1. York", "2. New York", "3. Rome"),
}
GOOD_CSV = "name,age\nAnn,3\nBob,4"
GOOD_TABLE = "| name | age |\n|---|---|\n| Ann | 3 |\n| Bob | 4 |"
TABLE = {
    "columns_from": "columns",
    "rows_from": "count",
    "types": {"age": "integer"},
    "no_empty": True,
    "distinct": ["name"],
}
ONLY = {"tables_only_from": "tables", "columns_only_from": "fields"}

SAME = {"same_as": "SELECT name FROM users WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 3"}
TOTALS = {"types": {"count": "integer"}, "rows_from": "count", "no_empty": True, "totals_from": "summed"}

PASSES: list[tuple[Any, dict[str, Any], str]] = [
    (order, {"values_from": "cities"}, "First York, then New York and Rome."),
    (order, {"values_from": "cities", "ignore_case": True}, "YORK, new york, rome"),
    (order, {"values_from": "cities", "by": "step"}, ""),
    (order, {"values_from": "cities", "of": "found"}, ""),
    (order, {"values": [1, 0.5], "of": "[1.0, 1/2]"}, ""),
    (order, {"values": ["a", "a"]}, "a, a"),
    (order, {"numbers": True}, "1. a\n2. b 5.\n3) c"),
    (order, {"numbers": True}, "**Step 1:** a\n\n**Step 2:** b"),
    (unique, {}, ""),
    (unique, {"of": "[]"}, ""),
    (csv, TABLE, GOOD_CSV),
    (csv, {}, 'a,b\n"x,\ny",2\n'),
    (csv, {"delimiter": ";", "min_rows": 1, "max_rows": 1}, "a;b\n1,2;3"),
    (csv, {"types": {"d": "date", "n": "number", "b": "boolean", "t": "text"}}, "d,n,b,t\n2026-03-04,1.5,yes,x"),
    (markdown_table, TABLE, GOOD_TABLE),
    (markdown_table, {"prose": True}, f"Here:\n\n{GOOD_TABLE}\n\nDone."),
    (python_syntax, {"defines": ["f"], "parameters": ["a", "*b"], "no_imports": True}, "def f(a, *b):\n    return a"),
    (python_syntax, {}, "```python\nx = 1\n```"),
    (python_syntax, {"prose": True}, "Sure:\n```py\nx = 1\n```"),
    (python_syntax, {"calls_only_from": "functions"}, "def f(x):\n    return f(x - 1) + sum(x)"),
    (python_syntax, {"calls_only": [".append"]}, "x = []\nx.append(1)"),
    (python_syntax, {"calls_only": ["math.sqrt"]}, "import math\nmath.sqrt(4)"),
    (python_syntax, {"calls_only": ["sqrt"], "imports_only": ["math"]}, "from math import sqrt\nsqrt(4)"),
    (python_syntax, {"imports_only": ["os"]}, "import os.path"),
    (python_syntax, {"never_calls": ["eval"]}, "print(1)"),
    (sql, ONLY, "SELECT id, name FROM users;"),
    (sql, ONLY, "```sql\nSELECT count(*) FROM users\n```"),
    (sql, ONLY, "SELECT u.id FROM users AS u JOIN orders o ON o.user_id = u.id WHERE o.total > 3"),
    (sql, ONLY, "WITH t AS (SELECT user_id, sum(total) AS s FROM orders GROUP BY user_id) "
                "SELECT name, t.s FROM t JOIN users u ON u.id = t.user_id WHERE s > 3 ORDER BY s"),
    (sql, ONLY, "SELECT total AS amount FROM orders ORDER BY amount"),
    (sql, {"selects": ["id", "n"]}, "SELECT id, name AS n FROM users"),
    (sql, SAME, "select users.Name from users where (users.age > 30) and city = 'Rome' order by name limit 3"),
    (sql, SAME, "```sql\nSELECT u.name AS name -- the name\nFROM users AS u\n"
                "WHERE city = 'Rome' AND (u.age > 30) ORDER BY u.name ASC LIMIT 3;\n```"),
    (csv, {"types_from": "properties"}, "name,age,seen\nAnn,3,2026-03-04"),
    (csv, TOTALS, "name,price,count\na,1.50,1\nb,2,2\nTotal,3.5,"),
    (csv, {**TOTALS, "totals_from": "nothing"}, "name,price,count\na,1.50,1\nb,2,2"),
    (markdown_table, {"totals": ["age"], "rows": 2}, f"{GOOD_TABLE}\n| Total: | 7 |"),
    (sql, {"kinds": ["insert"], **ONLY}, "INSERT INTO users (id, name) VALUES (1, 'a')"),
    (sql, {"dialect": "postgres", **ONLY}, "SELECT DATE_TRUNC('month', id) FROM users"),
]  # fmt: skip

FAILS: list[tuple[Any, dict[str, Any], str, str]] = [
    (order, {"values_from": "cities"}, "New York, York, Rome", "'New York' stands at place 1, expected 'York'"),
    (order, {"values_from": "cities"}, "York, New York", "'Rome' is missing"),
    (order, {"values_from": "cities"}, "York, New York, Rome, York", "'York' is surplus"),
    (order, {"values_from": "cities"}, "Yorkshire, New York, Rome", "place 1"),
    (order, {"values_from": "nothing"}, "x", "no items"),
    (order, {"values_from": "cities", "of": "moved"}, "", "'New York' stands at place 1"),
    (order, {"values": ["a"], "of": "['a', 'b']"}, "", "'b' is surplus"),
    (order, {"values": [1], "of": "[true]"}, "", "place 1"),
    (order, {"values": ["5"]}, "5.5", "'5' is missing"),
    (order, {"values": ["a"], "of": "'a'"}, "", "not a list"),
    (order, {"values_from": "columns", "by": "step"}, "", "3 steps for 2 items"),
    (order, {"values": ["Rome", "York", "x"], "by": "step"}, "", "step 1 holds 'York'"),
    (order, {"numbers": True}, "1. a\n3. b", "numbered 3, expected 2"),
    (order, {"numbers": True}, "2. a", "numbered 2, expected 1"),
    (order, {"numbers": True}, "a", "no line begins with a number"),
    (unique, {"of": "['a ', 'A']"}, "", "'A' occurs twice"),
    (unique, {"of": "[1, 1.0]"}, "", "occurs twice"),
    (unique, {"of": "3"}, "", "not a list"),
    (csv, TABLE, "name,age\nAnn,3", "has 1 rows, expected 2"),
    (csv, TABLE, "age,name\n3,Ann\n4,Bob", "the columns are age, name"),
    (csv, TABLE, "name,age\nAnn,3\nBob,x", "row 2 has 'x' under 'age', expected integer"),
    (csv, TABLE, "name,age\nAnn,3\nBob,4.0", "expected integer"),
    (csv, TABLE, "name,age\nAnn,3\nBob,", "nothing under 'age'"),
    (csv, TABLE, "name,age\nAnn,3\nann,4", "'ann' stands twice"),
    (csv, TABLE, f"{GOOD_CSV}\nand a note", "row 3 has 1 fields"),
    (csv, TABLE, f"Sure:\n{GOOD_CSV}", "is not CSV"),
    (csv, TABLE, f"```\n{GOOD_CSV}\n```", "is not CSV"),
    (csv, {"types": {"x": "number"}}, GOOD_CSV, "no column 'x'"),
    (csv, {}, 'a,b\n"1,2', "does not end (line 2)"),
    (csv, {}, "", "no header"),
    (markdown_table, TABLE, GOOD_TABLE + " 5 |", "row 2 has 3 fields"),
    (markdown_table, TABLE, f"Here:\n\n{GOOD_TABLE}", "text beside the table"),
    (markdown_table, {"prose": True}, f"{GOOD_TABLE}\n\n{GOOD_TABLE}", "holds 2 tables"),
    (markdown_table, {}, "| a | b |\n| 1 | 2 |", "holds 0 tables"),
    (csv, {"types_from": "properties"}, "name,age,seen\nAnn,three,2026-03-04", "expected integer"),
    (csv, {"types_from": "properties"}, "name,age\nAnn,3", "no column 'seen'"),
    (csv, {"types_from": "columns"}, GOOD_CSV, "no map"),
    (csv, {"types_from": "odd"}, GOOD_CSV, "is no type of a column"),
    (csv, TOTALS, "name,price,count\na,1.50,1\nb,2,2\nTotal,4,", "the total under 'price' is 4, expected 3.5"),
    (csv, TOTALS, "name,price,count\na,1.50,1\nb,2,2\nc,3.5,0", "does not begin with 'Total'"),
    (csv, TOTALS, "name,price,count\na,1.50,1\nTotal,1.5,", "has 1 rows, expected 2"),
    (csv, TOTALS, "name,price,count\na,1.50,1\nb,,2\nTotal,1.5,", "is no number"),
    (csv, TOTALS, "name,price,count", "does not begin with 'Total'"),
    *((sql, SAME, other, "is not the same as") for other in (
        "SELECT name FROM users WHERE age >= 30 AND city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name FROM users WHERE age > '30' AND city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name FROM users WHERE age > 30 AND city = 'rome' ORDER BY name LIMIT 3",
        "SELECT name FROM users WHERE age > 30 OR city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name FROM users WHERE NOT (age > 30 AND city = 'Rome') ORDER BY name LIMIT 3",
        "SELECT name FROM users WHERE age > 30 AND city = 'Rome' AND 1 = 0 ORDER BY name LIMIT 3",
        "SELECT name FROM users WHERE age > 30 AND city = 'Rome' ORDER BY name DESC LIMIT 3",
        "SELECT name FROM users WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 4",
        "SELECT name FROM users WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 3 OFFSET 1",
        "SELECT DISTINCT name FROM users WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name AS n FROM users WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name, age FROM users WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name FROM users, users AS v WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name FROM other.users WHERE age > 30 AND city = 'Rome' ORDER BY name LIMIT 3",
        "SELECT name FROM users WHERE age > 30 ORDER BY name LIMIT 3",
    )),
    (python_syntax, {}, "Sure", "no code"),
    (python_syntax, {}, "# only a comment", "no code"),
    (python_syntax, {}, "Sure:\n```python\nx = 1\n```", "text beside"),
    (python_syntax, {}, "```python\nx = 1", "does not end"),
    (python_syntax, {}, "x ==", "line 1, column"),
    (python_syntax, {"defines": ["f"]}, "f = lambda: 1", "does not define 'f'"),
    (python_syntax, {"defines": ["f"]}, "def f(): pass\nf = 3", "does not define 'f'"),
    (python_syntax, {"defines": ["f"]}, "def f(): pass\ndef f(): return 1", "exactly once"),
    (python_syntax, {"defines": ["f"]}, "class A:\n    def f(self): pass", "does not define 'f'"),
    (python_syntax, {"defines": ["f"], "only_defines": True}, "def f(): pass\ndef g(): pass", "defines 'g'"),
    (python_syntax, {"defines": ["f"], "parameters": ["a", "b"]}, "def f(b, a): pass", "takes (b, a)"),
    (python_syntax, {"no_imports": True}, "def f():\n    import os", "imports 'os'"),
    (python_syntax, {"defines": ["f"], "plain": True}, "async def f(a): pass", "f is asynchronous or a generator"),
    (python_syntax, {"defines": ["f"], "reads_parameters": True}, "def f(a):\n    return 0", "f never reads 'a'"),
    (python_syntax, {"defines": ["f"], "returns": True}, "def f(a):\n    print(a)", "f returns nothing"),
    (python_syntax, {"names_known": True}, "def f(a):\n    return a + c", "reads 'c', to which nothing gives a value"),
    (python_syntax, {"names_known": True}, "from m import *\ndef f(a):\n    return a", "no name is certain"),
    (python_syntax, {"no_imports": True}, "__import__('os')", "may import anything"),
    (python_syntax, {"imports_only": ["os"]}, "import ossy", "imports 'ossy'"),
    (python_syntax, {"imports_only": ["os"]}, "from . import x", "imports '.'"),
    (python_syntax, {"calls_only": ["sum"]}, "f = eval\nf('1')", "calls 'eval'"),
    (python_syntax, {"calls_only": ["sum"]}, "sum = eval\nsum('1')", "calls"),
    (python_syntax, {"calls_only": ["sum"]}, "def f(sum): return sum(1)", "calls 'sum'"),
    (python_syntax, {"calls_only": ["list", "map"]}, "list(map(eval, x))", "calls 'eval'"),
    (python_syntax, {"calls_only": ["sqrt"]}, "from os import system as sqrt\nsqrt('x')", "calls 'os.system'"),
    (python_syntax, {"calls_only": ["math.sqrt"]}, "import os as math\nmath.sqrt(4)", "calls 'os.sqrt'"),
    (python_syntax, {"calls_only": ["sqrt"]}, "from math import *\nsqrt(4)", "imports *"),
    (python_syntax, {"calls_only": []}, "class A:\n    def eval(self): pass\neval('1')", "calls 'eval'"),
    (python_syntax, {"never_calls": ["system"]}, "import os\nf = os.system", "calls 'os.system'"),
    (sql, {}, "Here: SELECT 1", "is not SQL"),
    (sql, {}, "Sure", "kind"),
    (sql, {}, "select", "selects nothing"),
    (sql, {}, "SELECT 1; SELECT 2", "2 statements"),
    (sql, {}, "DROP TABLE users", "kind drop"),
    (sql, {}, "WITH d AS (DELETE FROM users RETURNING id) SELECT id FROM d", "kind delete"),
    (sql, {}, "SELECT id INTO copy FROM users", "kind into"),
    (sql, {}, "GRANT ALL ON users TO me", "kind"),
    (sql, ONLY, "SELECT id FROM secrets", "the table 'secrets'"),
    (sql, ONLY, "SELECT id FROM other.users", "the table 'other.users'"),
    (sql, ONLY, "WITH secrets AS (SELECT id FROM secrets) SELECT id FROM secrets", "the table 'secrets'"),
    (sql, ONLY, "SELECT * FROM users", "the column '*'"),
    (sql, ONLY, "SELECT u.* FROM users u", "the column '*'"),
    (sql, ONLY, "SELECT name FROM users WHERE id IN (SELECT password FROM users)", "the column 'password'"),
    (sql, ONLY, "SELECT total AS salary FROM orders WHERE salary > 3", "the column 'salary'"),
    (sql, ONLY, "SELECT id FROM users u JOIN orders o USING (secret)", "the column 'secret'"),
    (sql, ONLY, "SELECT id FROM users UNION SELECT ssn FROM users", "the column 'ssn'"),
    (sql, ONLY, "SELECT id FROM users, LATERAL (SELECT pw FROM users) z", "the column 'pw'"),
    (sql, {"kinds": ["insert"], **ONLY}, "INSERT INTO users (id, pw) VALUES (1, 2)", "the column 'pw'"),
    (sql, {"kinds": ["update"], **ONLY}, "UPDATE users SET pw = 1", "the column 'pw'"),
    (sql, {"selects": ["id", "n"]}, "SELECT name AS n, id FROM users", "selects n, id"),
    (sql, {}, "SELECT " + "(" * 5000 + "1" + ")" * 5000, "is not SQL"),
]  # fmt: skip


@pytest.mark.parametrize(("plug", "options", "text"), PASSES)
def test_a_right_text_passes(make: Make, plug: Any, options: dict[str, Any], text: str) -> None:
    assert make(plug, **options).verify(View(text, NAMES)) is None


@pytest.mark.parametrize(("plug", "options", "text", "reason"), FAILS)
def test_a_wrong_text_fails_and_the_reason_says_why(
    make: Make, plug: Any, options: dict[str, Any], text: str, reason: str
) -> None:
    assert reason in make(plug, **options).verify(View(text, NAMES))


def test_two_steps_that_say_the_same_are_found(make: Make) -> None:
    names = {"steps": steps("Mix it.", "mix  it.")}
    assert "occurs twice" in make(unique).verify(View("", names))


@pytest.mark.parametrize(
    ("plug", "options"),
    [
        (order, {}),
        (order, {"numbers": False}),
        (order, {"numbers": True, "by": "step"}),
        (order, {"values": ["a"], "values_from": "cities"}),
        (order, {"values": ["a"], "of": "found", "by": "step"}),
        (csv, {"columns": ["a"], "columns_from": "columns"}),
        (csv, {"types": {"a": "colour"}}),
        (python_syntax, {"parameters": ["a"]}),
        (python_syntax, {"calls_only": ["a"], "calls_only_from": "functions"}),
        (sql, {"selects": ["a"], "selects_from": "fields"}),
    ],
)
def test_options_that_make_no_sense_are_refused(plug: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plug.Options.model_validate(options)


def test_an_unknown_dialect_is_refused_at_once(make: Make) -> None:
    with pytest.raises(ValueError, match="no SQL dialect 'nope'"):
        make(sql, dialect="nope")


def test_sql_without_its_library_says_what_to_install(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'stepflow\[sql\]'"):
        make(sql)
