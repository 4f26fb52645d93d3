"""Which other files a rule or pack names: parents, tables, grammars, the rules of a pack.

They are found in the text, without reading its YAML, because an exact hit must know in a millisecond whether any file
that an answer rests on has changed. The other side of the bargain: whoever *opens* such a file asks first whether it
is found in this way (`names_plainly`), so that no file is read that the fingerprint does not cover.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

FILE_KINDS = (".yaml", ".yml", ".csv", ".lark")
RULE_KINDS = (".yaml", ".yml")
TESTS_SUFFIXES = (".tests.yaml", ".tests.yml")

_ENDING = re.compile(r"\.(?:ya?ml|csv|lark)(?![\w.])")
_NAME = re.compile(r"[^\s'\"\[\]{},:#&]+\Z")
_LONGEST = 300
_ID = r"id:(?<![^\n]id:)[ \t]*"
"""`id:` at the start of a line: sought as a text, which is ten times faster than at the start of every line."""
_PARENT = re.compile(r"extends['\"]?\s*:\s*['\"]?([A-Za-z0-9][A-Za-z0-9_-]*)(?![\w./-])")


def file_names(text: str) -> frozenset[str]:
    """Everything in a text that looks like the name of a file that rules are made of; patterns (`*.yaml`) too."""
    # From the endings back, which is many times faster than a pattern of the whole name.
    ends = (found.end() for found in _ENDING.finditer(text))
    names = (_NAME.search(text[max(end - _LONGEST, 0) : end]) for end in ends)
    return frozenset(found.group() for found in names if found)


def parent_ids(text: str) -> frozenset[str]:
    """The ids under `extends:` in a text."""
    return frozenset(_PARENT.findall(text))


def names_plainly(text: str, name: str) -> bool:
    """Whether a file with this text is seen to name that file, or that parent."""
    return name in file_names(text) or name in parent_ids(text)


def expand(folder: str | Path, name: str) -> list[str]:
    """The files that a name or pattern means, seen from a folder; sorted."""
    pattern = name if os.path.isabs(name) else os.path.join(folder, name)
    return sorted(os.path.normpath(path) for path in glob.glob(pattern, recursive=True))


def is_rule_file(path: str) -> bool:
    """Whether a file may hold a rule by its name: tests that stand in a file of their own do not."""
    return path.endswith(RULE_KINDS) and not path.endswith(TESTS_SUFFIXES)


def shipped() -> Path:
    """The folder that holds the shipped `rules` and `pipelines`: in the wheel, or the checkout."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "shipped"
    return packed if packed.is_dir() else package.parent


def shipped_rules() -> dict[str, str]:
    """The files of the shipped rules by id, sorted: each is called after its rule."""
    files = (path for path in (shipped() / "rules").rglob("*.yaml") if is_rule_file(path.name))
    return {path.stem: str(path) for path in sorted(files, key=lambda path: path.stem)}


def rules_called(name: str, folder: str | Path, but: str = "") -> list[str]:
    """The files with a line `id: NAME` in a folder, the file `but` left out; if none, those among the shipped rules."""
    line = re.compile(rf"{_ID}(['\"]?){re.escape(name)}\1[ \t]*(?:#.*)?\r?$", re.MULTILINE)
    for candidates in (Path(folder).glob("*"), (shipped() / "rules").rglob("*")):
        files = sorted(str(path) for path in candidates if is_rule_file(path.name))
        found = [path for path in files if os.path.abspath(path) != os.path.abspath(but) and line.search(_text(path))]
        if found:
            return [os.path.normpath(path) for path in found]
    return []


def rule_ids(folder: str | Path) -> frozenset[str]:
    """The ids of the rules in a folder and of those shipped: what `extends:` could mean there."""
    line = re.compile(rf"{_ID}['\"]?([A-Za-z0-9][\w-]*)")
    candidates = (*Path(folder).glob("*"), *(shipped() / "rules").rglob("*"))
    texts = [_text(str(path)) for path in candidates if is_rule_file(path.name)]
    return frozenset(found[1] for text in texts if (found := line.search(text)) and "kind: rule" in text)


def closure(paths: Iterable[str]) -> list[str]:
    """These files and every file that they name, directly or not, in a stable order."""
    found: dict[str, None] = {}
    waiting = list(paths)
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        found[path] = None
        if path.endswith(RULE_KINDS):
            waiting += _named_in(path)
    return list(found)


def _named_in(path: str) -> list[str]:
    text, folder = _text(path), os.path.dirname(path)
    files = [file for name in sorted(file_names(text)) for file in expand(folder, name) if os.path.isfile(file)]
    return files + [file for name in sorted(parent_ids(text)) for file in rules_called(name, folder or ".", path)]


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
