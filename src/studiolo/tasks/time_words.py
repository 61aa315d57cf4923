"""The words by which people say when: English as it is, and what other words mean in it."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
NUMBERS = {"a": 1, "an": 1} | {
    word: number
    for number, word in enumerate(_words("one two three four five six seven eight nine ten eleven twelve"), start=1)
}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
PARTS = {"morning": 8, "afternoon": 15, "evening": 18, "night": 22}
"""Hours that are meant by a part of the day, where no time is said; people are told."""

_MEANINGS = """
every: each jeden jede jedes jedem jeder alle
monday: mon montag
tuesday: tue tues dienstag
wednesday: wed mittwoch
thursday: thu thur thurs donnerstag
friday: fri freitag
saturday: sat samstag sonnabend
sunday: sun sonntag
mondays: montags
tuesdays: dienstags
wednesdays: mittwochs
thursdays: donnerstags
fridays: freitags
saturdays: samstags sonnabends
sundays: sonntags
january: jan januar jänner
february: feb februar
march: mar märz
april: apr
may: mai
june: jun juni
july: jul juli
august: aug
september: sep sept
october: oct oktober okt
november: nov
december: dec dezember dez
day: tag tages
days: tage tagen
week: woche
weeks: wochen
month: monat monats
months: monate monaten
year: jahr jahres
years: jahre jahren
hour: stunde
hours: stunden hrs
minute: min
minutes: minuten mins
weekday: workday werktag
weekdays: workdays werktags werktage werktagen
weekend: weekends wochenende wochenenden
daily: täglich
hourly: stündlich
weekly: wöchentlich
monthly: monatlich
yearly: jährlich annually
at: um @
on: am
in: im
from: von
to: bis through till
between: zwischen
and: und &
of: des
the: der den dem
starting: ab beginning
except: außer ausser
today: heute
overmorrow: übermorgen
noon: midday mittag mittags
midnight: mitternacht
mornings: morgens
evening: abend
evenings: abends
afternoon: nachmittag
afternoons: nachmittags
nights: nachts
times: mal
one: ein eine einer einem
two: zwei
three: drei
four: vier
five: fünf
six: sechs
seven: sieben
eight: acht
nine: neun
ten: zehn
eleven: elf
twelve: zwölf
first: ersten erster erste
second: other zweiten zweiter zweite
third: dritten dritter dritte
fourth: vierten
fifth: fünften
last: letzten letzter letzte
-: – —
"""
MEANT = {"uhr": "", "o'clock": ""} | {
    other: word
    for word, _, others in (line.partition(": ") for line in _MEANINGS.strip().splitlines())
    for other in others.split()
}
"""Another word -> the English one; "": a word that says nothing."""

_AGAIN = {
    *(day + "s" for day in DAYS),
    *_words("daily hourly weekly monthly yearly weekdays weekend mornings evenings"),
}
BEGINS = frozenset({*_words("every on at tomorrow overmorrow today in this next once from"), *_AGAIN})
"""With these a text may begin to say when, also at its end."""
GOES_ON = frozenset(
    {
        *_words("except unless until to starting from between if when only not but and or at on every before after"),
        *_words("around excluding without during times ago past of half quarter noon midnight tomorrow today"),
        *_words("hour hours minute minutes day days week weeks month months year years weekday second third"),
        *_words("wenn nur nicht oder vor nach halb viertel gegen ungefähr"),
        *(*DAYS, *MONTHS, *_AGAIN),
    }
)
"""Behind what was understood these say more about when, which must not be passed over."""
LASTS = frozenset(_words("for in by within over with für"))
"""So do these, if a time follows or nothing parts them from it."""
