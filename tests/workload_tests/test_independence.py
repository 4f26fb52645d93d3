from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

WORKLOAD = Path(__file__).parent.parent / "workload"
MODULES = sorted(WORKLOAD.glob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level names of everything that a module imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_workload_imports_only_itself_and_the_standard_library(path):
    strangers = imported(path) - sys.stdlib_module_names - {"workload"}
    assert not strangers
    assert "importlib" not in imported(path)


def test_the_workload_was_found():
    assert {"checker", "equations", "json_requests"} <= {path.stem for path in MODULES}
