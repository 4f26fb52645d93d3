"""Where the compiler is in a file: a document, a path in it, and the list that problems are collected in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from stepflow.config.yaml_nodes import Document
from stepflow.source import Diagnostic, Severity

Key = str | int


@dataclass(frozen=True, slots=True)
class Site:
    """A value in a document. Sites are values themselves; `problems` is shared by all sites of one compilation.

    `see` is the command that explains what may stand there; the sites of its members inherit it.
    """

    document: Document
    path: tuple[Key, ...] = ()
    breadcrumb: str = ""
    see: str = ""
    problems: list[Diagnostic] = field(default_factory=list)

    def at(self, *keys: Key, crumb: str = "") -> Site:
        """The site of a member; `crumb` is what the breadcrumb calls it (default: its keys)."""
        name = crumb or " › ".join(key if isinstance(key, str) else f"item {key + 1}" for key in keys)
        breadcrumb = f"{self.breadcrumb} › {name}" if self.breadcrumb and name else name or self.breadcrumb
        return replace(self, path=(*self.path, *keys), breadcrumb=breadcrumb)

    def report(
        self,
        code: str,
        message: str,
        *keys: Key,
        part: Literal["key", "value"] = "value",
        offset: tuple[int, int] | None = None,
        severity: Severity = "error",
        hints: tuple[str, ...] = (),
        see: str = "",
    ) -> None:
        """Collect one problem at this site, or at a member of it."""
        self.problems.append(
            self.document.diagnostic(
                code,
                message,
                (*self.path, *keys),
                part=part,
                offset=offset,
                severity=severity,
                hints=hints,
                breadcrumb=self.breadcrumb,
                see=see or self.see,
            )
        )

    @property
    def where(self) -> str:
        """`file:line` of the value, for journals and messages."""
        span = self.document.locate(self.path)
        return f"{span.path}:{span.line}"

    @property
    def has_errors(self) -> bool:
        """Whether anything collected so far is an error."""
        return any(problem.severity == "error" for problem in self.problems)

    @property
    def data(self) -> Any:
        """The value itself."""
        value = self.document.data
        for key in self.path:
            value = value[key]
        return value
