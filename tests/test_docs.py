"""The documentation is true: every example runs, every generated page is up to date, every link leads somewhere.

In a page, fenced blocks are run in order in one temporary folder that begins as a copy of docs/examples:

* ```yaml file=NAME      is written there; a whole file (`stepflow: 1`) is linted, and its tests run
* ```yaml                a whole file likewise; a fragment must have keys and values that the schema knows
* ```yaml broken         is not a valid file, and is not looked at
* ```yaml append=NAME    is added to that file
* ```text file=NAME      (or json, jsonl) is written there
* ```console             `$ stepflow …` lines are run, and what they print is compared; `…` stands for anything
* ```python              is executed there
"""

import contextlib
import importlib.util
import io
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from stepflow.catalog import registry
from stepflow.cli.commands.lint import lint_files
from stepflow.cli.commands.test import run_file
from stepflow.cli.main import run
from stepflow.config.yaml_nodes import read, read_file
from stepflow.reference import schemas
from stepflow.reference.codes import CODES
from stepflow.source import render

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: where it stands, its language, the words behind the language, its text."""

    where: str
    language: str
    words: tuple[str, ...]
    text: str

    @property
    def file(self) -> str | None:
        return self._named("file=")

    @property
    def extended(self) -> str | None:
        return self._named("append=")

    def _named(self, prefix: str) -> str | None:
        return next((word.removeprefix(prefix) for word in self.words if word.startswith(prefix)), None)


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        where = f"{page.relative_to(ROOT)}:{line}"
        lines = [each.removeprefix(match[1]) for each in match[4].splitlines()]
        found.append(Block(where, match[2], tuple(match[3].split()), "\n".join(lines) + "\n"))
    return found


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A copy of the examples as the working directory, and an environment that names no pipeline and no model."""
    shutil.copytree(DOCS / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("broken", ".stepflow"))
    monkeypatch.chdir(tmp_path / "examples")
    for name in list(os.environ):
        if name.startswith("STEPFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "examples"


# --- examples -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_example_of_a_page_does_what_the_page_says(page, workshop):
    for block in blocks(page):
        if block.file is not None:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.extended is not None:
            with open(block.extended, "a", encoding="utf-8") as file:
                file.write("\n" + block.text)
        if block.language == "yaml" and "broken" not in block.words:
            check_yaml(block)
        elif block.language == "console":
            check_console(block)
        elif block.language == "python":
            exec(compile(block.text, block.where, "exec"), {"__name__": "example"})


def check_yaml(block):
    if not re.search(r"(?m)^stepflow: 1$", block.text):
        assert fragment_problems(block.text) == [], block.where
        return
    path = block.file or "example.yaml"
    Path(path).write_text(block.text, encoding="utf-8")
    problems = [render(problem) for problem in lint_files([path]) if problem.severity == "error"]
    assert problems == [], block.where
    failures = [(result.name, result.failures) for result in run_file(path) if not result.passed]
    assert failures == [], block.where
    if block.file is None:
        Path(path).unlink()


def check_console(block):
    commands = re.split(r"(?m)^\$ ", block.text)
    assert commands[0].strip() == "", f"{block.where}: a console block begins with `$ `"
    for each in commands[1:]:
        line, _, expected = each.partition("\n")
        while line.endswith("\\"):
            more, _, expected = expected.partition("\n")
            line = line[:-1] + more
        printed = console(line, block.where)
        assert agree(printed, expected), (
            f"{block.where}: $ {line}\n--- printed ---\n{printed}\n--- page ---\n{expected}"
        )


def console(line, where):
    """What a terminal shows for one line: both streams in their order."""
    said = io.StringIO()
    for part in re.split(r" && ", line):
        words = shlex.split(part, comments=True)
        if words[:2] == ["mkdir", "-p"]:
            for folder in words[2:]:
                Path(folder).mkdir(parents=True, exist_ok=True)
        elif words[0] == "cd":
            os.chdir(words[1])
        elif words[0] == "rm":
            for file in words[1:]:
                Path(file).unlink()
        elif words[0] == "cat":
            said.write("".join(Path(file).read_text(encoding="utf-8") for file in words[1:]))
        else:
            assert words[0] == "stepflow", f"{where}: only stepflow, mkdir -p, cd, cat and rm can be run: {line}"
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                run(words[1:])
    return said.getvalue()


def agree(printed, expected):
    """Whether a page shows what was printed; `…` stands for anything, on a line of its own for any lines."""
    pattern = re.escape("\n".join(line.rstrip() for line in expected.strip().splitlines())).replace("…", "(?s:.*?)")
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.strip().splitlines())) is not None


@cache
def schema_of(kind):
    return schemas.schema(kind, registry())


