"""What people type: prompts of the rule `linear-equation`, and prompts that only look like its own."""

from __future__ import annotations

import pytest
from rulekit import World, read

NAME = "linear-equation"

OWNED = """\
Solve 2x + 3 = 11 for x. Show all steps.
Solve 2x + 3 = 11 for x, showing each step.
Solve 2x + 3 = 11 for x. Give numbered steps.
Solve 2x + 3 = 11 for x. Number your steps.
Solve 2x + 3 = 11 for x. Provide a step-by-step solution.
Solve 2x + 3 = 11 for x. End with the final answer.
Solve for x in 2x + 3 = 11 and write the answer as x = value.
Solve 2x + 3 = 11 for x. Write the answer in the form x = ...
Solve the linear equation: 2x + 3 = 11. Show each step on a new line.
Solve the linear equation 2x + 3 = 11 for x. Show numbered steps and end with the final value of x.
Solve this linear equation for x and give each step on its own line: 2x + 3 = 11
Use algebra to solve 2x + 3 = 11.
Suppose 2x + 3 = 11; find x.
Consider the equation 2x + 3 = 11. What value must x take?
Find the root of 2x + 3 = 11.
x=? 2x+3=11
2x + 3 = 11, x = ?
If 2x + 3 equals 11, what is x?
If 2x + 3 is 11, what is x?
If 2x + 3 is equal to 11, find x.
What number does x stand for in 2x + 3 = 11?
The equation 2x + 3 = 11 has one unknown. Solve it.
My homework says 2x + 3 = 11. What's x?
Solve 2x + 3 = 11 over the reals.
Could you please work through 2x + 3 = 11 and find x?
Kindly evaluate x from 2x + 3 = 11
Q: Solve 2x + 3 = 11.
Q: What is x if 2x + 3 = 11?\\nA:
Question: Solve for x: 2x + 3 = 11\\nAnswer:
Problem: 2x + 3 = 11. Find x.\\nSolution:
### Instruction:\\nSolve the equation 2x + 3 = 11.\\n\\n### Response:
Instruction: Solve for x.\\nInput: 2x + 3 = 11\\nOutput:
**Problem:** Solve 2x + 3 = 11 for x.
1. Solve 2x + 3 = 11.
3) Solve for x: 2x + 3 = 11
Exercise 4: Solve 2x + 3 = 11
Question 12. Solve 2x + 3 = 11 for x. (3 marks)
Solve 2x + 3 = 11 [2 marks]
Solve the equation 2x + 3 = 11. Show your working. (3 marks)
Work out the value of x: 2x + 3 = 11. You must show all your working.
Determine the value of x in the equation 2x + 3 = 11.
Make x the subject of 2x + 3 = 11
Make x the subject of the equation 2x + 3 = 11.
Rearrange 2x + 3 = 11 to make x the subject
Get x by itself in 2x + 3 = 11
Get x alone: 2x + 3 = 11
Solve \\(2x + 3 = 11\\) for \\(x\\).
Solve $$2x + 3 = 11$$ for $x$.
Solve for x: \\[2x + 3 = 11\\]
Solve the following linear equation: **2x + 3 = 11**
Solve:\\n\\n    2x + 3 = 11
SOLVE   2x+3=11   FOR   x
sOlVe 2x + 3 = 11 fOr x
solve for x:2x+3=11
Solve 2x+3 =11
hey pls solve 2x+3=11 for x thx
can u find x in 2x + 3 = 11 pls
Hi there! Can someone help me solve 2x + 3 = 11?
Good evening, I am stuck on my homework. Please solve 2x + 3 = 11.
My daughter has this in her textbook: 2x + 3 = 11. How do I solve it?
I'm preparing for my algebra exam. Solve 2x + 3 = 11 step by step.
I have a test tomorrow. Please help me solve 2x + 3 = 11.
I found 2x + 3 = 11 in my textbook. What is x?
I was given 2x + 3 = 11. Find the value of x.
I've been asked to solve 2x + 3 = 11. Can you show me how?
The teacher gave us 2x + 3 = 11. What does x equal?
The question asks to find x: 2x + 3 = 11
We know that 2x + 3 = 11. What is x?
It is known that 2x + 3 = 11. Find x.
It is given that 2x + 3 = 11. Determine x.
Assume 2x + 3 = 11. Find x.
Assuming 2x + 3 = 11, what is x?
Suppose that 2x + 3 = 11. What is the value of x?
Knowing that 2x + 3 = 11, find x.
Since 2x + 3 = 11, what must x be?
Let x satisfy 2x + 3 = 11. Find x.
Find all values of x such that 2x + 3 = 11.
Find all solutions of 2x + 3 = 11.
Find every x with 2x + 3 = 11
Find the unknown in 2x + 3 = 11
Find the unknown number x: 2x + 3 = 11
Find the missing number x in 2x + 3 = 11.
Which number makes 2x + 3 = 11 true?
What number x satisfies 2x + 3 = 11?
What real number x satisfies 2x + 3 = 11?
What must x be if 2x + 3 = 11?
What should x be so that 2x + 3 = 11?
What x makes 2x + 3 = 11 true?
Tell me x if 2x + 3 = 11
Tell me what x is: 2x + 3 = 11
Give me x: 2x + 3 = 11
Give the solution of 2x + 3 = 11.
Give the value of x for which 2x + 3 = 11.
State the value of x in 2x + 3 = 11
Identify x in 2x + 3 = 11
Deduce x from 2x + 3 = 11
Provide the solution to 2x + 3 = 11.
Value of x in 2x + 3 = 11?
Solution of 2x + 3 = 11?
Step-by-step solution: 2x + 3 = 11
I need the answer to 2x + 3 = 11 please
I want the solution of 2x + 3 = 11
I'd like you to solve 2x + 3 = 11 for me.
Let's think step by step. Solve 2x + 3 = 11.
Think step by step and solve 2x + 3 = 11 for x.
Walk me through solving 2x + 3 = 11
Guide me through the solution of 2x + 3 = 11.
Take me through the steps to solve 2x + 3 = 11
Solve 2x + 3 = 11 one step at a time.
Break the solution down: solve 2x + 3 = 11
Solve 2x + 3 = 11 and explain each step.
Solve 2x + 3 = 11. Explain your reasoning clearly.
Solve 2x + 3 = 11 and explain how you found x.
Solve 2x + 3 = 11, with one step per line.
Solve 2x + 3 = 11 line by line.
Solve 2x + 3 = 11. Put the final answer on the last line.
Solve 2x + 3 = 11. State the final answer at the end.
Solve 2x + 3 = 11. Finish with the final value of x.
Solve 2x + 3 = 11 for x and write the solution as a numbered list.
Solve 2x + 3 = 11. Give the answer as x = <value>.
Solve 2x + 3 = 11 using algebra.
Solve 2x + 3 = 11 using basic algebra and show all work.
Please solve the equation. 2x + 3 = 11. Thank you very much!
Many thanks for solving 2x + 3 = 11.
Solve the equation 2x + 3 = 11 in one variable.
Solve 2x + 3 = 11, where x is a real number.
You are a helpful math tutor. Solve 2x + 3 = 11.
As a student, I need to know how to solve 2x + 3 = 11.
Read 2x + 3 = 11 and solve it
Here is the equation: 2x + 3 = 11. Solve for x, please.
Equation: 2x + 3 = 11\\nTask: solve for x
Solve (for x): 2x + 3 = 11
Solve for x (2x + 3 = 11).
Can you calculate x? 2x + 3 = 11
Isolate the variable x: 2x + 3 = 11
Solve 2x + 3 = 11 by isolating x.
Simplify and solve for x: 2x + 3 = 11
Do this for me: solve 2x + 3 = 11
How would you solve 2x + 3 = 11?
How do we find x in 2x + 3 = 11?
How can I solve 2x + 3 = 11 for x?
Would you mind solving 2x + 3 = 11?
Please show how to solve 2x + 3 = 11.
Show me the full solution of 2x + 3 = 11
""".splitlines()


