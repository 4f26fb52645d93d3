"""The prompts sent when a rule writes none of its own, and the names that prompts may use."""

ANSWER_NAMES = frozenset({"output", "steps", "answer", "cached"})
PATCH_NAMES = frozenset(
    {
        "kept",
        "kept_steps",
        "steps_before",
        "steps_after",
        "failing",
        "failing_steps",
        "failed_steps",
        "next_index",
        "failures",
        "output",
        "step",
    }
)
REPAIR_NAMES = frozenset({"failures", "output"})
FALLBACK_NAMES = frozenset({"failures"})
RUN_NAMES = (
    PATCH_NAMES | ANSWER_NAMES | frozenset({"prompt", "rest", "constraints", "previous", "reason", "pass_ratio"})
)
"""Names that every run has: a constraint of the same name would be hidden, and seem to be checked."""

PATCH = """\
{{ prompt }}

A part of the answer is already there and right; keep it:
{{ kept_steps }}

This part is wrong ({{ failures }}):
{{ failing_steps }}

Write only what replaces the wrong part, and nothing else."""

REPAIR = """\
That answer is not right: {{ failures }}.
Give the whole corrected answer, in the same form, and nothing else."""
