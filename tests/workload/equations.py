"""Prompts that ask for the solution of a linear equation in one unknown, each with its truth by construction.

`all_items(seed, n)` covers every form, notation, wording, presentation and letter, then fills up to n at random.
`conversations(seed, n)` puts the same prompts behind system prompts and earlier turns that hold other equations.
Families live in `equation_families`, replies in `equation_replies`, the judge in `checker`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from workload.equation_shapes import NOTATIONS, SHAPES, Equation, build
from workload.linear import Truth, write_number


@dataclass(frozen=True, slots=True)
class EquationItem:
    """One prompt and its truth. `form`, `notation`, `wording`, `presentation` label how it was made."""

    prompt: str
    equation: Equation
    form: str
    notation: str
    wording: str
    presentation: str

    @property
    def unknown(self) -> str:
        """The letter asked for."""
        return self.equation.letter

    @property
    def solution(self) -> Truth:
        """The one solution, "none" or "all"."""
        return self.equation.solution


@dataclass(frozen=True, slots=True)
class Conversation:
    """(role, content) turns, the last one the user's. `item` is None when the last turn alone cannot be answered."""

    messages: tuple[tuple[str, str], ...]
    kind: str
    item: EquationItem | None


WORDINGS: dict[str, str] = {
    "solve_for": "Solve {eq} for {u}.",
    "solve_for_colon": "Solve for {u}: {eq}",
    "solve": "Solve {eq}",
    "solve_the_equation": "Solve the equation {eq}.",
    "please_solve": "Please solve {eq} for {u}.",
    "please_solve_for": "Please solve for {u}: {eq}",
    "can_you_solve": "Can you solve {eq} for {u}?",
    "could_you_please": "Could you please solve the equation {eq} for {u}?",
    "find": "Find {u}: {eq}",
    "find_if": "Find {u} if {eq}.",
    "find_the_value": "Find the value of {u} in {eq}.",
    "what_is_if": "What is {u} if {eq}?",
    "what_is_when": "What is {u} when {eq}?",
    "what_value_true": "What value of {u} makes {eq} true?",
    "which_value_satisfies": "Which value of {u} satisfies {eq}?",
    "given_determine": "Given {eq}, determine {u}.",
    "given_find": "Given that {eq}, find {u}.",
    "if_what": "If {eq}, what is {u}?",
    "determine_such_that": "Determine {u} such that {eq}.",
    "work_out": "Work out {u}: {eq}",
    "calculate": "Calculate {u} from {eq}.",
    "help_me": "Help me solve this equation: {eq}",
    "i_need_help": "I need help with my homework. Solve {eq} for {u}, step by step.",
    "show_steps": "Solve {eq} and show your steps.",
    "step_by_step": "Solve for {u} step by step: {eq}",
    "shouted": "SOLVE FOR {u}: {eq}",
    "lower_terse": "solve {eq} for {u}",
    "for_which": "For which {u} is {eq}?",
    "hello": "Hi! How do I solve {eq} for {u}? Thanks!",
    "i_would_like": "I would like to know the solution of {eq}.",
    "what_is_the_solution": "What is the solution to {eq}?",
    "in_the_equation": "In the equation {eq}, what does {u} equal?",
    "isolate": "Isolate {u} in {eq}.",
    "equation_first": "{eq}. Solve for {u}.",
    "bare_task": "{eq}, solve for {u}",
}

PRESENTATIONS: dict[str, str] = {
    "inline": "{}",
    "own_line": "\n\n{}\n",
    "backticks": "`{}`",
    "quotes": '"{}"',
    "dollars": "${}$",
}

OWN_LINE = tuple(wording for wording, text in WORDINGS.items() if text.endswith(("{eq}", "{eq}.")))
"""The wordings that end in the equation, so that it can stand on a line of its own."""

COMMON_LETTERS = "xxxxyytznmpw"
ALL_LETTERS = "xyzabcdeghijkmnpqrstuvwXYZABEIKNPQRTW"

OTHERS = ("5y - 7 = 18", "9x = 45", "4 - 3z = 10", "6(x + 2) = 30", "x/4 = 9", "12a + 5 = 41")


