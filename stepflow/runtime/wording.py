"""The words of a prompt outside its constraints: its skeleton, and whether two prompts ask for the same thing.

Two prompts can agree on every constraint and still ask for different things ('about cats', 'about dogs'). The guard
`same_words` compares, in order, what is left when constraint values, courtesy and articles are taken away. Words that
can turn a meaning round (not, without, before, from, to, only, first …) are never taken away here; a rule may name
more words to ignore.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stepflow.fingerprint import fingerprint
from stepflow.model import Constraint
from stepflow.notation import Pattern
from stepflow.values import encode

Spans = Iterable[tuple[int, int]]

_TOKEN = re.compile(
    r"""(?x)
    (?<!\w) [-−] (?=…)                                          # the sign of a number that was read without it
    | (?: (?<!\w) [-−] (?=\d) )?                                # the sign of a number
    [^\W_]+ (?: (?: [-–_'’] | (?<=\d)[.,:](?=\d) ) [^\W_]+ )*    # a word or a number: half-hour, 3.5, 12:30
    | [^\w\s.,;:!?…'"`´‘’“”„«»()\[\]{}\\–—-]                   # an operator, a currency, an emoji, a vowel sign
    | (?<=\d\s) [-−–] (?=\s\d)                                  # a minus between numbers
    | (?<=\d) !                                                 # a factorial
    | [(\[] (?=[-−]?\d) | (?<=[*/^+=]) \( | (?<=[*/^+=]\s) \( | (?<=\d) [)\]] | \) (?=\s?[*/^+=])   # brackets of a sum
    """
)
"""What may mean something: a word, a number as it is written, a sign. Punctuation does not."""
_SPACE = re.compile(r"\s+")
_OPERAND = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2}")
_LEADING_SIGN = re.compile(r"(?<![0a)])\+")

COURTESY = re.compile(
    r"""(?ix) \b(?:
    (?: i \s+ would | i ['’] d ) \s+ (?: like | love | want ) (?: \s+ (?: you \s+ )? to )?
    | i \s+ (?: want | need ) (?: \s+ (?: you \s+ )? to )?
    | i (?: ['’] m | \s+ am ) \s+ (?: trying | looking ) \s+ to
    | (?: can | could | would | will ) \s+ you (?: \s+ (?: please | kindly ) )?
      (?: \s+ help (?: \s+ me )? (?: \s+ to )? )?
    | would \s+ you \s+ mind
    | (?: please \s+ )? help \s+ me (?: \s+ to )?
    | let \s+ me \s+ know
    | if \s+ you \s+ (?: can | could | would )
    | thank \s+ you (?: \s+ (?: so | very ) \s+ much )?
    | thanks (?: \s+ (?: a \s+ lot | in \s+ advance ) )?
    | good \s+ (?: morning | day | evening )
    )\b"""
)

UNREAD_GAP = "…"

PLAIN_WORDS = frozenset(
    """
    a an the please kindly hi hey hello dear me us it it's is are be am do does that this these those here so just ok
    okay can could would let's what what's that's
    """.split()  # noqa: SIM905  # a list of forty quoted words would be harder to read
)
"""Words that carry no meaning of their own in a request, whatever the task. Whose something is (my, your) is not among
them: your name is not my name."""
_ACRONYMS = frozenset({"US", "IT", "AM", "HI", "ID"})
"""Plain words only in small letters: the IT department is not the department."""

_NAMED_A = re.compile(r"(?<=[a-z0-9][ \t])A(?=\W*(?:\Z|[.,;:!?]))")
"""'Plan A' and 'vitamin A,' name something; 'A' before another word is an article."""


def unread(prompt: str, spans: Spans, phrases: Iterable[Pattern]) -> str:
    """The prompt with an ellipsis in place of each span, and without the phrases that do not change what is asked."""
    rest = _mask(prompt, spans, UNREAD_GAP)
    for pattern in phrases:
        rest = pattern.sub(" ", rest)
    return rest


def words(rest: str, ignore: frozenset[str]) -> tuple[str, ...]:
    """The content words of what is left unread of a prompt, casefolded and in order, without the ignored words."""
    text = COURTESY.sub(" ", _NAMED_A.sub("a-a", rest.replace("’", "'")))
    tokens = ((token, token.casefold()) for token in _TOKEN.findall(text))
    return tuple(
        folded for token, folded in tokens if token in _ACRONYMS or not (folded in PLAIN_WORDS or folded in ignore)
    )


def skeleton(prompt: str, constraints: Iterable[Constraint]) -> str:
    """Hash of the prompt with each constraint value replaced by the constraint's name; blanks and case do not count.

    Where a formula was read, its form counts too: an answer to `2x + 3 = 11` is near to one to `7y + 1 = 8`, and not to
    one to `3(x + 5) = 36`.
    """
    named = [(start, end, constraint.name) for constraint in constraints for start, end in constraint.spans]
    parts: list[str] = []
    position = 0
    for start, end, name in sorted(named):
        if start < position:
            position = max(position, end)
            continue
        parts += [prompt[position:start], f"\x00{name}{form(prompt[start:end])}\x00"]
        position = end
    parts.append(prompt[position:])
    return fingerprint(_SPACE.sub(" ", "".join(parts)).strip().casefold())


def form(text: str) -> str:
    """A formula with 0 for each number, a for each letter, and no difference between plus and minus.

    Empty for a text with words, or with one number: how such a value is written says little of its answer.
    """
    masked, count = _OPERAND.subn(lambda found: "0" if found[0][0].isdigit() else "a", text)
    if count < 2 or "0" not in masked or _WORD.search(text):
        return ""
    return _LEADING_SIGN.sub("", re.sub(r"[-−–]", "+", "".join(masked.split())))


def signature(values: Mapping[str, Any], content: tuple[str, ...] | None) -> str:
    """Hash of what two prompts must share for one's answer to fit the other: constraint values (and guarded words)."""
    return fingerprint({name: encode(value) for name, value in values.items()}, content)


def _mask(prompt: str, spans: Spans, filler: str) -> str:
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start >= position:
            parts += [prompt[position:start], filler]
        position = max(position, end)
    parts.append(prompt[position:])
    return "".join(parts)
