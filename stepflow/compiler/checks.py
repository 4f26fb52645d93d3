"""Lints of a whole rule: it would run, but not as its author thinks. All but those of grammars are warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.grammars import LarkGrammar
from stepflow.compiler.notations.slowness import slow_part
from stepflow.compiler.site import Site
from stepflow.plan import Rule


def _only_asked_when(rule: Rule, name: str) -> str:
    """For a constraint that a `when` reads: that this checks nothing where the `when` does not hold."""
    asked = any(check.when is not None and name in check.when.names for check in rule.checks)
    return f" in what it checks (its `when` does not count: `assert: {name} is undefined or …`)" if asked else ""


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
                f"let a verifier use it{_only_asked_when(rule, name)}, "
                f"or add `reuse: skip_when: [{{type: constraint_changed, names: [{name}]}}]`",
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
    _lint_tests(rule, site)


def _lint_tests(rule: Rule, site: Site) -> None:
    if not rule.tests:
        site.report(
            "no-tests",
            "this rule has no tests",
            "id",
            severity="warning",
            hints=("add `tests:` with one prompt that is its own and one that is not",),
        )
    elif not any(_shows_a_refusal(test.spec.expect) for test in rule.tests):
        site.report(
            "no-failing-test",
            "no test shows this rule refusing anything: a prompt that is not its own, or an answer that is wrong",
            "tests",
            part="key",
            severity="warning",
            hints=("add a test with `expect: {matched: false}`, and one of a wrong `output` with `failed_checks`",),
        )


def _shows_a_refusal(expect: Any) -> bool:
    """Whether a test expects that something is refused."""
    return (
        expect.matched is False
        or bool(expect.failed_checks or expect.failed_steps or expect.error or expect.skip_reason)
        or expect.outcome in {"patch", "skip_reuse"}
        or expect.final in {"fallback", "unverified"}
        or expect.origin in {"repair", "patch", "fallback"}
    )


def check_grammar(name: str, grammar: LarkGrammar, site: Site) -> None:
    """Report what is wrong with a grammar under `grammars:` of a site."""
    try:
        grammar.check()
    except NotationError as error:
        site.at("grammars", name).report(
            "bad-grammar", error.message, offset=(error.start, error.end), hints=(error.hint,) if error.hint else ()
        )


def lint_grammars(site: Site) -> None:
    """Report where a grammar of a rule's site could be read in two ways, or takes for ever on some texts."""
    grammars = site.data.get("grammars")
    for name, text in grammars.items() if isinstance(grammars, Mapping) else ():
        grammar = LarkGrammar(name, text)
        try:
            conflicts, terminals = grammar.conflicts, grammar.terminals
        except NotationError:
            continue  # reported where the rule is compiled
        for terminal, pattern, place in terminals:
            _lint_pattern(pattern, site.at("grammars", name), terminal, place)
        for conflict in conflicts:
            site.at("grammars", name).report(
                "ambiguous-grammar",
                f"this can be read in two ways: {conflict.message}",
                offset=(conflict.start, conflict.end),
                severity="warning",
                hints=('write it so that only one reading is left, e.g. sum: NUMBER | sum "+" NUMBER',),
            )


def lint_patterns(patterns: Mapping[str, Site]) -> None:
    """Report patterns that take for ever on some texts. Dear: those that look like it are tried."""
    for text, site in patterns.items():
        _lint_pattern(text, site)


def _lint_pattern(text: str, site: Site, name: str = "this", place: tuple[int, int] | None = None) -> None:
    slow = slow_part(text)
    if slow is not None:
        site.report(
            "slow-regex",
            f"{name} repeats what repeats itself, and takes for ever on a text like {slow.example!r}",
            offset=place or (slow.start, slow.end),
            severity="warning",
            hints=("let each character be read in one way only, e.g. (?:word\\s)* instead of (?:word\\s?)*",),
        )


CATCH_ALL = frozenset({"", ".", ".*", "^", "(?s).*", "(?s)^.*$", "^.*$", "(?s).", ".+", "(?s).+"})


def lint_unreachable(rules: Sequence[tuple[Rule, Site]]) -> None:
    """Report rules (in the order in which they are asked) that own nothing, because one before them owns it all."""
    for position, (rule, site) in enumerate(rules):
        for earlier, other in rules[:position]:
            if earlier.id != rule.id and _owns_all_of(other.data, site.data):
                site.report(
                    "unreachable-rule",
                    f"rule {earlier.id!r} is asked first and owns every prompt that this one matches",
                    "id",
                    severity="warning",
                    hints=(f"give this rule a higher `priority:` than {earlier.priority}, or match less in the other",),
                )
                break


def _owns_all_of(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether the first rule surely owns what the second matches: it asks for nothing that the second does not."""
    asked = first.get("match", [])
    if not any(map(_matches_all, asked)) and not all(condition in asked for condition in second.get("match", [])):
        return False
    refused = second.get("unless") or []
    if not all(condition in refused for condition in first.get("unless") or []):
        return False
    return all(
        (second.get(key) or {}).get(name) == value
        for key in ("constraints", "let")
        for name, value in (first.get(key) or {}).items()
    )


def _matches_all(condition: Any) -> bool:
    return (
        isinstance(condition, Mapping)
        and condition.get("type") in {"regex", "prompt_matches"}
        and condition.get("pattern") in CATCH_ALL
        and condition.keys() <= {"type", "pattern", "id"}
    )
