"""The shipped rule against prompts, replies and a judge that share no code with it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from rulekit import shipped
from workload.checker import judge_equation
from workload.equation_families import families
from workload.equation_replies import Reply, replies, right_replies
from workload.equations import EquationItem, all_items, conversations

from stepflow.archive import Archive
from stepflow.errors import BackendError
from stepflow.model import Message, Outcome, Request
from stepflow.plan import Plan
from stepflow.runtime.drivers import drive
from stepflow.runtime.extract import Declined, understand
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.segment import cut
from stepflow.runtime.verify import examine
from stepflow.testing import _archive as empty_archive
from stepflow.testing import _scripted as scripted

TRUTHS = {"none": "no solution", "all": "all numbers"}
BARE = "short_answer"  # a bare result is refused where steps are asked for


RULE = shipped("linear-equation")
PLAN = Plan("test", RULE.path, (RULE,), {}, RULE.verifying, trace_dir=None)
ITEMS = all_items(20, 200)


def ask(request: Request | str, said: Sequence[str], archive: Archive | None = None) -> Outcome | None:
    """One run of the whole flow; None when the backend (a reply that is empty, or one too few) is at fault."""
    asked = Request.of(request) if isinstance(request, str) else request
    try:
        return drive(interpret(PLAN, asked, Journal()), archive or empty_archive(), scripted(said))
    except BackendError:
        return None


def assert_not_wrong(item: EquationItem, outcome: Outcome | None) -> None:
    if outcome is None or outcome.final == "unverified":
        return
    judgement = judge_equation(item, outcome.answer)
    assert judgement.right, f"{item.prompt!r} got {outcome.answer!r} as {outcome.final}: {judgement.why}"


def steps_are_asked(item: EquationItem) -> bool:
    return "step" in item.prompt


def best(item: EquationItem) -> str:
    return next(reply.text for reply in right_replies(item) if reply.kind == "numbered")


# --- prompts ----------------------------------------------------------------------------------------------------------


def test_every_form_notation_wording_and_letter_is_understood() -> None:
    for item in ITEMS:
        task = understand(RULE, Request.of(item.prompt))
        assert task.values["unknown"] == item.unknown, item.prompt
        truth = TRUTHS.get(item.solution, item.solution) if isinstance(item.solution, str) else item.solution
        assert task.let["solution"] == truth, item.prompt


@pytest.mark.parametrize(
    ("prompt", "solution"),
    [
        ("solve 2x+3=11", 4),
        ("Hey, can u solve 2x + 3 = 11 please?", 4),
        ("2x + 3 = 11, what's x?", 4),
        ("Let 2x + 3 = 11. Find x.", 4),
        ("My teacher gave me 2x + 3 = 11. Help me find x please", 4),
        ("Can you find the value of x that makes 2x + 3 = 11 true?", 4),
        ("SOLVE 2X + 3 = 11", 4),
        ("Solve (2x + 3) ÷ 5 = 1", 1),
        ("Solve 1,000x = 2,000", 2),
        ("Solve .5x = 3", 6),
        ("Solve -2(x − 1) = −8 – x", 10),
        ("Work out the value of a in 5a - 4 = 2a + 8", 4),
        ("I need a step by step solution of 4i + 1 = 9", 2),
        ("For which z is 7z = 14?", 2),
    ],
)
def test_a_rough_prompt_is_understood(prompt: str, solution: int) -> None:
    assert understand(RULE, Request.of(prompt)).let["solution"] == solution


@pytest.mark.parametrize(
    "prompt",
    """\
