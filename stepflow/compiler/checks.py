"""Lints of a whole rule: it would run, but not as its author thinks. All are warnings."""

from __future__ import annotations

from stepflow.compiler.site import Site
from stepflow.plan import Rule


def lint_rule(rule: Rule, site: Site) -> None:
    """Report what deserves a second look."""
    for name in rule.unguarded:
        site.report(
            "unguarded-constraint",
            f"nothing checks the constraint {name!r}, so answers are never reused between different prompts",
            "constraints",
            name,
            part="key",
            severity="warning",
            hints=(
                f"let a verifier use it, or add `reuse: skip_when: [{{type: constraint_changed, names: [{name}]}}]`",
            ),
        )
    if not rule.constraints:
        site.report(
            "no-constraints",
            "without constraints an answer is reused for the identical prompt only",
            "id",
            severity="warning",
            hints=("say under `constraints:` what a prompt fixes",),
        )
    if not any(check.scope == "output" for check in rule.checks):
        site.report(
            "no-output-verifier",
            "every verifier looks at single steps, so nothing checks the answer as a whole",
            "verify",
            part="key",
            severity="warning",
            hints=("add one with `scope: output`, for example on `answer.value`",),
        )
    if "repair" in site.data and "fallback" not in site.data:
        site.report(
            "repair-without-fallback",
            "when every repair fails, the model's wrong answer is served, flagged as unverified",
            "repair",
            part="key",
            severity="warning",
            hints=("add `fallback: {type: template, text: …}`, or say `{type: error}` or `{type: none}`",),
        )
    if not rule.tests:
        site.report(
            "no-tests",
            "this rule has no tests",
            "id",
            severity="warning",
            hints=("add `tests:` with one prompt that is its own and one that is not",),
        )
