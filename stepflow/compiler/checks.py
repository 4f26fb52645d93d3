"""Lints of a whole rule: it would run, but not as its author thinks. All are warnings."""

from __future__ import annotations

from collections.abc import Mapping

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.grammars import LarkGrammar
from stepflow.compiler.site import Site
from stepflow.plan import Rule


def lint_rule(rule: Rule, site: Site) -> None:
    """Report what deserves a second look."""
    for name in rule.unguarded:
        site.report(
            "unguarded-constraint",
            f"no verifier that can refuse an answer checks {name!r}, so none is reused for a different prompt",
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
    deciding = [check for check in rule.checks if check.on_fail != "warn"]
    if not deciding:
        site.report(
            "nothing-verifies",
            "every verifier is switched off or only warns, so no answer is ever verified, stored or reused",
            "verify",
            part="key",
            severity="warning",
            hints=("add a verifier that can refuse an answer",),
        )
    elif not any(check.scope == "output" for check in deciding):
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


def lint_grammars(site: Site) -> None:
    """Report where a grammar of a rule's site could be read in two ways. Dear: each grammar is built anew."""
    grammars = site.data.get("grammars")
    for name, text in grammars.items() if isinstance(grammars, Mapping) else ():
        try:
            conflicts = LarkGrammar(name, text).conflicts
        except NotationError:
            continue  # reported where the rule is compiled
        for conflict in conflicts:
            site.at("grammars", name).report(
                "ambiguous-grammar",
                f"this can be read in two ways: {conflict.message}",
                offset=(conflict.start, conflict.end),
                severity="warning",
                hints=('write it so that only one reading is left, e.g. sum: NUMBER | sum "+" NUMBER',),
            )
