"""Scripted model replies to an equation item, each labelled right, wrong or malformed.

`replies(item, seed)` gives every kind that makes sense for the item. Right ones are derived by the textbook
(`equation_answers`); wrong ones are right ones with one fault, named by `kind` (`equation_faults`).
"""

from __future__ import annotations

from random import Random

from workload.equation_answers import Reply, right_replies
from workload.equation_faults import malformed_replies, wrong_replies
from workload.equations import EquationItem

__all__ = ["Reply", "malformed_replies", "replies", "right_replies", "wrong_replies"]


def replies(item: EquationItem, seed: int) -> list[Reply]:
    """Right, wrong and malformed replies to the item; the same ones for the same seed."""
    return [*right_replies(item), *wrong_replies(item, Random(seed)), *malformed_replies(item)]
