"""Tables and grammars that a rule or pack does not write out, but takes from another file.

tables: {units: {file: units.csv, key: name, value: factor}}     # or a YAML file that holds a map
tables: {units: {from: metric.yaml}}                             # from a pack; `name:` when it is called otherwise
grammars: {amount: {from: number}}                               # one of the built-in grammars
grammars: {sum: {from: sums.lark}}                               # or a grammar's file, or a pack
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stepflow.config.document import VERBATIM, Document, MapNode, Scalar
from stepflow.config.merging import Part, map_part, members_of
from stepflow.config.references import RULE_KINDS, names_plainly
from stepflow.config.source_text import SourceText
from stepflow.config.suggest import did_you_mean
from stepflow.config.tables import BadTable, UnknownColumn, read_table
from stepflow.config.yaml_nodes import MAX_BYTES, read_file
from stepflow.errors import ConfigError, UsageError
from stepflow.source import Diagnostic

LIBRARY = Path(__file__).resolve().parent.parent / "grammars"
"""The folder of the built-in grammars."""
MAX_PACKS = 5
_TABLE_KEYS = frozenset({"file", "key", "value"})
_SHARED_KEYS = frozenset({"from", "name"})


class _Missing(Exception):
    """What is referred to cannot be had: the code, a sentence, the key to blame, hints."""

    def __init__(self, code: str, message: str, key: str, *hints: str) -> None:
        super().__init__(message)
        self.code, self.key, self.hints = code, key, hints


def library() -> dict[str, Path]:
    """The built-in grammars by name."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.lark"))}


def is_reference(section: str, value: Any) -> bool:
    """Whether an entry of `tables:` or `grammars:` says where the table or grammar stands, instead of being it."""
    if not isinstance(value, dict):
        return False
    if section == "grammars":
        return True
    names = value.get("file"), value.get("from")
    fits = value.keys() <= _TABLE_KEYS or value.keys() <= _SHARED_KEYS
    return fits and any(isinstance(name, str) and name.endswith((*RULE_KINDS, ".csv")) for name in names)