def make_item(rng: Random, form: str, notation: str, wording: str, presentation: str, letter: str) -> EquationItem:
    """One item of exactly these labels; only the numbers are random."""
    equation = build(rng, form, letter, notation)
    return EquationItem(render(equation, wording, presentation), equation, form, notation, wording, presentation)


def render(equation: Equation, wording: str, presentation: str) -> str:
    """The prompt for an equation."""
    shown = PRESENTATIONS[presentation].format(equation.text)
    return WORDINGS[wording].format(eq=shown, u=equation.letter).replace(" \n", "\n").strip()


def random_item(rng: Random, **fixed: str) -> EquationItem:
    """A random item; any label may be fixed by keyword."""
    labels = {
        "form": rng.choice(list(SHAPES)),
        "notation": rng.choice(("spaced", "spaced", "spaced", *NOTATIONS)),
        "wording": rng.choice(list(WORDINGS)),
        "presentation": rng.choice(("inline", "inline", "inline", *PRESENTATIONS)),
        "letter": rng.choice(rng.choice((COMMON_LETTERS, ALL_LETTERS))),
    }
    labels |= fixed
    if labels["presentation"] == "own_line" and labels["wording"] not in OWN_LINE:
        labels |= {"presentation": "inline"} if "wording" in fixed else {"wording": rng.choice(OWN_LINE)}
    return make_item(rng, **labels)


def all_items(seed: int, n: int) -> list[EquationItem]:
    """At least n items; every form, notation, wording, presentation and letter occurs."""
    rng = Random(seed)
    pools: dict[str, Iterable[str]] = {
        "form": SHAPES,
        "notation": NOTATIONS,
        "wording": WORDINGS,
        "presentation": PRESENTATIONS,
    }
    items = [random_item(rng, **{label: value}) for label, pool in pools.items() for value in pool]
    items += [random_item(rng, letter=letter) for letter in ALL_LETTERS]
    items += [random_item(rng) for _ in range(n - len(items))]
    rng.shuffle(items)
    return items


def conversations(seed: int, n: int) -> list[Conversation]:
    """n conversations of every kind in turn, about random items."""
    rng = Random(seed)
    kinds = list(_EARLIER) + list(_FOLLOW_UPS)
    return [_conversation(rng, kinds[index % len(kinds)]) for index in range(n)]


_EARLIER: dict[str, tuple[tuple[str, str], ...]] = {
    "alone": (),
    "system": (("system", "You are a patient maths tutor. Number your steps."),),
    "system_with_example": (("system", "You solve equations. Example: for {other} first tidy up, then divide."),),
    "earlier_turn": (("user", "Solve {other}."), ("assistant", "Sure: {other}, one moment.")),
    "earlier_answer": (("user", "Solve {other}"), ("assistant", "1. Start from {other}\n2. So the answer is 17.")),
    "long_chat": (
        ("system", "You are helpful."),
        ("user", "Hello!"),
        ("assistant", "Hello, what can I do for you?"),
        ("user", "My last exercise was {other}, I got it wrong."),
        ("assistant", "Let us look at the next one."),
    ),
}

_FOLLOW_UPS: dict[str, str] = {
    "follow_up_double": "And now double that.",
    "follow_up_number": "Now do the same with 7 instead of the last number.",
    "follow_up_check": "Are you sure? Check it.",
}


def _conversation(rng: Random, kind: str) -> Conversation:
    item = random_item(rng)
    if kind in _FOLLOW_UPS:
        answer = "There is no single value." if isinstance(item.solution, str) else write_number(item.solution)
        turns = (("user", item.prompt), ("assistant", f"{item.unknown} = {answer}"), ("user", _FOLLOW_UPS[kind]))
        return Conversation(turns, kind, None)
    other = rng.choice([text for text in OTHERS if text != item.equation.text])
    earlier = tuple((role, text.replace("{other}", other)) for role, text in _EARLIER[kind])
    return Conversation((*earlier, ("user", item.prompt)), kind, item)
