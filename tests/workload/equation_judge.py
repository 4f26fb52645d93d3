"""The judge of solved linear equations: strict, and of its own mind.

Right means: the final value is stated and right; every equation in the text has exactly the solutions of the problem
(or is true arithmetic); every named operation, applied to the equation before it, gives the equation after it; no
number stands in the prose that nothing accounts for; nothing is negated, hedged, contradicted or unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from workload.algebra_reader import Reading, Token, as_fraction, numbers_in, plain_signs, tokens_of
from workload.equation_claims import (
    NUMBER,
    Chain,
    Operation,
    Unreadable,
    chains_of,
    normalise,
    operations_of,
    outside_checks,
)
from workload.equations import EquationItem
from workload.judgement import Judgement
from workload.linear import Linear, Truth, solve, write

Sides = tuple[Linear, Linear]

_NONE = re.compile(
    r"(?i)\bno (?:real |possible |such )?(?:solutions?|values?|numbers?|answers?)\b|\bno \w+ (?:satisf|solv)"
    r"|\b(?:does|do|can)(?: not|n't) have (?:a|any) solutions?\b|\bnot have (?:a|any) solutions?\b|\bunsolvable\b"
)
_ALL = re.compile(
    r"(?i)\binfinite(?:ly)? (?:many|number)|\b(?:all|every|any) (?:real )?(?:numbers?|values?|\w)\b(?! side| term)"
    r"(?= (?:is|are|of|work|satisf|solve|make)|[.,!)]|$)|\balways true\b|\btrue for (?:all|every|any)\b"
)
_NEGATION = re.compile(r"(?i)\b(?:not|never|cannot|incorrect|wrong|false|untrue|mistake)\b|n't\b|≠|!=")
_ABOUT = re.compile(r"(?i)\d|\b(?:solutions?|answers?|correct|true|right|equation)\b")
_UNDENIED = re.compile(r"(?i)\b(?:not true that|not the case|wrong|incorrect|mistake)\b")
_ORIGINAL = re.compile(r"\b(?:original|given) (?:equation|problem)(?: is)?(?: :)?$")
_PROBLEM = re.compile(
    r"\b(?:start(?:ing)? (?:from|with)|want to solve|to solve|solve|given|(?:equation|problem) is)"
    r"(?: the)?(?: equation| problem)?(?: :)?$"
)
_LATEX = re.compile(r"\\[a-zA-Z(\[]")
_OTHER_UNKNOWN = r"\b(?i:solve for|isolate|value of|find|variable|unknown)\s+([A-Za-z])\b(?!')"


def judge_equation(item: EquationItem, answer_text: str) -> Judgement:
    """Whether the text, as served, is a right answer to the item's prompt."""
    try:
        objection = next(_objections(item, answer_text), None)
    except Unreadable as problem:
        objection = str(problem)
    return Judgement(objection is None, objection or "the final value is right and no step is wrong")


def _objections(item: EquationItem, answer_text: str) -> Iterator[str]:
    yield from _form_objections(answer_text)
    yield from _negations(item, plain_signs(answer_text))
    text = normalise(answer_text, item.unknown)
    yield from _statements(item, text)
    tokens = tokens_of(text)
    yield from _signs(tokens)
    chains = chains_of(tokens)
    operations = operations_of(tokens, item.unknown)
    for chain in chains:
        yield from _chain_objections(item, chain, tokens)
    yield from _introduction(item, chains, tokens)
    yield from _changed_gap(item, chains, operations)
    yield from _operation_objections(item, tokens, chains, operations)
    yield from _stray_numbers(item, tokens, chains, operations)
    if isinstance(item.solution, Fraction) and not any(_is_solved(chain, tokens, item.unknown) for chain in chains):
        yield f"no final value of {item.unknown} is stated"


def _form_objections(text: str) -> Iterator[str]:
    if not text.strip():
        yield "the answer is empty"
    if text.lstrip()[:1] in ("{", "["):
        yield "the answer is JSON, not a solution"
    if _LATEX.search(text):
        yield "the answer is LaTeX"


