"""Functions on text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from stepflow import prose
from stepflow.texts.denials import find_denials
from stepflow.values import describe, show

MAX_TEXT = 1_000_000

_WORD = re.compile(r"\w+(?:(?:[-'’.]|(?<=\d),(?=\d))\w+)*")
_SIGN = re.compile(r"""[^\w\s.,;:!?…'"`´‘’“”„«»()\[\]{}\\–—-]|(?<!\w)[-−–](?=[\d…])""")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,]\d+)*")


def lower(text: Any) -> str:
    """The text in lower case.

    Examples:
        lower('ÀB') == 'àb'
    """
    return _text(text, "lower").lower()


def upper(text: Any) -> str:
    """The text in upper case.

    Examples:
        'ab' | upper == 'AB'
    """
    return _text(text, "upper").upper()


def strip(text: Any) -> str:
    """The text without blanks at its ends. `trim` is another name.

    Examples:
        strip('  a b ') == 'a b'
    """
    return _text(text, "strip").strip()


def normalise_space(text: Any) -> str:
    """The text with every run of blanks and line breaks as one space, and none at its ends.

    Examples:
        normalise_space('  a   b  ') == 'a b'
    """
    return " ".join(_text(text, "normalise_space").split())


def spelling(text: Any) -> Any:
    """A name, or each of a list, without capitals, blanks, hyphens and underscores: all spellings are the same text.

    Examples:
        spelling('firstName') == spelling('first_name')
        spelling(['First-Name', 'age']) == ['firstname', 'age']
    """
    if isinstance(text, list | tuple):
        return tuple(spelling(each) for each in text)
    return prose.plain_spelling(_text(text, "spelling"))


def words(text: Any) -> tuple[str, ...]:
    """The words and numbers of a text, without punctuation.

    Examples:
        words("It's 3.5 m, no?") == ["It's", '3.5', 'm', 'no']
        words('1,200 km, 3') == ['1,200', 'km', '3']
    """
    return tuple(_WORD.findall(_text(text, "words")))


def lines(text: Any) -> tuple[str, ...]:
    r"""The lines of a text that are not blank, without blanks at their ends.

    Examples:
        lines('a\n\n  b') == ['a', 'b']
    """
    return tuple(line.strip() for line in _text(text, "lines").splitlines() if line.strip())


def split(text: Any, separator: Any) -> tuple[str, ...]:
    """The parts of a text between separators, without blanks at their ends.

    Examples:
        split('a, b,c', ',') == ['a', 'b', 'c']
    """
    mark = _text(separator, "split")
    if not mark:
        raise ValueError("split: the separator is empty")
    return tuple(part.strip() for part in _text(text, "split").split(mark))


def replace(text: Any, old: Any, new: Any) -> str:
    """The text with every `old` replaced by `new`.

    Examples:
        replace('1,200', ',', '') == '1200'
    """
    whole, before, after = (_text(each, "replace") for each in (text, old, new))
    if not before:
        raise ValueError("replace: the text to replace is empty")
    if len(whole) + whole.count(before) * len(after) > MAX_TEXT:
        raise ValueError(f"replace: a text of more than {MAX_TEXT:,} characters")
    return whole.replace(before, after)


def starts_with(text: Any, start: Any) -> bool:
    """Whether the text begins so.

    Examples:
        starts_with('answer: 4', 'answer')
    """
    return _text(text, "starts_with").startswith(_text(start, "starts_with"))


def ends_with(text: Any, end: Any) -> bool:
    """Whether the text ends so.

    Examples:
        ends_with('4 km', 'km')
    """
    return _text(text, "ends_with").endswith(_text(end, "ends_with"))


def contains_word(text: Any, word: Any) -> bool:
    """Whether the text holds the word (or phrase) whole, in any case; blanks between words may differ.

    It may be denied there: 'not a cat' holds 'cat'. `denials` looks for that.

    Examples:
        contains_word('The Cat sat', 'cat')
        not contains_word('concatenate', 'cat')
        contains_word('costs 5 km/h.', '5 km/h')
    """
    sought = _text(word, "contains_word").split()
    if not sought:
        raise ValueError("contains_word: the word is empty")
    phrase = r"\s+".join(re.escape(part) for part in sought)
    return re.search(rf"(?<!\w){phrase}(?!\w)", _text(text, "contains_word"), re.IGNORECASE) is not None


def named_in(items: Any, text: Any) -> tuple[Any, ...]:
    """The texts of a list that a text holds, each whole and in any case; what is no text is left out.

    Examples:
        named_in(['cat', 'dog', 3], 'A Cat and a dogma') == ['cat']
    """
    if not isinstance(items, list | tuple):
        raise ValueError(f"named_in: {describe(items)} is not a list")
    return tuple(item for item in items if isinstance(item, str) and item.strip() and contains_word(text, item))


def name_words(name: Any) -> tuple[str, ...]:
    """The words that a name, or each of a list, is made of, in small letters.

    Examples:
        name_words('getWeather') == ['get', 'weather']
        name_words(['first_name', 'HTTP-URL2']) == ['first', 'name', 'http', 'url', '2']
    """
    if isinstance(name, list | tuple):
        return tuple(word for each in name for word in name_words(each))
    return tuple(prose.name_words(_text(name, "name_words")))


def spelt_out(names: Any, text: Any, *aside: Any) -> tuple[Any, ...]:
    """The names of a list all of whose words the text holds, whole and in any order; a plural's s makes no difference.

    Words that stand `aside` need not be there, and a name that has no others is left out. Of two names, one of which
    has all words of the other and more, the longer counts.

    Examples:
        spelt_out(['get_order', 'cancel_order'], 'Cancel my orders', 'get') == ['cancel_order']
        spelt_out(['get_order', 'cancel_order'], 'Where is my order?', 'get') == ['get_order']
        spelt_out(['get_order', 'order_status'], 'My cancellation', 'get') == []
    """
    if not isinstance(names, list | tuple):
        raise ValueError(f"spelt_out: {describe(names)} is not a list")
    said = _stems(_TOKEN.findall(_text(text, "spelt_out")))
    left_aside = _stems(word for each in aside for word in _TOKEN.findall(_listed(each, "spelt_out")))
    wanted = [(name, _stems(name_words(name)) - left_aside) for name in names]
    found = [(name, stems) for name, stems in wanted if stems and stems <= said]
    return tuple(name for name, stems in found if not any(stems < others for _, others in found))


def _stems(found: Iterable[str]) -> frozenset[str]:
    return frozenset(word.casefold().removesuffix("s") for word in found)


def unknown_words(text: Any, *known: Any) -> tuple[str, ...]:
    """The words and numbers of a text that none of the known texts (or lists of words) holds, each once, in order.

    Words are compared in any case, single letters as they are: 'a' leaves 'A' unknown, which may be a name. Words
    joined by a hyphen are taken one by one.

    Examples:
        unknown_words('Solve it for x, twice', 'solve for it', 'x') == ['twice']
        unknown_words('step-by-step, 2 of X', 'step by of', ['x']) == ['2', 'X']
    """
    vocabulary = frozenset[str]().union(*(_vocabulary(_listed(each, "unknown_words")) for each in known))
    found = dict.fromkeys(_TOKEN.findall(_text(text, "unknown_words")))
    return tuple(word for word in found if _folded(word) not in vocabulary)


def unknown_signs(text: Any, *known: Any) -> tuple[str, ...]:
    """The signs of a text that may mean something and that none of the known texts (or lists) holds, each once.

    Such are operators, currencies, %, &, emoji, and a minus before a number or before what was read (…). Punctuation,
    quotes, brackets and dashes are none. `unknown_words` sees words only: to it, -5 is 5.

    Examples:
        unknown_signs('what is 2 + 3?') == ['+']
        unknown_signs('10 % of $5 & more', '%') == ['$', '&']
        unknown_signs('-5 or half-time, (well) …') == ['-']
    """
    allowed = frozenset("".join(_listed(each, "unknown_signs") for each in known))
    found = dict.fromkeys(_SIGN.findall(_text(text, "unknown_signs")))
    return tuple(sign for sign in found if sign not in allowed)


@lru_cache(maxsize=256)
def _vocabulary(text: str) -> frozenset[str]:
    """Kept, because a rule asks for the same few hundred words at every step of every answer."""
    return frozenset(map(_folded, _TOKEN.findall(text)))


def denials(text: Any, *known: Any) -> tuple[str, ...]:
    """The words by which a text denies, forbids, excludes or calls off something, in small letters and in order.

    They are looked for wide: 'not', 'no', 'without', 'but', 'unless', 'other than', 'avoid', 'steer clear', 'cancel', …
    What stands in quotes denies nothing. Left out are those all of whose words are in one of the known texts (or lists
    of words).

    Examples:
        denials('A table, under no circumstances outside') == ['no']
        denials('Anywhere but Rome; steer clear of "no parking"') == ['but', 'steer clear']
        denials('Cancel order 5, not order 6', ['cancel', 'order']) == ['not']
    """
    whole = _text(text, "denials")
    found = (whole[start:end].lower() for start, end in find_denials(whole))
    return tuple(phrase for phrase in found if unknown_words(phrase, *known))


def _listed(known: Any, function: str) -> str:
    return " ".join(_text(each, function) for each in (known if isinstance(known, list | tuple) else [known]))


def _folded(word: str) -> str:
    return word.replace("’", "'").casefold() if len(word) > 1 else word


def quote(text: Any) -> str:
    """The text in double quotes, as JSON writes it.

    Examples:
        quote('say "a"') == '"say \\\\"a\\\\""'
    """
    return json.dumps(_text(text, "quote"), ensure_ascii=False)


def as_text(value: Any) -> str:
    """Any value as a template would show it.

    Examples:
        text(1/4) == '0.25'
        text([1, 'a']) == '1, a'
    """
    return show(value)


def _text(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{function}: {describe(value)} is not a text")
    return value


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "lower": lower,
    "upper": upper,
    "strip": strip,
    "trim": strip,
    "normalise_space": normalise_space,
    "spelling": spelling,
    "words": words,
    "lines": lines,
    "split": split,
    "replace": replace,
    "starts_with": starts_with,
    "ends_with": ends_with,
    "contains_word": contains_word,
    "named_in": named_in,
    "name_words": name_words,
    "spelt_out": spelt_out,
    "unknown_words": unknown_words,
    "unknown_signs": unknown_signs,
    "denials": denials,
    "quote": quote,
    "text": as_text,
}