@dataclass(slots=True)
class Shelf:
    """Fetches what the tables and grammars of one document refer to."""

    document: Document
    problems: list[Diagnostic]
    packs: tuple[str, ...] = field(default=())

    def filled(self, part: Part) -> Part:
        """The part (a map with `tables` and `grammars`) with everything in the place of its reference."""
        members = members_of(part)
        for section, fetch in (("tables", self._table), ("grammars", self._grammar)):
            if section in members and isinstance(members[section].data, dict):
                members[section] = self._section(section, members[section], fetch)
        return map_part(members, part)

    def one(self, section: str, name: str) -> Part | None:
        """One table or grammar; None when it cannot be had (reported)."""
        entry = Part.of(self.document).at(section).at(name)
        if not is_reference(section, entry.data):
            return entry
        fetch = self._table if section == "tables" else self._grammar
        return self._fetched(section, name, entry, fetch)

    def _section(self, section: str, part: Part, fetch: Callable[[str, Part], Part]) -> Part:
        entries: dict[str, Part] = {}
        for name, entry in members_of(part).items():
            found = self._fetched(section, name, entry, fetch) if is_reference(section, entry.data) else entry
            if found is not None:
                entries[name] = replace(found, key=entry.key)
        return map_part(entries, part)

    def _fetched(self, section: str, name: str, entry: Part, fetch: Callable[[str, Part], Part]) -> Part | None:
        try:
            return fetch(name, entry)
        except _Missing as missing:
            self._report(missing.code, str(missing), (section, name, missing.key), missing.hints)
        except BadTable as bad:
            self.problems += bad.problems
        except ConfigError as error:
            self.problems += error.diagnostics
        return None

    def _table(self, name: str, entry: Part) -> Part:
        if "from" in entry.data:
            return self._shared("tables", name, entry)
        path = self._path(entry, "file")
        if path.endswith(".csv"):
            try:
                table = read_table(_read_text(path), entry.data.get("key"), entry.data.get("value"))
            except UnknownColumn as unknown:
                wrong = "key" if repr(entry.data.get("key")) in str(unknown) else "value"
                raise _Missing("unknown-name", str(unknown), wrong, *unknown.hints) from None
            return replace(
                entry, data=table.data, node=MapNode(entry.node.start, entry.node.end, table.keys, dict(table.values))
            )
        for key in ("key", "value"):
            if key in entry.data:
                raise _Missing("bad-value", f"`{key}` names a column, and a YAML file has none", key)
        document = read_file(path)
        if not isinstance(document.data, dict):
            raise _Missing("wrong-type", f"{path} does not hold a map", "file")
        return Part.of(document)

    def _grammar(self, name: str, entry: Part) -> Part:
        for key in entry.data.keys() - _SHARED_KEYS:
            hints = did_you_mean(key, _SHARED_KEYS) or ("a grammar is a text, or {from: …}",)
            raise _Missing("unknown-key", f"{key!r} is not a key of a grammar's reference", key, *hints)
        origin = entry.data.get("from")
        if not isinstance(origin, str):
            raise _Missing("missing-key", "say where the grammar stands: {from: …}", "from")
        if origin.endswith(RULE_KINDS):
            return self._shared("grammars", name, entry)
        if origin.endswith(".lark"):
            return _verbatim(_read_text(self._path(entry, "from")), entry)
        if origin not in library():
            names = ", ".join(library())
            hints = did_you_mean(origin, library()) or ()
            raise _Missing(
                "unknown-name",
                f"there is no built-in grammar {origin!r}",
                "from",
                *hints,
                f"built in: {names}; a file ends with .lark, a pack with .yaml",
            )
        return _verbatim(_read_text(str(library()[origin])), entry)

    def _shared(self, section: str, name: str, entry: Part) -> Part:
        """A table or grammar of a pack (or of another rule)."""
        path = self._path(entry, "from")
        wanted = entry.data.get("name", name)
        if os.path.abspath(path) in self.packs or len(self.packs) >= MAX_PACKS:
            raise _Missing("bad-value", f"{path} leads back here, or through too many files", "from")
        document = read_file(path)
        shared = document.data.get(section) if isinstance(document.data, dict) else None
        if not isinstance(shared, dict) or wanted not in shared:
            known = list(shared) if isinstance(shared, dict) else []
            hints = did_you_mean(str(wanted), known) or (f"there are: {', '.join(known) or 'none'}",)
            key = "name" if "name" in entry.data else "from"
            raise _Missing("unknown-name", f"{path} has no {section[:-1]} {wanted!r}", key, *hints)
        found = Shelf(document, self.problems, (*self.packs, os.path.abspath(path))).one(section, wanted)
        if found is None:
            raise ConfigError([])
        return found

    def _path(self, entry: Part, key: str) -> str:
        """The file that a reference names. Raises `_Missing`."""
        member = entry.at(key)
        name = member.data
        if not isinstance(name, str):
            raise _Missing("wrong-type", "a file's name is a text", key)
        if not names_plainly(member.source.text, name):
            hint = "a file's name has no blanks, brackets or variables, and ends with .csv, .yaml or .lark"
            raise _Missing("bad-value", f"{name!r} cannot be read as a file's name", key, hint)
        path = os.path.normpath(os.path.join(os.path.dirname(member.source.path), name))
        if not os.path.isfile(path):
            raise _Missing(
                "nothing-found", f"there is no file {path}", key, "a path is relative to the file that names it"
            )
        return path

    def _report(self, code: str, message: str, path: tuple[str, ...], hints: tuple[str, ...]) -> None:
        data = self.document.data
        breadcrumb = f"{data.get('kind', 'rule')} {data.get('id', '')} › {' › '.join(path[:-1])}"
        self.problems.append(self.document.diagnostic(code, message, path, hints=hints, breadcrumb=breadcrumb))


def _verbatim(source: SourceText, entry: Part) -> Part:
    text = source.text
    return replace(entry, data=text, node=Scalar(0, len(text), text, VERBATIM, text), source=source)


def _read_text(path: str) -> SourceText:
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(raw) > MAX_BYTES:
        source = SourceText.of("", path)
        message = f"a file may hold at most {MAX_BYTES // 1024} KiB"
        raise ConfigError([source.problem("file-too-large", message, 0, 0)])
    try:
        return SourceText.of(raw.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        source = SourceText.of(raw[: error.start].decode("utf-8"), path)
        end = len(source.text)
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8 text"
        raise ConfigError([source.problem("encoding", message, end, end, ["save the file as UTF-8"])]) from None
