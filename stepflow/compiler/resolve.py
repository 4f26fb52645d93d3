"""Components: a bare word or a map with `type:` becomes a built plug, or diagnostics at the right places."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from stepflow.compiler.names import names_of_key
from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.members import Member
from stepflow.compiler.shapes import Known, Shape, lacking, named, written
from stepflow.compiler.site import Site
from stepflow.compiler.workshop import Workshop
from stepflow.config.problems import did_you_mean, stray_dash, validate
from stepflow.notation import Notation
from stepflow.options import Options
from stepflow.registry import Kind, Registry

MAX_LISTED = 100
"""Characters of a list of names in a hint; what is longer is left to `stepflow list`."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component that was checked: its plug, its options (the common keys among them), and where it stands."""

    name: str
    plug: ModuleType
    options: Any
    site: Site
    reads: frozenset[str]
    """Names that its notations and `_from` references read (not its `when` or `message`): what its verdict rests on."""


class NoCommon(Options):
    """For kinds without keys of the engine's own."""


def resolve(
    registry: Registry,
    kind: Kind,
    site: Site,
    workshop: Workshop,
    *,
    known: Known,
    common: type[Options] = NoCommon,
) -> Component | None:
    """The component at a site. Reports every problem there and gives None when there is any."""
    item = site.data
    if isinstance(item, str):
        item = {"type": item}
    if not isinstance(item, Mapping):
        site.report("wrong-type", f"a {kind} is a word or a map with `type:`, not {_noun(item)}")
        return None
    name = _type_name(registry, kind, site, item, common)
    if name is None:
        return None
    plug = registry.get(kind, name)
    site = replace(site, see=f"stepflow describe {kind}/{name}")
    options, problems = validate(
        combined(common, plug.Options),
        item,
        site.document,
        site.path,
        breadcrumb=site.breadcrumb,
        noun=f"{kind} '{name}'",
        see=site.see,
    )
    site.problems.extend(problems)
    if options is None or problems:
        return None
    assert isinstance(options, Options)
    reads = check_notations(options, site, workshop, known)
    return None if reads is None else Component(name, plug, options, site, reads)


def build(component: Component, workshop: Workshop) -> Any:
    """The plug's object; None when the plug refuses its options, which is reported."""
    try:
        return component.plug.build(component.options, workshop)
    except NotationError as error:
        component.site.report("bad-value", error.message, hints=(error.hint,) if error.hint else ())
    except ValueError as error:
        component.site.report("bad-value", str(error))
    return None


@cache
def combined(common: type[Options], options: type[Options]) -> type[Options]:
    """One model of the engine's keys and the plug's own, so that one message lists them all."""
    return create_model(
        options.__qualname__,
        __base__=(common, options),
        __doc__=options.__doc__,
        type=(str, Field("", description="The component's type")),
    )


def _type_name(
    registry: Registry, kind: Kind, site: Site, item: Mapping[str, Any], common: type[Options]
) -> str | None:
    names = registry.names(kind)
    see = f"stepflow list {kind}"
    name = item.get("type")
    if name is None:
        hints = (*stray_dash(site.document, site.path, "type"), *choices("", names, "types"))
        site.report("missing-key", f"this {kind} has no `type:`", hints=hints, see=see)
        return None
    if not isinstance(name, str) or name not in names:
        site.report(
            "unknown-type",
            f"{name!r} is not a type of {kind}",
            *_type_key(site.data),
            hints=choices(str(name), names, "types"),
            see=see,
        )
        return None
    return name


def choices(name: str, names: Sequence[str], noun: str) -> tuple[str, ...]:
    """What to write instead: the near name, or all of them when they fit into a line; `see` leads to the rest."""
    listed = f"{noun}: {', '.join(names)}"
    return did_you_mean(name, names) or ((listed,) if len(listed) <= MAX_LISTED else ())


def _type_key(item: Any) -> tuple[str, ...]:
    return ("type",) if isinstance(item, Mapping) else ()


# --- notations inside options -------------------------------------------------------------------------------------


def check_notations(options: Options, site: Site, workshop: Workshop, known: Known) -> frozenset[str] | None:
    """Compile every notation among the options. The names they read, or None when any is wrong (reported)."""
    reads: set[str] = set()
    sound = True
    is_map = isinstance(site.data, Mapping)
    for field_name, (key, notation) in _notations(type(options)).items():
        value = getattr(options, field_name)
        if value is None or field_name not in options.model_fields_set:
            continue
        place = site.at(key, crumb=key) if is_map else site
        for text, target in _texts(value, place):
            names = check_text(notation, text, target, workshop, {**known, **named(names_of_key(field_name))})
            sound = sound and names is not None
            if field_name not in {"when", "message"}:
                reads |= names or frozenset()
    return frozenset(reads) if sound else None


@cache
def _notations(options: type[Options]) -> Mapping[str, tuple[str, Notation]]:
    """Of each field that is written in a notation, its key in YAML and that notation."""
    found = {name: (info.alias or name, notation_of(info)) for name, info in options.model_fields.items()}
    return {name: (key, notation) for name, (key, notation) in found.items() if notation is not None}