@pytest.mark.parametrize("prompt", OWNED)
def test_a_natural_prompt_is_owned(prompt: str) -> None:
    task = read(NAME, prompt.replace("\\n", "\n"))
    assert task is not None
    assert (task.values["unknown"], task.let["solution"]) == ("x", 4)


NOT_OWNED = """\
Solve 2x + 3 = 11 and double it.
Solve 2x + 3 = 11, then give me 2x.
Solve 2x + 3 = 11 and tell me x + 1.
Find 2x if 2x + 3 = 11
Find x + 1 if 2x + 3 = 11
Find -x if 2x + 3 = 11
Find the value of 3x when 2x + 3 = 11
Find x² if 2x + 3 = 11
Find x/2 where 2x + 3 = 11
Find 1/x given 2x + 3 = 11
Find |x| if 2x + 3 = 11
Find x(x) if 2x + 3 = 11
Find the square root of x if 2x + 3 = 11
Find the root of x if 2x + 3 = 11
Find the root of the solution of 2x + 3 = 11
Find the digits of x if 2x + 3 = 11
Solve 2x + 3 = 11 and check if x is prime.
Solve 2x + 3 = 11 and check your answer.
Solve 2x + 3 = 11 and verify.
Solve 2x + 3 = 11 in French.
Solve 2x + 3 = 11 auf Deutsch.
Résous 2x + 3 = 11
Solve 2x + 3 = 11. Only the number.
Solve 2x + 3 = 11. Just the answer.
Solve 2x + 3 = 11. Answer only.
Solve 2x + 3 = 11. No steps.
Solve 2x + 3 = 11 without steps.
Solve 2x + 3 = 11, no explanation.
Solve 2x + 3 = 11 but do not show your work.
Solve 2x + 3 = 11 to two decimals.
Solve 2x + 3 = 11 as a fraction.
Solve 2x + 3 = 11 and give a decimal.
Solve 2x + 3 = 11 and give a mixed number.
Solve 2x + 3 = 11 and round.
Solve 2x + 3 = 11 in words.
Solve 2x + 3 = 11 in one sentence.
Solve 2x + 3 = 11 in two steps.
Solve 2x + 3 = 11 in exactly one step.
Solve 2x + 3 = 11 as a poem.
Solve 2x + 3 = 11 as a pirate.
Solve 2x + 3 = 11 as a teacher
Solve 2x + 3 = 11 with Python.
Write code to solve 2x + 3 = 11.
Solve 2x + 3 = 11 as JSON.
Return the solution of 2x + 3 = 11 in LaTeX.
Solve 2x + 3 = 11 and box the answer.
Solve 2x + 3 = 11 and put the answer in \\boxed{}.
Solve 2x + 3 = 11 😀
Solve 2x + 3 = 11 with emojis.
Solve 2x + 3 = 11 using a table.
Solve 2x + 3 = 11 using the quadratic formula.
Solve 2x + 3 = 11 graphically.
Solve 2x + 3 = 11 by graphing.
Solve 2x + 3 = 11 by substitution.
Solve 2x + 3 = 11 by guessing.
Solve 2x + 3 = 11 mod 7.
Solve 2x + 3 = 11 over the complex numbers.
Solve 2x + 3 = 11 over the integers.
Solve 2x + 3 = 11 for integer x.
Solve 2x + 3 = 11 for positive x.
Solve 2x + 3 = 11 if possible.
Solve 2x + 3 = 11 if it has a solution, else say so.
Solve 2x + 3 = 11 instead of 3x = 4.
Solve 2x + 3 = 11 wrongly.
Solve 2x + 3 = 11 incorrectly on purpose.
Solve the system 2x + 3 = 11, x - y = 1
Solve 2x + 3 = 11 and y = 4
Solve 2x + 3 = 11 or 2x + 3 = 12
Solve 2x + 3 > 11
Solve 2x + 3 = 11 > 5
Solve 2x + 3 ≠ 11
Plot 2x + 3 = 11 and solve it
Does 2x + 3 = 11 have a solution?
Is 2x + 3 = 11 easy to solve?
Is it easy to solve 2x + 3 = 11?
Tell me if it is easy to solve 2x + 3 = 11.
Can 2x + 3 = 11 be solved?
How easy is it to solve 2x + 3 = 11?
How many steps to solve 2x + 3 = 11?
How long does it take to solve 2x + 3 = 11?
Solve 2x + 3 = 11. What is a linear equation?
Solve 2x + 3 = 11. What is algebra?
Solve 2x + 3 = 11 and explain algebra.
Solve 2x + 3 = 11 and explain linear equation.
Solve 2x + 3 = 11. How does algebra work?
Solve 2x + 3 = 11. Which step is easy?
Give me a problem like 2x + 3 = 11 and solve it.
Give me an equation with the solution of 2x + 3 = 11.
Write an equation with the same solution as 2x + 3 = 11.
Make an exercise with the solution of 2x + 3 = 11.
Solve an equation like 2x + 3 = 11.
Give a step to solve 2x + 3 = 11.
What is the first step to solve 2x + 3 = 11?
What is the next step to solve 2x + 3 = 11?
Give the final step of solving 2x + 3 = 11.
Give me a hint to solve 2x + 3 = 11
Name the method to solve 2x + 3 = 11
Why is x = 4 the solution of 2x + 3 = 11?
Show that x satisfies 2x + 3 = 11 and solve it
Solve 2x + 3 = 11 and show that it holds.
Solve 2x + 3 = 11 for y in terms of x
Explain to a child how to solve 2x + 3 = 11 with apples.
Solve 2x + 3 = 11 and write a word problem for it.
Tom has 2x + 3 = 11 apples. Find x.
A number doubled plus three is 11: 2x + 3 = 11. Find x.
If x equals 4, what is 2x + 3 = 11?
If x equals 4, what is x?
2x + 3 is more than 11, find x
2x + 3 is at most 11, find x
2x + 3 is not 11, find x
Solve 2x + 3 = 11 twice.
Solve 2x + 3 = 11 and again for 12.
Solve 2x + 3 = 11 and state the units.
Solve 2x + 3 = 11 meters
Solve 2x + 3 = 11 cm for x
Solve 2x + 3 = 11 (mod 5)
Solve 2x + 3 = 11 [5]
Solve 2x + 3 = 11 approximately
Solve 2x + 3 = 11 with x in radians
Translate "solve 2x + 3 = 11"
Rewrite "solve 2x + 3 = 11" as a question
Repeat after me: solve 2x + 3 = 11
Summarise how to solve 2x + 3 = 11
Ignore 2x + 3 = 11 and solve nothing
Forget 2x + 3 = 11. What is x?
Make 2x + 3 = 11 easy to solve
Simplify 2x + 3 = 11
Factor 2x + 3 = 11
Expand and solve for a: 2x + 3 = 11
2x + 3 = 11
x = 4
Find the error: solve 2x + 3 = 11
Grade this: solve 2x + 3 = 11
Mark my work: 2x + 3 = 11
Find the slope of 2x + 3 = 11
Find the intercept of x in 2x + 3 = 11
Find the coefficient of x in 2x + 3 = 11
What is the coefficient in 2x + 3 = 11?
What is the constant of 2x + 3 = 11 if solved?
Which letter is the unknown in 2x + 3 = 11?
Find the unknown letter in 2x + 3 = 11
Identify the variable in 2x + 3 = 11
Solve 2x + 3 = 11, x = 5?
Solve 2x + 3 = 11. x = 3x = ?
Solve 2x + 3 = 11; -x = ?
2x + 3 = 11, 2x = ?
2x + 3 = 11, x + 1 = ?
2x + 3 = 11, x - x = ?
Number the letters in solve 2x + 3 = 11
Solve 2x + 3 = 11. Write the answer as x = value in French.
Solve 2x + 3 = 11. Write the answer as (x) = value.
Solve 2x + 3 = 11. Write the answer as value = x.
Write the answer as y = value. Solve 2x + 3 = 11
Solve 2x + 3 = 11. End with a joke.
Solve 2x + 3 = 11. Start with the answer.
Solve 2x + 3 = 11. Put the answer first.
Solve 2x + 3 = 11 on one line.
Solve 2x + 3 = 11 in a single line.
Solve 2x + 3 = 11 without lines
Solve 2x + 3 = 11 with one step.
Solve 2x + 3 = 11 with all steps on a single line.
Solve 2x + 3 = 11 and explain the unknown.
Solve 2x + 3 = 11 with steps numbered from 5.
Solve 2x + 3 = 11. Number steps with letters.
Solve 2x + 3 = 11. Number steps backwards.
Solve 2x + 3 = 11 in reverse.
Solve 2x + 3 = 11 the hard way.
Solve 2x + 3 = 11 with as few steps as possible.
Solve 2x + 3 = 11 and list all numbers below x.
Let x be the answer of 2x + 3 = 11. What is x%?
Give the equation of the line 2x + 3 = 11 and solve it
Tell me the equation, the unknown and the solution of 2x + 3 = 11 in that order
What do you get if you solve 2x + 3 = 11 and add one?
Show a similar equation and solve 2x + 3 = 11
Give another equation with the solution of 2x + 3 = 11
Show my student an equation, then solve 2x + 3 = 11.
Explain what an equation is, then solve 2x + 3 = 11.
Solve 2x + 3 = 11. Then make an exam for my class.
Give me homework. Solve 2x + 3 = 11.
Solve 2x + 3 = 11. Then write your own problem.
Solve 2x + 3 = 11. Then list all problems in my textbook.
Solve 2x + 3 = 11. Do you like math?
Solve 2x + 3 = 11. Who are you?
Solve 2x + 3 = 11. Are you a teacher?
Solve 2x + 3 = 11 and tell me what you are.
Solve 2x + 3 = 11 and tell me about algebra.
Find x! if 2x + 3 = 11
Find x x if 2x + 3 = 11
Find x*x if 2x + 3 = 11
Find (x)(x) if 2x + 3 = 11
Find $x$$x$ if 2x + 3 = 11
Find x`x` if 2x + 3 = 11
Solve 2x + 3 = 11 (2)
Solve 2x + 3 = 11 (x)
Problem 2 x + 3 = 11. Solve.
Exercise 5 - x = 3. Solve.
Solve 2x + 3 = 11 and tell me all you know.
Solve 2x + 3 = 11: x = 3, x = ?
2x + 3 = 11, - x = ?
2x + 3 = 11, x + x = ?
2x + 3 = 11, x! = ?
I solved 2x + 3 = 11.
Give me an equation, then solve 2x + 3 = 11
Solve 2x + 3 = 11 and derive algebra.
""".splitlines()