Solve x^2 = 4
Solve 3x² + 2x = 5
Solve 2x + 3 = 11 < y
Solve |2x| = 4
Solve sqrt(x) = 3
Solve √x = 3
Solve (x)(x) = 4
Solve 2xy = 8
Solve 2^x = 8
Solve log x = 2
Solve f(x) = 3
Solve 1/(x + 1) = 2
Solve x/0 = 3
Solve 2x = 8!
Solve 2x = 8%
Solve 2x = 1,5
Solve 2x = 8e3
Solve 2x = $8
Solve 2x = 10 000
Solve 2x = 8 1/2
Solve ½ x = 3
Solve 2x == 8
Solve 2x != 8
Solve 2x ≡ 8
Solve 2x + = 11
Solve 2x = 8 = y
Solve x = 4 = 5
Solve 3 = 5
Solve 3 plus x = 7
Solve x plus 3 = 7
Solve half of x = 4
Solve the opposite of x = 4
Solve - 2x = 8
Solve -`2x` = 8
Solve -`2x = 8`
Solve !3x + 8 = 7
Solve ,5x = 3
Solve 2x = 8- for x
Solve (2x + 8/2 = 3
Solve 2x + 8 = 3)
Solve 2x + 8 = 3(x - )
Solve 2x + 8 = --3
Solve x + 3 = 7 x
Solve 2x + 3y = 11 for x
Solve 2x + 3 = 11 for y
Solve 2x + 3 = 11 for a
Find a if 2x + 3 = 11
Solve for I: 2x = 8
Solve 2x = 8 for x and y
Solve 2x = 8 in terms of y
Solve 2x = 8 and 3y = 9
Solve 2x = 8 or 3x = 9
Solve the system 2x = 8
Is x = 4 a solution of 2x + 3 = 11?
Is there a solution to 2x + 3 = 11?
If 2x = 8, what is 3x?
What is x + 1 if 2x = 8?
Solve 2x = 8 and double the result
Solve 2x = 8, then add one
Solve 2x = 8 modulo three
Solve 2x = 8 rounded
Solve 2x = 8 as a fraction
Solve 2x = 8 in French
Solve 2x = 8 without algebra
Solve 2x = 8 in one word
Find the number of steps to solve 2x = 8
Find the sum of the solutions of 2x = 8
Do not solve 2x = 8
Never solve 2x = 8
Why do we solve 2x = 8?
Write a word problem for 2x = 8, then solve it
Plot and solve 2x = 8
What is a linear equation like x + 3 = 11?
Solve 2x = 8 where x is negative
2x = 8""".splitlines(),
)
def test_what_asks_for_more_or_for_something_else_is_not_owned(prompt: str) -> None:
    with pytest.raises(Declined):
        understand(RULE, Request.of(prompt))


# --- answers ----------------------------------------------------------------------------------------------------------


def test_right_answers_pass_in_every_style() -> None:
    passed: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for item in ITEMS[::3]:
        task = understand(RULE, Request.of(item.prompt))
        for reply in right_replies(item):
            if reply.kind == BARE and steps_are_asked(item):
                continue
            seen[reply.kind] += 1
            passed[reply.kind] += examine(task, cut(RULE, reply.text)).passed
    rates = {kind: passed[kind] / seen[kind] for kind in seen}
    assert min(rates.values()) == 1, rates


@pytest.mark.parametrize(
    "answer",
    """\