def notation_of(info: FieldInfo) -> Notation | None:
    """The notation that a field's annotation names, also inside `| None` and lists."""
    for item in info.metadata:
        if isinstance(item, Notation):
            return item
    return _notation_in(info.annotation)


def _notation_in(annotation: Any) -> Notation | None:
    for item in getattr(annotation, "__metadata__", ()):
        if isinstance(item, Notation):
            return item
    for argument in typing.get_args(annotation):
        found = _notation_in(argument)
        if found is not None:
            return found
    return None


def _texts(value: Any, site: Site) -> Iterator[tuple[str, Site]]:
    if isinstance(value, str):
        yield value, site
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, site.at(index))


def check_text(notation: Notation, text: str, site: Site, workshop: Workshop, known: Known) -> frozenset[str] | None:
    """Compile one text of a notation. The names it reads, or None when it is wrong (reported)."""
    if notation in {Notation.GRAMMAR, Notation.NAME, Notation.TABLE}:
        return _check_reference(notation, text, site, workshop, known)
    compilers = {
        Notation.REGEX: workshop.regex,
        Notation.EXPRESSION: workshop.expression,
        Notation.TEMPLATE: workshop.template,
        Notation.JSONPATH: workshop.jsonpath,
    }
    try:
        compiled: Any = compilers[notation](text)
    except NotationError as error:
        hints = (error.hint,) if error.hint else ()
        site.report(f"bad-{notation.value}", error.message, offset=(error.start, error.end), hints=hints)
        return None
    if notation is Notation.REGEX:
        workshop.patterns.setdefault(text, site)
    names: frozenset[str] = getattr(compiled, "names", frozenset())
    unknown = sorted(names - known.keys())
    for name in unknown:
        site.report(
            "unknown-name",
            f"there is no {name!r} here",
            offset=position(text, name),
            hints=(*did_you_mean(name, tuple(known)), f"names: {', '.join(sorted(known))}"),
        )
    return None if _report_members(getattr(compiled, "members", ()), site, known) or unknown else names


def _report_members(members: Sequence[Member], site: Site, known: Known) -> bool:
    """Report each member that what it is read from is known not to have; whether there is any."""
    wrong = [(member, holder) for member in members if (holder := lacking(known, member.path)) is not None]
    for member, holder in wrong:
        name, key = written(member.path[:-1]), str(member.path[-1])
        hints = _members_there(name, key, holder)
        offset = (member.start, member.end)
        site.report("unknown-name", f"there is no {key!r} in {name}", offset=offset, hints=hints)
    return bool(wrong)


def _members_there(name: str, key: str, holder: Shape) -> tuple[str, ...]:
    """What to write instead of a member that `name` does not have."""
    if isinstance(holder, tuple):
        return (f"{name} is a list: {name}[0].{key} is of the first, {name} | map(attribute='{key}') of all",)
    if not holder:
        return (f"{name} is one value; `as: fields` may make it a map",)
    listed = ", ".join(sorted(holder))
    listed = listed if len(listed) <= 2 * MAX_LISTED else f"{len(holder)} others"
    return (*did_you_mean(key, tuple(holder)), f"{name} has: {listed}")


def _check_reference(
    notation: Notation, name: str, site: Site, workshop: Workshop, known: Known
) -> frozenset[str] | None:
    noun = {Notation.GRAMMAR: "grammar", Notation.TABLE: "table", Notation.NAME: "constraint, `let` value or table"}
    choices = {
        Notation.GRAMMAR: frozenset(workshop.grammars),
        Notation.TABLE: frozenset(workshop.tables),
        Notation.NAME: frozenset(known),
    }[notation]
    if name in choices:
        return frozenset({name}) if notation is Notation.NAME else frozenset()
    there = f"there are: {', '.join(sorted(choices))}" if choices else f"this rule has no {notation.value}s"
    said, hints = f"there is no {noun[notation]} named {name!r}", (*did_you_mean(name, tuple(choices)), there)
    if "\n" in name and notation is not Notation.NAME:
        said = f"this is the name of a {noun[notation]}, not the {noun[notation]} itself"
        hints = (f"write it under `{notation.value}s:` with a name, and that name here",)
    site.report("unknown-name", said, hints=hints)
    return None


def position(text: str, name: str) -> tuple[int, int]:
    """Where a text of a notation first reads a name: not as a member, nor inside quotes when it stands outside too."""
    word = rf"(?<![\w.]){re.escape(name)}(?!\w)"
    places = [found.span() for found in re.finditer(rf"'[^']*'|\"[^\"]*\"|{word}", text) if found.group() == name]
    found = re.search(word, text)
    return places[0] if places else found.span() if found else (0, len(text))


def _noun(value: Any) -> str:
    if value is None:
        return "nothing"
    return {list: "a list", bool: "a truth value", int: "a number", float: "a number"}.get(type(value), "this")
