"""The names that every run has, and the places of a rule that can use them.

The compiler checks expressions and templates against this table, and the page docs/reference/names.md is made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Place(Enum):
    """Where in a rule an expression or template may stand, as authors call it."""

    MATCH = "match"
    LET = "let"
    UNLESS = "unless"
    GENERATE = "generate"
    STEP = "verify: step"
    OUTPUT = "verify: output"
    SKIP = "skip_when"
    REWRITE = "rewrite"
    PATCH = "patch"
    REPAIR = "repair"
    FALLBACK = "fallback"


EVERYWHERE = frozenset(Place)
READ = EVERYWHERE - {Place.MATCH}
"""Where the prompt has been read, so that the rule's own names are there too: tables, constraints, `let` values."""
ABOUT_STEPS = frozenset({Place.STEP, Place.REWRITE})
ABOUT_ANSWER = frozenset({Place.OUTPUT, Place.PATCH}) | ABOUT_STEPS


@dataclass(frozen=True, slots=True)
class RunName:
    """A name of every run: what it stands for, where it can be used, and the members that it has in every rule.

    A member has a type and a meaning. `only_in` is the one key in which it can be used there; '' when all can.
    """

    name: str
    meaning: str
    places: frozenset[Place]
    members: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    only_in: str = ""


_STEP = {
    "index": ("whole number", "Its number, from 1"),
    "count": ("whole number", "How many steps there are"),
    "text": ("text", "Its whole text, with its marker"),
    "rest": ("text", "What `parse` has not read of it, the marker left out"),
    "stored": (
        "truth value",
        "Whether it comes from the stored answer, kept or rewritten; false of what the model wrote for this request",
    ),
}
_ANSWER = {
    "value": ("any value", "The value; missing when the pattern has only other named groups"),
    "text": ("text", "As it is written"),
}
_CACHED = {
    "prompt": ("text", "Its prompt"),
    "constraints": ("map", "Its constraints by name"),
    "let": ("map", "Its `let` values by name"),
}

RUN_NAMES: tuple[RunName, ...] = (
    RunName("prompt", "The user's message", EVERYWHERE),
    RunName(
        "tools",
        "The functions that the request offers, each with `name`, `description` and `parameters`; none without "
        "`reply: tool_call`",
        READ,
    ),
    RunName("constraints", "All constraints that were read, as a map by name", READ),
    RunName(
        "rest",
        "The prompt with an ellipsis for all that was read as constraints, without what `ignore_matching` matches",
        READ,
    ),
    RunName(
        "output",
        "The whole answer at hand: the stored one, the model's, or for `repair` the model's whole reply",
        ABOUT_ANSWER | {Place.REPAIR},
    ),
    RunName("steps", "All steps of the answer, in order; each like `step`", ABOUT_ANSWER),
    RunName(
        "answer",
        "What `answer:` read in the answer; without `answer:`, its whole text. Missing when nothing was found",
        ABOUT_ANSWER,
        _ANSWER,
    ),
    RunName(
        "cached",
        "The request whose stored answer is looked at; missing while the model's own answer is",
        ABOUT_ANSWER | {Place.SKIP},
        _CACHED,
    ),
    RunName("pass_ratio", "Share of the stored answer's steps that pass, from 0 to 1", frozenset({Place.SKIP})),
    RunName(
        "step",
        "The step at hand: its fields by name, and its members; in `patch` the first step of the failing region",
        ABOUT_STEPS | {Place.PATCH},
        _STEP,
    ),
    RunName("previous", "Fields of the steps before it; where several have one, that of the nearest", ABOUT_STEPS),
    RunName("reason", "Why the verifier refuses", ABOUT_ANSWER - {Place.REWRITE, Place.PATCH}, only_in="message"),
    RunName(
        "failures",
        "Why the answer failed: the reasons one after the other; of one that is code only which step is wrong",
        frozenset({Place.PATCH, Place.REPAIR, Place.FALLBACK}),
    ),
    RunName(
        "cut_off",
        "Whether the model's answer ended at its token limit. It is not sent back then: only that it was too long",
        frozenset({Place.REPAIR}),
    ),
    RunName("kept", "The steps that are kept, in order; each like `step`", frozenset({Place.PATCH})),
    RunName("kept_steps", "The text of the steps that are kept", frozenset({Place.PATCH})),
    RunName("steps_before", "The text of the steps before the failing region", frozenset({Place.PATCH})),
    RunName("steps_after", "The text of the steps behind the failing region", frozenset({Place.PATCH})),
    RunName("failing", "The steps to be written anew, in order; each like `step`", frozenset({Place.PATCH})),
    RunName("failing_steps", "The text of the steps to be written anew", frozenset({Place.PATCH})),
    RunName("failed_steps", "The numbers of the steps with a failed check", frozenset({Place.PATCH})),
    RunName("next_index", "The number of the first step to be written", frozenset({Place.PATCH})),
    RunName("reply", "What the model replied, without blanks around it", frozenset({Place.PATCH}), only_in="frame"),
)
STEP_MEMBERS = frozenset(_STEP)
"""Members of every step: no field may be called like one."""
TAKEN = frozenset(each.name for each in RUN_NAMES)
"""A constraint, table or `let` value of such a name would be hidden, and seem to be checked."""


def names_at(place: Place, own: Iterable[str] = ()) -> frozenset[str]:
    """What an expression at a place may name: the run's names, and the rule's own where the prompt has been read."""
    run = frozenset(each.name for each in RUN_NAMES if place in each.places and not each.only_in)
    return run | frozenset(own) if place in READ else run


def names_of_key(key: str) -> frozenset[str]:
    """The names that only the key of this name may use, beside those of its place."""
    return frozenset(each.name for each in RUN_NAMES if each.only_in == key)
