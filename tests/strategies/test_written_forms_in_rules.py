"""Small rules that use the plugs of written forms, through the whole engine: what they match, verify and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepflow.cli.commands.test import run_file

SPLIT_A_BILL = r"""
stepflow: 1
kind: rule
id: split
match:
  - {type: regex, pattern: '(?i)\bsplit\b'}
constraints:
  people: {type: number, units: [people, friends], find: only}
  bill: {type: money, find: only}
  tip: {type: number, labels: [tip], percent: true, find: only, default: 0}
let:
  share: round(bill.amount * (1 + tip / 100) / people, 2)
answer: {type: money, pick: last}
verify:
  - {id: share, type: expr, assert: answer.value.amount == share and answer.value.currency == bill.currency}
reuse: {guard: none}
tests:
  - name: numbers are told apart by their role
    prompt: 'Split a bill of $120 among 4 people with a tip of 15%.'
    expect: {constraints: {people: 4, tip: 15}, let: {share: 34.5}}
  - name: the same in other words is reused
    prompt: 'Among four friends, please split $120.00.'
    cache: [{prompt: 'Split a bill of $120 among 4 people.', output: 'Each pays $30.'}]
    expect: {outcome: reuse, calls: 0}
  - name: the same amount in another currency is not
    prompt: 'Split a bill of €120 among 4 people.'
    cache: [{prompt: 'Split a bill of $120 among 4 people.', output: 'Each pays $30.'}]
    model: ['Each pays €30.']
    expect: {calls: 1, final: verified, answer: {amount: 30, currency: EUR}}
  - name: a range is not understood
    prompt: 'Split a bill of $120 among 4 to 5 people.'
    expect: {matched: false}
  - name: nor is a guess
    prompt: 'Split a bill of about $120 among 4 people.'
    expect: {matched: false}
"""
DELIVERY = r"""
stepflow: 1
kind: rule
id: delivery
match:
  - {type: regex, pattern: '(?i)\bdelivered\b'}
constraints:
  start: {type: date, after: '(?i)\bordered on', find: only}
  wait: {type: duration, find: only}
let:
  due: add_duration(start, wait)
answer: {type: date, pick: last}
verify:
  - {id: due, type: expr, assert: answer.value == due}
reuse: {guard: none}
tests:
  - name: a later day in other words
    prompt: 'Ordered on March 4, 2026, delivered 2 weeks later: when?'
    cache: [{prompt: 'When is it delivered, ordered on 2026-03-04, after 14 days?', output: 'On 18 March 2026.'}]
    expect: {outcome: reuse, calls: 0}
  - name: a wrong day is repaired
    prompt: 'When is it delivered, ordered on 2026-01-31, after 1 month?'
    model: ['On 3 March 2026.', 'On 28 February 2026.']
    expect: {final: verified, calls: 2}
"""
CSV_TABLE = r"""
stepflow: 1
kind: rule
id: table
match:
  - {type: regex, pattern: '(?i)\bCSV\b'}
constraints:
  columns: {type: list, after: '(?i)\bcolumns\b', item: '\w+', find: only}
  count: {type: number, units: [rows], find: only}
segment: csv
verify:
  - {id: table, type: csv, columns_from: columns, rows_from: count, no_empty: true}
  - {id: no-row-twice, type: unique}
reuse: {guard: none}
tests:
  - name: the fence comes off
    prompt: 'Give me a CSV with columns name, age and city. 2 rows.'
    model: ["Sure:\n```csv\nname,age,city\nAnn,3,Rome\nBob,4,Oslo\n```"]
    expect: {final: verified, calls: 1, output: "name,age,city\nAnn,3,Rome\nBob,4,Oslo"}
  - name: a row too few is no answer
    prompt: 'Give me a CSV with columns name, age. 2 rows.'
    model: ["name,age\nAnn,3", "name,age\nAnn,3\nBob,4"]
    expect: {final: verified, calls: 2}
  - name: a column that must not be is not understood
    prompt: 'Give me a CSV with columns name, age but not city. 2 rows.'
    expect: {matched: false}
"""
SQL_QUERY = r"""
stepflow: 1
kind: rule
id: query
match:
  - {type: regex, pattern: '(?i)\bSQL\b'}
constraints:
  tables: {type: quoted, marks: [backtick], find: all}
segment: {type: code_blocks, prose: drop}
verify:
  - {id: query, type: sql, dialect: postgres, tables_only_from: tables}
tests:
  - name: only tables of the prompt
    prompt: 'Write SQL on `users` and `orders` that counts.'
    model: ["```sql\nSELECT count(*) FROM secrets\n```", "So:\n```sql\nSELECT count(*) FROM users\n```"]
    expect: {final: verified, calls: 2}
"""
PYTHON_FUNCTION = r"""
stepflow: 1
kind: rule
id: function
match:
  - {type: regex, pattern: '(?i)\bfunction\b'}
constraints:
  function: {type: quoted, marks: [backtick], after: '(?i)function', find: only}
  parameters: {type: list, after: '(?i)\btaking\b', item: '\w+', find: only}
verify:
  - {id: shape, type: python_syntax, defines_from: function, parameters_from: parameters, no_imports: true}
tests:
  - name: the asked name and parameters
    prompt: 'Write a Python function `area` taking width and height.'
    model:
      - "def area(height, width):\n    return width * height"
      - "def area(width, height):\n    return width * height"
    expect: {final: verified, calls: 2}
"""
ITINERARY = r"""
stepflow: 1
kind: rule
id: itinerary
match:
  - {type: regex, pattern: '(?i)\bitinerary\b'}
constraints:
  stops: {type: list, after: '(?i)\bvia\b', find: only}
segment: markdown
verify:
  - {id: in-order, type: order, values_from: stops, by: step}
tests:
  - name: each stop once, in order
    prompt: 'An itinerary via Rome, New York and York.'
    model: ["- Rome\n- York\n- New York", "- Rome\n- New York\n- York"]
    expect: {final: verified, calls: 2}
"""


@pytest.mark.parametrize("text", [SPLIT_A_BILL, DELIVERY, CSV_TABLE, SQL_QUERY, PYTHON_FUNCTION, ITINERARY])
def test_a_rule_of_written_forms_passes_its_tests(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(text, encoding="utf-8")
    results = list(run_file(str(path)))
    assert results
    assert {result.name: result.failures for result in results if not result.passed} == {}
