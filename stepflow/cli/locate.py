"""Which files a command means when none are named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stepflow.config.references import shipped
from stepflow.errors import UsageError

PIPELINE = Path("pipelines/default.yaml")
SUFFIXES = (".yaml", ".yml")


def pipeline_path(given: str | None) -> str:
    """The pipeline to run: the one named, `$STEPFLOW_PIPELINE`, ./pipelines/default.yaml, or the shipped default."""
    chosen = given or os.environ.get("STEPFLOW_PIPELINE")
    if chosen:
        return chosen
    return str(PIPELINE if PIPELINE.is_file() else shipped() / PIPELINE)


def yaml_files(paths: Sequence[str]) -> list[str]:
    """The YAML files at or under the paths; `rules` and `pipelines` when none are given. Raises `UsageError`."""
    chosen = list(paths) or [name for name in ("rules", "pipelines") if Path(name).is_dir()]
    if not chosen:
        raise UsageError("there is no rules/ or pipelines/ folder here; name files or folders")
    files: list[str] = []
    for name in chosen:
        path = Path(name)
        if path.is_dir():
            files += sorted(str(file) for file in path.rglob("*") if file.suffix in SUFFIXES)
        elif path.is_file():
            files.append(name)
        else:
            raise UsageError(f"there is no file or folder {name}")
    if not files:
        raise UsageError(f"no YAML file found in {', '.join(chosen)}")
    return list(dict.fromkeys(files))
