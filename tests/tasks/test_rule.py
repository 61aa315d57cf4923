"""Rules: RRULE and cron, time zones, clocks that are set forward and back, and what is refused."""

from __future__ import annotations

import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from studiolo.canvas.errors import Invalid
from studiolo.tasks.rule import checked, from_cron, moment_of, read, zone_of
from studiolo.tasks.saying import said

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 16, 40)


def local_times(text: str, after: datetime, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    rule = read(text, after)
    moments = rule.times(moment_of(after, zone), zone, count)
    return [datetime.fromtimestamp(moment, zone).strftime("%d.%m %H:%M") for moment in moments]


def test_eight_stays_eight_when_the_clocks_change() -> None:
    daily = "FREQ=DAILY;BYHOUR=8;BYMINUTE=0"
    assert local_times(daily, datetime(2026, 3, 27, 12), 3) == ["28.03 08:00", "29.03 08:00", "30.03 08:00"]
    assert local_times(daily, datetime(2026, 10, 23, 12), 3) == ["24.10 08:00", "25.10 08:00", "26.10 08:00"]
    before, after = read(daily, NOW).times(moment_of(datetime(2026, 3, 28, 7), BERLIN), BERLIN, 2)
    assert after - before == 23 * 3600


def test_a_time_that_does_not_exist_runs_once_and_so_does_one_that_exists_twice() -> None:
    nightly = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"
    assert local_times(nightly, datetime(2026, 3, 28, 12), 2) == ["29.03 03:30", "30.03 02:30"]
    assert local_times(nightly, datetime(2026, 10, 24, 12), 2) == ["25.10 02:30", "26.10 02:30"]
    hourly = read("FREQ=HOURLY;BYMINUTE=0,30", NOW)
    for day in (datetime(2026, 3, 29), datetime(2026, 10, 25)):
        moments = hourly.times(moment_of(day, BERLIN), BERLIN, 60)
        assert moments == sorted(set(moments))
        assert all(later - earlier in (1800.0, 5400.0) for earlier, later in itertools.pairwise(moments))


def test_midnight_that_a_country_leaves_out_runs_once() -> None:
    """Lebanon sets its clocks forward at midnight."""
    beirut = ZoneInfo("Asia/Beirut")
    midnight = "FREQ=DAILY;BYHOUR=0;BYMINUTE=0"
    assert local_times(midnight, datetime(2026, 3, 28, 12), 2, beirut) == ["29.03 01:00", "30.03 00:00"]


@pytest.mark.parametrize(
    ("cron", "rrule"),
    [
        ("0 8 * * 1-5", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=0"),
        ("*/15 * * * *", "FREQ=HOURLY;BYMINUTE=0,15,30,45"),
        ("30 9 1,15 * *", "FREQ=MONTHLY;BYMONTHDAY=1,15;BYHOUR=9;BYMINUTE=30"),
        ("0 0 L * *", "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=0;BYMINUTE=0"),
        ("0 12 * jan,jul sun", "FREQ=WEEKLY;BYMONTH=1,7;BYDAY=SU;BYHOUR=12;BYMINUTE=0"),
        ("0 16 * * fri#2", "FREQ=MONTHLY;BYDAY=2FR;BYHOUR=16;BYMINUTE=0"),
        ("0 16 * * 5L", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=16;BYMINUTE=0"),
        ("0 9-17/2 * * *", "FREQ=DAILY;BYHOUR=9,11,13,15,17;BYMINUTE=0"),
        ("0 8 * * 0,7", "FREQ=WEEKLY;BYDAY=SU;BYHOUR=8;BYMINUTE=0"),
    ],
)
def test_cron_means_what_it_means_to_cron(cron: str, rrule: str) -> None:
    assert from_cron(cron).text == rrule
    assert read(cron, NOW) == from_cron(cron)


@pytest.mark.parametrize(
    "text",
    [
        *("", "never", "FREQ=SECONDLY", "FREQ=MINUTELY;INTERVAL=7", "FREQ=DAILY;BYHOUR=25", "FREQ=DAILY;BYWEEKNO=3"),
        *("FREQ=DAILY;FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1MO", "DTSTART:2026\nRRULE:FREQ=DAILY"),
        *("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;BYMINUTE=0"),
        *("FREQ=DAILY;BYMINUTE=0,1", "0 8 1 * 1", "60 * * * *", "* * * * *", "0 8 * * MON-", "5-1 * * * *", "0 8 * *"),
        *("FREQ=DAILY;UNTIL=20200101", "2020-01-01T10:00", "2026-13-01T10:00", "FREQ=DAILY;BYSECOND=30"),
        *("DTSTART:00010101T000000\nRRULE:FREQ=MONTHLY", "FREQ=HOURLY;INTERVAL=2;BYDAY=MO"),
        *("DTSTART;TZID=Europe/Berlin:20260101T080000\nRRULE:FREQ=DAILY", "FREQ=DAILY;INTERVAL=0", "FREQ=" + "X" * 600),
    ],
)
def test_what_is_no_rule_or_never_happens_or_too_often_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(read(text, NOW), NOW)
    assert refused.value.message and refused.value.hint


def test_what_a_rule_leaves_open_is_taken_from_its_start_or_from_now() -> None:
    assert read("FREQ=DAILY", NOW).text == "FREQ=DAILY;BYHOUR=16;BYMINUTE=40"
    assert read("FREQ=WEEKLY;BYHOUR=8;BYMINUTE=0", NOW).text == "FREQ=WEEKLY;BYDAY=MO;BYHOUR=8;BYMINUTE=0"
    started = read("DTSTART:20261201T090000\nRRULE:FREQ=MONTHLY", NOW)
    assert started.text == "DTSTART:20261201T090000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=9;BYMINUTE=0"


def test_intervals_are_counted_from_where_they_began_however_long_ago() -> None:
    every_other = "DTSTART:20200106T090000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=9;BYMINUTE=0"
    assert local_times(every_other, NOW, 3) == ["30.11 09:00", "14.12 09:00", "28.12 09:00"]
    weeks = (datetime(2026, 11, 30) - datetime(2020, 1, 6)).days / 7
    assert weeks % 2 == 0
    five = "DTSTART:20261123T170000\nRRULE:FREQ=HOURLY;INTERVAL=5;BYMINUTE=0"
    assert local_times(five, datetime(2026, 11, 24, 0, 0), 3) == ["24.11 03:00", "24.11 08:00", "24.11 13:00"]


def test_it_ends_after_so_many_times_or_at_its_last_day() -> None:
    thrice = "DTSTART:20261124T080000\nRRULE:FREQ=DAILY;BYHOUR=8;BYMINUTE=0;COUNT=3"
    assert local_times(thrice, NOW, 9) == ["24.11 08:00", "25.11 08:00", "26.11 08:00"]
    assert local_times(thrice, datetime(2026, 11, 25, 9), 9) == ["26.11 08:00"]
    assert local_times("FREQ=DAILY;BYHOUR=8;BYMINUTE=0;UNTIL=20261125", NOW, 9) == ["24.11 08:00", "25.11 08:00"]


def test_the_29th_of_february_comes_again() -> None:
    leap = read("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=9;BYMINUTE=0", NOW)
    first, second = leap.times(moment_of(NOW, BERLIN), BERLIN, 2)
    assert [datetime.fromtimestamp(one, BERLIN).year for one in (first, second)] == [2028, 2032]


def test_what_was_missed_is_counted_and_not_for_ever() -> None:
    rule = read("FREQ=DAILY;BYHOUR=8;BYMINUTE=0", NOW)
    start = moment_of(datetime(2026, 11, 1, 8), BERLIN)
    assert rule.missed(start, moment_of(datetime(2026, 11, 4, 9), BERLIN), BERLIN) == 3
    assert rule.missed(start, moment_of(datetime(2027, 11, 4, 9), BERLIN), BERLIN) == 100


def test_a_zone_that_is_none_is_refused() -> None:
    assert zone_of("Europe/Berlin").key == "Europe/Berlin"
    for name in ("Mars/Olympus", "../etc/passwd", "", "Europe", "Europe/Berlin\0"):
        with pytest.raises(Invalid, match="time zone"):
            zone_of(name)


def test_cron_is_said_back_too() -> None:
    assert said(from_cron("0 8 * * 1-5"), "UTC") == "Every weekday (Monday to Friday) at 08:00 (UTC)."
    assert said(from_cron("0 12 * 1,7 sun"), "UTC") == "Every Sunday in January and July at 12:00 (UTC)."
    assert said(from_cron("0 9-17/2 * * *"), "UTC") == "Every day, every 2 hours from 09:00 to 17:00 (UTC)."
