"""Reference pages in Markdown, drawn from the components and models."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from stepflow.catalog import FUNCTION_MODULES
from stepflow.compiler.names import READ, RUN_NAMES, Place
from stepflow.compiler.notations.listforms import TEST_MEANINGS
from stepflow.config.schema import (
    AnswerCommon,
    CachedTurn,
    ConditionCommon,
    ConstraintCommon,
    ExpectSpec,
    FallbackSpec,
    FieldCommon,
    LimitsSpec,
    PackSpec,
    PatchSpec,
    PipelineSpec,
    PipelineTestSpec,
    PromptingSpec,
    RepairSpec,
    RetrieveSpec,
    ReuseSpec,
    RewriteCommon,
    RouteSpec,
    RuleSpec,
    StoreSpec,
    TestSpec,
    TraceSpec,
    TurnSpec,
    VerifyCommon,
)
from stepflow.reference.codes import CODES
from stepflow.reference.components import ABOUT, COMMON, LISTED, Page, Parameter, function_page, names, page, parameters
from stepflow.reference.schemas import Schema, schema
from stepflow.registry import Registry

MADE = "<!-- Made from the source by `make docs`. Change the docstrings and models, not this file. -->"
Keys = tuple[Parameter, ...]
Section = tuple[str, str, type[BaseModel]]

RULE_SECTIONS: tuple[Section, ...] = (
    ("An item of `match`, `unless`, `skip_when`", "A [condition](conditions.md), and:", ConditionCommon),
    ("A constraint", "A [reader](readers.md), and:", ConstraintCommon),
    ("An item of `parse`", "A [reader](readers.md), and:", FieldCommon),
    ("`answer`", "A [reader](readers.md), and:", AnswerCommon),
    ("An item of `verify`", "A [verifier](verifiers.md), and:", VerifyCommon),
    ("`reuse`", "", ReuseSpec),
    ("An item of `rewrite`", "A [rewriter](rewriters.md), and:", RewriteCommon),
    ("`generate`", "", PromptingSpec),
    ("`patch`", "", PatchSpec),
    ("`repair`", "", RepairSpec),
    ("`fallback`", "", FallbackSpec),
    ("An item of `tests`", "", TestSpec),
    ("An item of `cache` in a test", "", CachedTurn),
    ("`expect` in a test", "Only what is named is compared.", ExpectSpec),
)  # fmt: skip
PIPELINE_SECTIONS: tuple[Section, ...] = (
    ("`store`", "A [store](stores.md) by its `type`.", StoreSpec),
    ("`retrieve`", "", RetrieveSpec),
    ("`route`", "", RouteSpec),
    ("`limits`", "", LimitsSpec),
    ("`trace`", "", TraceSpec),
    ("An item of `tests`", "", PipelineTestSpec),
    ("An item of `turns` in a test", "`expect` is that of a [rule's tests](rule-file.md#expect-in-a-test).", TurnSpec),
)


def pages(registry: Registry) -> dict[str, str]:
    """The text of every page that this module makes, by file name."""
    made = {f"{kind}s.md": kind_page(registry, kind) for kind in ABOUT if kind not in LISTED}
    return made | {
        "functions.md": functions_page(),
        "names.md": names_page(),
        "rule-file.md": file_page("A rule file", _RULE_INTRODUCTION, schema("rule", registry), RuleSpec, RULE_SECTIONS),
        "pipeline-file.md": file_page(
            "A pipeline file", _PIPELINE_INTRODUCTION, schema("pipeline", registry), PipelineSpec, PIPELINE_SECTIONS
        ),
        "pack-file.md": file_page("A pack", _PACK_INTRODUCTION, schema("pack", registry), PackSpec, ()),
    }


_RULE_INTRODUCTION = """\
One task type. `id`, `match` and `verify` are needed, and a first line `stepflow: 1` and a second `kind: rule`. A rule
that `extends` another needs its `id` only. Further tests may stand in `<id>.tests.yaml` beside it, under `tests` of a
file with `kind: tests`. Where a component is wanted, write a map with `type:` and the component's parameters, or the
bare type: `- json`.
Keys that begin with `x-` are free at top level."""

_PACK_INTRODUCTION = """\
Rules that belong together, and the grammars and tables that they share. A pipeline names a pack like a rule, under
`rules`; a rule takes a grammar or table from it with `{from: <the pack's file>}`."""

_PIPELINE_INTRODUCTION = """\
Rules, a backend, a store and limits. `id` and `backend` are needed, and a first line `stepflow: 1` and a second
`kind: pipeline`. A value may name an environment variable: `${NAME}`, or `${NAME:-default}`. Paths under `rules` are
relative to the file; all other paths are relative to the working directory."""


def kind_page(registry: Registry, kind: str) -> str:
    """The page of one kind of component."""
    known = [page(registry, kind, name) for name in names(registry, kind)]
    own = {title for title, _ in COMMON.get(kind, ())}
    blocks = [MADE, f"# {kind.capitalize()}s", f"{kind.capitalize()}s {ABOUT[kind]}."]
    blocks.append("\n".join(f"- [`{each.name}`](#{_anchor(each.name)}): {each.summary}" for each in known))
    for each in known:
        blocks += [f"## `{each.name}`", *_body(each)]
        blocks += [_table(keys) for title, keys in each.groups if title not in own]
    for title, model in COMMON.get(kind, ()):
        blocks += [f"## {title}", _table(parameters(model))]
    return _page(blocks)


def functions_page() -> str:
    """The page of all functions, by the module that they come from."""
    rows = "\n".join(f"| `is {name}` | {said} |" for name, said in TEST_MEANINGS.items())
    tests = f"| test | it holds when |\n| --- | --- |\n{rows}"
    blocks = [MADE, "# Functions", _FUNCTIONS, "## Tests", _TESTS, tests]
    for module_name in FUNCTION_MODULES:
        module = importlib.import_module(f"stepflow.strategies.functions.{module_name}")
        text = inspect.cleandoc(module.__doc__ or "")
        blocks += [f"## {module_name.capitalize()}", text]
        blocks += [_function(known) for known in _by_function(module.FUNCTIONS)]
    return _page(blocks)


_TESTS = """\
A test asks something of a value: `value is even`, `value is not defined`. `select`, `reject`, `selectattr` and
`rejectattr` take the name of a test in quotes."""

_FUNCTIONS = r"""
Expressions and templates may call these, as `length(items)` or as `items | length`. Numbers are exact: `0.1 + 0.2`
is `0.3`. A function that is given something else than it wants fails, and then what it stands in has failed too.

