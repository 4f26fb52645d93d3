"""Findings of `lint` for machines: plain JSON, SARIF 2.1.0, and GitHub's workflow commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from stepflow.source import Diagnostic
from stepflow.version import VERSION


def as_json(findings: Sequence[Diagnostic]) -> str:
    """A JSON list of maps; lines and columns count from 1, ends are exclusive."""
    return json.dumps([_plain(finding) for finding in findings], ensure_ascii=False, indent=1)


def as_github(findings: Sequence[Diagnostic]) -> str:
    """One workflow command a finding, which GitHub shows beside the line in a pull request."""
    return "\n".join(_command(finding) for finding in findings)


def as_sarif(findings: Sequence[Diagnostic]) -> str:
    """A SARIF log of one run, for code scanning."""
    from stepflow.reference.codes import CODES

    codes = sorted({finding.code for finding in findings})
    driver = {
        "name": "stepflow",
        "version": VERSION,
        "rules": [{"id": code, "shortDescription": {"text": CODES.get(code, code)}} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code)) for finding in findings],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=1)


FORMATS: Mapping[str, Callable[[Sequence[Diagnostic]], str]] = {
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}


def _plain(finding: Diagnostic) -> dict[str, Any]:
    span = finding.span
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "hints": list(finding.hints),
        "in": finding.breadcrumb,
    }


def _sentences(finding: Diagnostic) -> str:
    return "\n".join((finding.message, *finding.hints))


def _command(finding: Diagnostic) -> str:
    span = finding.span
    places = {
        "file": span.path,
        "line": span.line,
        "endLine": span.end_line,
        "col": span.column,
        "endColumn": max(span.end_column - 1, 1),
        "title": finding.code,
    }
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in places.items())
    return f"::{finding.severity} {properties}::{_escaped(_sentences(finding))}"


def _escaped(text: str, more: str = "") -> str:
    """The text as GitHub reads it back; properties may also hold neither ':' nor ','."""
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def _result(finding: Diagnostic, index: int) -> dict[str, Any]:
    span = finding.span
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    place = {"artifactLocation": {"uri": _uri(span.path)}, "region": region}
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": _sentences(finding)},
        "locations": [{"physicalLocation": place}],
    }


def _uri(path: str) -> str:
    return Path(path).as_uri() if Path(path).is_absolute() else quote(PurePath(path).as_posix())
