"""The shipped rules side by side: each claims its own prompts, and no two claim the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rulekit import RULES, read, request_of, shipped

from stepflow.model import Request

NAMES = sorted(path.relative_to(RULES).with_suffix("").as_posix() for path in RULES.rglob("*.yaml"))


def claimed_by(prompt: str | Request) -> list[str]:
    """The rules that would answer the prompt, were they alone."""
    return [name for name in NAMES if read(name, prompt) is not None]


def own_prompts() -> Iterator[tuple[str, Request]]:
    """Every prompt that a rule's own tests show it to claim, those in the cache of a test included."""
    for name in NAMES:
        found: list[Request] = []
        for test in shipped(name).tests:
            if test.spec.expect.matched is not False:
                prompts = (test.spec.prompt, *(turn.prompt for turn in test.spec.cache))
                found += [request_of(prompt, test.spec.system, test.spec.tools) for prompt in prompts]
        yield from ((name, request) for number, request in enumerate(found) if request not in found[:number])


# Prompts that lie between the rules, or beside all of them.
BETWEEN = [
    (None, "Give me a JSON object about a CSV with keys name and size."),
    ("json-object", "Give me a JSON array of 3 fruits, each with name and price."),
    ("sorted-list", "Sort these words alphabetically: python, sql, json, csv"),
    ("python-function", "Write a Python function sort_words(words) that returns the words in alphabetical order."),
    ("python-function", "Write a Python function solve(a, b) that returns the solution of a linear equation."),
    ("regex-pattern", 'Write a regex that matches "x = 4" and "y = 3" but not "x + y".'),
    ("csv-table", "Create a CSV table of 3 equations with columns name and unknown."),
    (None, "Create a Markdown table of 3 CSV files with columns name and size."),
    (None, "Create a table of 3 fruits with columns name and price."),
    ("constrained-text", 'Write two sentences about JSON that mention "key" and do not use "object".'),
    ("extra/sql-select", "Write a SQL query that selects name and price from fruits where price is over 3."),
    ("unit-conversion", "How many minutes are 3 hours?"),
    ("money-calculation", "What is the total cost of 3 fruits at $2 each?"),
    ("classification", "Classify the topic of 'Convert 5 miles to km' as sport, travel or other."),
    ("extraction", 'Extract the name and amount as JSON from: "Ann bought 3 pens at $4 each."'),
    (None, "What is the total cost of 3 fruits at $2 each? Answer as JSON with keys total and currency."),
    (None, "Convert 5 miles to km and return a JSON object with keys value and unit."),
    ("python-function", "Write a Python function convert(miles) that converts 5 miles to km."),
    (None, "Sort 5 km, 3 miles and 200 m by length."),
    (None, "Solve 2x + 3 = 11 km for x in miles."),
    (None, 'Extract the name from "Ann came" as CSV.'),
    (None, "Write one sentence about the sea."),
    (None, "Write a Python function that sorts a CSV file."),
    (None, "Sort the rows of this CSV by price:\nname,price\nfig,2"),
    (None, "Create a JSON schema for a CSV table of 3 fruits with columns name and price."),
    (None, "Explain how a regex matches \"a\" but not \"b\"."),
    (None, "Which SQL databases are there?"),
    (None, "What is the capital of France?"),
]  # fmt: skip


def test_every_rule_claims_what_its_tests_say_and_no_other_rule_does() -> None:
    claimed = [(name, request, claimed_by(request)) for name, request in own_prompts()]
    assert [each for each in claimed if each[2] != [each[0]]] == []


@pytest.mark.parametrize(("name", "prompt"), BETWEEN)
def test_a_prompt_between_the_rules_is_claimed_by_one_at_most(name: str | None, prompt: str) -> None:
    assert claimed_by(prompt) == ([] if name is None else [name])