x = 4 or x = 5
x = 4, perhaps
x could be 4
x = 4?
x is not 4
x ≠ 4
x = 4!
x = 4²
x = 4%
x = 4 ½
x = 4 5
x = 4,5
x = 4 mod three
x = -4 = 4
|x| = 4
√x = 2, x = 4
x > 3, x = 4
x = 4 or the equation has no solution
x = 4 for all x
every x works, x = 4
x = 4 is false
x = 4. Or five.
x = 4, y = 4
X = 4
Solve for a: x = 4
The answer is 5, x = 4
Answer: 4 or 5
The answer is 4x
The answer is 4 - 1
The opposite of x = 4
Multiply both sides by 2: 2x = 8;x = 4
Subtract 3 from the right side: 2x = 8;x = 4
Subtract both sides by 5: 2x = 8;x = 4
Take 5 away: 2x = 8;x = 4
Divide both sides by two: x = 4
Subtract 3. Then multiply by 2: 2x = 8;x = 4
2x = 8 (subtract 5);x = 4
2x = 8. Subtract 3.;x = 4
Subtract 3 from both sides:- 2x = 8;x = 4
2x = 8;-**x = 4**
2x = 8;x = 4;Now add 1 to both sides.
2x = 14 - 6 = 8;x = 4
14 - 6 = 8;2x = 8;x = 4
4x = 16;x = 4
Start from 2x = 8;x = 4
The original equation is 2x = 8;x = 4
Solving 3x = 12 gives x = 4
x = 4 is the answer to 3x = 12
2x + 3 = 11 > 10;x = 4
The constant 7 goes away;x = 4
The seventh term goes away;x = 4
{"answer": "x = 4"}
\\boxed{x = 4}
Restamos cinco: 2x = 8;x = 4
x = 4 is wrong
x = 4. Wait;x = 4
2x = 8
x =
x = four""".splitlines(),
)
def test_an_answer_with_a_fault_does_not_pass(answer: str) -> None:
    task = understand(RULE, Request.of("Solve 2x + 3 = 11 for x."))
    assert not examine(task, cut(RULE, answer.replace(";", "\n"))).passed


@pytest.mark.parametrize(
    "answer",
    """\
Move 3 to the right side: 2x = 11 - 3;2x = 8;Halve both sides: x = 4
Move 3 to the other side: 2x = 8;x = 4
Moving the constant 3 to the right-hand side gives 2x = 8.;x = 4
Bring the 3 over to the right side: 2x = 8;x = 4
Subtract three from both sides: 2x = 8;Divide by two: x = 4
Subtract the 3 from both sides: 2x = 8;x = 4
2x = 8;4 = x
Subtract 3 from both sides: 2x = 8;Halving both sides gives 4 = x.
11 = 2x + 3;Move the 3 to the left side: 8 = 2x;4 = x
2x = 8;x = 4;Answer: 4""".splitlines(),
)
def test_other_ways_to_say_a_right_step_pass(answer: str) -> None:
    task = understand(RULE, Request.of("Solve 2x + 3 = 11 for x."))
    assert examine(task, cut(RULE, answer.replace(";", "\n"))).failures == ()


@pytest.mark.parametrize(
    "answer",
    """\
