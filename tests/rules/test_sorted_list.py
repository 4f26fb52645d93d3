"""The rule `sorted-list` against seeded prompts and replies. The judge sorts for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest
from rulekit import TRUSTED, World, read

from stepflow.runtime.stream import watching

RULE = "sorted-list"
WORDS = ["apple", "pear", "fig", "plum", "quince", "Lime", "kiwi", "Melon", "grape", "date", "cherry", "olive", "Peach"]
TOPICS = ("words", "names", "items")
ASKED = {
    ("words", False): ("Sort these {0} alphabetically: {1}", "Please put the following {0} in alphabetical order: {1}",
                       "Arrange the {0} from A to Z, one per line: {1}",
                       "Could you order these {0} alphabetically:\n{2}"),
    ("words", True): ("Sort these {0} in reverse alphabetical order: {1}", "Arrange the {0} from Z to A: {1}"),
    ("numbers", False): ("Sort these numbers in ascending order: {1}", "Arrange {1} from smallest to largest.",
                         "Sort the numbers from lowest to highest, each on its own line: {1}"),
    ("numbers", True): ("Sort these numbers in descending order: {1}", "Please sort {1} in descending order.",
                        "Put the following numbers in order, largest first: {1}"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """What is asked, and in which words."""

    kind: str
    down: bool
    items: tuple[str, ...]
    wording: int = 0

    @property
    def prompt(self) -> str:
        """The prompt."""
        wordings = ASKED[self.kind, self.down]
        listed = ", ".join(self.items[:-1]) + " and " + self.items[-1]
        lines = "\n".join(f"- {item}" for item in self.items)
        return wordings[self.wording % len(wordings)].format(TOPICS[self.wording % 3], listed, lines)

    @property
    def wants_lines(self) -> bool:
        """Whether the prompt asks for lines."""
        return " line" in self.prompt

    @property
    def right(self) -> list[str]:
        """The judge's order."""
        if self.kind == "numbers":
            return sorted(self.items, key=float, reverse=self.down)
        return sorted(self.items, key=str.lower, reverse=self.down)


