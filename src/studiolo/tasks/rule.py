"""When something happens again and again, or once: a rule in local time, and the moments that it means.

A rule is kept as text: an iCalendar RRULE (RFC 5545), with its DTSTART where that matters, or one local time such as
`2026-12-24T10:00`. What cron says in five fields is turned into an RRULE. Clocks that are set forward and back
(`zoneinfo`) change nothing: eight o'clock stays eight o'clock, a time that a day does not have is an hour later on that
day, and one that a day has twice is the first of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import DAILY, HOURLY, MONTHLY, WEEKLY, YEARLY, rrule
from dateutil.rrule import weekday as dateutil_day

from studiolo.canvas.errors import Invalid

Frequency = Literal["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
CLOSEST = 5 * 60  # seconds between two times
FURTHEST = timedelta(days=9 * 366)  # that is looked ahead: a 29th of February can be eight years away
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FREQUENCIES: dict[str, Literal[0, 1, 2, 3, 4]] = {
    "HOURLY": HOURLY,
    "DAILY": DAILY,
    "WEEKLY": WEEKLY,
    "MONTHLY": MONTHLY,
    "YEARLY": YEARLY,
}
MADE_IN = datetime(2000, 1, 1)
"""The time to read a rule with that was kept: it says everything itself, so it means the same whenever it is read."""
_LONGEST = 500  # characters
_FAR = 10  # years
_MOST_COUNT = 1_000
_GAP = timedelta(hours=3)  # more than any clock is set forward by

RULES = (
    "For example FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=0, or as cron 0 8 * * 1-5, or in words "
    "“every weekday at 8”."
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the week, 0 for Monday; `nth` of the month or the year, from the end when negative, 0 for each."""

    day: int
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. Times are local and without a zone. `start`: what intervals and the count are reckoned from."""

    frequency: Frequency
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    interval: int = 1
    days: tuple[Day, ...] = ()
    dates: tuple[int, ...] = ()  # of the month, from its end when negative
    months: tuple[int, ...] = ()
    position: tuple[int, ...] = ()
    start: datetime | None = None
    until: datetime | None = None
    count: int | None = None
    once: datetime | None = None  # and then nothing else counts

    @classmethod
    def at(cls, moment: datetime) -> Rule:
        """Once."""
        return cls("DAILY", (moment.hour,), (moment.minute,), once=moment.replace(second=0, microsecond=0))

    @property
    def text(self) -> str:
        """The rule as it is kept, and read by `read`."""
        if self.once:
            return self.once.strftime("%Y-%m-%dT%H:%M")
        parts = [f"FREQ={self.frequency}"]
        if self.interval > 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.months:
            parts.append("BYMONTH=" + ",".join(map(str, self.months)))
        if self.dates:
            parts.append("BYMONTHDAY=" + ",".join(map(str, self.dates)))
        if self.days:
            parts.append("BYDAY=" + ",".join(f"{day.nth or ''}{DAYS[day.day]}" for day in self.days))
        if self.hours:
            parts.append("BYHOUR=" + ",".join(map(str, self.hours)))
        parts.append("BYMINUTE=" + ",".join(map(str, self.minutes)))
        if self.position:
            parts.append("BYSETPOS=" + ",".join(map(str, self.position)))
        if self.count:
            parts.append(f"COUNT={self.count}")
        if self.until:
            parts.append("UNTIL=" + self.until.strftime("%Y%m%dT%H%M%S"))
        text = ";".join(parts)
        return f"DTSTART:{self.start:%Y%m%dT%H%M%S}\nRRULE:{text}" if self.start else text

    @property
    def anchored(self) -> bool:
        """Whether it matters what it is reckoned from."""
        return self.once is None and (self.interval > 1 or self.count is not None)

    def local_times(self, after: datetime) -> Iterator[datetime]:
        """The local times after one, in order."""
        if self.once:
            if self.once > after:
                yield self.once
            return
        last = after + FURTHEST
        for found in _rrule(self, self._begin(after), min(self.until, last) if self.until else last):
            if found > after and (self.start is None or found >= self.start):
                yield found

    def _begin(self, after: datetime) -> datetime:
        """From where to count so that it need not be from the very beginning."""
        start = self.start
        if not self.anchored or start is None:
            day = (after - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            if self.frequency in ("MONTHLY", "YEARLY"):
                day = day.replace(day=1) if self.frequency == "MONTHLY" else day.replace(month=1, day=1)
            return max(day, start) if start and start > day else day
        if self.count is not None or after <= start:
            return start
        if self.frequency in ("MONTHLY", "YEARLY"):
            return start  # a step is a month at least, so there are few
        step = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}[self.frequency]
        step *= self.interval
        return start + max(0, (after - start) // step - 1) * step

    def times(self, after: float, zone: ZoneInfo, count: int) -> list[float]:
        """The next moments after one, in seconds since 1970; fewer when it ends."""
        found: list[float] = []
        moment = self.next(after, zone)
        while moment is not None and len(found) < count:
            found.append(moment)
            moment = self.next(moment, zone)
        return found

    def next(self, after: float, zone: ZoneInfo) -> float | None:
        """The first moment after one; None when there is none any more."""
        local = datetime.fromtimestamp(after, zone).replace(tzinfo=None)
        best: float | None = None
        limit: datetime | None = None
        # What a clock that is set forward leaves out comes later than what stands behind it: some more are looked at.
        for found in self.local_times(local - _GAP):
            if limit is not None and found > limit:
                break
            moment = moment_of(found, zone)
            if moment > after:
                best = moment if best is None else min(best, moment)
                limit = limit or found + _GAP
        return best

    def missed(self, after: float, now: float, zone: ZoneInfo, most: int = 100) -> int:
        """How many moments there are after one and until now."""
        number = 0
        moment = self.next(after, zone)
        while moment is not None and moment <= now and number < most:
            number += 1
            moment = self.next(moment, zone)
        return number


def moment_of(local: datetime, zone: ZoneInfo) -> float:
    """A local time as a moment: the first one, where a day has it twice; later by what the clock was set forward,
    where it has it not."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC).timestamp()


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name. Raises `Invalid`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            f"There is no time zone {name[:50]!r}.", "Name one such as Europe/Berlin, America/New_York or UTC."
        ) from None


