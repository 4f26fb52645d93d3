"""What a text says of something that is or is not: 'with breakfast', 'no breakfast', 'breakfast: yes'."""

from __future__ import annotations

import re
from collections.abc import Sequence

_YES = {"true", "yes", "on"}
_NO = {"false", "no", "off"}
_AUXILIARY = {"is", "has", "have", "include", "includes", "included", "with", "use", "allow", "enable", "enabled"}
_SAYS = r"""\A["'`*]{0,2}\s*(?:[:=]|(?:is|are|set)\s(?:to\s)?)\s*["'`*]{0,2}(?P<value>\w+)"""
_ARTICLE = r"(?:(?:an?|any|the|its|my|your|some)\s+)?"
_WITH = re.compile(
    rf"\b(?:with|including|include|add|enable|plus|and|want|need|as|(?:that|which)\s+(?:is|has))\s+{_ARTICLE}\Z|\b(?:an?)\s+\Z",
    re.I,
)
_WITHOUT = re.compile(
    r"\b(?: without | no | not (?:\s+(?:include|add|want|need|use|enable|be))? | excluding | exclude | disable | skip"
    r" | \w+n['’]t\s+(?:include|add|want|need|use|enable|be)"
    rf" ) \s+ {_ARTICLE.replace(' ', '')} \Z | \bnon-\Z",
    re.I | re.X,
)
_DOUBT = re.compile(
    r"(?:\b(?:not|never|no|nor|neither|without|if|unless|maybe|perhaps|or|either|whether|instead)\b|n['’]t\b)[^.;!?\n]*\Z",
    re.I,
)
_END = re.compile(
    r"\A\s*(?:\Z|[.;!?)]|,(?!\s*(?:if|unless|only|but|or|maybe|when)\b)"
    r"|(?:and|for|in|on|at|from|to|please|included)\b)",
    re.I,
)
_NOUN = re.compile(r"\A\s+[^\W\d_]", re.I)


def read_flag(words: Sequence[str], text: str) -> bool | None:
    """Whether the thing that the words name is, or is not; None when the text does not say, or not clearly.

    Helping words (is, has, include …) at the head of the name are not looked for. Every mention must be clear, and all
    must agree.
    """
    named = list(words)
    while len(named) > 1 and named[0] in _AUXILIARY:
        del named[0]
    if not named:
        return None
    pattern = re.compile(r"(?<!\w)" + r"[\s_-]*".join(map(re.escape, named)) + r"s?(?!\w)", re.I)
    said = {_mention(text[: match.start()], text[match.end() :]) for match in pattern.finditer(text)}
    return said.pop() if len(said) == 1 else None


def _mention(before: str, behind: str) -> bool | None:
    told = re.match(_SAYS, behind, re.I)
    if told is not None:
        value = told["value"].lower()
        return None if _DOUBT.search(before) else True if value in _YES else False if value in _NO else None
    denied = _WITHOUT.search(before)
    if denied is not None:
        clear = (_END.match(behind) or _NOUN.match(behind)) and not _DOUBT.search(before[: denied.start()])
        return False if clear else None
    if _DOUBT.search(before):
        return None
    if re.match(r"\A\s+(?:is\s+)?included\b", behind, re.I):
        return True
    wished = _WITH.search(before)
    adjective = wished is not None and re.search(r"\ban?\s+\Z", wished.group(), re.I) and _NOUN.match(behind)
    return True if wished is not None and (_END.match(behind) or adjective) else None
