"""When, read from words: what is understood, what is said back, and what is refused with a reason."""

from __future__ import annotations

from datetime import datetime

import pytest

from studiolo.canvas.errors import Invalid
from studiolo.tasks import rule, wording
from studiolo.tasks.saying import said

NOW = datetime(2026, 11, 23, 16, 40)  # a Monday
WEEK = "MO,TU,WE,TH,FR"

UNDERSTOOD = [
    ("every weekday at 8, continue the story", f"FREQ=WEEKLY;BYDAY={WEEK};BYHOUR=8;BYMINUTE=0", "continue the story"),
    ("each Monday, what is new about X", "FREQ=WEEKLY;BYDAY=MO;BYHOUR=8;BYMINUTE=0", "what is new about X"),
    ("jeden Tag um 7", "FREQ=DAILY;BYHOUR=7;BYMINUTE=0", ""),
    ("jeden Tag um 7 Uhr 30", "FREQ=DAILY;BYHOUR=7;BYMINUTE=30", ""),
    ("werktags um 8: Rezensionen lesen", f"FREQ=WEEKLY;BYDAY={WEEK};BYHOUR=8;BYMINUTE=0", "Rezensionen lesen"),
    ("jeden Morgen um 6, weiterschreiben", "FREQ=DAILY;BYHOUR=6;BYMINUTE=0", "weiterschreiben"),
    ("morgen um 12", "2026-11-24T12:00", ""),
    ("heute um 18 Uhr", "2026-11-23T18:00", ""),
    ("am 1. und 15. des Monats um 7 Uhr", "FREQ=MONTHLY;BYMONTHDAY=1,15;BYHOUR=7;BYMINUTE=0", ""),
    ("am letzten Freitag des Monats um 16 Uhr", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=16;BYMINUTE=0", ""),
    ("montags und donnerstags um 9:30", "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9;BYMINUTE=30", ""),
    ("alle 2 Stunden von 9 bis 17 Uhr", "FREQ=DAILY;BYHOUR=9,11,13,15,17;BYMINUTE=0", ""),
    ("am 24.12.2026 um 10", "2026-12-24T10:00", ""),
    (
        "alle zwei Wochen am Montag um 9",
        "DTSTART:20261130T090000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=9;BYMINUTE=0",
        "",
    ),
    ("tomorrow at noon", "2026-11-24T12:00", ""),
    ("in 2 hours", "2026-11-23T18:40", ""),
    ("in 3 days at 9", "2026-11-26T09:00", ""),
    ("this Friday at 9", "2026-11-27T09:00", ""),
    ("on 24 December at 10", "2026-12-24T10:00", ""),
    ("December 24 at 10", "2026-12-24T10:00", ""),
    ("2026-12-01 09:00", "2026-12-01T09:00", ""),
    ("every year on 24 December at 10", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;BYHOUR=10;BYMINUTE=0", ""),
    ("every 2 hours from 9 to 17", "FREQ=DAILY;BYHOUR=9,11,13,15,17;BYMINUTE=0", ""),
    (
        "every 30 minutes from 9 to 11 on weekdays",
        f"FREQ=WEEKLY;BYDAY={WEEK};BYHOUR=9,10;BYMINUTE=0,30",
        "",
    ),
    ("every 30 minutes", "FREQ=HOURLY;BYMINUTE=0,30", ""),
    ("hourly", "FREQ=HOURLY;BYMINUTE=0", ""),
    ("on the last Friday of the month", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=8;BYMINUTE=0", ""),
    ("first Monday of the month at 9", "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=9;BYMINUTE=0", ""),
    ("every month on the last day at 18:00", "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=18;BYMINUTE=0", ""),
    (
        "on the last weekday of the month at 9",
        f"FREQ=MONTHLY;BYDAY={WEEK};BYHOUR=9;BYMINUTE=0;BYSETPOS=-1",
        "",
    ),
    ("every mon, wed and fri at 9:15", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=9;BYMINUTE=15", ""),
    ("from Monday to Friday at 9", f"FREQ=WEEKLY;BYDAY={WEEK};BYHOUR=9;BYMINUTE=0", ""),
    ("every day at 8, except Sundays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA;BYHOUR=8;BYMINUTE=0", ""),
    ("every day at 8 and 17:00", "FREQ=DAILY;BYHOUR=8,17;BYMINUTE=0", ""),
    ("at 8 in the evening every day", "FREQ=DAILY;BYHOUR=20;BYMINUTE=0", ""),
    ("every day until 2026-12-31 at 8", "FREQ=DAILY;BYHOUR=8;BYMINUTE=0;UNTIL=20261231T235900", ""),
    ("every day at 8 starting 2026-12-01", "DTSTART:20261201T000000\nRRULE:FREQ=DAILY;BYHOUR=8;BYMINUTE=0", ""),
    ("every day at 8, 10 times", "DTSTART:20261124T080000\nRRULE:FREQ=DAILY;BYHOUR=8;BYMINUTE=0;COUNT=10", ""),
    ("Continue the story every weekday at 8", f"FREQ=WEEKLY;BYDAY={WEEK};BYHOUR=8;BYMINUTE=0", "Continue the story"),
    ("every Tuesday at 8 tell me more", "FREQ=WEEKLY;BYDAY=TU;BYHOUR=8;BYMINUTE=0", "tell me more"),
]

REFUSED = {
    "": "Nothing was said",
    "sometimes": "“sometimes”",
    "at 8": "on which days",
    "every": "the end",
    "every full moon": "“full”",
    "every minute": "5 minutes",
    "every 7 minutes": "full hours",
    "every day at 25:00": "25:00",
    "every day at half past eight": "“half”",
    "um halb acht jeden Tag": "“halb”",
    "every day at 8 unless it rains": "unless it rains",
    "every Monday at 8 or 9": "or 9",
    "every day at 8 in Berlin time": "in Berlin time",
    "every day at 8 for two weeks": "for two weeks",
    "every day at 8, for two weeks": "for two weeks",
    "every 2 hours from 22 to 4": "over midnight",
    "every 4 weeks": "which day of the week",
    "every week": "which day of the week",
    "on Friday at 9": "once or each week",
    "next Friday at 9": "name the date",
    "31 February at 9": "no such day",
    "yesterday at 9": "“yesterday”",
    "today at 9": "is over",
    "every day tomorrow": "both once and again",
    "every day at 8:00 and 9:30": "two schedules",
}


@pytest.mark.parametrize(("words", "rule_text", "rest"), UNDERSTOOD)
def test_what_is_understood_means_the_same_when_it_is_read_again(words: str, rule_text: str, rest: str) -> None:
    found = wording.read(words, NOW)
    assert (found.rule.text, found.text) == (rule_text, rest)
    assert rule.read(found.rule.text, rule.MADE_IN) == found.rule
    rule.checked(found.rule, NOW)


@pytest.mark.parametrize(("words", "why"), REFUSED.items())
def test_what_is_not_understood_is_named_and_nothing_is_guessed(words: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        rule.checked(wording.read(words, NOW).rule, NOW)
    assert why in refused.value.message
    assert refused.value.hint


def test_what_was_taken_for_granted_is_told() -> None:
    assert wording.read("every Monday", NOW).taken == ("08:00, because no time was said",)
    assert wording.read("every evening", NOW).taken == ("18:00 for “evening”",)
    assert wording.read("every Monday at 9", NOW).taken == ()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("every weekday at 8", "Every weekday (Monday to Friday) at 08:00 (UTC)."),
        ("every day except Sunday at 8", "Every day but Sunday at 08:00 (UTC)."),
        ("every 2 hours from 9 to 17", "Every day, every 2 hours from 09:00 to 17:00 (UTC)."),
        ("on the 1st and 15th of the month at 7", "On the 1st and 15th of every month at 07:00 (UTC)."),
        ("on the last Friday of the month at 16:00", "On the last Friday of every month at 16:00 (UTC)."),
        ("tomorrow at noon", "Once, on Tuesday, 24 November 2026 at 12:00 (UTC)."),
        ("every day at 8 until 2026-12-31", "Every day at 08:00, until Thursday, 31 December 2026 (UTC)."),
        (
            "every second Monday at 9",
            "Every 2 weeks on Monday at 09:00, reckoned from Monday, 30 November 2026 at 09:00 (UTC).",
        ),
        ("hourly", "Every hour, at minute 00 (UTC)."),
        ("every 10 minutes", "Every hour, at every 10 minutes (UTC)."),
    ],
)
def test_a_rule_is_said_back_in_plain_words(words: str, sentence: str) -> None:
    assert said(wording.read(words, NOW).rule, "UTC") == sentence


def test_a_text_without_an_end_is_refused_and_a_long_one_is_read_at_once() -> None:
    with pytest.raises(Invalid, match="longer"):
        wording.read("every day " * 1_000, NOW)
    with pytest.raises(Invalid):
        wording.read("on " * 600, NOW)
