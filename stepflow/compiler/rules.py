"""A rule's description to a frozen Rule. Reports every problem it can find before it gives up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from stepflow.compiler import prompts, shapes
from stepflow.compiler.checks import check_grammar
from stepflow.compiler.declared_tests import declared_tests
from stepflow.compiler.guarding import compared_names, constraints_behind, unguarded_constraints
from stepflow.compiler.let_order import LetOrder
from stepflow.compiler.names import STEP_MEMBERS, TAKEN, Place, names_at
from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.resolve import Component, NoCommon, build, check_notations, check_text, choices, resolve
from stepflow.compiler.shapes import Known, Shape
from stepflow.compiler.site import Site
from stepflow.compiler.specification import rule_specification
from stepflow.compiler.streaming import check_streaming
from stepflow.compiler.workshop import Workshop
from stepflow.compiler.written_values import exact_table, exact_value, expression_text, folded_keys
from stepflow.config.schema import (
    AnswerCommon,
    ConditionCommon,
    ConstraintCommon,
    FieldCommon,
    PromptingSpec,
    RewriteCommon,
    RuleSpec,
    TestSpec,
    VerifyCommon,
)
from stepflow.fingerprint import fingerprint
from stepflow.notation import Notation
from stepflow.options import Options
from stepflow.plan import (
    ENGINE_CHECKS,
    Check,
    Default,
    Derivation,
    Fallback,
    Patch,
    Prompting,
    Reading,
    Refusal,
    Repair,
    Reuse,
    Rewrite,
    Rule,
)
from stepflow.registry import Kind, Registry

T = TypeVar("T")
READING_KEYS = ("constraints", "let", "segment", "parse", "answer", "grammars", "tables", "reply")


class RuleCompiler:
    """Compiles one rule at one site. The steps of `compile` follow the keys of a rule file."""

    def __init__(self, site: Site, registry: Registry, version: str) -> None:
        self.site = site
        self.registry = registry
        self.version = version
        self.own: dict[str, Shape] = {}
        """Tables, constraints and `let` values, as far as they are known by now."""
        self.run: dict[str, Shape] = {}
        self.shapes: dict[tuple[type[Options], str], tuple[Shape, bool]] = {}
        self.verifiers: list[Component] = []
        self.skips: list[Component] = []
        self.off: set[str] = set()

    def compile(self) -> Rule | None:
        """The rule, or None when an error was reported."""
        spec, is_sound = rule_specification(self.site)
        if spec is None:
            return None
        before = len(self.site.problems)
        rule = self._rule(spec, self.site.data)
        broken = any(problem.severity == "error" for problem in self.site.problems[before:])
        return rule if is_sound and not broken else None

    def _rule(self, spec: RuleSpec, data: Mapping[str, Any]) -> Rule:
        self._refuse_names_of_the_run(spec)
        self._workshop(spec)
        constraints = self._constraints(spec)
        let = self._let(spec)
        self.fixed = (constraints, let)
        match = self._conditions("match", Place.MATCH)
        unless = self._conditions("unless", Place.UNLESS)
        segmenter = self._single("segmenter", "segment", spec.segment)
        parse = self._parse(spec)
        answer = self._answer(spec)
        self.run |= self._shapes_of_a_run(spec)
        checks = self._checks(spec)
        if spec.stream == "steps":
            check_streaming(self.site, segmenter, self.verifiers, self.workshop)
        reuse = self._reuse(spec)
        rewrite = self._rewriters(spec)
        generate = self._prompting(Place.GENERATE, spec.generate, None)
        words = [spec.reuse.ignore, spec.reuse.ignore_matching]  # records keep the words that these leave over
        reading = fingerprint(self.version, {key: data.get(key) for key in READING_KEYS}, words)
        judging = {key: value for key, value in data.items() if not key.startswith(("tests", "title", "x-"))}
        return Rule(
            id=spec.id,
            title=spec.title,
            path=self.site.where,
            priority=spec.priority,
            match=match,
            unless=unless,
            constraints=constraints,
            let=let,
            tables=self.tables,
            segmenter=segmenter,
            parse=parse,
            answer=answer,
            checks=checks,
            reuse=reuse,
            rewrite=rewrite,
            generate=generate,
            patch=self._patch(spec),
            repair=self._repair(spec),
            fallback=self._fallback(spec),
            unguarded=unguarded_constraints(constraints, let, self.verifiers, self.skips),
            compared=constraints_behind(compared_names(self.skips), constraints, let),
            reading=reading,
            verifying=fingerprint(self.version, judging),
            stream=spec.stream,
            reply=spec.reply,
            tests=declared_tests(
                self.site,
                TestSpec,
                off=frozenset(self.off),
                constraints=frozenset(spec.constraints),
                let=frozenset(spec.let),
                failed_checks=frozenset(check.id for check in checks) | ENGINE_CHECKS,
            ),
        )

    # --- what everything else is built with

    def _workshop(self, spec: RuleSpec) -> None:
        self.tables = {name: exact_table(table) for name, table in spec.tables.items()}
        grammars = dict(spec.grammars)
        self.workshop = Workshop(self.registry.functions, self.tables, grammars)
        self.own |= {name: shapes.of_data(table) for name, table in self.tables.items()}
        for name, grammar in self.workshop.grammars.items():
            check_grammar(name, grammar, self.site)

    def _refuse_names_of_the_run(self, spec: RuleSpec) -> None:
        for key, names in (("tables", spec.tables), ("constraints", spec.constraints), ("let", spec.let)):
            for name in sorted(TAKEN.intersection(names)):
                message = f"every run has {name!r} already; choose another name"
                self.site.at(key, name).report("duplicate-name", message, part="key")

    def _known(self, place: Place | None) -> Known:
        """The names that may be used at a place, with what is known of their members."""
        there = names_at(place, self.own) if place is not None else ()
        return {name: self.own.get(name, self.run.get(name)) for name in there}

    def _resolve(self, kind: Kind, site: Site, common: type[Options], place: Place | None = None) -> Component | None:
        """The component at a site; a place tells which names it may use (readers and segmenters use none)."""
        return resolve(self.registry, kind, site, self.workshop, known=self._known(place), common=common)

    # --- what a prompt fixes ---------------------------------------------------------------------------------------

    def _constraints(self, spec: RuleSpec) -> tuple[Reading, ...]:
        readings = []
        for name in spec.constraints:
            site = self.site.at("constraints", name)
            reading = self._reading(name, site, ConstraintCommon)
            if reading is not None:
                readings.append(reading)
        read = {name: self._shape(ConstraintCommon, name)[0] for name in spec.constraints}
        self.run["constraints"] = read
        self.own |= read
        return tuple(readings)

    def _reading(self, name: str, site: Site, common: type[Options]) -> Reading | None:
        component = self._resolve("reader", site, common)
        if component is None:
            return None
        options = component.options
        reader = build(component, self.workshop)
        convert = self._converter(options.convert, site, component)
        split = self._pattern(options.split, site) if options.split is not None else None
        if reader is None or convert is None:
            return None
        self.shapes[common, name] = shapes.of_reading(component.plug, convert, options)
        given = options.model_fields_set
        return Reading(
            name=name,
            reader=reader,
            convert=convert.convert,
            find=getattr(options, "pick", None) or options.find,
            split=split,
            strip=options.strip,
            via=folded_keys(self.tables[options.via]) if options.via is not None else None,
            optional=getattr(options, "optional", False),
            default=Default(exact_value(options.default)) if "default" in given else None,
            source=getattr(options, "source", "user"),
            where=site.where,
        )

    def _converter(self, name: str | None, site: Site, component: Component) -> ModuleType | None:
        chosen = str(name or getattr(component.plug, "DEFAULT_CONVERTER", "text"))
        names = self.registry.names("converter")
        if chosen not in names:
            hints = choices(chosen, names, "converters")
            site.report(
                "unknown-type", f"{chosen!r} is not a converter", "as", hints=hints, see="stepflow list converter"
            )
            return None
        return self.registry.get("converter", chosen)

    def _pattern(self, text: str, site: Site) -> Any:
        place = site.at("split", crumb="split")
        if check_text(Notation.REGEX, text, place, self.workshop, {}) is None:
            return None
        return self.workshop.regex(text)

    def _let(self, spec: RuleSpec) -> tuple[Derivation, ...]:
        derivations = []
        order = LetOrder({name: self._names_read(text) for name, text in spec.let.items()})
        for name, text in spec.let.items():
            site = self.site.at("let", name)
            if name in self.own:
                site.report("duplicate-name", f"{name!r} is a constraint or table already", part="key")
                continue
            source, made = expression_text(text), None
            if source is None:
                site.report("wrong-type", "a `let` value is an expression, a text")
            elif not order.report(name, source, site) and self._sound_expression(source, site):
                derivations.append(Derivation(name, self.workshop.expression(source), site.where))
                made = shapes.of_outline(self.workshop.compiled(source).outline, self._known(Place.LET))
            self.own[name] = made
        return tuple(derivations)

    def _sound_expression(self, source: str, site: Site) -> bool:
        return check_text(Notation.EXPRESSION, source, site, self.workshop, self._known(Place.LET)) is not None

    def _names_read(self, text: Any) -> frozenset[str]:
        try:
            return self.workshop.expression(expression_text(text) or "").names
        except NotationError:
            return frozenset()

    def _conditions(self, key: str, place: Place, above: Site | None = None) -> tuple[Refusal, ...]:
        above = above or self.site
        items = above.data.get(key) or []
        refusals = []
        for index in range(len(items)):
            component = self._resolve("condition", above.at(key, index, crumb=key), ConditionCommon, place)
            if component is None:
                continue
            if place is Place.SKIP:
                self.skips.append(component)
            condition = build(component, self.workshop)
            if condition is not None:
                name = component.options.id or component.name
                refusals.append(Refusal(name, condition, component.site.where))
        return tuple(refusals)

    # --- how an answer is read --------------------------------------------------------------------------------------

    def _single(self, kind: Kind, key: str, item: Any) -> Any:
        site = self.site.at(key)
        if key not in self.site.data:
            return self.registry.get(kind, item).build(self.registry.get(kind, item).Options(), self.workshop)
        component = self._resolve(kind, site, NoCommon)
        return None if component is None else build(component, self.workshop)

    def _parse(self, spec: RuleSpec) -> tuple[Reading, ...]:
        readings = []
        for index, item in enumerate(spec.parse):
            name = item.get("field", "?") if isinstance(item, Mapping) else "?"
            site = self.site.at("parse", index, crumb=f"parse › {name}")
            if isinstance(name, str) and name in STEP_MEMBERS:
                site.report("duplicate-name", f"every step has {name!r} already; choose another name", "field")
            reading = self._reading(str(name), site, FieldCommon)
            if reading is not None:
                readings.append(reading)
        return tuple(readings)

    def _answer(self, spec: RuleSpec) -> Reading | None:
        return None if spec.answer is None else self._reading("answer", self.site.at("answer"), AnswerCommon)

    def _shape(self, common: type[Options], name: str) -> tuple[Shape, bool]:
        return self.shapes.get((common, name), (None, False))

    def _shapes_of_a_run(self, spec: RuleSpec) -> dict[str, Shape]:
        written = (item.get("field") for item in spec.parse if isinstance(item, Mapping))
        fields = {name: self._shape(FieldCommon, name)[0] for name in map(str, written)}
        constraints, let = ({name: self.own.get(name) for name in names} for names in (spec.constraints, spec.let))
        return shapes.of_run(constraints, let, fields, shapes.of_answer(*self._shape(AnswerCommon, "answer")))

    # --- what makes it right ----------------------------------------------------------------------------------------

    def _checks(self, spec: RuleSpec) -> tuple[Check, ...]:
        checks: list[Check] = []
        seen: set[str] = set()
        for index, item in enumerate(spec.verify):
            check = self._check(index, item)
            if check is None:
                continue
            if check.id in seen and isinstance(item, Mapping) and "id" in item:
                self.site.at("verify", index).report("duplicate-id", f"another verifier is called {check.id!r}", "id")
            seen.add(check.id)
            checks.append(check)
        return tuple(checks)

    def _check(self, index: int, item: Any) -> Check | None:
        label = item.get("id") or item.get("type") or f"item {index + 1}" if isinstance(item, Mapping) else item
        site = self.site.at("verify", index, crumb=f"verify › {label}")
        scope = item.get("scope", "output") if isinstance(item, Mapping) else "output"
        place = Place.STEP if scope == "step" else Place.OUTPUT
        component = self._resolve("verifier", site, VerifyCommon, place)
        if component is None:
            return None
        if not component.options.enabled:
            self.off.add(component.options.id or component.name)
            return None
        self.verifiers.append(component)
        verifier = build(component, self.workshop)
        if verifier is None:
            return None
        options = component.options
        return Check(
            id=options.id or component.name,
            scope=options.scope,
            verifier=verifier,
            on_fail=options.on_fail,
            reads=constraints_behind(component.reads, *self.fixed),
            when=self.workshop.expression(options.when) if options.when is not None else None,
            message=self.workshop.template(options.message) if options.message is not None else None,
            where=site.where,
        )

    # --- what is done with it ---------------------------------------------------------------------------------------

    def _reuse(self, spec: RuleSpec) -> Reuse:
        site = self.site.at("reuse")
        place = site.at("ignore_matching", crumb="ignore_matching")
        phrases = [
            self.workshop.regex(text)
            for index, text in enumerate(spec.reuse.ignore_matching)
            if check_text(Notation.REGEX, text, place.at(index), self.workshop, {}) is not None
        ]
        return Reuse(
            guard=spec.reuse.guard,
            ignore=frozenset(word.casefold() for word in spec.reuse.ignore),
            ignore_matching=tuple(phrases),
            min_similarity=spec.reuse.min_similarity,
            top_k=spec.reuse.top_k,
            skip_when=self._conditions("skip_when", Place.SKIP, site) if spec.reuse.skip_when else (),
            where=site.where if "reuse" in self.site.data else "",
        )

    def _rewriters(self, spec: RuleSpec) -> tuple[Rewrite, ...]:
        rewriters = []
        for index in range(len(spec.rewrite)):
            site = self.site.at("rewrite", index, crumb="rewrite")
            component = self._resolve("rewriter", site, RewriteCommon, Place.REWRITE)
            rewriter = build(component, self.workshop) if component is not None else None
            if component is None or rewriter is None:
                continue
            options = component.options
            when = self.workshop.expression(options.when) if options.when is not None else None
            rewriters.append(Rewrite(options.id or component.name, rewriter, when, site.where))
        return tuple(rewriters)

    def _patch(self, spec: RuleSpec) -> Patch | None:
        if not spec.patch.enabled:
            return None
        prompting = self._prompting(Place.PATCH, spec.patch, prompts.PATCH)
        frame = self._built(self.workshop.template, spec.patch.frame)
        return Patch(spec.patch.scope, spec.patch.max_calls, prompting, frame)

    def _repair(self, spec: RuleSpec) -> Repair | None:
        if not spec.repair.max_attempts:
            return None
        return Repair(spec.repair.max_attempts, self._prompting(Place.REPAIR, spec.repair, prompts.REPAIR))

    def _prompting(self, place: Place, spec: PromptingSpec, default: str | None) -> Prompting:
        if place.value in self.site.data:
            check_notations(spec, self.site.at(place.value), self.workshop, self._known(place))
        text = spec.prompt if spec.prompt is not None else default
        schema = spec.response_format or spec.response_format_from
        return Prompting(self._built(self.workshop.template, text), self._built(self.workshop.expression, schema))

    def _fallback(self, spec: RuleSpec) -> Fallback:
        if "fallback" in self.site.data:
            check_notations(spec.fallback, self.site.at("fallback"), self.workshop, self._known(Place.FALLBACK))
        return Fallback(spec.fallback.type, self._built(self.workshop.template, spec.fallback.text))

    def _built(self, build: Callable[[str], T], text: str | None) -> T | None:
        try:
            return None if text is None else build(text)
        except NotationError:
            return None  # reported by check_notations, at its place