@pytest.mark.parametrize("prompt", NOT_OWNED)
def test_a_prompt_that_asks_for_more_or_for_something_else_is_not(prompt: str) -> None:
    assert read(NAME, prompt) is None


STEPS = "1. Subtract 3 from both sides: 2x = 8\n2. Divide both sides by 2: x = 4"
LINES = "Subtract 3 from both sides: 2x = 8\nDivide both sides by 2: x = 4"
PROSE = "Subtracting 3 from both sides gives 2x = 8. Dividing both sides by 2 gives x = 4."
CHECKED = f"{STEPS}\nCheck: 2(4) + 3 = 11"
SPOKEN = "1. Subtract 3 from both sides: 2x = 8\n2. Divide both sides by 2.\nThe answer is 4."
HALF_NUMBERED = "Subtract 3 from both sides: 2x = 8\nDivide both sides by 2:\nx = 8/2\nx = 4"
CHAIN = "1. Subtract 3 from both sides: 2x = 8\n2. Divide both sides by 2: x = 8/2 = 4"


@pytest.mark.parametrize(
    ("wish", "answer", "granted"),
    [
        ("Number your steps.", STEPS, True),
        ("Number your steps.", CHECKED, True),
        ("Number your steps.", f"Let us solve it.\n{STEPS}", True),
        ("Number your steps.", LINES, False),
        ("Number your steps.", PROSE, False),
        ("Give numbered steps.", HALF_NUMBERED, False),
        ("Give numbered steps.", "x = 4", False),
        ("Show each step on a new line.", STEPS, True),
        ("Show each step on a new line.", LINES, True),
        ("Show each step on a new line.", PROSE, False),
        ("Show each step on a new line.", "2x + 3 = 11 → 2x = 8 → x = 4", False),
        ("Show each step on a new line.", "Subtract 3, then divide by 2: x = 4\nx = 4", False),
        ("End with the final answer.", STEPS, True),
        ("End with the final answer.", f"{STEPS}\nSo the solution is x = 4.", True),
        ("End with the final answer.", CHECKED, False),
        ("End with the final answer.", f"{STEPS}\nWe are done.", False),
        ("Write the answer as x = value.", STEPS, True),
        ("Write the answer as x = value.", SPOKEN, False),
        ("Write the answer as x = value.", CHAIN, False),
        ("Show all steps.", "x = 4", False),
        ("Explain your reasoning.", "x = 4", False),
        ("Show your working.", "x = 4", False),
        ("Show all steps.", PROSE, True),
        ("Thanks!", "x = 4", True),
    ],
)
def test_a_wish_about_the_form_must_be_granted(wish: str, answer: str, granted: bool) -> None:
    outcome = World(NAME).ask(f"Solve 2x + 3 = 11 for x. {wish}", answer, answer, answer)
    assert outcome is not None
    assert (outcome.origin == "model") is granted, outcome.verdicts


@pytest.mark.parametrize("wish", ["Number your steps.", "Show each step on a new line.", "End with the final answer."])
def test_the_deterministic_answer_grants_every_wish(wish: str) -> None:
    for equation in ("2x + 3 = 11", "x = 4 + 3", "2x = 2x + 1", "3x = 2x + x"):
        outcome = World(NAME).ask(f"Solve {equation} for x. {wish} Write the answer as x = value.", *["?"] * 3)
        assert outcome is not None
        assert outcome.final == "fallback", outcome.answer


def test_an_answer_is_not_reused_where_its_form_is_not_what_is_wished() -> None:
    world = World(NAME)
    world.ask("Solve 2x + 3 = 11 for x.", PROSE)
    outcome = world.ask("Solve 2x + 3 = 11 for x. Number your steps.", STEPS)
    assert outcome is not None
    assert (outcome.answer, outcome.calls) == (STEPS, 1)
