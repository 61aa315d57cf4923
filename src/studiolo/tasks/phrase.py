"""The grammar of “when”: days, times of the day, spans, dates, and what may stand between them.

Nothing is guessed: what could mean two things is refused with what to say instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from studiolo.tasks.rule import Day, Frequency, Rule
from studiolo.tasks.time_words import BEGINS, DAYS, GOES_ON, MONTHS, NUMBERS, ORDINALS, PARTS

NO_TIME = 8  # o'clock, where no time is said; people are told


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    word: str  # in English, in small letters
    start: int
    end: int
    raw: str


class NotThere(Exception):
    """The words from this one on are not understood."""

    def __init__(self, token: Token, why: str) -> None:
        super().__init__(why)
        self.token, self.why = token, why


class Phrase:
    """A list of words, read from the first one on, as far as it says when."""

    def __init__(self, tokens: Sequence[Token], now: datetime) -> None:
        self.tokens, self.now = tokens, now.replace(second=0, microsecond=0)
        self.at = 0
        self.frequency: Frequency | None = None
        self.interval = 1
        self.days: list[Day] = []
        self.dates: list[int] = []
        self.months: list[int] = []
        self.position: tuple[int, ...] = ()
        self.clock: list[time] = []
        self.window: tuple[time, time] | None = None
        self.once: date | None = None
        self.moment: datetime | None = None
        self.part = ""
        self.minutes = 0  # “every 30 minutes”
        self.start: datetime | None = None
        self.until: datetime | None = None
        self.count: int | None = None
        self.taken: list[str] = []

    # -- words

    def peek(self, ahead: int = 0) -> Token:
        where = self.at + ahead
        if where < len(self.tokens):
            return self.tokens[where]
        end = self.tokens[-1].end
        return Token("end", "", end, end, "")

    def word(self, *words: str, ahead: int = 0) -> bool:
        return self.peek(ahead).word in words

    def take(self, *words: str) -> bool:
        """Go on behind these words if they stand here, one after the other."""
        if all(self.peek(number).word == word for number, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def wrong(self, expected: str) -> NotThere:
        token = self.peek()
        return NotThere(token, f"after {self._before()} {expected} was expected, not {self._named(token)}")

    def _before(self) -> str:
        return f"“{self.tokens[self.at - 1].raw}”" if self.at else "the beginning"

    @staticmethod
    def _named(token: Token) -> str:
        return f"“{token.raw}”" if token.raw else "the end"

    # -- the whole

    def read(self) -> tuple[Rule, tuple[str, ...], int]:
        """The rule, what was taken for granted, and how many words it took."""
        parts: tuple[Callable[[], bool], ...] = (
            *(self._times, self._window, self._every, self._starting, self._until, self._except, self._of_month),
            *(self._on, self._once, self._number_of_times, self._part_of_day),
        )
        while any(part() for part in parts):
            more = self.peek(1).word in GOES_ON or self.peek(1).word in BEGINS or self.word("times", ahead=2)
            if self.word(",") and more:
                mark = self.at
                self.at += 1
                if not any(part() for part in parts):
                    self.at = mark
                    break
        if not self.at:
            raise self.wrong("“every”, “on”, “tomorrow” or a date")
        return self._rule(), tuple(self.taken), self.at

    def _rule(self) -> Rule:
        if self.moment is not None:
            self._nothing_but_once()
            return Rule.at(self.moment)
        if self.once is not None:
            self._nothing_but_once()
            at = self._clock_or_usual()
            if len(at) > 1 or self.window:
                raise NotThere(self.peek(), "a single day has one time here")
            return Rule.at(datetime.combine(self.once, at[0]))
        if self.frequency is None:
            raise NotThere(self.peek(), "nothing says on which days: “every day”, “every Monday”, “tomorrow”")
        rule = self._repeated(self.frequency)
        if self.start:
            rule = replace(rule, start=self.start)
        elif rule.interval > 1 or self.count:
            rule = replace(rule, start=self._anchor(rule))
        return replace(rule, until=self.until, count=self.count)

    def _nothing_but_once(self) -> None:
        if self.frequency or self.until or self.count or self.start:
            raise NotThere(self.peek(), "it is both once and again and again")

    def _repeated(self, frequency: Frequency) -> Rule:
        days, dates, months = tuple(self.days), tuple(sorted(self.dates)), tuple(self.months)
        if frequency == "HOURLY" or self.minutes:
            return self._within_hours(days, dates, months)
        if self.window:
            raise NotThere(self.peek(), "“from … to …” needs “every hour”, “every 2 hours” or “every 30 minutes”")
        if frequency == "WEEKLY" and not days:
            raise NotThere(self.peek(), "nothing says on which day of the week")
        if frequency == "MONTHLY" and not (days or dates):
            raise NotThere(self.peek(), "nothing says on which day of the month")
        if frequency == "YEARLY" and not (dates and months):
            raise NotThere(self.peek(), "nothing says on which day of the year")
        hours, minutes = self._hours(self._clock_or_usual())
        return Rule(frequency, hours, minutes, self.interval, days, dates, months, self.position)

    def _within_hours(self, days: tuple[Day, ...], dates: tuple[int, ...], months: tuple[int, ...]) -> Rule:
        """Every so many hours, or minutes."""
        frequency: Frequency = "MONTHLY" if dates or any(day.nth for day in days) else "WEEKLY" if days else "DAILY"
        first, last = self.window or (time(0), time(23, 59))
        if len(self.clock) == 1 and not self.window and not self.minutes and self.clock[0].hour == 0:
            first = self.clock[0]  # “every hour at 0:15”
        elif self.clock:
            raise NotThere(self.peek(), "a time of the day does not go with “every … hours”: say “from 9 to 17”")
        if self.minutes:
            if 60 % self.minutes or first.minute:
                raise NotThere(self.peek(), f"every {self.minutes} minutes does not fit into full hours")
            hours = range(first.hour, last.hour + (1 if last.minute else 0)) if self.window else range(24)
            marks = tuple(range(0, 60, self.minutes))
            if not hours:
                raise NotThere(self.peek(), "nothing lies between these times")
            whole = len(hours) == 24 and not (days or dates or months)
            return Rule("HOURLY" if whole else frequency, () if whole else tuple(hours), marks, 1, days, dates, months)
        if not self.window and (self.interval > 24 or 24 % self.interval):
            if days or dates or months:
                raise NotThere(self.peek(), f"every {self.interval} hours does not begin anew each day")
            start = self.now.replace(minute=0) + timedelta(hours=1)
            return Rule("HOURLY", (), (0,), self.interval, start=start)
        if not self.window and self.interval == 1 and not (days or dates or months):
            return Rule("HOURLY", (), (first.minute,))
        spread = [hour for hour in range(first.hour, 24, self.interval) if time(hour, first.minute) <= last]
        if not spread:
            raise NotThere(self.peek(), "nothing lies between these times")
        return Rule(frequency, tuple(spread), (first.minute,), 1, days, dates, months)

    def _anchor(self, rule: Rule) -> datetime:
        """Where intervals are counted from: the first time that fits from now on."""
        found = next(replace(rule, interval=1, count=None, start=None).local_times(self.now), self.now)
        return rule.start or found

    def _clock_or_usual(self) -> list[time]:
        if self.clock:
            return self.clock
        hour = PARTS.get(self.part, NO_TIME)
        self.taken.append(
            f"{hour:02}:00, because no time was said" if not self.part else f"{hour:02}:00 for “{self.part}”"
        )
        return [time(hour)]

    def _hours(self, clock: list[time]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        hours, minutes = sorted({at.hour for at in clock}), sorted({at.minute for at in clock})
        if len(hours) * len(minutes) != len(set(clock)):
            raise NotThere(self.peek(), "several times must have the same minutes: make two schedules")
        return tuple(hours), tuple(minutes)

    # -- parts; each says whether it stood here

    def _set(self, frequency: Frequency, interval: int = 1) -> bool:
        if self.frequency is not None and (self.frequency, self.interval) != (frequency, interval):
            known = self.frequency in ("HOURLY", "DAILY") and frequency == "WEEKLY" and interval == 1
            if not known:
                raise NotThere(self.tokens[self.at - 1], "it says in two ways how often")
            if self.frequency == "DAILY":
                self.frequency = "WEEKLY"
            return True
        self.frequency, self.interval = frequency, interval
        return True

    def _every(self) -> bool:
        simple: dict[str, Frequency] = {
            "daily": "DAILY",
            "hourly": "HOURLY",
            "weekly": "WEEKLY",
            "monthly": "MONTHLY",
            "yearly": "YEARLY",
        }
        if self.peek().word in simple:
            self.at += 1
            return self._set(simple[self.tokens[self.at - 1].word])
        span = self._is_day() and self.word("to", "-", ahead=1) and self._is_day(2)
        if span or self.word("weekdays", "weekend", *(day + "s" for day in DAYS)):
            return self._named_days()
        if self._ordinal_here() is not None and self._is_day(1) and self.word("of", ahead=2):
            return self._nth_days()
        if self.word("mornings", "evenings", "afternoons", "nights"):
            self.part = self.peek().word.removesuffix("s")
            self.at += 1
            return self._set("DAILY") if self.frequency is None else True
        if not self.word("every"):
            return False
        self.at += 1
        if self.peek().kind in ("ordinal", "word") and (ordinal := self._ordinal_here()) is not None:
            return self._every_nth(ordinal)
        number = self._number()
        unit = self.peek()
        units: dict[str, Frequency] = {"hour": "HOURLY", "day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}
        units["year"] = "YEARLY"
        if unit.word.removesuffix("s") == "minute":
            self.at += 1
            self.minutes = number or 1
            if self.minutes >= 60 and self.minutes % 60 == 0:
                self.minutes, number = 0, self.minutes // 60
                return self._set("HOURLY", number)
            return self._set("HOURLY")
        if unit.word.removesuffix("s") in units and unit.word not in DAYS:
            if number is None and unit.word.endswith("s"):
                raise self.wrong("a number, or “hour”, “day”, “week”, “month”")
            self.at += 1
            return self._set(units[unit.word.removesuffix("s")], number or 1)
        if number is not None:
            raise self.wrong("“minutes”, “hours”, “days”, “weeks”, “months” or “years”")
        if self.word("morning", "evening", "afternoon", "night"):
            self.part = self.peek().word
            self.at += 1
            return self._set("DAILY")
        if self.take("work", "day") or self.take("work", "days"):
            self.days = [Day(day) for day in range(5)]
            return self._set("WEEKLY")
        if self._is_day():
            return self._named_days()
        if self.peek().word in MONTHS:
            raise self.wrong("a day: “every year on 5 March”")
        raise self.wrong("a day, “weekday”, “hour”, “2 hours”, “week” or “month”")

    def _every_nth(self, nth: int) -> bool:
        """“every second Monday”, “every last Friday of the month”, “every 1st of the month”."""
        mark = self.at
        self.at += 1
        of_month = self._is_day() and self.word("of", ahead=1)
        if self._is_day() and (nth == -1 or of_month):
            self.at = mark
            return self._nth_days()
        if self._is_day() and nth == 2:
            self.days = [Day(day) for day in self._day_set()]
            return self._set("WEEKLY", 2)
        unit = self.peek().word
        units: dict[str, Frequency] = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "hour": "HOURLY"}
        if unit in units and nth > 1:
            if unit == "day" and self.word("of", ahead=1):
                self.at = mark
                return self._nth_days()
            self.at += 1
            return self._set(units[unit], nth)
        if self.word("of") or self.peek().kind == "end":
            self.at = mark
            return self._nth_days()
        raise self.wrong("“Monday”, “week”, “day” or “of the month”")

    def _named_days(self) -> bool:
        self.days += [Day(day) for day in self._day_set() if Day(day) not in self.days]
        while True:
            mark = self.at
            if not (self.take("and") or self.take(",", "and") or self.take(",") or self.take("/")):
                break
            self.take("on")
            self.take("every")
            if not self._is_day():
                self.at = mark
                break
            self.days += [Day(day) for day in self._day_set() if Day(day) not in self.days]
        if self.frequency == "WEEKLY" and self.interval > 1:
            return True
        return self._set("WEEKLY")

    def _is_day(self, ahead: int = 0) -> bool:
        word = self.peek(ahead).word
        return word in ("weekday", "weekdays", "weekend") or word.removesuffix("s") in DAYS

    def _day_set(self) -> list[int]:
        """One day, “weekday”, “weekend”, or “Monday to Friday”."""
        word = self.peek().word
        self.at += 1
        if word in ("weekday", "weekdays"):
            return [0, 1, 2, 3, 4]
        if word == "weekend":
            return [5, 6]
        first = DAYS.index(word.removesuffix("s"))
        if self.word("to", "-") and self.peek(1).word.removesuffix("s") in DAYS:
            last = DAYS.index(self.peek(1).word.removesuffix("s"))
            self.at += 2
            return [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]
        return [first]

    def _on(self) -> bool:
        """“on Mondays”, “on the last Friday of the month”, “on the 1st and 15th”, “on 24 December”."""
        mark = self.at
        if self.take("from") or self.take("between"):
            if self._is_day() and self.word("to", "-", ahead=1):
                return self._named_days()
            self.at = mark
            return False
        if not self.take("on") and not (self.word("an") and self._is_day(1) and self.take("an")):
            return False
        self.take("the")
        if self.word("weekend", "weekdays", *(day + "s" for day in DAYS)):
            return self._named_days()
        if self._is_day():
            if self.frequency in ("WEEKLY", "MONTHLY", "HOURLY", "DAILY") or self.word("weekday"):
                if self.frequency == "MONTHLY":
                    raise self.wrong("which one of the month: “on the first Monday”")
                return self._named_days()
            raise NotThere(
                self.peek(),
                f"“on {self.peek().raw}” may be once or each week: say “every {self.peek().raw}” or the date",
            )
        if self._date():
            return True
        if self._ordinal_here() is not None:
            return self._nth_days()
        self.at = mark
        self.at += 1
        raise self.wrong("a day such as “Mondays”, “the 1st”, “the last Friday” or a date")

    def _nth_days(self) -> bool:
        """“last Friday (of the month)”, “1st and 15th (of the month)”, “last day of the month”, “24 December”."""
        while True:
            nth = self._ordinal_here()
            if nth is None:
                raise self.wrong("“first”, “last” or a number such as “15th”")
            self.at += 1
            if self._is_day():
                found = self._day_set()
                if nth > 5:
                    raise self.wrong("“first” to “fifth”, or “last”")
                if len(found) == 1:
                    self.days.append(Day(found[0], nth))
                else:
                    self.days, self.position = [Day(day) for day in found], (nth,)
            elif self.word("day") or nth != -1:
                self.take("day")
                self.dates.append(nth)
            else:
                raise self.wrong("a day: “last Friday”, “last day”")
            mark = self.at
            if not (self.take("and") or self.take(",", "and") or self.take(",")):
                break
            self.take("on")
            self.take("the")
            if self._ordinal_here() is None:
                self.at = mark
                break
        if self.peek().word in MONTHS or (self.word("of") and self.peek(1).word in MONTHS):
            self.take("of")
            self.months.append(MONTHS.index(self.peek().word) + 1)
            self.at += 1
            return self._one_date() if self.frequency is None and not self.days else self._set("YEARLY")
        self._of_month()
        if self.frequency == "YEARLY":
            raise self.wrong("a month")
        return self._set("MONTHLY", self.interval if self.frequency == "MONTHLY" else 1)

    def _of_month(self) -> bool:
        for words in (("of", "the", "month"), ("of", "every", "month"), ("of", "month"), ("in", "the", "month")):
            if self.take(*words):
                if not (self.dates or self.days):
                    raise self.wrong("a day before it")
                return True
        return False

    def _one_date(self) -> bool:
        """A day and a month without “every year” are the next such day."""
        if len(self.dates) != 1 or self.dates[0] < 1:
            raise self.wrong("one day")
        day, month = self.dates.pop(), self.months.pop()
        self.once = self._coming(day, month)
        return True

    def _coming(self, day: int, month: int) -> date:
        if self.peek().kind == "number" and len(self.peek().word) == 4:
            year = int(self.peek().word)
            self.at += 1
            return self._a_date(year, month, day)
        for year in range(self.now.year, self.now.year + 9):
            try:
                found = date(year, month, day)
            except ValueError:
                continue
            if found >= self.now.date():
                return found
        return self._a_date(self.now.year, month, day)

    def _a_date(self, year: int, month: int, day: int) -> date:
        try:
            return date(year, month, day)
        except ValueError:
            raise NotThere(self.tokens[self.at - 1], "there is no such day") from None

    def _date(self) -> bool:
        """A date: 2026-12-24, 24.12.2026, 24 December, December 24; once, or each year after “every year”."""
        token = self.peek()
        if token.kind in ("stamp", "dotted"):
            self.at += 1
            year, month, day = (
                map(int, token.word.rstrip("t").split("-"))
                if token.kind == "stamp"
                else reversed([int(one) for one in token.word.split(".")])
            )
            self._again_or_once(self._a_date(year, month, day))
            return True
        if token.kind in ("number", "ordinal") and self.peek(1).word in MONTHS:
            day, month = int(re.sub(r"\D", "", token.word)), MONTHS.index(self.peek(1).word) + 1
        elif token.word in MONTHS and self.peek(1).kind in ("number", "ordinal"):
            day, month = int(re.sub(r"\D", "", self.peek(1).word)), MONTHS.index(token.word) + 1
        else:
            return False
        self.at += 2
        if self.frequency == "YEARLY":
            self.dates, self.months = [day], [month]
            return True
        self.take(",") if self.peek(1).kind == "number" and len(self.peek(1).word) == 4 else None
        self._again_or_once(self._coming(day, month))
        return True

    def _again_or_once(self, day: date) -> None:
        if self.once is not None or self.frequency is not None:
            raise NotThere(self.tokens[self.at - 1], "it is both once and again and again")
        self.once = day

    def _once(self) -> bool:
        """“tomorrow”, “today”, “in 2 hours”, “this Friday”, a date."""
        self.take("once")
        for word, days in (("today", 0), ("tomorrow", 1), ("overmorrow", 2)):
            if self.take(word):
                self._again_or_once(self.now.date() + timedelta(days=days))
                if self.word("morning", "evening", "afternoon", "night", "evenings", "mornings"):
                    self.part = self.peek().word.removesuffix("s")
                    self.at += 1
                return True
        if self.take("this"):
            if self.peek().word in DAYS:
                ahead = (DAYS.index(self.peek().word) - self.now.weekday()) % 7
                self.at += 1
                self._again_or_once(self.now.date() + timedelta(days=ahead))
                return True
            raise self.wrong("a day of the week")
        if self.word("next"):
            raise NotThere(self.peek(), "“next …” means this week's to some and next week's to others: name the date")
        if self.word("in") and self.peek(1).kind in ("number", "word"):
            mark = self.at
            self.at += 1
            number = self._number()
            unit = self.peek().word.removesuffix("s")
            if number and unit in ("minute", "hour"):
                self.at += 1
                if self.frequency or self.once:
                    raise NotThere(self.tokens[mark], "it is both once and again and again")
                self.moment = self.now + timedelta(**{unit + "s": number})
                return True
            if number and unit in ("day", "week"):
                self.at += 1
                self._again_or_once(self.now.date() + timedelta(**{unit + "s": number}))
                return True
            self.at = mark
            return self._in_months()
        return self.once is None and self.frequency is None and self._date()

    def _in_months(self) -> bool:
        if self.word("in") and self.peek(1).word in MONTHS and self.frequency:
            self.at += 2
            self.months.append(MONTHS.index(self.tokens[self.at - 1].word) + 1)
            return True
        return False

    def _part_of_day(self) -> bool:
        if self.word("in") and self.word("the", ahead=1) and self.word("morning", "evening", "afternoon", ahead=2):
            part = self.peek(2).word
            self.at += 3
            if self.clock:  # “at 8 in the evening”
                self.clock = [_shifted(at, part) for at in self.clock]
            else:
                self.part = part
            return True
        return False

    def _times(self) -> bool:
        """“at 8”, “at 8:30 and 17:00”, “at noon”."""
        mark = self.at
        named = self.take("at")
        bare = self.peek().kind == "clock" or self.word("noon", "midnight")
        if not named and not (bare and (self.frequency or self.once)):
            self.at = mark
            return False
        self.clock.append(self._time())
        while True:
            mark = self.at
            if not (self.take("and") or self.take(",", "and") or self.take(",") or self.take("/")):
                return True
            self.take("at")
            if not self._is_time():
                self.at = mark
                return True
            self.clock.append(self._time())

    def _is_time(self) -> bool:
        token = self.peek()
        if token.kind == "clock" or token.word in ("noon", "midnight"):
            return True
        following = self.peek(1).word
        unit = following.removesuffix("s") in ("hour", "minute", "day", "week", "month", "time")
        if unit or following in MONTHS or token.word in ("a", "an"):
            return False
        number = token.kind in ("number", "ordinal") or token.word in NUMBERS
        return number and (self.peek(1).kind != "word" or following in GOES_ON)

    def _time(self) -> time:
        token = self.peek()
        if token.word in ("noon", "midnight"):
            self.at += 1
            return time(12 if token.word == "noon" else 0)
        if token.kind == "clock":
            self.at += 1
            return self._clock_time(token)
        if token.kind == "number" and len(token.word) <= 2 and int(token.word) <= 24:
            self.at += 1
            hour = int(token.word) % 24
            # “um 7 Uhr 30”
            minute = self.peek()
            if "uhr" in self._between(token, minute) and minute.kind == "number" and int(minute.word) < 60:
                self.at += 1
                return time(hour, int(minute.word))
            return time(hour)
        if token.word in NUMBERS and token.word not in ("a", "an"):
            self.at += 1
            return time(NUMBERS[token.word] % 24)
        raise self.wrong("a time such as “8”, “8:30”, “8 pm” or “noon”")

    def _between(self, first: Token, second: Token) -> str:
        return "uhr" if second.start - first.end > 4 and second.kind == "number" else ""

    def _clock_time(self, token: Token) -> time:
        found = re.fullmatch(r"(\d{1,2})(?:[:.](\d{2}))?\s?(?:([ap])\.?m\.?)?", token.word)
        if found:
            hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
            if half and 1 <= hour <= 12:
                hour = hour % 12 + (12 if half == "p" else 0)
            elif half:
                hour = 99
            if hour == 24 and minute == 0:
                hour = 0
            if hour < 24 and minute < 60:
                return time(hour, minute)
        raise NotThere(token, f"“{token.raw}” is no time")

    def _window(self) -> bool:
        """“from 9 to 17”, “between 9 and 17”."""
        if not (self.word("from", "between") and self.peek(1).kind in ("number", "clock", "word")):
            return False
        mark = self.at
        between = self.word("between")
        self.at += 1
        if not (self.peek().kind in ("number", "clock") or self.word("noon", "midnight")):
            self.at = mark
            return False
        first = self._time()
        if not (self.take("and") if between else self.take("to") or self.take("-") or self.take("until")):
            raise self.wrong("“and” and another time" if between else "“to” and another time")
        last = self._time()
        if last <= first:
            raise NotThere(self.tokens[self.at - 1], "it ends before it begins: a span over midnight is not possible")
        self.window = (first, last)
        return True

    def _starting(self) -> bool:
        if not self.word("starting"):
            return False
        self.at += 1
        self.take("on")
        self.take("from")
        self.start = datetime.combine(self._bound("the day on which it starts"), time(0))
        return True

    def _until(self) -> bool:
        if not (self.word("until", "to") and (self.frequency or self.clock)):
            return False
        self.at += 1
        self.until = datetime.combine(self._bound("the day on which it ends"), time(23, 59))
        return True

    def _bound(self, what: str) -> date:
        frequency, once = self.frequency, self.once
        self.frequency = self.once = None
        try:
            self.take("the")
            if self.take("tomorrow"):
                return self.now.date() + timedelta(days=1)
            if self.take("today"):
                return self.now.date()
            if not self._date() or self.once is None:
                raise self.wrong(what + ", such as “2026-12-31”")
            return self.once
        finally:
            self.frequency, self.once = frequency, once

    def _except(self) -> bool:
        if not self.word("except"):
            return False
        self.at += 1
        self.take("on")
        if not self._is_day() or self.frequency not in ("DAILY", "WEEKLY", "HOURLY") or self.interval > 1:
            raise self.wrong("days of the week, after “every day” or “every hour”")
        mine, self.days = self.days or [Day(day) for day in range(7)], []
        frequency = self.frequency
        self._named_days()
        left = [day for day in mine if day not in self.days]
        if not left:
            raise NotThere(self.tokens[self.at - 1], "no day is left")
        self.days, self.frequency = left, "WEEKLY" if frequency == "DAILY" else frequency
        return True

    def _number_of_times(self) -> bool:
        if self.frequency and self.peek().kind == "number" and self.word("times", ahead=1):
            self.count = int(self.peek().word[:6])
            if not 1 <= self.count <= 200:
                raise self.wrong("a number from 1 to 200")
            self.at += 2
            return True
        return False

    # -- numbers

    def _number(self) -> int | None:
        token = self.peek()
        if token.kind == "number":
            if len(token.word) > 4 or int(token.word) == 0:
                raise self.wrong("a number from 1 to 999")
            self.at += 1
            return int(token.word)
        if token.word in NUMBERS:
            self.at += 1
            return NUMBERS[token.word]
        return None

    def _ordinal_here(self) -> int | None:
        token = self.peek()
        if token.kind == "ordinal":
            number = int(re.sub(r"\D", "", token.word))
            return number if 1 <= number <= 31 else None
        return ORDINALS.get(token.word)


def _shifted(at: time, part: str) -> time:
    return at.replace(hour=at.hour + 12) if part != "morning" and at.hour < 12 else at