def _negations(item: EquationItem, text: str) -> Iterator[str]:
    letter = re.compile(rf"(?<![A-Za-z]){item.unknown}(?![A-Za-z])")
    for sentence in re.split(r"[.!?;](?=\s|$)|\n", text):
        if item.solution == "none":
            if _UNDENIED.search(sentence):
                yield f"a denial: {sentence.strip()!r}"
        elif _NEGATION.search(sentence) and (_ABOUT.search(sentence) or letter.search(sentence)):
            yield f"a negation: {sentence.strip()!r}"


def _statements(item: EquationItem, text: str) -> Iterator[str]:
    none, every = bool(_NONE.search(text)), bool(_ALL.search(text))
    expected = (item.solution == "none", item.solution == "all")
    if (none, every) != expected:
        yield f"says no solution: {none}, every value: {every}; the truth is {item.solution}"
    for match in re.finditer(_OTHER_UNKNOWN, text):
        if match.group(1) not in {item.unknown, "a", "A", "I"}:
            yield f"speaks of the unknown {match.group(1)}"
    alternative = (
        rf"=\s*{NUMBER}\s*,?\s*\b(?:or|and)\s+(?:perhaps |maybe |possibly )?({NUMBER})(?!\d|\.\d|\s*[=A-Za-z(])"
    )
    for match in re.finditer(alternative, text):
        if Fraction(re.sub(r"[\s,]", "", match.group(1))) != item.solution:
            yield f"hedges: {match.group()!r}"


def _signs(tokens: list[Token]) -> Iterator[str]:
    for at, token in enumerate(tokens):
        if token.text in {"<", ">", "<=", ">=", "≤", "≥", "≠", "!=", "±"}:
            yield f"the sign {token.text} does not belong in a solved equation"
        if token.text in {"^", "²", "³"} and at and tokens[at - 1].kind in {"word", "number"}:
            yield "a power does not belong in a linear equation"


def _chain_objections(item: EquationItem, chain: Chain, tokens: list[Token]) -> Iterator[str]:
    shown = " ".join(token.text for token in tokens[chain.start : chain.end])
    strangers = frozenset().union(*(side.letters for side in chain.sides)) - {item.unknown}
    if strangers:
        yield f"another letter in {shown}: {sorted(strangers)}"
    for left, right, sign in zip(chain.sides, chain.sides[1:], chain.signs, strict=False):
        if not (_is_near(left, right, tokens) if sign == "≈" else _fits(item.solution, left, right)):
            yield f"{shown} does not follow from {item.equation.text}"


def _fits(truth: Truth, left: Reading, right: Reading) -> bool:
    solutions = solve(left.value, right.value)
    if left.letters or right.letters:
        return solutions == truth
    both_bare = left.end - left.start <= 2 and right.end - right.start <= 2
    if truth == "none" and both_bare:  # `3 = 5` is how a contradiction ends; `3 = 3` would end in the opposite
        return solutions == "none"
    return solutions == "all"


def _introduction(item: EquationItem, chains: list[Chain], tokens: list[Token]) -> Iterator[str]:
    """`We start from 9x = 45`: an equation presented as the problem must be the problem."""
    for index, chain in enumerate(chains):
        before = " ".join(token.text.lower() for token in tokens[max(0, chain.start - 4) : chain.start])
        presented = _ORIGINAL.search(before) or (index == 0 and _PROBLEM.search(before))
        if presented and not _same(_sides(chain), (item.equation.left, item.equation.right)):
            yield f"presents another equation as the problem: {before!r}"


