"""The rule `python-function` against seeded prompts and replies. The judge reads shapes of code, with `ast`."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from random import Random

import pytest
from rulekit import TRUSTED, World, read, trusted_answers

RULE = "python-function"
# Description, what a right body returns, parameters.
TASKS = [
    ("the sum of {0} and {1}", "{0} + {1}", 2),
    ("the larger of {0} and {1}", "max({0}, {1})", 2),
    ("whether {0} is even", "{0} % 2 == 0", 1),
    ("the list {0} in reverse order", "{0}[::-1]", 1),
    ("how often {1} occurs in the list {0}", "{0}.count({1})", 2),
    ("the text {0} in capitals", "{0}.upper()", 1),
    ("{0} kept between {1} and {2}", "max({1}, min({0}, {2}))", 3),
    ("the text hello", "'hello'", 0),
]
OPPOSITES = [("larger", "smaller"), ("is even", "is not even"), ("sum", "product"), ("capitals", "small letters")]
NAMES = ["f", "compute_it", "solve2", "myFunction", "_private", "work"]
PARAMETERS = ["a", "b", "c", "first", "second", "items_1", "x0", "value"]
WORDINGS = [
    "Write a Python function called {0} that returns {1}.",
    "Please write a Python function {0} that returns {1}",
    "Could you create a function in Python named `{0}` which returns {1}?",
    "Implement a Python 3 function `{0}` that returns {1}. Just the code.",
    "I need a Python function {0} that returns {1}, without imports.",
]


@dataclass(frozen=True, slots=True)
class Item:
    """A function that is asked for."""

    name: str
    parameters: tuple[str, ...]
    description: str
    body: str
    wording: int = 0

    @property
    def prompt(self) -> str:
        """The prompt."""
        wording = WORDINGS[self.wording % len(WORDINGS)]
        return wording.format(f"{self.name}({', '.join(self.parameters)})", self.description)

    @property
    def code(self) -> str:
        """A right answer."""
        return f"def {self.name}({', '.join(self.parameters)}):\n    return {self.body}"


def is_right(item: Item, answer: str) -> bool:
    """Whether the answer is one function of this name with these parameters that does something, and nothing else."""
    try:
        tree = ast.parse(answer)
    except SyntaxError:
        return False
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        return False
    function = tree.body[0]
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        return False
    does = [each for each in function.body if not isinstance(each, ast.Pass)]
    if all(isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in does):
        return False
    named = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    imports = any(isinstance(each, ast.Import | ast.ImportFrom) for each in ast.walk(tree))
    return function.name == item.name and named == list(item.parameters) and not imports


def items(seed: int, count: int) -> list[Item]:
    rng = Random(seed)
    found = []
    for number in range(count):
        description, body, size = TASKS[number % len(TASKS)]
        parameters = tuple(rng.sample(PARAMETERS, size))
        said, done = description.format(*parameters), body.format(*parameters)
        found.append(Item(rng.choice(NAMES), parameters, said, done, rng.randrange(9)))
    return found


def wrong_replies(item: Item) -> list[str]:
    head, body = item.code.split("\n")
    other = replace(item, name=f"{item.name}_other")
    return [
        other.code,
        replace(item, parameters=(*item.parameters, "extra")).code,
        replace(item, parameters=("*args",)).code,
        replace(item, parameters=(*item.parameters[1:], "zz")).code,
        f"{item.code}\n\n{other.code}",
        f"{item.code}\n\nprint({item.name})",
        f"{item.code}\n\nassert {item.name}",
        f"import os\n{item.code}",
        f"{head}\n    import subprocess\n{body}",
        f"{head}\n    __import__('os')\n{body}",
        f"{head}\n    pass",
        f"{head} pass",
        f"{head}\n    ...",
        f'{head}\n    """Says what it does."""',
        f"{head}\n    # TODO: implement\n    return None",
        f"{head}\n    raise NotImplementedError",
        f"{head}\n{body} +",
        f"{head}\n{body[4:]}",
        f"class {item.name}:\n    pass",
        f"{item.name} = lambda {', '.join(item.parameters)}: {item.body}",
        f"Sure!\n{item.code}",
        f"```python\n{item.code}",
        f"```python\n{item.code}\n```\nUse it:\n```python\nprint(1)\n```",
        f"function {item.name}({', '.join(item.parameters)}) {{ return 1 }}",
        "I cannot do that.",
        "",
    ]


def test_right_replies_are_verified_at_once_and_wrong_ones_never() -> None:
    for item in items(1, 40):
        for reply in (
            item.code,
            f"Sure:\n```python\n{item.code}\n```\nDone.",
            f"```\n{item.code}\n```",
            item.code + "\n",
        ):
            outcome = World(RULE).ask(item.prompt, reply)
            assert outcome is not None, item.prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), (item.prompt, reply, outcome.verdicts)
            assert is_right(item, outcome.answer)
        assert not [*trusted_answers(RULE, item.prompt, wrong_replies(item), 3)], item.prompt


def variants(item: Item, rng: Random) -> dict[str, Item]:
    found = {
        "reworded": replace(item, wording=item.wording + 1),
        "renamed": replace(item, name="renamed"),
        "added": replace(item, parameters=(*item.parameters, "more")),
        "topic": replace(item, description="the number of stars", body="7"),
    }
    if len(item.parameters) > 1:
        found["swapped"] = replace(item, parameters=tuple(reversed(item.parameters)))
        found["removed"] = replace(item, parameters=item.parameters[1:])
    for word, other in OPPOSITES:
        if word in item.description:
            found["reversed"] = replace(item, description=item.description.replace(word, other), body="0")
    return found


def test_only_rewordings_of_the_request_get_a_stored_function() -> None:
    rng = Random(2)
    kinds = set()
    for item in items(3, 48):
        for kind, variant in variants(item, rng).items():
            world = World(RULE)
            world.ask(item.prompt, item.code)
            outcome = world.ask(variant.prompt, *["I cannot."] * 4)
            kinds.add(kind)
            assert outcome is not None, variant.prompt
            if kind == "reworded":
                assert (outcome.final, outcome.calls, outcome.answer) == ("verified", 0, item.code), (
                    item.prompt,
                    variant.prompt,
                )
            else:
                assert outcome.final not in TRUSTED, (item.prompt, variant.prompt)
    assert kinds == {"reworded", "renamed", "added", "topic", "swapped", "removed", "reversed"}


def test_an_import_passes_only_where_the_prompt_allows_it() -> None:
    code = "import math\n\ndef area(r):\n    return math.pi * r ** 2"
    asked = "Write a Python function area(r) that returns the area of a circle of radius r."
    assert World(RULE).trusted(asked, [code] * 3) is None
    world = World(RULE)
    assert world.trusted(f"{asked} You may import math.", [code]) == code
    assert world.trusted(asked, [code] * 3) is None
    assert world.trusted(f"{asked} You may use the os module.", [code] * 3) is None


DECLINED = r"""
Write a Python function that adds two numbers.
Write a Python function called add that adds two numbers.
Write a Python function add(a, b).
Write a Python function add(a, b) that returns the sum using a loop.
Write a Python function add(a, b) that returns the sum without using plus.
Write a Python function add(a, b) that returns the sum with type hints.
Write a Python function add(a, b) that returns the sum of a and b, with a docstring.
Write a Python function add(a, b) that returns the sum of a and b in O(n).
Write a Python function add(a, b) that returns the sum of a and b. Also show how to call it.
Write a Python function add(a, b) that returns the sum of a and b, like math.sum(a).
Write a Python function add(a, b=1) that returns the sum of a and b.
Write a Python function add(a, b) with a default of 1 for b that returns the sum of a and b.
Write a Python function add(*args) that returns the sum of all.
Write a recursive Python function fact(n) that returns the factorial of n.
Write a Python function fact(n) that recursively computes the factorial of n.
Write a Python one-liner function add(a, b) that returns the sum of a and b.
Write two Python functions add(a, b) and sub(a, b) that return the sum and the difference.
Write a Python function add(a, b) called plus that returns the sum of a and b.
Write a Python function add(a, a) that returns the sum of a and a.
Write a Python function named add that takes a number a and a number b and returns the sum of both.
Write a Python function named add that takes no arguments and returns the number 5.
Write a Python method add(a, b) that returns the sum of a and b.
Write a Python class with a method add(a, b) that returns the sum of a and b.
Write a Ruby function add(a, b) that returns the sum of a and b.
Write a Python function add(a, b) and a test for it that returns the sum of a and b.
Write a Python function add(a, b) that returns the sum of a and b: 1, 2 gives 3
Write a Python function add(a, b) that returns the sum of a and b.\nadd(1, 2) == 3
A Python function add(a, b) that returns the sum of a and b is wrong, why?
The Python function add(a, b) that returns the sum of a and b
Explain the Python function add(a, b) that returns the sum of a and b.
Fix this Python function: def add(a, b): return a - b
What does the Python function add(a, b) that returns the sum of a and b do?
Write a Python function add(a, b) that returns the sum of a and b. You may not import math.
Write a Python function add(a, b) that returns the sum of a and b. You may import math and os.
Write an async Python function add(a, b) that returns the sum of a and b.
Write a Python function add(a, b) that returns the sum of a and b in at most 3 lines of code.
"""


@pytest.mark.parametrize("prompt", [line for line in DECLINED.splitlines() if line])
def test_a_prompt_that_is_not_understood_whole_is_left_alone(prompt: str) -> None:
    assert read(RULE, prompt.replace("\\n", "\n")) is None
