"""What is built in: name to module, by kind. Modules are imported when a plug is first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from stepflow.registry import Kind, Registry


def _table(folder: str, *names: str) -> dict[str, str]:
    return {name: f"stepflow.{folder}.{name}" for name in names}


PLUGS: Mapping[Kind, Mapping[str, str]] = {
    "reader": _table(
        "strategies.readers",
        "regex", "lark", "keywords", "json", "jsonpath", "whole",
        "number", "date", "time", "duration", "money", "quoted", "list", "csv", "markdown_table", "yaml",
    ),
    "converter": _table(
        "strategies.converters",
        "text", "number", "integer", "boolean", "list", "json", "fields", "equation", "date", "schema", "value",
        "money", "time", "duration", "percent", "rows", "set",
    ),
    "segmenter": _table(
        "strategies.segmenters",
        "whole", "lines", "numbered", "paragraphs", "sentences", "regex", "json",
        "lark", "code_blocks", "markdown", "csv", "markdown_table", "yaml",
    ),
    "verifier": _table(
        "strategies.verifiers",
        "expr", "regex", "not_regex", "contains", "excludes", "one_of", "lark", "json", "jsonpath", "json_schema",
        "step_count", "no_stale_values", "length", "derivation",
        "order", "unique", "unchanged", "python_syntax", "yaml", "csv", "markdown_table", "sql", "grounded", "paired",
    ),
    "rewriter": _table("strategies.rewriters", "substitute", "json_members", "template"),
    "condition": {
        **_table("strategies.conditions", "regex", "keywords", "expr", "lark", "constraint_changed", "pass_ratio"),
        "prompt_matches": "stepflow.strategies.conditions.regex",
    },
    "backend": _table("adapters.backends", "litellm", "local", "scripted", "replay", "simulated"),
    "store": {
        "diskcache": "stepflow.adapters.stores.diskcache_plug",
        "memory": "stepflow.adapters.stores.memory",
        "redis": "stepflow.adapters.stores.redis",
    },
    "embedder": _table("adapters.embedders", "hashing"),
}  # fmt: skip

FUNCTION_MODULES = (
    "arithmetic", "linear", "text", "collections", "sequences", "sets", "dates", "prose", "code",
    "patterns", "schemas",
)  # fmt: skip


@lru_cache(maxsize=1)
def registry() -> Registry:
    """The registry of everything built in."""
    return Registry(PLUGS, functions())


def functions() -> dict[str, Callable[..., Any]]:
    """The functions of expressions, by name."""
    table: dict[str, Callable[..., Any]] = {}
    for name in FUNCTION_MODULES:
        table.update(importlib.import_module(f"stepflow.strategies.functions.{name}").FUNCTIONS)
    return table