def _changed_gap(item: EquationItem, chains: list[Chain], operations: list[Operation]) -> Iterator[str]:
    """Every two contradictions have the same (empty) solution set, so here the gap between the sides must stay."""
    if item.solution != "none" or any(operation.verb in ("divide", "multiply") for operation in operations):
        return
    gap = abs((item.equation.left - item.equation.right).constant)
    for chain in chains:
        left, right = _sides(chain)
        if solve(left, right) == "none" and abs((left - right).constant) != gap:
            yield "an equation does not follow: its sides lie further apart, or nearer, than those of the problem"


def _is_near(left: Reading, right: Reading, tokens: list[Token]) -> bool:
    """Rounding to the digits shown; a rounded equation that holds the unknown is never right."""
    digits = len(tokens[right.end - 1].text.partition(".")[2])
    return not (left.letters or right.letters) and abs(left.value.constant - right.value.constant) <= Fraction(
        1, 2 * 10**digits
    )


def _is_solved(chain: Chain, tokens: list[Token], unknown: str) -> bool:
    """`x = 4`, `4 = x`, `x = 8/2 = 4`: the bare unknown against a number as people write one."""
    exact = chain.signs.index("≈") if "≈" in chain.signs else len(chain.signs)
    ends = (chain.sides[0], chain.sides[exact])
    for letter, value in (ends, ends[::-1]):
        text = "".join(token.text for token in tokens[value.start : value.end])
        bare = [token.text for token in tokens[letter.start : letter.end]] == [unknown]
        if bare and re.fullmatch(r"\(?-?[\d,.]+(/\d+)?\)?", text) and exact:
            return True
    first, last = ends
    bare = [token.text for token in tokens[first.start : first.end]] == [unknown]
    return bare and exact > 0 and _is_mixed(last, tokens)


def _is_mixed(side: Reading, tokens: list[Token]) -> bool:
    kinds = [token.kind for token in tokens[side.start : side.end]]
    return kinds[-4:] == ["number", "number", "operator", "number"] and not side.letters


def _operation_objections(
    item: EquationItem, tokens: list[Token], chains: list[Chain], operations: list[Operation]
) -> Iterator[str]:
    relevant = [chain for chain in chains if _may_be_a_step(item, chain)]
    inside = {op.start: op for op in operations}
    for group in _groups(operations, relevant):
        first = group[0].start
        earlier = [_sides(chain) for chain in relevant if chain.end <= first]
        later = [_sides(chain) for chain in relevant if chain.start > first and not _blocked(group, chain, inside)]
        if not any(
            (not group[:cut] or _explains_backwards(item, group[:cut], relevant, tokens))
            and (not group[cut:] or _explains(item, group[cut:], earlier, later))
            for cut in range(len(group) + 1)
        ):
            yield f"{_spoken(group, item.unknown)} does not lead from the equation before to the equation after"


def _may_be_a_step(item: EquationItem, chain: Chain) -> bool:
    has_unknown = any(side.letters for side in chain.sides)
    return has_unknown or isinstance(item.solution, str)


def _sides(chain: Chain) -> Sides:
    return chain.sides[0].value, chain.sides[1].value


def _groups(operations: list[Operation], chains: list[Chain]) -> list[list[Operation]]:
    """Operations with no equation between them belong together."""
    groups: list[list[Operation]] = []
    for operation in operations:
        previous = groups[-1][-1].start if groups else None
        parted = previous is None or any(previous < chain.start < operation.start for chain in chains)
        groups += [[operation]] if parted else []
        if not parted:
            groups[-1].append(operation)
    return groups


def _blocked(group: list[Operation], chain: Chain, operations: dict[int, Operation]) -> bool:
    """Another operation, not of this group, stands between the group and the equation."""
    own = {operation.start for operation in group}
    return any(group[0].start < start < chain.start and start not in own for start in operations)


def _explains(item: EquationItem, group: list[Operation], earlier: list[Sides], later: list[Sides]) -> bool:
    starts = [earlier[-1] if earlier else (item.equation.left, item.equation.right)]
    if earlier and _is_solution(earlier[-1]):
        starts.append((item.equation.left, item.equation.right))
    return any(_leads(start, group, later) for start in starts)


