"""Name to plug. A plug is a module with `NAME`, `Options` and `build` (or `convert`), imported when first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Literal, get_args

Kind = Literal["reader", "converter", "segmenter", "verifier", "rewriter", "condition", "backend", "store", "embedder"]
KINDS: tuple[Kind, ...] = get_args(Kind)

RESERVED = frozenset({"type", "id", "scope", "when", "on_fail", "message", "enabled"})
"""Keys that belong to the engine; no plug may use one as a parameter."""


class UnknownPlug(LookupError):
    """No plug of this kind has this name."""


class Registry:
    """The plugs of one process. Built-in ones are module paths, so that only those in use are imported."""

    def __init__(
        self, plugs: Mapping[Kind, Mapping[str, str | ModuleType]], functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self._plugs: dict[str, dict[str, str | ModuleType]] = {kind: dict(table) for kind, table in plugs.items()}
        self.functions = dict(functions)

    def add(self, kind: Kind, name: str, plug: str | ModuleType) -> None:
        """Register one more plug. Raises `ValueError` when the name is taken."""
        table = self._plugs.setdefault(kind, {})
        if name in table:
            raise ValueError(f"there is already a {kind} named {name!r}")
        table[name] = plug

    def names(self, kind: Kind) -> tuple[str, ...]:
        """All names of one kind, sorted."""
        return tuple(sorted(self._plugs.get(kind, {})))

    def get(self, kind: Kind, name: str) -> ModuleType:
        """The plug's module. Raises `UnknownPlug`."""
        plug = self._plugs.get(kind, {}).get(name)
        if plug is None:
            raise UnknownPlug(f"there is no {kind} named {name!r}")
        if isinstance(plug, str):
            module = importlib.import_module(plug)
            if hasattr(module, "Options"):
                clash = RESERVED & set(module.Options.model_fields)
                if clash:
                    raise ValueError(f"{kind} {name!r} uses reserved parameter names: {', '.join(sorted(clash))}")
            self._plugs[kind][name] = module
            return module
        return plug
