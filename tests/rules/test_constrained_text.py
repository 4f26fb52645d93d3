"""The rule `constrained-text` against seeded prompts and replies. The judge counts and searches for itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random

import pytest
from rulekit import TRUSTED, World, read, trusted_answers

RULE = "constrained-text"
TOPICS = ["the sea", "winter mornings", "an old train", "garden birds", "the smell of rain"]
POOL = ["salt", "blue", "morning light", "stone", "river", "quiet", "bread", "window"]
FORBIDDEN = ["fish", "boat", "very", "happy", "deep snow", "loud"]
NUMBERS = ["zero", "one", "two", "three", "four", "five"]


@dataclass(frozen=True, slots=True)
class Item:
    """A text that is asked for: `length` is (unit, bound, number)."""

    topic: str
    required: tuple[str, ...]
    forbidden: tuple[str, ...]
    length: tuple[str, str, int]
    wording: int = 0

    @property
    def prompt(self) -> str:
        """The prompt."""
        unit, bound, number = self.length
        amount = f"{bound} {number}".strip() if unit == "words" else f"{bound} {NUMBERS[number]}".strip()
        what = f"{amount} sentences" if unit == "sentences" else "a text"
        what = what.replace("one sentences", "one sentence")
        limit = "" if unit == "sentences" else f" in {amount} words"
        wanted = " and ".join(f'"{word}"' for word in self.required)
        unwanted = " or ".join(f'"{word}"' for word in self.forbidden)
        clauses = [
            [f"mention {wanted}"] * bool(wanted) + [f"do not use {unwanted}"] * bool(unwanted),
            [f"include the words {wanted}"] * bool(wanted) + [f"must not contain {unwanted}"] * bool(unwanted),
            [f"use {wanted}"] * bool(wanted) + [f"avoid {unwanted}"] * bool(unwanted),
        ][self.wording % 3]
        start = ["Write", "Please compose", "Could you write"][self.wording % 3]
        if self.wording % 2:
            return f"{start} {what} about {self.topic}{limit}. It must {' and '.join(clauses)}.".replace(
                "must must", "must"
            )
        return f"{start} {what} about {self.topic}{limit} that {' and '.join(clauses)}."


def occurs(phrase: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None


def is_right(item: Item, answer: str) -> bool:
    """Whether words and length are as asked, and the answer is plain text alone."""
    unit, bound, number = item.length
    text = answer.strip()
    if unit == "sentences":
        parts = [part for part in re.split(r"[.!?]+\s*", text) if part.strip()]
        count = len(parts) if len(set(parts)) == len(parts) else 0
    else:
        count = len([token for token in text.split() if any(map(str.isalnum, token))])
    fits = {"": count == number, "exactly": count == number, "at most": count <= number, "up to": count <= number,
            "at least": count >= number, "fewer than": count < number, "under": count < number}[bound]  # fmt: skip
    talk = text.startswith(("Sure", "Here", "I'm sorry", "I cannot", "-", "#", '"', "```")) or "hope this" in text
    words = all(occurs(word, text) for word in item.required) and not any(occurs(word, text) for word in item.forbidden)
    return bool(count) and fits and words and not talk


def items(seed: int, count: int) -> list[Item]:
    rng = Random(seed)
    found = []
    for number in range(count):
        required = tuple(rng.sample(POOL, rng.randint(0, 3)))
        forbidden = tuple(rng.sample(FORBIDDEN, rng.randint(0 if required else 1, 2)))
        if number % 2:
            length = ("sentences", rng.choice(["", "exactly", "at most", "at least"]), rng.randint(2, 4))
        else:
            length = (
                "words",
                rng.choice(["at most", "up to", "fewer than", "under", "exactly", "at least"]),
                rng.randint(24, 40),
            )
        found.append(Item(rng.choice(TOPICS), required, forbidden, length, rng.randrange(12)))
    return found


HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def right_text(item: Item) -> str:
    unit, bound, number = item.length
    target = number - 1 if bound in ("fewer than", "under") else number
    if unit == "sentences":
        first = "We saw " + " and ".join(item.required or ("it",)) + "."
        return " ".join([first, *(f"It was {hour} o'clock." for hour in HOURS[: target - 1])])
    words = ["We", "saw", *" and ".join(item.required or ("it",)).split()]
    return " ".join([*words, *["then"] * (target - len(words))]) + "."


def wrong_replies(item: Item) -> list[str]:
    right = right_text(item)
    unit, bound, _ = item.length
    found = [
        f"Sure! {right}", f"Here is the text:\n\n{right}", f"{right}\n\nI hope this helps!", f'"{right}"',
        f"I'm sorry, I can't write about that. {right}", f"```\n{right}\n```", f"- {right}", f"# Title\n{right}", "",
        "I cannot do that.",
    ]  # fmt: skip
    found += [right.replace(word, word[:-1], 1) for word in item.required]
    found += [right.replace(word, f"{word}x", 1) for word in item.required]
    found += [right.replace("We ", f"We {word} ", 1) for word in item.forbidden]
    found += [right.replace("We ", f"{word.upper()}! ", 1) for word in item.forbidden]
    found += [right.replace("It was two", "It was one"), f"{right} {right}"]
    if bound != "at least":
        found += [f"{right} More came. It did not end. So it was. And so on."]
    if bound in ("", "exactly", "at least"):
        found += [" ".join(right.split(". ")[:-1]) or "It", right.split(" ")[0] + "."]
    if unit == "sentences":
        found += [
            right.replace("late. It", "late... It"),
            right.replace(". It", ", e.g. it"),
            right[:-1],
            right.replace(". ", "; "),
        ]
    return found


def test_right_replies_are_verified_at_once_and_wrong_ones_never() -> None:
    for item in items(1, 42):
        right = right_text(item)
        assert is_right(item, right), (item, right)
        outcome = World(RULE).ask(item.prompt, right)
        assert outcome is not None, item.prompt
        assert (outcome.final, outcome.calls) == ("verified", 1), (item.prompt, right, outcome.verdicts)
        for answer in trusted_answers(RULE, item.prompt, wrong_replies(item), 3):
            assert is_right(item, answer), (item.prompt, answer)


def variants(item: Item) -> dict[str, Item]:
    unit, bound, number = item.length
    return {
        "reworded": replace(item, wording=item.wording + 2),
        "topic": replace(item, topic="a small town"),
        "reversed": replace(item, required=item.forbidden, forbidden=item.required),
        "wanted_added": replace(item, required=(*item.required, "lantern")),
        "unwanted_added": replace(item, forbidden=(*item.forbidden, "saw")),
        "number_changed": replace(item, length=(unit, bound, number + 1)),
        "bound_turned": replace(item, length=(unit, "at most" if bound == "at least" else "at least", number)),
        "removed": replace(item, required=item.required[1:]) if len(item.required) > 1 else item,
    }


def test_rewordings_are_reused_and_changed_requests_get_a_text_that_fits_or_none() -> None:
    reused = 0
    for item in items(3, 42):
        for kind, variant in variants(item).items():
            world = World(RULE)
            world.ask(item.prompt, right_text(item))
            outcome = world.ask(variant.prompt, *["I cannot."] * 4)
            assert outcome is not None, variant.prompt
            if outcome.final in TRUSTED:
                assert is_right(variant, outcome.answer), (item.prompt, variant.prompt, outcome.answer)
                assert variant.topic == item.topic
            if kind == "reworded":
                assert (outcome.final, outcome.calls) == ("verified", 0), (item.prompt, variant.prompt)
                reused += 1
    assert reused == 42


def test_a_text_that_was_patched_is_right_or_not_trusted() -> None:
    patched = 0
    for item in items(5, 40):
        variant = replace(item, forbidden=(*item.forbidden, "saw"))
        world = World(RULE)
        world.ask(item.prompt, right_text(item))
        first = right_text(item).split(". ")[0].rstrip(".").replace("saw", "met") + "."
        outcome = world.ask(variant.prompt, first, *["I cannot."] * 4)
        assert outcome is not None
        if outcome.final in TRUSTED:
            assert is_right(variant, outcome.answer), (variant.prompt, outcome.answer)
            patched += outcome.outcome == "patch"
    assert patched >= 20


DECLINED = r"""
Write two sentences about the sea.
Write a text about the sea that mentions "salt".
Write two funny sentences about the sea that mention "salt".
Write two sentences about the sea in French that mention "salt".
Write two sentences about the sea in the past tense that mention "salt".
Write two rhyming sentences about the sea that mention "salt".
Write two sentences about the sea that rhyme and mention "salt".
Write two sentences about the sea that mention "salt" or "blue".
Write two sentences about the sea that mention either "salt" or "blue".
Write two sentences about the sea that mention not only "salt" but also "blue".
Write two sentences about the sea that start with "Salt".
Write two sentences about the sea that start with the word "Salt".
Write two sentences about the sea that end with "salt".
Write two sentences about the sea that mention "salt" twice.
Write two sentences about the sea that mention "salt" in the first sentence.
Write two sentences about the sea that mention "salt" before "blue".
Write two sentences about the sea, each of which mentions "salt".
Write two or three sentences about the sea that mention "salt".
Write 2-3 sentences about the sea that mention "salt".
Write about two sentences about the sea that mention "salt".
Write two sentences of 10 words each about the sea that mention "salt".
Write a text about the sea in about 30 words that mentions "salt".
Write a text about the sea in 20 to 30 words that mentions "salt".
Write a text about the sea in at most 30 words or more that mentions "salt".
Write two sentences about the sea that mention "salt" but not "salt".
Write two sentences about the sea without the letter "e".
Write two sentences about the sea that do not use "e".
Write two sentences about the sea that use the two words "salt" and "blue".
Write two sentences about the sea that mention "salt" and 'blue'.
Write two sentences about the sea that mention "salt. And "blue".
Write two sentences about the sea that never fail to mention "salt".
Write two sentences about the sea that do not avoid using "salt".
Write two sentences about the sea that mention "salt". Translate them.
Write two sentences about the sea that mention "salt" as a list.
Write two sentences about the sea that mention "salt" and explain them.
Write two paragraphs about the sea that mention "salt" in two sentences.
Write a poem of two sentences about the sea that mentions "salt".
Do not write two sentences about the sea that mention "salt".
How many sentences about the sea mention "salt"?
Rewrite these two sentences about the sea so that they mention "salt".
Write two sentences about the sea for children that mention "salt".
Write two sentences about the sea that mention "salt" and 3 fish.
"""


@pytest.mark.parametrize("prompt", [line for line in DECLINED.splitlines() if line])
def test_a_prompt_that_is_not_understood_whole_is_left_alone(prompt: str) -> None:
    assert read(RULE, prompt.replace("\\n", "\n")) is None
