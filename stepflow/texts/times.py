"""Times of day as people write them: 09:05 · 9:05 · 21:40 · 9 am · 9:05 p.m. · noon · midnight.

A time is a text of 24 hours and two digits each, '09:05': such texts compare as the times do, and print as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TIME = re.compile(
    r"\b(?:12(?::00)?[ \t]+)?(?:noon|midnight)\b"
    r"|\d+(?::\d+)+(?:[ \t]?[ap](?:\.m\.|m\b))?|\d+[ \t]?[ap](?:\.m\.|m\b)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_FORM = re.compile(r"(\d{1,2})(?::(\d{2}))?(?:[ \t]?([ap])\.?m\.?)?", re.IGNORECASE)
_LONGER_BEFORE = re.compile(r"(?:[\w:/.,$€£+-]|\d[ \t]*[-–—/])\Z")
_LONGER_BEHIND = re.compile(
    r"[\w:%/+–—-]|[.,]\d|[ \t]*\(?[+–—-][ \t]*\d|[ \t]+(?:to|or|until|and)[ \t]+\d{1,2}(?![\d:]|[ \t]?[ap]\.?m)"
)
_BARE_BEFORE = re.compile(r"(?<![\d:])\d{1,2}[ \t]*(?:-|–|—|to|or|and|until|past)[ \t]*\Z", re.IGNORECASE)
_COUNTED_BEFORE = re.compile(
    r"\b(?:past|(?:minutes?|quarter|five|ten|twenty|twenty-five)[ \t]+(?:to|till|of))[ \t]+\Z", re.IGNORECASE
)
_OTHER_BEHIND = re.compile(
    r"[ \t]*(?:hours?|hrs?|h|minutes?|mins?|seconds?|o'clock|ratio|scale|odds|aspect|utc|gmt|[ecmp][sd]t|cest"
    r"|(?-i:Z|[A-Z]{1,4}T))(?!\w)"
    r"|[ \t]+(?:in[ \t]+the|at[ \t]+night|tonight|this|(?:\w+[ \t]+){1,2}time)(?!\w)",
    re.IGNORECASE,
)
_OTHER_BEFORE = re.compile(r"\b(?:ratio|scale|score|scored|odds|chapter|verse|psalms?)\b[^.\d]{0,20}\Z", re.IGNORECASE)
_NAME_BEFORE = re.compile(
    r"(?!(?:At|From|By|Until|Till|Before|After|Between|To|On|Is|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b)"
    r"(?<!\w)[A-Z][a-z]+[ \t]+\Z"
)


def read_time(text: str) -> str:
    """The time that the whole text is, as '09:05'. Raises `ValueError`."""
    stripped = text.strip()
    for start, end, time, doubt in find_times(stripped):
        if doubt:
            raise ValueError(doubt)
        if (start, end) == (0, len(stripped)):
            return time
    raise ValueError(f"{stripped!r} is not a time of day; write it as 09:05 or 9:05 am")


def find_times(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Every time in the text as (start, end, time, doubt), left to right; `doubt` says why it cannot be read."""
    for match in _TIME.finditer(text):
        time, doubt = _time(match.group())
        yield match.start(), match.end(), time, doubt or _doubt(text, match)


def is_plain(text: str) -> bool:
    """Whether a text is a time as this module gives it: 24 hours, two digits each."""
    return _PLAIN.fullmatch(text) is not None


def written_like(time: str, written: str) -> str:
    """A time such as '15:30' in the form of another: as '3:30 pm' for '9 am' and noon, as itself for '9:05'."""
    form = _FORM.fullmatch(written)
    hour, minute = int(time[:2]), time[3:]
    if form is not None and form[3] is None:
        return f"{hour:02}:{minute}" if written.startswith("0") or hour > 9 else f"{hour}:{minute}"
    half = "am" if hour < 12 else "pm"
    if form is None:
        return f"{hour % 12 or 12}:{minute} {half}"
    behind = written[form.start(3) :]  # 'pm', 'PM', 'p.m.'
    half = half.upper() if behind[0].isupper() else half
    minutes = "" if form[2] is None and minute == "00" else f":{minute}"
    padded = f"{hour % 12 or 12:02}" if written.startswith("0") else f"{hour % 12 or 12}"
    blank = written[form.end(2) if form[2] else form.end(1) : form.start(3)]
    return f"{padded}{minutes}{blank}{half[0]}{behind[1:]}"


def _time(written: str) -> tuple[str, str]:
    word = written.lower()
    if word.endswith(("noon", "midnight")):
        return ("12:00" if word.endswith("noon") else "00:00"), ""
    form = _FORM.fullmatch(written)
    if form is None:
        return "", f"{written!r} is not a time in hours and minutes"
    hour, minute, half = int(form[1]), int(form[2] or 0), (form[3] or "").lower()
    if minute > 59 or hour > 23 or (half and not 1 <= hour <= 12):
        return "", f"there is no time {written!r}"
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return f"{hour:02}:{minute:02}", ""


def _doubt(text: str, match: re.Match[str]) -> str:
    before, end, written = text[max(0, match.start() - 40) : match.start()], match.end(), match.group()
    longer = _LONGER_BEFORE.search(before) or _BARE_BEFORE.search(before) or _LONGER_BEHIND.match(text, end)
    if longer or _COUNTED_BEFORE.search(before):
        return f"{written!r} is part of something longer, or one end of a range"
    named = re.fullmatch(r"\d:\d\d", written) and _NAME_BEFORE.search(before)
    if named or _OTHER_BEFORE.search(before) or _OTHER_BEHIND.match(text, end):
        return f"{written!r} may be no time of day, or one of another half of the day or time zone"
    return ""