def fragment_problems(text):
    """Why a part of a rule or pipeline file is not one: its keys must be known, and what stands under them fit."""
    data = read(text, "fragment.yaml").data
    found = []
    for kind in ("rule", "pipeline"):
        schema = {key: part for key, part in schema_of(kind).items() if key not in {"required", "if", "else"}}
        errors = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]
        if not errors:
            return []
        found += errors
    return found


# --- what is made from the source -----------------------------------------------------------------------------------


def generator():
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_and_schemas_are_up_to_date():
    made = generator().pages()
    stale = [name_of(path) for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    written = {path for folder in ("reference", "schemas") for path in (DOCS / folder).rglob("*") if path.is_file()}
    extra = written - set(made)
    assert (stale, extra) == ([], set()), "run `make docs`"


def test_the_page_of_the_command_line_does_not_depend_on_what_ran_before(monkeypatch):
    from click import Context

    from stepflow.cli.main import cli

    lint = cli.get_command(Context(cli), "lint")
    monkeypatch.setattr(lint, "_help_option", None)
    lint.get_help(Context(lint))
    assert generator().cli_page() == (DOCS / "reference/cli.md").read_text("utf-8")


def test_every_diagnostic_code_is_documented_and_none_that_does_not_exist():
    import ast

    reporters = {"report", "_report", "_stop", "_problem", "problem", "diagnostic", "_diagnostic", "Diagnostic"}
    used = set()
    for path in (ROOT / "stepflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = getattr(node, "func", None)
            if getattr(called, "attr", getattr(called, "id", "")) in reporters and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    used.add(code.value)
    used |= {"bad-regex", "bad-expression", "bad-template", "bad-jsonpath"}  # made from the notation's name
    assert used == set(CODES)


UNSHOWN = {"encoding", "file-too-large", "too-deep", "too-many-aliases"}  # their examples would not fit a page


@pytest.mark.parametrize("code", sorted(set(CODES) - UNSHOWN))
def test_every_code_has_an_example_that_shows_it_and_nothing_else(code, monkeypatch):
    monkeypatch.chdir(DOCS / "examples" / "broken")
    assert [problem.code for problem in lint_files([f"{code}.yaml"])] == [code]


# --- schemas --------------------------------------------------------------------------------------------------------

VALID = sorted(
    [*(ROOT / "rules").glob("*.yaml"), *(ROOT / "pipelines").glob("*.yaml"), *DOCS.glob("examples/*/*.yaml")]
)


def schema_problems(path):
    data = read_file(str(path)).data
    kinds = get_args(schemas.FileKind)
    kind = data["kind"] if isinstance(data, dict) and data.get("kind") in kinds else "rule"
    errors = jsonschema.Draft202012Validator(schema_of(kind)).iter_errors(data)
    return [f"{error.json_path}: {error.message}" for error in errors]


@pytest.mark.parametrize("kind", get_args(schemas.FileKind))
def test_schemas_are_themselves_valid(kind):
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize("path", [path for path in VALID if path.parent.name != "broken"], ids=name_of)
def test_the_schema_accepts_what_is_shipped(path):
    assert schema_problems(path) == []


WRONG_SHAPE = {"empty-value", "missing-key", "newer-version", "unknown-key", "unknown-type", "wrong-kind", "wrong-type"}
LINTED = sorted([*DOCS.glob("examples/broken/*.yaml"), *(ROOT / "tests" / "golden" / "lint").glob("*.yaml")])


@pytest.mark.parametrize("path", LINTED, ids=name_of)
def test_the_schema_rejects_every_wrong_shape_and_nothing_that_lint_accepts(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    found = [problem for problem in lint_files([path.name]) if problem.span.path == path.name]
    errors = {problem.code for problem in found if problem.severity == "error"}
    if errors & WRONG_SHAPE:
        assert schema_problems(path)
    elif not errors:
        assert schema_problems(path) == []


RULE = "stepflow: 1\nkind: rule\nid: r\nmatch: [{type: keywords, words: [a]}]\nverify: [json]\n"
PIPELINE = "stepflow: 1\nkind: pipeline\nid: p\nbackend: {model: local/smollm2-135m-instruct}\n"
INLINE = "rules: [{{stepflow: 1, kind: rule, id: a, match: [{{type: regex, pattern: a}}], {}}}]\n"


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (RULE, True),
        (RULE + "x-mine: {anything: [1]}\n", True),
        (RULE + "mine: 1\n", False),
        (RULE + "segment: numbered\n", True),
        (RULE + "segment: {type: numbered, fallback: lines}\n", True),
        (RULE + "segment: numbred\n", False),
        (RULE + "segment: regex\n", False),  # it needs a separator
        (RULE + "segment: {type: lines, fallback: lines}\n", False),  # a parameter of another segmenter
        (RULE + "constraints: {n: {type: regex, pattern: '1', as: number, find: only}}\n", True),
        (RULE + "constraints: {n: {type: regex, pattern: '1', as: nmber}}\n", False),
        (RULE + "constraints: {n: {type: regex, as: number}}\n", False),
        (RULE + "constraints: {n: {type: regex, pattern: '1', field: a}}\n", False),
        (RULE + "constraints: {'two words': whole}\n", False),
        (RULE + "let: {a: 1 + 1, b: 2, c: 0.5}\n", True),
        (RULE + "let: {a: [1]}\n", False),
        (RULE + "parse: [{field: a, type: whole}]\n", True),
        (RULE + "parse: [whole]\n", False),  # a field has a name
        (RULE + "reuse: {skip_when: [{type: pass_ratio, below: 0.5}]}\n", True),
        (RULE + "reuse: {skip_when: [{type: pass_ratio, below: 5}]}\n", False),
        (RULE + "reuse: {guard: sometimes}\n", False),
        (RULE + "tests: [{prompt: a, model: [b, {text: c, finish_reason: length}], expect: {calls: 1}}]\n", True),
        (RULE + "tests: [{prompt: a, expect: {call: 1}}]\n", False),
        (RULE.replace("verify: [json]\n", "verify: [{type: json, on_fail: skip_reuse}]\n"), True),
        (RULE.replace("verify: [json]\n", "verify: [{type: json, on_fail: skip}]\n"), False),
        (RULE.replace("verify: [json]\n", ""), False),
        (PIPELINE, True),
        (PIPELINE + "store: {type: memory, expire: 1h30m, size_limit: 500MB}\n", True),
        (PIPELINE + "store: {type: redis}\n", False),
        (PIPELINE + "store: {expire: 30}\n", False),
        (PIPELINE + "limits:\n  model_calls: ${CALLS:-3}\n  wall_time: 20s\n", True),
        (PIPELINE + "limits: {model_calls: '3'}\n", False),
        (PIPELINE + "stages: [extract, guess]\n", False),
        (PIPELINE + "rules: ['a/*.yaml']\n", True),
        (PIPELINE + INLINE.format("verify: [json]"), True),
        (PIPELINE + INLINE.format("verify: []"), False),
        (PIPELINE + "tests: [{turns: [{prompt: a, model: [b], expect: {outcome: miss}}]}]\n", True),
        (PIPELINE.replace("local/smollm2-135m-instruct", "local/a.gguf, threads: 2, timeout: 60s"), True),
        (PIPELINE.replace("local/smollm2-135m-instruct", "openai/gpt-4o-mini, threads: 2"), False),
        (PIPELINE.replace("local/smollm2-135m-instruct", "openai/gpt-4o-mini, api_key: secret"), False),
        (PIPELINE.replace("local/smollm2-135m-instruct", "openai/gpt-4o-mini, api_base: 'http://127.0.0.1/v1'"), True),
        (PIPELINE.replace("local/smollm2-135m-instruct", "'${MODEL:-local/a}', threads: 2, timeout: 60"), True),
        (PIPELINE.replace("{model: local/smollm2-135m-instruct}", "{type: scripted, replies: [a]}"), True),
        (PIPELINE.replace("{model: local/smollm2-135m-instruct}", "scripted"), True),
        (PIPELINE.replace("{model: local/smollm2-135m-instruct}", "{type: scripted, reply: a}"), False),
        (PIPELINE.replace("{model: local/smollm2-135m-instruct}", "{temperature: 0}"), False),
    ],
)  # fmt: skip
def test_the_schema_and_lint_agree(text, accepted, tmp_path, monkeypatch):
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "rule.yaml").write_text(RULE, encoding="utf-8")
    assert (schema_problems(path) == []) is accepted
    errors = [problem for problem in lint_files([str(path)]) if problem.severity == "error"]
    assert (errors == []) is accepted


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_inside_the_documentation_leads_somewhere(page):
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), target


def test_every_page_is_found_from_the_index():
    """Following links from docs/index.md. A link to a folder shows the pages in it."""
    found, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in found:
            continue
        found.add(page)
        text = CODE.sub("", page.read_text(encoding="utf-8"))
        targets = (target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target)
        linked = [(page.parent / target).resolve() for target in targets if target]
        waiting += [each for place in linked for each in (place.glob("*.md") if place.is_dir() else [place])]
        waiting = [each for each in waiting if each.suffix == ".md" and each.is_relative_to(DOCS)]
    assert {name_of(page) for page in set(DOCS.rglob("*.md")) - found} == set()


def anchors(page):
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