Beside them there are arithmetic (`+ - * / // % **`), comparisons (`== != < <= > >=`, also chained), `and`, `or`, `not`,
`in`, `a if b else c`, lists `[1, 2]`, maps `{'a': 1}`, members `answer.value`, `items[0]`, `items[:2]`; the
[tests](#tests) `is defined`, `is even`, …; `| default(0)` for what may be missing; and for lists
`| map(attribute='a')`, `| select('odd')`, `| reject(…)`, `| selectattr('a', 'gt', 2)`, `| rejectattr(…)`.

For each item of a list: `all(x in items, x > 0)` and `any(x in items, x > 0)` are true or false,
`map(x in items, x * 2)` and `select(x in items, x > 0)` are lists. `x` may be any name, and has meaning only there. So
`all(row in rows, any(key in keys, key in row))` is "every row has one of the keys", and
`map(n in from_to(1, 5), n ** 2)` the first five squares. All loops of one expression together take 20,000 turns and
one second at most; beyond that the expression fails.

A text stands in quotes, `'…'` or `"…"`. A backslash in it stands before `n`, `r`, `t`, a quote or a backslash only; so
one that a pattern is to see is written twice: `matches('[A-Z]+-\\d+', code)`.""".strip()


def names_page() -> str:
    """The page of the names that every run has: where each can be used, and what it stands for."""
    places = list(Place)
    lines = [
        f"| name | {' | '.join(f'`{place.value}`' for place in places)} |",
        "| --- |" + " :-: |" * len(places),
        f"| *the rule's own* | {' | '.join('✓' if place in READ else '·' for place in places)} |",
    ]
    for known in RUN_NAMES:
        tick = f"in `{known.only_in}`" if known.only_in else "✓"
        lines.append(f"| `{known.name}` | {' | '.join(tick if place in known.places else '·' for place in places)} |")
    meanings = ["| name | what it stands for |", "| --- | --- |"]
    for known in RUN_NAMES:
        meanings.append(f"| `{known.name}` | {known.meaning} |")
        meanings += [f"| `{known.name}.{member}` | {said} |" for member, (_, said) in known.members.items()]
    table, meaning = "\n".join(lines), "\n".join(meanings)
    return _page(
        [MADE, "# Names", _NAMES, table, _NAMES_NOTES, "## What they stand for", meaning, "## What `rest` hides", _REST]
    )


_NAMES = """\
Expressions and templates work with names. Some are **the rule's own**: its tables, its constraints, and its `let`
values. The others are there in every run. `stepflow lint` says `unknown-name` where a name cannot be used, and
`stepflow list name` shows this page in short."""

_NAMES_NOTES = """\
* A `when` and a `message` may use what their verifier or rewriter may, and `response_format` what the `prompt` beside
  it may.
* A `let` value may use the `let` values above it only.
* A constraint that is `optional`, or a field, can be missing: ask with `is defined` first. What needs a missing name
  has failed: a check does not pass; a `let` value, a `match` or an `unless` declines the prompt; a `skip_when` refuses
  the stored answer; a patch is not asked for.
* Readers (`constraints`, `parse`, `answer`), `segment` and `ignore_matching` use no names: they see a text only.
* `tests` use no names either: what is under `expect` is compared as it stands. Their keys are in
  [a rule file](rule-file.md#expect-in-a-test).
* No constraint, table or `let` value may be called like a name of the run, and no field like a member of `step`."""


_REST = """\
`rest` is for rules that must notice what they did not understand: `unless: [{type: regex, of: rest, pattern: '\\d'}]`
declines a prompt with a number that no constraint has read. In it,

* an ellipsis `…` stands for each stretch that a constraint has read: the group `value` of a pattern, or each of its
  named groups, or without groups the whole match. What a pattern looks at *around* a group stays. So do all matches but
  the one that counts, unless the constraint says `find: all` or `find: only`;
* a blank stands for what a pattern of `reuse: ignore_matching` matches, once the constraints are taken out;
* constraints that are read `from: system` or `from: conversation` hide nothing.

The guard `same_words` compares the words of `rest`, without courtesy, articles, and the words under `reuse: ignore`;
in `rest` itself those are still there. `stepflow render RULE --prompt …` shows it."""


def file_page(title: str, introduction: str, whole: Schema, model: type[BaseModel], sections: Iterable[Section]) -> str:
    """The page of a kind of file, from its schema: its keys, then those of the maps in it."""
    definitions = whole["$defs"]
    blocks = [MADE, f"# {title}", introduction, _table(parameters(model, whole))]
    for heading, text, part in sections:
        known = next((made for name, made in definitions.items() if name.endswith(f"-{part.__name__}")), None)
        own = None if known is None else {**known, "$defs": definitions}
        blocks += [f"## {heading}", inspect.cleandoc(part.__doc__ or ""), text, _table(parameters(part, own))]
    return _page(blocks)


def diagnostics_pages(examples: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The list of diagnostics and a page for each code, by file name.

    `examples` hold for each code a file and what `stepflow lint` says of it.
    """
    rows = "\n".join(f"| [`{code}`](diagnostics/{code}.md) | {_sentence(meaning)} |" for code, meaning in CODES.items())
    pages = {
        "diagnostics.md": _page([MADE, "# Diagnostics", _DIAGNOSTICS, f"| code | meaning |\n| --- | --- |\n{rows}"])
    }
    for code, meaning in CODES.items():
        blocks = [MADE, f"# {code}", meaning]
        if code in examples:
            file, said = examples[code]
            blocks += ["A file with this problem:", f"```yaml broken\n{file.rstrip()}\n```"]
            blocks += ["`stepflow lint` says:", f"```text\n{said.rstrip()}\n```"]
        pages[f"diagnostics/{code}.md"] = _page([*blocks, "[All diagnostics](../diagnostics.md)"])
    return pages


def _sentence(text: str) -> str:
    """The first sentence of a text, on one line, fit for a table."""
    flat = " ".join(text.split()).replace("|", "&#124;")
    return re.split(r"(?<=[.!?])\s", flat, maxsplit=1)[0]


_DIAGNOSTICS = """\
`stepflow lint` reports all problems of a file at once. Each has a code, a place, a sentence, and mostly a hint.
Errors keep a file from running. Warnings do not, unless `lint --strict` is asked."""


# --- parts ----------------------------------------------------------------------------------------------------------


def _page(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _body(each: Page) -> Iterator[str]:
    yield each.summary
    yield _fenced(each.text)


def _fenced(text: str) -> str:
    """The text with its indented blocks as fenced ones: YAML where they begin with a key of a file."""
    blocks = re.split(r"\n{2,}", text)
    return "\n\n".join(_fence(block) if block.startswith("    ") else block for block in blocks)


def _fence(block: str) -> str:
    key = block.strip().partition(":")[0]
    language = "yaml" if key in RuleSpec.model_fields or key in PipelineSpec.model_fields else "text"
    return f"```{language}\n{textwrap.dedent(block)}\n```"


def _function(known: tuple[list[str], Callable[..., Any]]) -> str:
    called, function = known
    each = function_page(called[0], function)
    also = f" Also called {', '.join(f'`{name}`' for name in called[1:])}." if called[1:] else ""
    examples = "\n".join(each.examples)
    block = f"```text\n{examples}\n```" if examples else ""
    return "\n\n".join(part for part in (f"### `{each.signature}`", each.summary + also, each.text, block) if part)


def _by_function(table: Mapping[str, Callable[..., Any]]) -> Iterator[tuple[list[str], Callable[..., Any]]]:
    for function in dict.fromkeys(table.values()):
        yield [name for name, each in table.items() if each is function], function


def _table(keys: Keys) -> str:
    """A table of keys. Bars inside a cell would end it, so they are written as entities."""
    lines = ["| key | what may stand there | default | meaning |", "| --- | --- | --- | --- |"]
    for key in keys:
        default = "*needed*" if key.required else f"`{key.default}`" if key.default else ""
        cells = (f"`{key.name}`", key.type, default, key.description)
        lines.append("| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |")
    return "\n".join(lines)


def _anchor(name: str) -> str:
    return name.replace(" ", "-")
