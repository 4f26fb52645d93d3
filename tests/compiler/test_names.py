"""The table of names is what the compiler accepts, and what a run really holds at each place."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flowkit import Flow

from stepflow.cli.commands.lint import lint_files
from stepflow.compiler.names import STEP_MEMBERS, TAKEN, Place, names_at
from stepflow.plan import Check, Derivation, Fallback, Prompting, Refusal, Rewrite, Rule

RULE = """
stepflow: 1
kind: rule
id: r
match: [{match}]
unless: [{unless}]
tables: {{table: {{a: 1}}}}
constraints: {{said: {{type: regex, pattern: '(?s)say (?P<value>.+)'}}}}
let: {{long: length(said), value: '{let}'}}
segment: lines
verify:
  - {{scope: step, type: expr, assert: output == said, when: '{step}', message: '{{{{ {step_message} }}}}'}}
  - {{scope: output, type: expr, assert: output == said, when: '{output}', message: '{{{{ {output_message} }}}}'}}
reuse: {{skip_when: [{skip}]}}
rewrite: [{{type: template, text: x, when: '{rewrite}'}}]
generate: {{prompt: '{{{{ {generate} }}}}'}}
patch: {{prompt: '{{{{ {patch} }}}}'}}
repair: {{prompt: '{{{{ {repair} }}}}'}}
fallback: {{type: template, text: '{{{{ {fallback} }}}}'}}
"""
HOLES = {
    **{place.name.lower(): place for place in Place},
    "step_message": Place.STEP,
    "output_message": Place.OUTPUT,
}
OWN = frozenset({"said", "long", "table"})
EVERY = sorted(TAKEN | OWN)


def written(**names: str) -> str:
    """A rule that uses a name in some places, and 1 in all others."""
    filled = {hole: names.get(hole, "1") for hole in HOLES}
    for hole in ("match", "unless", "skip"):
        filled[hole] = f"{{type: expr, assert: '{filled[hole]} == 1'}}"
    return RULE.format(**filled)


def allowed(hole: str) -> frozenset[str]:
    names = names_at(HOLES[hole], OWN)
    return names | {"reason"} if hole.endswith("message") else names


def complaints(text, tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return [problem for problem in lint_files([str(path)]) if problem.severity == "error"]


@pytest.mark.parametrize("hole", HOLES)
def test_lint_accepts_at_each_place_the_names_of_the_table_and_no_others(hole, tmp_path):
    accepted = {name for name in EVERY if not complaints(written(**{hole: name}), tmp_path)}
    assert accepted == allowed(hole)


@pytest.mark.parametrize("name", sorted(TAKEN))
@pytest.mark.parametrize("key", ["constraints", "let", "tables"])
def test_no_value_of_a_rule_may_be_called_like_a_name_of_the_run(key, name, tmp_path):
    value = {"constraints": "whole", "let": "1", "tables": "{a: 1}"}[key]
    text = f"stepflow: 1\nkind: rule\nid: r\nmatch: [{{type: keywords, words: [a]}}]\n{key}: {{{name}: {value}}}\n"
    assert "duplicate-name" in {problem.code for problem in complaints(text + "verify: [json]\n", tmp_path)}


# --- what a run holds -----------------------------------------------------------------------------------------------


@dataclass
class Spy:
    """Stands wherever a rule's own code would run, and notes the names that it is given."""

    seen: dict[str, set[str]] = field(default_factory=dict)

    def note(self, place: Place, names: Any) -> None:
        self.seen.setdefault(place.name, set()).update(names)

    def text(self, place: Place, said: str) -> Any:
        return lambda names: (self.note(place, names), said)[1]


@dataclass
class Watcher:
    """A condition, verifier and rewriter in one."""

    spy: Spy
    place: Place
    answer: Any

    def holds(self, text, names):
        self.spy.note(self.place, names)
        return self.answer

    def verify(self, view):
        self.spy.note(self.place, view.names)
        return self.answer(view.text)

    def rewrite(self, rewriting):
        self.spy.note(self.place, rewriting.names)
        return ()


def watched(rule: Rule, spy: Spy) -> Rule:
    """The rule with a spy at each of its places. A line is right when it is `ok`."""
    judge = {place: Watcher(spy, place, lambda text: None if "bad" not in text else "bad") for place in Place}

    def refusal(place, answer):
        return (Refusal(place.value, Watcher(spy, place, answer)),)

    @dataclass
    class Computed:
        names = frozenset()
        text = ""

        def __call__(self, names):
            spy.note(Place.LET, names)
            return 1

    checks = (
        Check("steps", "step", judge[Place.STEP], message=spy.text(Place.STEP, "no")),
        Check("whole", "output", judge[Place.OUTPUT], reads=frozenset({"said"}), message=spy.text(Place.OUTPUT, "no")),
    )
    return replace(
        rule,
        match=refusal(Place.MATCH, True),
        unless=refusal(Place.UNLESS, False),
        let=(*rule.let, Derivation("value", Computed())),
        checks=checks,
        reuse=replace(rule.reuse, guard="none", skip_when=refusal(Place.SKIP, False)),
        rewrite=(Rewrite("r", judge[Place.REWRITE]),),
        generate=Prompting(spy.text(Place.GENERATE, "go")),
        patch=replace(rule.patch, prompting=Prompting(spy.text(Place.PATCH, "patch"))),
        repair=replace(rule.repair, prompting=Prompting(spy.text(Place.REPAIR, "repair"))),
        fallback=Fallback("template", spy.text(Place.FALLBACK, "ok")),
        unguarded=(),
    )


SPIED = r"""
stepflow: 1
kind: rule
id: r
match: [{type: keywords, words: [say]}]
tables: {table: {a: 1}}
constraints: {said: {type: regex, pattern: '(?s)say (?P<value>.+)'}}
let: {long: length(said)}
segment: lines
verify: [{type: expr, assert: output == said}]
"""


def test_a_run_holds_at_each_place_exactly_the_names_of_the_table(tmp_path):
    spy = Spy()
    for cached, replies, outcome in (("ok\nbad", ["ok"], "patch"), ("", ["bad", "bad"], "miss")):
        flow = Flow(tmp_path, SPIED)
        plan = flow.pipeline.plan
        flow.pipeline.plan = replace(plan, rules=(watched(plan.rules[0], spy),))
        if cached:
            flow.store("say one", cached)
        assert flow.ask("say two", *replies).outcome == outcome
    seen = {place: names - {"value"} for place, names in spy.seen.items()}
    message = {"reason"}
    expected = {place.name: set(names_at(place, OWN)) for place in Place}
    expected[Place.STEP.name] |= message
    expected[Place.OUTPUT.name] |= message
    assert seen == expected


def test_the_step_of_a_patch_prompt_has_every_member_of_the_table(tmp_path):
    members = " ".join(f"{name}={{{{ step.{name} }}}}" for name in sorted(STEP_MEMBERS))
    reading = "parse: [{field: word, type: regex, pattern: '[a-z]+'}]\n"
    flow = Flow(tmp_path, SPIED + reading + f"patch: {{prompt: '{members}'}}\n")
    flow.store("say a!", "a!\nc?")
    assert flow.ask("say a!\nb!", "b!").outcome == "patch"
    assert flow.calls[0].messages[-1].content == "count=2 index=2 rest=? stored=true text=c?"
