"""What `import stepflow` promises: few names, all of them there, and nothing heavy behind them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import stepflow

HEAVY = ("pydantic", "numpy", "lark", "litellm", "jinja2", "jsonpath_ng", "diskcache", "click", "rich", "asyncio")


def test_every_public_name_is_there_and_they_are_few() -> None:
    assert sorted(stepflow.__all__) == list(stepflow.__all__)
    assert len(stepflow.__all__) <= 20
    for name in stepflow.__all__:
        assert getattr(stepflow, name) is not None, name


def test_nothing_else_is_public() -> None:
    namespace: dict[str, object] = {}
    exec("from stepflow import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(stepflow.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Pipelin'"):
        stepflow.Pipelin  # noqa: B018  # the attribute access is what is tested


def test_public_names_have_documentation() -> None:
    for name in set(stepflow.__all__) - {"__version__"}:
        assert (getattr(stepflow, name).__doc__ or "").strip(), name


def test_all_errors_have_one_root_and_an_exit_code() -> None:
    errors = [getattr(stepflow, name) for name in stepflow.__all__ if name.endswith(("Error", "Answer"))]
    assert len(errors) >= 6
    for error in errors:
        assert issubclass(error, stepflow.StepflowError)
        assert error.exit_code in {1, 2, 3}


@pytest.mark.parametrize(
    "program",
    [
        "import stepflow; stepflow.Request; stepflow.Outcome; stepflow.StepflowError; stepflow.__version__",
        "import stepflow.runtime.interpreter, stepflow.records",
    ],
)
def test_importing_the_package_imports_nothing_heavy(program: str) -> None:
    probe = f"{program}; import sys; print([name for name in {('yaml', *HEAVY)!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_quick_hit_imports_nothing_heavy() -> None:
    stores = "stepflow.adapters.stores.disk, stepflow.adapters.stores.redis_reading"
    probe = f"import stepflow.quick, {stores}, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_help_loads_neither_a_library_nor_the_engine() -> None:
    heavy = {*HEAVY, "yaml", "stepflow.plan", "stepflow.runtime", "stepflow.adapters", "stepflow.compiler"} - {"click"}
    probe = f"from stepflow.cli.main import run; run(['--help']); import sys; print({heavy!r} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert "lint" in done.stdout
    assert done.stdout.endswith("set()\n")


def test_programs_that_use_the_package_pass_a_strict_type_checker() -> None:
    root = Path(stepflow.__file__).parents[1]
    settings = ["--config-file", "tests/typing/mypy.ini", "--cache-dir", ".mypy_cache/typing"]
    command = [sys.executable, "-m", "mypy", *settings, "tests/typing/api.py"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
