"""A rule in plain words, so that people see what was understood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from studiolo.tasks.rule import Day, Rule

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}
_UNITS = {"HOURLY": "hour", "DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}


def said(rule: Rule, zone: str) -> str:
    """The rule as one sentence."""
    if rule.once:
        return f"Once, on {_date(rule.once)} at {rule.once:%H:%M} ({zone})."
    when = _days(rule)
    if rule.frequency == "HOURLY" and not rule.hours:
        when += ", at " + _minutes(rule)
    else:
        when += _clock(rule)
    if rule.start and rule.anchored:
        when += f", reckoned from {_date(rule.start)} at {rule.start:%H:%M}"
    elif rule.start:
        when += f", from {_date(rule.start)} on"
    if rule.until:
        when += f", until {_date(rule.until)}"
    if rule.count:
        when += ", once" if rule.count == 1 else f", {rule.count} times"
    return f"{when[0].upper()}{when[1:]} ({zone})."


def _days(rule: Rule) -> str:
    """On which days."""
    every = _every(rule)
    days = rule.days
    if rule.position:
        return (
            f"on the {_list(_nth(at) for at in rule.position)} {_weekdays(days, ' or ')} of {every}{_in_months(rule)}"
        )
    if rule.dates:
        if rule.frequency == "YEARLY" and rule.months and rule.interval == 1 and not days:
            return "every year on " + _list(f"{_dates(rule.dates)} {MONTH_NAMES[month - 1]}" for month in rule.months)
        of = f"on the {_dates(rule.dates)} of {every}"
        if days:  # both must be so
            of += f" if that is a {_weekdays(days, ' or ')}"
        return of + _in_months(rule)
    if days and any(day.nth for day in days):
        return f"on the {_list(f'{_nth(day.nth)} {DAY_NAMES[day.day]}' for day in days)} of {every}{_in_months(rule)}"
    if days:
        if rule.frequency in ("WEEKLY", "DAILY") and rule.interval == 1:
            return f"every {_weekdays(days)}{_in_months(rule)}"
        return f"{every} on {_weekdays(days)}{_in_months(rule)}"
    return every + _in_months(rule)


def _every(rule: Rule) -> str:
    unit = _UNITS[rule.frequency]
    return f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"


def _in_months(rule: Rule) -> str:
    return f" in {_list(MONTH_NAMES[month - 1] for month in rule.months)}" if rule.months else ""


def _weekdays(days: Sequence[Day], last: str = " and ") -> str:
    found = {day.day for day in days}
    if found == {0, 1, 2, 3, 4}:
        return "weekday (Monday to Friday)"
    if found == {0, 1, 2, 3, 4, 5, 6}:
        return "day"
    if len(found) == 6:
        return f"day but {next(name for day, name in enumerate(DAY_NAMES) if day not in found)}"
    if found == {5, 6}:
        return "Saturday" + last + "Sunday"
    return _list((DAY_NAMES[day] for day in sorted(found)), last)


def _clock(rule: Rule) -> str:
    """At which times of the day."""
    times = [f"{hour:02}:{minute:02}" for hour in rule.hours for minute in rule.minutes]
    steps = {later - earlier for earlier, later in zip(rule.hours, rule.hours[1:], strict=False)}
    if len(rule.hours) > 3 and len(steps) == 1 and len(rule.minutes) == 1:
        step = steps.pop()
        every = "every hour" if step == 1 else f"every {step} hours"
        return f", {every} from {times[0]} to {times[-1]}"
    if len(rule.hours) > 1 and steps == {1} and len(rule.minutes) > 1:
        return f", {_minutes(rule)} of every hour from {times[0]} to {times[-1]}"
    return " at " + _list(times)


def _minutes(rule: Rule) -> str:
    if len(rule.minutes) > 3:
        steps = {later - earlier for earlier, later in zip(rule.minutes, rule.minutes[1:], strict=False)}
        if len(steps) == 1 and rule.minutes[0] + 60 - rule.minutes[-1] in steps:
            return f"every {steps.pop()} minutes"
    return ("minute " if len(rule.minutes) == 1 else "minutes ") + _list(f"{minute:02}" for minute in rule.minutes)


def _dates(dates: Sequence[int]) -> str:
    return _list(_ordinal(date) if date > 0 else _last_day(date) for date in dates)


def _last_day(date: int) -> str:
    return "last day" if date == -1 else f"{_ordinal(-date)} day from the end"


def _nth(number: int) -> str:
    return _NTH.get(number) or (_ordinal(number) if number > 0 else f"{_ordinal(-number)} from the end")


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _date(moment: datetime) -> str:
    return f"{DAY_NAMES[moment.weekday()]}, {moment.day} {MONTH_NAMES[moment.month - 1]} {moment.year}"


def _list(words: Iterable[str], last: str = " and ") -> str:
    said = list(words)
    return said[0] if len(said) == 1 else ", ".join(said[:-1]) + last + said[-1]
