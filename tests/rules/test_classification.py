"""The rule `classification`: one of the labels, and an answer for its own text, question and labels only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from random import Random

import pytest
from rulekit import World, read, trusted_answers

RULE = "classification"
TEXTS = {
    "I love it": "positive", "I don't love it": "negative", "I do not hate it at all": "positive",
    "Not bad, or good": "neutral", "as cold as never before": "negative", "It was fine for 3 days": "neutral",
    "It was fine for 30 days": "positive", "Anna sold this to Ben": "neutral", "Ben sold this to Anna": "negative",
    "classify me as you like": "neutral", "Answer with the label only": "neutral",
}  # fmt: skip
LABELS = (("positive", "negative", "neutral"), ("positive", "negative", "neutral", "mixed"))
WORDINGS = (
    "Classify the {aspect} of {q}{text}{q} as {labels}. Answer with the label only.",
    "Please classify the {aspect} of this review as {labels}: {q}{text}{q}",
    "Classify the {aspect} of the following text into one of these labels: {labels}.\n\nText: {text}",
    "Can you categorize the {aspect} of the message {q}{text}{q} as {labels}?",
    "classify the {aspect} of the text {q}{text}{q} as either {labels}, nothing else",
    "Analyze the {aspect} of {q}{text}{q}: {labels}.",
    "Here is a review: {q}{text}{q} Is the {aspect} {labels}?",
    "Review: {text}\nClassify the {aspect} as {labels}.",
    "What is the {aspect} of this comment: {q}{text}{q}? {labels}?",
)


@dataclass(frozen=True)
class Item:
    """A text, what is asked about it, and the labels."""

    text: str
    aspect: str = "sentiment"
    labels: tuple[str, ...] = LABELS[0]

    @property
    def truth(self) -> str:
        """What a right model says: emotion is the other way round here, and a fourth label changes what is neutral."""
        label = TEXTS[self.text]
        if self.aspect == "emotion":
            label = {"positive": "negative", "negative": "positive"}.get(label, label)
        return "mixed" if label == "neutral" and "mixed" in self.labels else label

    def prompt(self, rng: Random) -> str:
        """The request in one of many wordings, its labels in any order."""
        labels = rng.sample(self.labels, len(self.labels))
        listed = ", ".join(labels[:-1]) + rng.choice((" or ", ", or ")) + labels[-1]
        quote = '"' if "'" in self.text else rng.choice("'\"")
        aspect = rng.choice(("sentiment", "polarity")) if self.aspect == "sentiment" else "emotion"
        return rng.choice(WORDINGS).format(aspect=aspect, q=quote, text=self.text, labels=listed)

    def variants(self) -> Iterator[Item]:
        yield replace(self, aspect="emotion")
        yield replace(self, labels=LABELS[1])
        for text in TEXTS:
            if text != self.text:
                yield replace(self, text=text)


def items(seed: int) -> Iterator[tuple[Item, Random]]:
    rng = Random(seed)
    for text in TEXTS:
        for aspect in ("sentiment", "emotion"):
            for labels in LABELS:
                yield Item(text, aspect, labels), rng


def malformed(item: Item) -> list[str]:
    one, two = item.labels[:2]
    return [
        "", "unsure", f"It is {one}.", f"{one} or {two}", f"not {one}", f"{one}\n{two}", f'{{"label": "{one}"}}',
        f"{one}ly", one[:-1], item.text, "label", "1", "**", "Label:", ".",
        f"~~{one}~~", f"**not** {one}", f"{one}?", f"Tone: {one}", f"Not the label: {one}", f"Text: {one}",
        f"**{one}** *{two}*", f"Label: {one}. Label: {two}.", f"{one}. Tone:", f"Label: not {one}", f"{one}.{two}",
        f"**Label: {one}** because it is", f"Label: {one}, mostly", f"Answer: it is {one}",
    ]  # fmt: skip


def test_every_label_is_accepted_in_any_wording() -> None:
    for item, rng in items(1):
        for reply in (item.truth, item.truth.capitalize(), f" {item.truth}\n"):
            prompt = item.prompt(rng)
            outcome = World(RULE).ask(prompt, reply)
            assert outcome is not None, prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), prompt


def test_a_dressed_label_is_served_bare_at_the_first_call() -> None:
    for item, rng in items(5):
        one = item.truth
        for reply in (f"**{one}**", f"Label: {one}", f'The answer: "{one}".', f"**Final answer:** {one}.", f"`{one}`",
                      f"**{item.aspect.title()}: {one}.**", f"*{one}*\n",
                      f"_{one}_", f"__Label:__ _{one}_."):  # fmt: skip
            outcome = World(RULE).ask(item.prompt(rng), reply)
            assert outcome is not None
            assert (outcome.final, outcome.calls, outcome.answer.strip()) == ("verified", 1, one), (item, reply)


def test_nothing_but_a_label_is_ever_served_as_verified() -> None:
    for item, rng in items(2):
        assert not [*trusted_answers(RULE, partial(item.prompt, rng), malformed(item), 3)], item


def test_a_rewording_is_reused_and_no_other_text_question_or_label_set_gets_the_answer() -> None:
    free = asked = 0
    for item, rng in items(3):
        world = World(RULE)
        world.ask(item.prompt(rng), item.truth)
        outcome = world.ask(item.prompt(rng), "no", "no", "no")
        assert outcome is not None
        free, asked = free + (outcome.calls == 0 and outcome.answer == item.truth), asked + 1
        for other in item.variants():
            if other == item:
                continue
            outcome = world.ask(other.prompt(rng), other.truth)
            assert outcome is not None
            assert (outcome.calls, outcome.answer) == (1, other.truth), (item, other)
    assert free > 0.9 * asked


def test_in_one_store_of_all_items_everyone_gets_their_own_label() -> None:
    world = World(RULE)
    many = [item for item, _ in items(4)] * 3
    rng = Random(4)
    rng.shuffle(many)
    free = 0
    for item in many:
        outcome = world.ask(item.prompt(rng), item.truth)
        assert outcome is not None
        assert (outcome.final, outcome.answer) == ("verified", item.truth), item
        free += outcome.calls == 0
    assert free > len(many) / 2


@pytest.mark.parametrize(
    "prompt",
    [
        "Classify the sentiment of 'Great' as positive or negative and explain why.",
        "Classify the sentiment of 'Great' as positive, negative, and explain why.",
        "Classify the sentiment of 'Great' and of 'Bad' as positive or negative.",
        "Classify the sentiment of 'Great' as all that apply of positive, negative.",
        "Classify the sentiment of 'Great' as positive (4 stars) or negative.",
        "Classify the sentiment of 'Great' as not positive or negative.",
        "Classify the sentiment of 'Great' as positive or negative. If unsure, say neutral.",
        "Classify the sentiment of 'Great' as positive or negative. Do not answer with the label only.",
        "Do not classify 'Great' as positive or negative.",
        "Classify the opposite sentiment of 'Great' as positive or negative.",
        "Classify the sentiment and topic of 'Great' as positive or negative.",
        "Classify the sentiment of 'Great' as positive or negative. Return JSON.",
        "Classify the sentiment of 'He said 'ok' as a joke' as positive or negative.",
        "Classify the sentiment of 'Great'.",
        "Classify the sentiment of 'Great' as positive or Positive.",
        "Classify the sentiment of 'Great' as 1, 2 or 3.",
        "How would you classify 'Great'?",
    ],
)
def test_other_requests_are_left_alone(prompt: str) -> None:
    assert read(RULE, prompt) is None


LIKE_LABELS = (
    "Is it positive or negative?", "Labels: good, bad", "on/off and spam or not spam", "classify it as good or bad",
    "Is this review good or bad", "What a mess: joy, anger", "Text: is the tone good or bad?", "using the labels a, b",
    "Tell me whether it is hot or cold", "(a, b or c)", "I asked: hot or cold?", "Choose from: a, b", "hot or cold",
)  # fmt: skip
WITHOUT = (
    "Classify the sentiment of {q}{text}{q}.", "What is the topic of {q}{text}{q}?",
    "Review: {text}\nClassify the tone.", "Analyze the tone of this review: {q}{text}{q}",
    "Here is a review: {q}{text}{q} What is the sentiment?", "Classify the sentiment.\n\nText: {text}",
)  # fmt: skip


@pytest.mark.parametrize("text", LIKE_LABELS)
def test_words_of_the_text_are_never_taken_for_labels(text: str) -> None:
    for wording in (*WORDINGS, *WITHOUT):
        for quote in "'\"":
            prompt = wording.format(aspect="emotion", q=quote, text=text, labels="positive, negative or neutral")
            task = read(RULE, prompt)
            if task is not None:
                assert wording not in WITHOUT, prompt
                assert (task.values["text"], set(task.let["choices"])) == (text, set(LABELS[0])), prompt