def _rrule(rule: Rule, begin: datetime, until: datetime) -> Any:
    frequency, days = rule.frequency, rule.days
    if frequency in ("DAILY", "WEEKLY") and rule.interval == 1 and rule.count is None:
        # dateutil looks at the end only when it has found something: a year at a time it is at its own end soon.
        frequency, days = "YEARLY", days or (() if rule.dates else tuple(Day(day) for day in range(7)))
    return rrule(
        _FREQUENCIES[frequency],
        dtstart=begin,
        interval=rule.interval,
        wkst=0,
        count=rule.count,
        until=None if rule.count is not None else until,
        bysetpos=rule.position or None,
        bymonth=rule.months or None,
        bymonthday=rule.dates or None,
        byweekday=[dateutil_day(day.day, day.nth or None) for day in days] or None,
        byhour=rule.hours if rule.frequency != "HOURLY" or rule.hours else None,
        byminute=rule.minutes,
        bysecond=0,
        cache=False,
    )


def checked(rule: Rule, now: datetime) -> Rule:
    """The rule, when it has a next time and none are too close together. Raises `Invalid`."""
    coming = [time for time, _ in zip(rule.local_times(now), range(200), strict=False)]
    if not coming:
        if rule.once:
            raise Invalid(f"{rule.once:%Y-%m-%d %H:%M} is over.", "Name a time that is still to come.")
        raise Invalid("This never happens (again).", "Look at its day, its month and its end. " + RULES)
    if any((later - earlier).total_seconds() < CLOSEST for earlier, later in pairwise(coming)):
        raise Invalid(
            f"This would be more often than every {CLOSEST // 60} minutes.",
            f"Let at least {CLOSEST // 60} minutes be between two times.",
        )
    return rule


# -- reading


