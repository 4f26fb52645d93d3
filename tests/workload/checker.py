"""The independent judges: they share nothing with the program whose answers they judge.

`judge_equation(item, text)` and `judge_json(item, text)` say whether a *served* text is a right answer to the item.
"""

from __future__ import annotations

from workload.equation_judge import judge_equation
from workload.json_judge import judge_json, mentions_subject
from workload.judgement import Judgement

__all__ = ["Judgement", "judge_equation", "judge_json", "mentions_subject"]