def _is_solution(sides: Sides) -> bool:
    return any(one.slope == 1 and not one.constant and not other.slope for one, other in (sides, sides[::-1]))


def _leads(start: Sides, group: list[Operation], later: list[Sides]) -> bool:
    """Each equation that follows is reached by the operations in turn, and the last operation reaches one."""
    following = list(later)
    while following and _same(following[0], start):
        following.pop(0)
    states: list[list[Sides]] = [[start]]
    for operation in group:
        states.append([after for before in states[-1] for after in _applied(operation, before)])
    reached = 0
    for sides in following:
        if any(_same(sides, state) for state in states[reached]) and reached:
            continue
        nxt = [index for index in range(reached + 1, len(states)) if any(_same(sides, s) for s in states[index])]
        if not nxt:
            break
        reached = nxt[0]
    return reached == len(group)


def _explains_backwards(item: EquationItem, group: list[Operation], chains: list[Chain], tokens: list[Token]) -> bool:
    """`2x = 8 (subtract 3)`: the operation stands behind its equation, on the same line, with none after it there."""
    before = [index for index, chain in enumerate(chains) if chain.end <= group[0].start]
    if not before:
        return False
    last = before[-1]
    line_end = next((at for at in range(group[-1].start, len(tokens)) if tokens[at].kind == "newline"), len(tokens))
    same_line = all(token.kind != "newline" for token in tokens[chains[last].end : group[0].start])
    followed = any(group[0].start < chain.start < line_end for chain in chains)
    start = _sides(chains[last - 1]) if last else (item.equation.left, item.equation.right)
    return same_line and not followed and _leads(start, group, [_sides(chains[last])])


def _applied(operation: Operation, sides: Sides) -> list[Sides]:
    """The equation after the operation on both sides; nothing when it cannot be done exactly."""
    verb, operand = operation.verb, operation.operand
    left, right = sides
    if verb == "subtract":
        return [(left - operand, right - operand)]
    if verb == "add":
        return [(left + operand, right + operand)]
    if verb == "move":
        return [(left - operand, right - operand), (left + operand, right + operand)]
    if operand.slope or not operand.constant:
        return []
    factor = operand.constant if verb == "multiply" else 1 / operand.constant
    return [(left.scaled(factor), right.scaled(factor))]


def _same(one: Sides, other: Sides) -> bool:
    return one in (other, other[::-1])


def _spoken(group: list[Operation], letter: str) -> str:
    return " then ".join(f"{operation.verb} {write(operation.operand, letter)}" for operation in group)


def _stray_numbers(
    item: EquationItem, tokens: list[Token], chains: list[Chain], operations: list[Operation]
) -> Iterator[str]:
    taken = {at for chain in chains for at in range(chain.start, chain.end)}
    known = {abs(number) for number in numbers_in([tokens[at] for at in sorted(taken)])}
    known |= {abs(number) for number in numbers_in(tokens_of(plain_signs(item.equation.text)))}
    for side in (item.equation.left, item.equation.right):
        known |= {abs(side.slope), abs(side.constant)}
    if isinstance(item.solution, Fraction):
        known |= {abs(item.solution), abs(Fraction(item.solution.numerator)), Fraction(item.solution.denominator)}
    spoken = {at for operation in operations for span in operation.spans for at in range(*span)}
    unchecked = set(outside_checks(tokens))
    for at, token in enumerate(tokens):
        if token.kind != "number" or at in taken | spoken or as_fraction(token) in known | {0, 1}:
            continue
        if at in unchecked or not _is_result(as_fraction(token), known):
            yield f"nothing accounts for the number {token.text}"


def _is_result(number: Fraction, known: set[Fraction]) -> bool:
    """`multiply 2 by 4 to get 8`: in a check, numbers may be worked out in words."""
    pairs = [(one, other) for one in known for other in known]
    return any(number in (one + other, one - other, one * other) or one == number * other for one, other in pairs)