def is_right(item: Item, answer: str) -> bool:
    """Whether the lines of an answer are the items in order, bullets and numbers before them aside; or one line is."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    if len(lines) == 1 and not item.wants_lines:
        lines = lines[0].removesuffix(".").replace(", and ", ", ").replace(" and ", ", ").split(", ")
    for number, line in enumerate(lines):
        if line.startswith((f"{number + 1}. ", "* ")) or (line.startswith("- ") and item.kind == "words"):
            lines[number] = line.split(" ", 1)[1]
    if item.kind == "words":
        return lines == item.right
    try:
        return [float(line) for line in lines] == [float(each) for each in item.right]
    except ValueError:
        return False


def some_items(seed: int, count: int) -> Iterator[Item]:
    rng = Random(seed)
    for number in range(count):
        kind, down = rng.choice(sorted(ASKED))
        size = rng.randint(3, 6)
        pool = WORDS if kind == "words" else [str(n) for n in range(-20, 120)] + ["1.5", "2.75", "10.25"]
        yield Item(kind, down, tuple(rng.sample(pool, size)), number)


def right_replies(item: Item) -> list[str]:
    lines = item.right
    short = [
        ", ".join(lines),
        ", ".join(lines[:-1]) + f" and {lines[-1]}.",
        ", ".join(lines[:-1]) + f", and {lines[-1]}",
    ]
    return [
        *([] if item.wants_lines else short),
        "\n".join(lines),
        "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1)),
        "\n\n".join(lines) + "\n",
    ]


def wrong_replies(item: Item, rng: Random) -> list[str]:
    lines = item.right
    moved = list(lines)
    moved[0], moved[-1] = moved[-1], moved[0]
    return [
        "\n".join(moved),
        "\n".join(lines[:-1]),
        "\n".join(reversed(lines)),
        *([", ".join(lines)] if item.wants_lines else []),
        ", ".join(moved),
        ", ".join(lines[:-1]),
        ", ".join([*lines, lines[-1]]),
        ", ".join(lines) + ", …",
        ",".join(lines),
        " ".join(lines),
        "; ".join(lines),
        " or ".join(lines),
        ", ".join(lines[:-1]) + ", not " + lines[-1],
        "1. " + ", ".join(lines),
        "- " + ", ".join(lines),
        ", ".join(lines[:2]) + ",\n" + ", ".join(lines[2:]),
        "Sorted: " + ", ".join(lines),
        "Sorted list:\n" + "\n".join(lines),
        "\n".join(f"{line} ({rng.randint(1, 9)})" for line in lines),
        "```\n" + "\n".join(lines) + "\n```",
        "Sorry, I cannot do that.",
        "",
        "[" + ", ".join(lines) + "]",
    ]


def with_surplus(item: Item) -> list[str]:
    lines = item.right
    short = ", ".join(lines)
    more = (lines[-1], "zebra", "777", "", "\nI hope this helps!", "Done:\n777", short)
    return [f"{whole}\n{each}" for whole in ("\n".join(lines), *([] if item.wants_lines else [short])) for each in more]


def test_right_replies_are_verified_at_once_and_wrong_ones_never() -> None:
    rng = Random(3)
    for item in some_items(1, 44):
        for reply in (*right_replies(item), *with_surplus(item)):
            outcome = World(RULE).ask(item.prompt, reply)
            assert outcome is not None, item.prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), (item.prompt, reply, outcome.verdicts)
            assert is_right(item, outcome.answer)
        for reply in wrong_replies(item, rng):
            outcome = World(RULE).ask(item.prompt, reply, reply)
            assert outcome is not None
            assert outcome.final == "fallback", (item.prompt, reply)
            assert is_right(item, outcome.answer), (item.prompt, outcome.answer)


def test_whatever_a_model_writes_nothing_wrong_is_sent_before_the_rest_is_written() -> None:
    rng, sent_early = Random(4), 0
    for item in some_items(6, 40):
        task = read(RULE, item.prompt)
        assert task is not None
        for reply in (*right_replies(item), *with_surplus(item), *wrong_replies(item, rng)):
            watch = watching(task)
            assert watch is not None
            sent = "".join(watch.ready(reply[:end]) for end in range(1, len(reply) + 1))
            lines = [line.split(". ")[-1] for line in sent.splitlines() if line.strip()]
            begun = lines == item.right[: len(lines)]
            assert begun or is_right(item, sent), (item, reply, sent)
            sent_early += bool(sent)
    assert sent_early > 300


def changed(item: Item, rng: Random) -> dict[str, Item]:
    other = "zucchini" if item.kind == "words" else "777"
    items = list(item.items)
    rng.shuffle(items)
    return {
        "value_changed": replace(item, items=(*item.items[:-1], other)),
        "reversed": replace(item, down=not item.down, wording=0),
        "added": replace(item, items=(*item.items, other)),
        "removed": replace(item, items=item.items[1:]),
        "reworded": replace(item, items=tuple(items), wording=item.wording + 1),
    }


def test_rewordings_are_reused_and_changed_requests_get_their_own_answer() -> None:
    rng = Random(5)
    seen = 0
    for item in some_items(2, 50):
        for kind, variant in changed(item, rng).items():
            world = World(RULE)
            world.ask(item.prompt, right_replies(item)[-3])
            for reply in ("", rng.choice(wrong_replies(variant, rng))):
                outcome = World(RULE, world.archive).ask(variant.prompt, *[reply] * 4)
                assert outcome is not None
                assert outcome.final in TRUSTED
                assert is_right(variant, outcome.answer), (item.prompt, variant.prompt, outcome.answer)
                if kind == "reworded":
                    assert outcome.calls == 0, (item.prompt, variant.prompt)
                seen += 1
    assert seen >= 400


DECLINED = r"""
Sort these words by length: pear, fig
Sort these numbers by their last digit in ascending order: 12, 31
Sort the three largest numbers in descending order: 5, 3, 9
Sort these numbers in ascending order without duplicates: 5, 3, 3
Sort these words alphabetically, then number them: pear, fig
Sort these words alphabetically: pear, fig. Then reverse them.
Sort these words alphabetically and in reverse order: pear, fig
Sort these words alphabetically: pear, fig, ...
Sort these words alphabetically: pear, not fig
Sort these words alphabetically: pear, New York
Sort these words alphabetically: pear, item2
Sort these words alphabetically: pear, Pear
Sort these words in ascending order: one, three, two
Sort these numbers alphabetically: 10, 9
Sort in ascending order: 5 km, 3 km
Sort in ascending order: $5, $3
Sort in ascending order: 50%, 3%
Sort in ascending order: 1/2, 3
Sort in ascending order: 1,200, 300
Sort in ascending order: 10:30, 9:15
Sort in ascending order: 5, apple
Sort in ascending order: 5
Sort in ascending or descending order: 5, 3
Never sort these in ascending order: 5, 3
Don't sort these in ascending order: 5, 3
Sort all but the first in ascending order: 5, 3, 2
Sort in ascending order separated by commas: 5, 3
Sort 5, 3 and 9 in ascending order in Python
Write code that sorts these in ascending order: 5, 3
Explain how to sort these words alphabetically: pear, fig
Sort these words alphabetically as a JSON list: pear, fig
Sort these words alphabetically in French: pear, fig
In what order are these: pear, fig
Are these words in alphabetical order: pear, fig
Is this list in ascending order: 5, 3
I put these words in alphabetical order: pear, fig
List the words with a in alphabetical order: pear, fig
Sort the words from pear alphabetically: pear, fig
Sort these words in order of value, alphabetically: pear, fig
Here are words in alphabetical order: pear, fig
The following numbers are in ascending order: 5, 3
Sort the list alphabetically.
Sort these words alphabetically: pear, fig\nSort these words alphabetically: plum, apple
Sort these words alphabetically: pear, fig; and these: plum, apple
Put the numbers from smallest to highest in descending order: 5, 3
Sort these alphabetically: pear and fig and plum
"""


@pytest.mark.parametrize("prompt", [line for line in DECLINED.splitlines() if line])
def test_a_prompt_that_is_not_understood_whole_is_left_alone(prompt: str) -> None:
    assert read(RULE, prompt.replace("\\n", "\n")) is None
