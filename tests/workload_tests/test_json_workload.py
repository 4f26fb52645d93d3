from __future__ import annotations

import json
from collections import Counter
from random import Random

from workload.checker import judge_json, mentions_subject
from workload.json_families import TOPIC_CHANGES, families
from workload.json_replies import replies, right_replies, right_value
from workload.json_requests import all_items
from workload.json_shapes import SUBJECTS
from workload.json_wordings import WORDINGS

SEEDS = range(200)


def test_the_same_seed_gives_the_same_items_and_another_seed_gives_others():
    assert all_items(7, 200) == all_items(7, 200)
    assert all_items(7, 200) != all_items(8, 200)
    assert families(3, 5) == families(3, 5)


def test_every_wording_form_and_subject_is_covered():
    items = all_items(1, 10)
    assert {item.wording for item in items} == set(WORDINGS)
    assert {item.subject.about for item in items} == {subject.about for subject in SUBJECTS}
    assert {item.form for item in items} == {"plain", "typed", "nested", "array", "forbidden", "closed"} | {
        "typed_array",
        "typed_closed",
    }
    assert len(WORDINGS) >= 20
    assert len(all_items(1, 500)) == 500


def test_a_prompt_names_every_key_that_it_asks_for():
    for item in all_items(2, 500):
        inner = [each for key in item.shape.keys for each in key.inner]
        assert all(key.name in item.prompt for key in (*item.shape.keys, *inner)), item
        assert all(name in item.prompt for name in item.shape.forbidden), item
        assert "None" not in item.prompt


def test_the_judge_gives_every_reply_its_label():
    wrong = []
    seen = Counter()
    for seed in SEEDS:
        for item in all_items(seed, 0)[seed % 50 :: 50]:
            for reply in replies(item, seed):
                seen[reply.label, reply.kind] += 1
                judgement = judge_json(item, reply.text)
                right_inside = reply.label not in ("right", "wrapped") or judge_json(item, reply.payload).right
                if judgement.right != (reply.label == "right") or not right_inside:
                    wrong.append((item.prompt, reply, judgement.why))
    assert not wrong, f"{len(wrong)} labels missed, first: {wrong[0]}"
    assert len(seen) >= 55


def test_right_replies_speak_of_their_subject_so_that_another_subject_shows():
    for item in all_items(5, 200):
        for reply in right_replies(item, 5):
            if not item.shape.closed:
                assert mentions_subject(item, reply.text), reply


def test_the_flag_of_a_variant_agrees_with_the_judge_except_where_only_the_subject_changed():
    for family in families(11, 200):
        answer = json.dumps(right_value(family.base, Random(1)))
        assert judge_json(family.base, answer).right
        for variant in family.variants:
            assert variant.prompt != family.base.prompt
            if variant.item and variant.kind != "subject_changed":
                judgement = judge_json(variant.item, answer)
                assert judgement.right == variant.base_answer_right, (variant, judgement)


def test_families_hold_every_kind_of_variant():
    kinds = {variant.kind for family in families(2, 80) for variant in family.variants}
    assert kinds >= set(TOPIC_CHANGES) | {
        *("reworded", "key_added", "key_removed", "key_renamed", "type_changed", "nested_key_renamed"),
        *("subject_changed", "count_changed", "order_changed", "array_instead_of_object", "closed_instead_of_open"),
    }