def read(text: str, now: datetime) -> Rule:
    """A rule as RRULE, as cron, or as one local time. `now` is local: what a rule does not say is taken from there.

    Raises `Invalid`.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise Invalid(f"The rule is longer than {_LONGEST} characters.", RULES)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?", text):
        try:
            return Rule.at(datetime.fromisoformat(text))
        except ValueError:
            raise Invalid(f"{text!r} is no time.", "Write it as 2026-12-24T10:00.") from None
    if "FREQ=" in text.upper():
        return _read_rrule(text.upper(), now)
    if len(text.split()) == 5:
        return from_cron(text)
    raise Invalid(f"{text[:60]!r} is no rule.", RULES)


def _read_rrule(text: str, now: datetime) -> Rule:
    start: datetime | None = None
    body = ""
    for line in text.splitlines():
        name, _, value = line.strip().rpartition(":")
        if name.startswith("DTSTART"):
            if "TZID" in name or value.endswith("Z"):
                raise Invalid("DTSTART is a local time here.", "Leave TZID and Z out, and give the zone as `zone`.")
            start = _stamp(value)
        elif name in ("RRULE", "") and not body:
            body = value
        elif line.strip():
            raise Invalid(f"{line.strip()[:40]!r} is not known in a rule.", RULES)
    parts: dict[str, str] = {}
    for part in filter(None, body.split(";")):
        name, _, value = part.partition("=")
        if name in parts or not value:
            raise Invalid(f"{part[:40]!r} is not known in a rule, or is there twice.", RULES)
        parts[name] = value
    return _of_parts(parts, start, now)


def _of_parts(parts: dict[str, str], start: datetime | None, now: datetime) -> Rule:
    frequency: Any = parts.pop("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise Invalid(
            f"FREQ={frequency[:20]} is not possible here.",
            "Use HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY; within the hour BYMINUTE=0,15,30,45.",
        )
    if start and abs(start.year - now.year) > _FAR and now != MADE_IN:
        raise Invalid(f"DTSTART is more than {_FAR} years away.", "Name a day that is nearer.")
    from_ = start or now
    interval = _numbers(parts, "INTERVAL", 1, 999)
    count = _numbers(parts, "COUNT", 1, _MOST_COUNT)
    if parts.pop("BYSECOND", "0") != "0" or parts.pop("WKST", "MO") != "MO":
        raise Invalid("Seconds, and weeks that do not begin on Monday, are not possible here.", "Leave them out.")
    hours = tuple(sorted(set(_numbers(parts, "BYHOUR", 0, 23))))
    minutes = tuple(sorted(set(_numbers(parts, "BYMINUTE", 0, 59))))
    rule = Rule(
        frequency,
        hours or (() if frequency == "HOURLY" else (from_.hour,)),
        minutes or (from_.minute,),
        interval[0] if interval else 1,
        _days(parts.pop("BYDAY", "")),
        tuple(_numbers(parts, "BYMONTHDAY", -31, 31, zero=False)),
        tuple(_numbers(parts, "BYMONTH", 1, 12)),
        tuple(_numbers(parts, "BYSETPOS", -366, 366, zero=False)),
        start,
        _stamp(until) if (until := parts.pop("UNTIL", "")) else None,
        count[0] if count else None,
    )
    if parts:
        raise Invalid(f"{', '.join(sorted(parts))[:60]} is not possible here.", RULES)
    if any(day.nth for day in rule.days) and frequency not in ("MONTHLY", "YEARLY"):
        raise Invalid("BYDAY with a number needs FREQ=MONTHLY or YEARLY.", RULES)
    if not (rule.days or rule.dates):  # what RFC 5545 takes from DTSTART
        if frequency == "WEEKLY":
            rule = replace(rule, days=(Day(from_.weekday()),))
        elif frequency == "MONTHLY" or (frequency == "YEARLY" and rule.months):
            rule = replace(rule, dates=(from_.day,))
        elif frequency == "YEARLY":
            rule = replace(rule, dates=(from_.day,), months=(from_.month,))
    if (rule.interval > 1 or rule.count) and frequency in ("DAILY", "WEEKLY") and (rule.dates or rule.months):
        raise Invalid("INTERVAL and COUNT of days or weeks go with no months and dates.", RULES)
    if rule.interval > 1 and frequency == "DAILY" and rule.days:
        raise Invalid("INTERVAL of days goes with no days of the week.", "Use FREQ=WEEKLY. " + RULES)
    if rule.position and frequency not in ("MONTHLY", "YEARLY"):
        raise Invalid("BYSETPOS needs FREQ=MONTHLY or YEARLY.", RULES)
    if frequency == "HOURLY" and (rule.days or rule.dates or rule.months or rule.hours):
        if rule.interval > 1:
            raise Invalid(
                "INTERVAL of hours goes with no days and hours.", "Use FREQ=DAILY and name the hours. " + RULES
            )
        rule = replace(rule, frequency="DAILY", hours=rule.hours or tuple(range(24)))
    if rule.anchored and rule.start is None:
        rule = replace(rule, start=now.replace(second=0, microsecond=0))
    return rule if rule.anchored or (rule.start and rule.start > now) else replace(rule, start=None)


def _stamp(value: str) -> datetime:
    try:
        if re.fullmatch(r"\d{8}", value):
            return datetime.strptime(value, "%Y%m%d").replace(hour=23, minute=59)
        return datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S")
    except ValueError:
        raise Invalid(f"{value[:30]!r} is no time in a rule.", "Write it as 20261231T235900.") from None


def _numbers(parts: dict[str, str], name: str, least: int, most: int, *, zero: bool = True) -> list[int]:
    if name not in parts:
        return []
    value = parts.pop(name)
    if not re.fullmatch(r"[+-]?\d{1,4}(,[+-]?\d{1,4})*", value):
        raise Invalid(f"{name}={value[:30]} are no numbers.", RULES)
    numbers = [int(one) for one in value.split(",")]
    if any(not least <= one <= most or (one == 0 and not zero) for one in numbers):
        raise Invalid(f"{name}={value[:30]} is not between {least} and {most}.", RULES)
    return numbers


def _days(value: str) -> tuple[Day, ...]:
    days: list[Day] = []
    for one in filter(None, value.split(",")):
        found = re.fullmatch(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)", one)
        if not found or abs(int(found[1] or 0)) > 53:
            raise Invalid(f"BYDAY={value[:40]}: {one[:10]!r} is no day.", RULES)
        days.append(Day(DAYS.index(found[2]), int(found[1] or 0)))
    return tuple(days)


# -- cron

_ALIASES = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}


def from_cron(text: str) -> Rule:
    """What five fields of cron mean. Raises `Invalid`; also for a day of the month together with a day of the week,
    which cron takes for either of them and most people for both."""
    minute, hour, date, month, day = _ALIASES.get(text.strip().lower(), text).upper().split()
    minutes = _field("minute", minute, 0, 59)
    hours = _field("hour", hour, 0, 23)
    months = _field("month", month, 1, 12, MONTHS)
    if date not in ("*", "?") and day not in ("*", "?"):
        raise Invalid(
            "A day of the month and a day of the week together mean either of them to cron.",
            "Make two schedules, or write it as RRULE.",
        )
    dates = (-1,) if date == "L" else () if date in ("*", "?") else tuple(_field("day", date, 1, 31))
    days = _cron_days(day)
    every_hour = hours == list(range(24))
    frequency: Frequency = "DAILY"
    if dates or any(one.nth for one in days):
        frequency = "MONTHLY"
    elif days:
        frequency = "WEEKLY"
    elif every_hour and len(months) == 12:
        frequency = "HOURLY"
    return Rule(
        frequency,
        () if frequency == "HOURLY" else tuple(hours),
        tuple(minutes),
        days=days,
        dates=dates,
        months=() if len(months) == 12 else tuple(months),
    )


def _cron_days(field: str) -> tuple[Day, ...]:
    if field in ("*", "?"):
        return ()
    names = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
    if found := re.fullmatch(r"(\w+)(?:#([1-5])|(L))", field):
        [number] = _field("weekday", found[1], 0, 7, names, 0)
        return (Day((number - 1) % 7, int(found[2]) if found[2] else -1),)
    numbers = {(number - 1) % 7 for number in _field("weekday", field, 0, 7, names, 0)}
    return tuple(Day(number) for number in sorted(numbers)) if len(numbers) < 7 else ()


def _field(what: str, field: str, least: int, most: int, names: tuple[str, ...] = (), first: int = 1) -> list[int]:
    """The numbers of one field of cron, in order."""

    def number(text: str) -> int:
        if text in names:
            return names.index(text) + first
        if not text.isdecimal() or len(text) > 2 or not least <= int(text) <= most:
            raise Invalid(f"{field!r} is no {what} of cron.", f"Use numbers from {least} to {most}. " + RULES)
        return int(text)

    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        every = number(step) if slash and step != "0" else 1
        if slash and (not step.isdecimal() or step == "0"):
            raise Invalid(f"{field!r} is no {what} of cron.", RULES)
        low, dash, high = span.partition("-")
        if span == "*":
            begin, end = least, most
        elif dash:
            begin, end = number(low), number(high)
        else:
            begin = number(span)
            end = most if slash else begin
        if begin > end:
            raise Invalid(f"{field!r} is no {what} of cron: {span} goes backwards.", RULES)
        found |= set(range(begin, end + 1, every))
    return sorted(found)
