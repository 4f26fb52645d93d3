"""The prompts sent when a rule writes none of its own."""

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
