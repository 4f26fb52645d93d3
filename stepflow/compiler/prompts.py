"""The prompts sent when a rule writes none of its own."""

PATCH = """\
{{ prompt }}

A part of the answer is already there and right; keep it:
{{ kept_steps }}

This part is wrong ({{ failures }}):
{{ failing_steps }}

Write only what replaces the wrong part, and nothing else."""

REPAIR = """\
{{ 'An earlier answer was cut off because it was too long. Answer more briefly' if cut_off
else 'That answer is not right: ' ~ failures ~ '.\\nGive the whole corrected answer' }}, in the same form, and nothing
else."""
