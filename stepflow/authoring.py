"""The first files of a project, and of a rule."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stepflow.catalog import registry
from stepflow.config.references import closure, shipped_rules
from stepflow.config.suggest import did_you_mean
from stepflow.errors import UsageError
from stepflow.reference import schemas

_SCAFFOLD = Path(__file__).resolve().parent / "scaffold"
_SCHEMA_LINE = re.compile(r"\A# yaml-language-server: \$schema=.*\n")
_ID_LINE = re.compile(r"^id:[ \t]*\S+", re.MULTILINE)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
EXAMPLE = "count"
KINDS: tuple[schemas.FileKind, ...] = ("rule", "pipeline", "pack", "tests")


def project_files(rules: Sequence[str] = ()) -> Mapping[str, str]:
    """The files of a new project by path: an example rule, copies of shipped rules, a pipeline, schemas, settings."""
    files = {f"rules/{EXAMPLE}.yaml": new_rule(EXAMPLE)}
    for name in rules:
        files |= _shipped_files(name)
    files["pipelines/default.yaml"] = (_SCAFFOLD / "pipeline.yaml").read_text(encoding="utf-8")
    files |= {f"schemas/{kind}.v1.json": schemas.text(kind, registry()) for kind in KINDS}
    files[".vscode/settings.json"] = json.dumps(_EDITOR, indent=2) + "\n"
    files[".gitignore"] = ".stepflow/\n"
    return files


_EDITOR = {
    "yaml.schemas": {
        "./schemas/rule.v1.json": ["rules/*.yaml", "!rules/*.tests.yaml"],
        "./schemas/tests.v1.json": "rules/*.tests.yaml",
        "./schemas/pipeline.v1.json": "pipelines/*.yaml",
        "./schemas/pack.v1.json": "packs/*.yaml",
    }
}


def new_rule(rule_id: str, like: str | None = None, schema: str = "../schemas/rule.v1.json") -> str:
    """The text of a new rule: the commented example, or a copy of a shipped one. Raises `UsageError`."""
    if not _ID.fullmatch(rule_id):
        raise UsageError(f"{rule_id!r} cannot be an id: use letters, digits, hyphens and underscores")
    if like is None:
        text = (_SCAFFOLD / "rule.yaml").read_text(encoding="utf-8")
        text = text.replace("id: RULE-ID".ljust(39), f"id: {rule_id} ".ljust(39)).replace("SCHEMA", schema)
        # Its id begins its prompts, so that new rules do not take each other's.
        return text.replace("prompt: VERB", f"prompt: {rule_id.capitalize()}").replace("VERB", rule_id)
    text = Path(_shipped_rule(like)).read_text(encoding="utf-8")
    head = f"# yaml-language-server: $schema={schema}\n"
    return _ID_LINE.sub(f"id: {rule_id}", head + _SCHEMA_LINE.sub("", text), count=1)


def like_files(rule_id: str, like: str, folder: Path) -> Mapping[Path, str]:
    """What a copied rule needs beside it: its tables, grammars and tests, by path."""
    source = Path(_shipped_rule(like))
    found: dict[Path, str] = {}
    for path in _companions(source):
        name = path.name.replace(f"{like}.tests.", f"{rule_id}.tests.")
        relative = os.path.relpath(path.parent, source.parent)
        found[Path(os.path.normpath(folder / relative / name))] = path.read_text(encoding="utf-8")
    return found


def write_new(files: Mapping[Path, str]) -> None:
    """Write the files. Raises `UsageError`, and writes none, when one is there already."""
    there = [str(path) for path in files if path.exists()]
    if there:
        raise UsageError(f"nothing is written, because there is already: {', '.join(there)}")
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from error


def _shipped_files(name: str) -> dict[str, str]:
    """A shipped rule and what it needs, by path in a project."""
    like = like_files(name, name, Path("rules"))
    return {f"rules/{name}.yaml": new_rule(name, name)} | {path.as_posix(): text for path, text in like.items()}


def _shipped_rule(name: str) -> str:
    known = shipped_rules()
    if name in known:
        return known[name]
    hint = "".join(f"; {each}" for each in did_you_mean(name, tuple(known))) or f"; there are: {', '.join(known)}"
    raise UsageError(f"there is no shipped rule {name!r}{hint}")


def _companions(rule: Path) -> list[Path]:
    tests = [path for path in rule.parent.glob(f"{rule.stem}.tests.*") if path.suffix in (".yaml", ".yml")]
    return [*(Path(path) for path in closure([str(rule)])[1:]), *tests]
