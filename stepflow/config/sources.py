"""The files that a pipeline is made of, and the fingerprint of them all.

An exact hit asks only this: are these the same files, settings and request as before? It imports nothing heavy.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepflow.config.environment import substitute
from stepflow.config.references import closure, expand, is_rule_file
from stepflow.config.yaml_nodes import Document, read_file
from stepflow.fingerprint import fingerprint


class PipelineFile:
    """A pipeline file read, with the environment filled in and its rule files found (neither checked nor compiled)."""

    def __init__(self, path: str, overrides: Mapping[str, Any] | None = None) -> None:
        document: Document = read_file(path)
        data, self.unresolved = substitute(document.data, os.environ, is_plain=document.is_plain)
        self.data: Any = _merged(data, overrides or {}) if isinstance(data, dict) else data
        self.document: Document = replace(document, data=self.data)

    def rule_files(self) -> list[tuple[int, str, list[str]]]:
        """For each text under `rules:`: its position, the text, and the files that it names (sorted, no tests)."""
        rules = self.data.get("rules") if isinstance(self.data, dict) else None
        folder = Path(self.document.path).parent
        return [
            (index, entry, [path for path in expand(folder, entry) if is_rule_file(path)])
            for index, entry in enumerate(rules if isinstance(rules, list) else [])
            if isinstance(entry, str)
        ]

    def fingerprint(self, version: str) -> str:
        """Identity of the settings that answers depend on, and of every byte of the rules and what they name."""
        files = [path for _, _, paths in self.rule_files() for path in paths]
        return fingerprint(version, _answering(self.data), digests(closure([self.document.path, *files])[1:]))


def _answering(data: Any) -> Any:
    """The settings without those that cannot change an answer: machines that share a store may reach it differently."""
    return {key: data[key] for key in data if key not in ("store", "trace")} if isinstance(data, dict) else data


def digests(paths: Sequence[str]) -> list[list[str]]:
    """Name and SHA-256 of each file's bytes; a file that cannot be read is told apart by its absence."""
    found = []
    for path in paths:
        try:
            found.append([os.path.basename(path), hashlib.sha256(Path(path).read_bytes()).hexdigest()])
        except OSError:
            found.append([os.path.basename(path), ""])
    return found


def _same_type(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the new map is of the old one's type: the parameters of another type would not fit."""
    return bool(new.get("type", old.get("type")) == old.get("type"))


def _merged(data: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(data)
    for key, value in overrides.items():
        inner = merged.get(key)
        if isinstance(inner, dict) and isinstance(value, Mapping) and _same_type(inner, value):
            merged[key] = _merged(inner, value)
        else:
            merged[key] = value
    return merged
