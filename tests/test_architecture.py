"""The house rules, held by a test: layers, cycles, homes of libraries, sizes, and "the engine knows no task"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "stepflow"

# From the ground up. A module may import from its own layer and those below it.
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "budget",
        "source",
        "version",
        "kept",
        "values",
        "fingerprint",
        "jsontext",
        "numerals",
        "prose",
        "texts",
    ),
    ("model",),
    ("notation", "protocols", "options", "patterns", "toolcalls"),
    ("plan", "registry", "records"),
    ("config", "strategies", "adapters", "archive"),
    ("compiler", "runtime", "traces"),
    ("catalog",),
    ("engine", "quick", "testing", "reference"),
    ("authoring", "coverage", "recording", "rendering"),
    ("variants",),
    ("server", "bench"),
    ("cli", "__init__"),
    ("__main__",),
)

# A package of `runtime` may not reach these at all: a Plan arrives ready.
RUNTIME_NEVER = {"config", "compiler", "catalog", "strategies", "adapters"}

HOMES = {
    "yaml": {"config/yaml_nodes.py"},
    "lark": {"compiler/notations/grammars.py"},
    "jinja2": {"compiler/notations/jinja_syntax.py"},
    "jsonpath_ng": {"compiler/notations/jsonpaths.py"},
    "regex": {"patterns.py"},
    "jsonschema": {"strategies/verifiers/json_schema.py"},
    "sqlglot": {"strategies/verifiers/sql.py"},
    "diskcache": {"adapters/stores/text_cache.py"},
    "redis": {"adapters/stores/redis_server.py"},
    "litellm": {"adapters/backends/litellm.py", "server/litellm_provider.py"},
    "starlette": {"server/http.py", "server/events.py", "server/running.py"},
    "uvicorn": {"server/running.py", "server/connections.py"},
    "prometheus_client": {"server/metrics.py"},
    "xllamacpp": {"adapters/backends/local.py"},
    "numpy": {"adapters/indexes/exact.py", "adapters/indexes/clusters.py"},
    "faiss": {"adapters/indexes/clusters.py"},
}

# Words that belong to a task, not to an engine. Rules, tests and docs may use them.
TASK_WORDS = re.compile(r"\b(person|customer|invoice|homework|unit conversion|student|recipe)\b", re.IGNORECASE)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    """The layer's word for a file: its top folder, or its own name."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path, *, at_import_time: bool = False) -> tuple[str, ...]:
    """Every dotted name that a file imports; with `at_import_time`, only those that run when it is imported."""
    return tuple(_imports(tree_of(path), at_import_time=at_import_time))


def _imports(tree: ast.Module, *, at_import_time: bool) -> Iterator[str]:
    skipped: set[ast.AST] = set()
    if at_import_time:
        for node in ast.walk(tree):
            lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            if lazy or typing_only:
                skipped.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            folder = ROOT / node.module.replace(".", "/")
            if not all((folder / f"{alias.name}.py").exists() for alias in node.names):
                yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(part: str) -> int:
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number
    raise AssertionError(f"{part} has no place in LAYERS: say in which layer it belongs")


def test_imports_go_one_way_from_the_ground_up() -> None:
    wrong = []
    for path in modules():
        own = part_of(path)
        for name in imports(path):
            pieces = name.split(".")
            if pieces[0] != "stepflow" or len(pieces) < 2:
                continue
            other = pieces[1]
            is_ours = (PACKAGE / f"{other}.py").exists() or (PACKAGE / other).is_dir()
            if is_ours and other != own and layer(other) >= layer(own) and not _allowed_sideways(own, other):
                wrong.append(f"{name_of(path)} imports {name}")
    assert not wrong


def _allowed_sideways(own: str, other: str) -> bool:
    """Within a layer: plain modules of the ground floor may use each other, and the archive is what engines open."""
    ground = {part for parts in LAYERS[:3] for part in parts}
    return {own, other} <= ground and layer(own) == layer(other)


def test_nothing_inside_imports_the_package_root() -> None:
    assert [name_of(path) for path in modules() if "stepflow" in set(imports(path))] == []


def test_the_runtime_receives_a_plan_and_never_builds_one() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in (PACKAGE / "runtime").rglob("*.py")
        for name in imports(path)
        if name.startswith("stepflow.") and name.split(".")[1] in RUNTIME_NEVER
    ]
    assert not wrong


def test_plugs_of_one_kind_or_another_never_import_each_other() -> None:
    """A leaf may use a module of its own folder that is no plug (no `NAME`): what several plugs share."""
    wrong = []
    for family in ("strategies", "adapters"):
        for path in (PACKAGE / family).rglob("*.py"):
            for name in imports(path):
                target = PACKAGE.parent / (name.replace(".", "/") + ".py")
                if f"stepflow.{family}." not in name + "." or not target.exists() or target == path:
                    continue
                is_plug = re.search(r"^NAME\b", target.read_text(encoding="utf-8"), re.MULTILINE)
                if is_plug or target.parent != path.parent:
                    wrong.append(f"{name_of(path)} imports {name}")
    assert not wrong


def test_there_is_no_import_cycle() -> None:
    graph: dict[str, set[str]] = {}
    known = {"stepflow." + name_of(path)[:-3].replace("/", ".").removesuffix(".__init__"): path for path in modules()}
    for name, path in known.items():
        graph[name] = {other for other in imports(path, at_import_time=True) if other in known and other != name}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail[trail.index(name) :], name))
        if name in done:
            return
        for other in graph[name]:
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("library", sorted(HOMES))
def test_each_library_has_one_home(library: str) -> None:
    users = {name_of(path) for path in modules() if any(name.split(".")[0] == library for name in imports(path))}
    assert users <= HOMES[library]


def test_the_engine_knows_no_task() -> None:
    rules = (ROOT / "rules").glob("*.yaml")
    ids = {found for rule in rules for found in re.findall(r"(?m)^id: (\S+)", rule.read_text(encoding="utf-8"))}
    assert ids
    wrong = []
    for path in modules():
        if name_of(path) == "cli/commands/demo.py":  # it sends prompts as a user would; it decides nothing
            continue
        if part_of(path) == "bench":  # its workloads and judges are about tasks; no answer depends on them
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if TASK_WORDS.search(line) or any(rule_id in line for rule_id in ids):
                wrong.append(f"{name_of(path)}:{number}: {line.strip()}")
    assert not wrong


def test_files_and_functions_stay_small() -> None:
    wrong = []
    for path in modules():
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > 400:
            wrong.append(f"{name_of(path)} has {lines} lines; split it at 400")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 60:
                    wrong.append(f"{name_of(path)}: {node.name} has {length} lines; split it at 60")
    assert not wrong


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "core", "base", "manager", "misc", "types"}
    assert [name_of(path) for path in modules() if path.stem in empty] == []