Move 3 to the left side: 2x = 8;x = 4
Move 11 to the right side: 2x = 8;x = 4
Move 3 to the right side: 2x = 14;x = 4
Move 2 to the right side: 2x = 8;x = 4
Move -3 to the right side: 2x = 8;x = 4
Move 5 to the other side: 2x = 8;x = 4
Move x to the right side: x = 4
Move 3 to the right side.;x = 4
Move 3 from the right side: 2x = 8;x = 4
Halve both sides: 2x = 8;x = 4
Halve x: 2x = 8;x = 4
Double both sides: 2x = 8;x = 4
Double 4 = x
Subtract two from both sides: 2x = 8;x = 4
Subtract three hundred from both sides: 2x = 8;x = 4
Subtract twenty-three from both sides: 2x = 8;x = 4
Subtract three quarters: 2x = 8;x = 4
Subtract three x from both sides: 2x = 8;x = 4
Subtract 0 from both sides: 2x + 3 = 11;x = 4
Divide both sides by 1: 2x + 3 = 11;x = 4
2x = 8;5 = x
2x = 8;-4 = x
2x = 8;1 - 4 = x
2x = 8;8/4 = x
2x = 8;14 = x
2x = 8;4 = x + 1
2x = 8;4 = x or 5 = x
2x = 8;3 4 = x
2x = 8;4 = X
2x = 8;4 = y""".splitlines(),
)
def test_the_same_ways_with_a_fault_do_not_pass(answer: str) -> None:
    task = understand(RULE, Request.of("Solve 2x + 3 = 11 for x."))
    assert not examine(task, cut(RULE, answer.replace(";", "\n"))).passed


@pytest.mark.parametrize(
    ("prompt", "answer", "passes"),
    [
        ("Solve 2x - 5 = 11", "Move 5 to the right side: 2x = 16;x = 8", True),
        ("Solve 2x - 5 = 11", "Move -5 to the right side: 2x = 16;x = 8", True),
        ("Solve 2x - 5 = 11", "Move -5 to the right side: 2x = 6;x = 8", False),
        ("Solve 5x = 3x + 8", "Move 3x to the left side: 2x = 8;Halve both sides: x = 4", True),
        ("Solve 5x = 3x + 8", "Move 3x to the right side: 2x = 8;Halve both sides: x = 4", False),
        ("Solve x/2 = 3", "Double both sides: x = 6", True),
        ("Solve x/2 = -3", "-6 = x", True),
        ("Solve x/2 = 3", "-6 = x", False),
    ],
)
def test_what_is_moved_must_stand_where_it_comes_from(prompt: str, answer: str, passes: bool) -> None:
    task = understand(RULE, Request.of(prompt))
    assert examine(task, cut(RULE, answer.replace(";", "\n"))).passed is passes


@pytest.mark.parametrize(
    ("prompt", "answer", "passes"),
    [
        ("Solve x = x + 1", "No solution.", True),
        ("Solve 2x + 3 = 2x + 5", "Subtract 2x from both sides: 3 = 5. This is false, so there is no solution.", True),
        ("Solve 2x + 3 = 2x + 5", "6 = 10. There is no solution.", False),
        ("Solve 2x + 3 = 2x + 5", "There is no solution to 3x = 3x + 1.", False),
        ("Solve 2x + 3 = 2x + 5", "No solution except 7.", False),
        ("Solve 2x + 3 = 2x + 5", "It is false that there is no solution.", False),
        ("Solve 2x + 3 = 2x + 5", "It is not true that there is no solution.", False),
        ("Solve 2x + 3 = 2x + 5", "The answer is 5. No solution.", False),
        ("Solve 2x + 3 = 2x + 5", "3 = 5", False),
        ("Solve x = x + 1", "There is no solution.\nThere are infinitely many solutions.", False),
        (
            "Solve 2(x + 1) = 2x + 2",
            "2x + 2 = 2x + 2\nThis is true for all values of x: infinitely many solutions.",
            True,
        ),
        ("Solve 2(x + 1) = 2x + 2", "Every real number except 7 is a solution.", False),
        ("Solve 2(x + 1) = 2x + 2", "Every real number is not a solution.", False),
        ("Solve 2(x + 1) = 2x + 2", "3x = 3x\nThere are infinitely many solutions.", False),
        ("Solve 2(x + 1) = 2x + 2", "x = 0", False),
        ("Solve 2(x + 1) = 2x + 2", "There is no solution.", False),
    ],
)
def test_where_no_value_is_the_answer_the_verdict_must_be_right(prompt: str, answer: str, passes: bool) -> None:
    task = understand(RULE, Request.of(prompt))
    assert examine(task, cut(RULE, answer)).passed is passes


# --- the whole flow -------------------------------------------------------------------------------------------------


def test_whatever_the_model_says_nothing_wrong_is_served_as_verified() -> None:
    seen: Counter[tuple[str, str]] = Counter()
    finals: Counter[str] = Counter()
    for number, item in enumerate(ITEMS):
        rng = Random(number)
        said: list[Reply] = replies(item, number)
        rng.shuffle(said)
        for start in range(0, 6, 3):
            three = said[start : start + 3]
            seen.update((reply.label, reply.kind) for reply in three)
            outcome = ask(item.prompt, [reply.text for reply in three])
            assert_not_wrong(item, outcome)
            if outcome is not None:
                finals[outcome.final] += 1
                assert outcome.rule == RULE.id
                if three[0].label == "right" and not (three[0].kind == BARE and steps_are_asked(item)):
                    assert (outcome.calls, outcome.origin) == (1, "model")
    assert {label for label, _ in seen} == {"right", "wrong", "malformed"}
    assert finals["verified"] > 100
    assert finals["fallback"] > 100
    assert finals["unverified"] == 0


def test_the_deterministic_answer_is_right_for_every_prompt() -> None:
    for item in ITEMS[::3]:
        outcome = ask(item.prompt, ["I do not know."] * 3)
        assert outcome is not None
        assert outcome.final == "fallback"
        assert_not_wrong(item, outcome)


def test_rewordings_are_reused_without_a_call_and_no_other_variant_gets_the_answer() -> None:
    reused: Counter[tuple[str, bool]] = Counter()
    for number, family in enumerate(families(8, 12)):
        rng = Random(number)
        answer = best(family.base)
        for variant in family.variants:
            archive = empty_archive()
            ask(family.base.prompt, [answer], archive)
            wrong = [reply.text for reply in replies(family.base, number) if reply.text.strip()]
            outcome = ask(variant.prompt, rng.sample(wrong, 4), archive)
            if outcome is None:
                continue
            if variant.item is None:
                assert outcome.rule is None or outcome.calls > 0, variant
                assert outcome.outcome not in ("exact", "reuse"), variant
                continue
            assert_not_wrong(variant.item, outcome)
            if variant.base_answer_right:
                reused[variant.kind, outcome.outcome == "reuse" and outcome.calls == 0] += 1
            else:
                assert outcome.outcome not in ("exact", "reuse"), variant
                assert outcome.answer != answer, variant
    missed = {kind: count for (kind, reuse), count in reused.items() if not reuse}
    assert not missed, missed
    assert len(reused) >= 6


def test_equations_of_earlier_turns_are_another_matter() -> None:
    for number, conversation in enumerate(conversations(6, 45)):
        messages = tuple(Message(role, content) for role, content in conversation.messages)
        item = conversation.item
        if item is None:
            outcome = ask(Request(messages), ["x = 1"])
            assert outcome is not None
            assert outcome.outcome == "passthrough"
            continue
        said = replies(item, number)
        archive = empty_archive()
        for _ in range(2):
            outcome = ask(Request(messages), [reply.text for reply in Random(number).sample(said, 3)], archive)
            assert_not_wrong(item, outcome)


def test_one_store_for_all_prompts_serves_nothing_wrong() -> None:
    archive = empty_archive()
    outcomes: Counter[str] = Counter()
    for number, item in enumerate([*ITEMS[:60], *ITEMS[:60:2]]):
        outcome = ask(item.prompt, [best(item), *(reply.text for reply in replies(item, number)[-3:])], archive)
        assert_not_wrong(item, outcome)
        assert outcome is not None
        outcomes[outcome.outcome] += 1
    assert outcomes["exact"] >= 30


def test_a_verified_reuse_of_eight_steps_takes_milliseconds() -> None:
    prompt = "Solve 2(3x + 4) - 5 = 4x + 13"
    answer = """\
1. Start from 2(3x + 4) - 5 = 4x + 13
2. Expand the brackets: 6x + 8 - 5 = 4x + 13
3. Combine like terms: 6x + 3 = 4x + 13
4. Subtract 4x from both sides: 2x + 3 = 13
5. Subtract 3 from both sides: 2x = 13 - 3
6. Simplify: 2x = 10
7. Divide both sides by 2: x = 10 / 2
8. Simplify: x = 5"""
    archive = empty_archive()
    assert ask(prompt, [answer], archive) is not None
    times = []
    for wording in (
        "{} for x.",
        "Please {} for x",
        "Can you {}?",
        "{} step by step",
        "Hello! {} please",
        "Now {} for x",
    ):
        started = time.perf_counter()
        outcome = ask(wording.format(prompt), [], archive)
        times.append(time.perf_counter() - started)
        assert outcome is not None
        assert outcome.outcome == "reuse"
    assert min(times) < 0.1  # measured: about 5 ms; the bound only guards against building grammars on the way
