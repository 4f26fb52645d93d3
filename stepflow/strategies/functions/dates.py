"""Functions on days, times of day and durations. None knows today: what a day is, the prompt or the rule says."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from stepflow.texts import dates, durations, times
from stepflow.values import Number, describe, is_number, normal

MAX_WORKDAYS = 100_000


def date(value: Any) -> datetime.date:
    """The day that a text denotes; a day stays itself. Refuses what may be two days (03/04/2026).

    Examples:
        date('4 March 2026') == date('2026-03-04')
        date('2026-03-04') < date('2026-04-01')
    """
    return dates.read_date(value) if isinstance(value, str) else _date(value, "date")


def iso(day: Any) -> str:
    """The day as text, e.g. 2026-03-04.

    Examples:
        iso(date('March 4, 2026')) == '2026-03-04'
    """
    return _date(day, "iso").isoformat()


def make_date(year: Any, month: Any, day: Any) -> datetime.date:
    """The day of a year, a month and a day of the month. Refuses days that do not exist.

    Examples:
        make_date(2026, 3, 4) == date('2026-03-04')
    """
    parts = [_whole(each, "make_date") for each in (year, month, day)]
    try:
        return datetime.date(*parts)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"make_date: {error}") from None


def year_of(day: Any) -> int:
    """The year of a day.

    Examples:
        year_of(date('2026-03-04')) == 2026
    """
    return _date(day, "year_of").year


def month_of(day: Any) -> int:
    """The month of a day, 1 to 12.

    Examples:
        month_of(date('2026-03-04')) == 3
    """
    return _date(day, "month_of").month


def day_of(day: Any) -> int:
    """The day of the month, 1 to 31.

    Examples:
        day_of(date('2026-03-04')) == 4
    """
    return _date(day, "day_of").day


def add_days(day: Any, days: Any) -> datetime.date:
    """The day so many days later; earlier for a negative number.

    Examples:
        add_days(date('2026-02-27'), 3) == date('2026-03-02')
        add_days(date('2026-03-01'), -1) == date('2026-02-28')
    """
    return _later(_date(day, "add_days"), _whole(days, "add_days"), "add_days")


def add_months(day: Any, months: Any) -> datetime.date:
    """The same day of the month so many months later; the month's last day where that does not exist.

    Examples:
        add_months(date('2026-01-15'), 2) == date('2026-03-15')
        add_months(date('2026-01-31'), 1) == date('2026-02-28')
        add_months(date('2026-01-15'), -1) == date('2025-12-15')
    """
    start = _date(day, "add_months")
    years, month = divmod(start.year * 12 + start.month - 1 + _whole(months, "add_months"), 12)
    if not datetime.MINYEAR <= years <= datetime.MAXYEAR:
        raise ValueError("add_months: there is no such year")
    last = calendar.monthrange(years, month + 1)[1]
    return datetime.date(years, month + 1, min(start.day, last))


def add_workdays(day: Any, days: Any) -> datetime.date:
    """The day so many working days (Monday to Friday) later, or earlier; holidays are not known.

    Examples:
        add_workdays(date('2026-03-06'), 1) == date('2026-03-09')
        add_workdays(date('2026-03-09'), -1) == date('2026-03-06')
    """
    moment, left = _date(day, "add_workdays"), _whole(days, "add_workdays")
    if abs(left) > MAX_WORKDAYS:
        raise ValueError(f"add_workdays: at most {MAX_WORKDAYS:,} days")
    step = 1 if left > 0 else -1
    while left:
        moment = _later(moment, step, "add_workdays")
        left -= step * (moment.weekday() < 5)
    return moment


def days_between(start: Any, end: Any) -> int:
    """How many days lie from the first day to the second; negative when the second is earlier.

    Examples:
        days_between(date('2026-02-27'), date('2026-03-02')) == 3
        days_between(date('2026-03-02'), date('2026-02-27')) == -3
    """
    return (_date(end, "days_between") - _date(start, "days_between")).days


def weekday(day: Any) -> str:
    """The English name of the day of the week.

    Examples:
        weekday(date('2026-03-04')) == 'Wednesday'
    """
    return dates.WEEKDAYS[_date(day, "weekday").weekday()].capitalize()


def is_weekend(day: Any) -> bool:
    """Whether the day is a Saturday or a Sunday.

    Examples:
        is_weekend(date('2026-03-07'))
        not is_weekend(date('2026-03-04'))
    """
    return _date(day, "is_weekend").weekday() >= 5


def duration(value: Any) -> Mapping[str, Number]:
    """The duration that a text denotes, as a map of `months` and `seconds`; a duration stays itself.

    Examples:
        duration('1 h 30 min').seconds == 5400
        duration('2 years').months == 24
        duration('90 minutes') == duration('1.5 hours')
    """
    return durations.read_duration(value) if isinstance(value, str) else _duration(value, "duration")


def duration_in(value: Any, unit: Any) -> Number:
    """How many seconds, minutes, hours, days, weeks, months or years a duration is. Refuses months in days.

    Examples:
        duration_in(duration('90 minutes'), 'hours') == 1.5
        duration_in('18 months', 'years') == 1.5
    """
    length = duration(value)
    if isinstance(unit, str) and unit in durations.SECONDS and not length["months"]:
        return normal(Fraction(length["seconds"]) / durations.SECONDS[unit])
    if isinstance(unit, str) and unit in durations.MONTHS and not length["seconds"]:
        return normal(Fraction(length["months"]) / durations.MONTHS[unit])
    raise ValueError(f"duration_in: {describe(value)} cannot be told in {describe(unit)}")


def add_duration(day: Any, value: Any) -> datetime.date:
    """The day a duration later: first its months, then its days. Refuses durations with parts of a day.

    Examples:
        add_duration(date('2026-01-31'), duration('1 month and 1 day')) == date('2026-03-01')
        add_duration(date('2026-03-04'), '2 weeks') == date('2026-03-18')
    """
    length = duration(value)
    days = normal(Fraction(length["seconds"]) / durations.SECONDS["days"])
    return add_days(add_months(day, length["months"]), days)


def time(value: Any) -> str:
    """The time of day that a text denotes, as 24 hours: '09:05'. Times compare as texts do.

    Examples:
        time('9:05 pm') == '21:05'
        time('9 am') < time('21:40')
    """
    if not isinstance(value, str):
        raise ValueError(f"time: {describe(value)} is not a text")
    return times.read_time(value)


def add_to_time(start: Any, length: Any) -> str:
    """The time of day a duration or a number of minutes later; past midnight it goes on at 00:00 (see `days_carried`).

    Examples:
        add_to_time('23:50', 45) == '00:35'
        add_to_time('09:05', duration('1 h 30 min')) == '10:35'
    """
    minutes = _carried(start, length, "add_to_time") % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def days_carried(start: Any, length: Any) -> int:
    """How many days after that of `start` the time a duration or a number of minutes later falls on.

    Examples:
        days_carried('23:50', 45) == 1
        days_carried('09:05', 45) == 0
    """
    return _carried(start, length, "days_carried") // 1440


def clock12(value: Any) -> str:
    """A time of day in 12 hours, e.g. 9:05 pm; 12:00 pm is noon.

    Examples:
        clock12('21:05') == '9:05 pm'
        clock12('00:30') == '12:30 am'
    """
    hour, minute = divmod(_minutes(value, "clock12"), 60)
    return f"{hour % 12 or 12}:{minute:02} {'am' if hour < 12 else 'pm'}"


def _minutes(value: Any, function: str) -> int:
    if not isinstance(value, str):
        raise ValueError(f"{function}: {describe(value)} is not a time; make one with time(...)")
    hour, minute = times.read_time(value).split(":")
    return int(hour) * 60 + int(minute)


def _carried(start: Any, length: Any, function: str) -> int:
    minutes = length if is_number(length) else duration_in(_duration(length, function), "minutes")
    return _minutes(start, function) + _whole(minutes, function)


def _later(day: datetime.date, days: int, function: str) -> datetime.date:
    try:
        return day + datetime.timedelta(days=days)
    except OverflowError:
        raise ValueError(f"{function}: there is no such day") from None


def _date(value: Any, function: str) -> datetime.date:
    if not isinstance(value, datetime.date):
        raise ValueError(f"{function}: {describe(value)} is not a day; make one with date(...)")
    return value


def _duration(value: Any, function: str) -> Mapping[str, Number]:
    if not isinstance(value, Mapping) or set(value) != {"months", "seconds"} or not all(map(is_number, value.values())):
        raise ValueError(f"{function}: {describe(value)} is not a duration")
    return value


def _whole(value: Any, function: str) -> int:
    if not is_number(value) or not isinstance(value, int):
        raise ValueError(f"{function}: {describe(value)} is not a whole number")
    return value


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "date": date,
    "iso": iso,
    "make_date": make_date,
    "year_of": year_of,
    "month_of": month_of,
    "day_of": day_of,
    "add_days": add_days,
    "add_months": add_months,
    "add_workdays": add_workdays,
    "days_between": days_between,
    "weekday": weekday,
    "is_weekend": is_weekend,
    "duration": duration,
    "duration_in": duration_in,
    "add_duration": add_duration,
    "time": time,
    "add_to_time": add_to_time,
    "days_carried": days_carried,
    "clock12": clock12,
}
