from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
from workload.algebra_reader import plain_signs, read, tokens_of
from workload.checker import judge_equation
from workload.equation_answers import STYLES, VALUE_STYLES
from workload.equation_families import TOPIC_CHANGES, families
from workload.equation_faults import NO_VALUE_FAULTS, SHARED_FAULTS, VALUE_FAULTS
from workload.equation_replies import replies, right_replies
from workload.equation_shapes import NOTATIONS, SHAPES
from workload.equations import ALL_LETTERS, PRESENTATIONS, WORDINGS, all_items, conversations, random_item
from workload.linear import solve

LABEL = re.compile(r"(?:^|\n)\d+\.$|Step \d+[:.]$")


def test_the_same_seed_gives_the_same_items_and_another_seed_gives_others():
    assert all_items(7, 200) == all_items(7, 200)
    assert all_items(7, 200) != all_items(8, 200)
    assert families(3, 5) == families(3, 5)
    assert conversations(3, 20) == conversations(3, 20)


def test_every_form_notation_wording_presentation_and_letter_is_covered():
    items = all_items(1, 10)
    assert {item.form for item in items} == set(SHAPES)
    assert {item.notation for item in items} == set(NOTATIONS)
    assert {item.wording for item in items} == set(WORDINGS)
    assert {item.presentation for item in items} == set(PRESENTATIONS)
    assert {item.unknown for item in items} >= set(ALL_LETTERS)
    assert len(WORDINGS) >= 25


def test_there_are_at_least_as_many_items_as_asked_for():
    assert len(all_items(1, 500)) == 500


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_by_construction_is_what_the_equation_says(seed):
    for item in all_items(seed, 300):
        tokens = tokens_of(plain_signs(item.equation.text))
        left = read(tokens, 0)
        assert left, item.equation.text
        right = read(tokens, left.end + 1)
        assert right, item.equation.text
        assert right.end == len(tokens), item.equation.text
        assert (left.value, right.value) == (item.equation.left, item.equation.right), item.equation.text
        assert solve(left.value, right.value) == item.solution, item.equation.text
        assert item.equation.text in item.prompt


def test_the_judge_gives_every_reply_its_label():
    wrong = []
    seen = Counter()
    for seed, item in enumerate(all_items(1, 200)):
        for reply in replies(item, seed):
            seen[reply.label, reply.kind] += 1
            judgement = judge_equation(item, reply.text)
            if judgement.right != (reply.label == "right"):
                wrong.append((item.equation.text, reply.label, reply.kind, reply.text, judgement.why))
    assert not wrong, f"{len(wrong)} labels missed, first: {wrong[0]}"
    assert {kind for label, kind in seen if label == "right"} == set(STYLES | VALUE_STYLES)
    assert {kind for label, kind in seen if label == "wrong"} == set(SHARED_FAULTS | VALUE_FAULTS | NO_VALUE_FAULTS)


def test_the_flag_of_a_variant_agrees_with_the_judge():
    for family in families(11, 60):
        answer = next(reply.text for reply in right_replies(family.base) if reply.kind == "numbered")
        assert judge_equation(family.base, answer).right
        for variant in family.variants:
            assert variant.prompt != family.base.prompt
            if variant.item:
                judgement = judge_equation(variant.item, answer)
                assert judgement.right == variant.base_answer_right, (variant, judgement)


def test_a_family_holds_every_kind_of_variant():
    kinds = {variant.kind for family in families(2, 40) for variant in family.variants}
    assert kinds >= {"reworded", "constant_changed", "unknown_renamed", "sides_swapped", "sign_changed"} | set(
        TOPIC_CHANGES
    )


def test_conversations_hold_other_equations_before_the_last_turn():
    found = conversations(4, 90)
    assert {"system", "earlier_turn", "earlier_answer", "follow_up_double"} <= {each.kind for each in found}
    for conversation in found:
        assert conversation.messages[-1][0] == "user"
        if conversation.item:
            assert conversation.messages[-1][1] == conversation.item.prompt


def test_changing_one_number_of_a_right_answer_hardly_ever_stays_unnoticed():
    """The exceptions are lucky: an equation that the change leaves with the same solution, as 9y = 0 and 8y = 0."""
    changed, unnoticed = 0, 0
    for seed in range(60):
        item = random_item(Random(seed))
        for reply in right_replies(item):
            spots = [m for m in re.finditer(r"\d+", reply.text) if not LABEL.search(reply.text[: m.end() + 1])]
            spot = Random(seed).choice(spots) if spots else None
            if spot:
                text = f"{reply.text[: spot.start()]}{int(spot.group()) + 3}{reply.text[spot.end() :]}"
                changed += 1
                unnoticed += judge_equation(item, text).right
    assert changed > 800
    assert unnoticed <= changed * 0.01
