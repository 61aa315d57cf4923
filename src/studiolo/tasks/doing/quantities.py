"""Numbers with their units, and days, as they are compared: 3,200 million is 3.2 billion, and May 4 is 4. Mai."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PLAIN = r"\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:[.,:]\d+)*"
_SMALL = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty"
)
_TENS = "thirty forty fifty sixty seventy eighty ninety"
_KLEIN = "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"
_WORDS: dict[str, float] = {
    **{word: float(number) for number, word in enumerate(_SMALL.split(), start=2)},
    **{word: float(number) for number, word in enumerate(_KLEIN.split(), start=2)},
    **{word: 10.0 * at for at, word in enumerate(_TENS.split(), start=3)},
    "zwanzig": 20.0,
    "dreißig": 30.0,
    "vierzig": 40.0,
    "fünfzig": 50.0,
    "hundert": 100.0,
}
_TIMES: dict[str, float] = {
    **dict.fromkeys(("hundred",), 1e2),
    **dict.fromkeys(("thousand", "tausend"), 1e3),
    **dict.fromkeys(("million", "millions", "millionen", "mio", "mn"), 1e6),
    **dict.fromkeys(("billion", "billions", "milliarde", "milliarden", "mrd", "bn"), 1e9),
    **dict.fromkeys(("trillion", "trillions", "billionen"), 1e12),
}
_UNITS: dict[str, str] = {
    word: unit
    for unit, said in {
        "percent": "percent % prozent",
        "points": "points point prozentpunkte prozentpunkten prozentpunkt",
        "mm": "millimetres millimeters millimetre millimeter mm",
        "cm": "centimetres centimeters centimetre centimeter zentimeter cm",
        "m": "metres meters metre meter metern m",
        "km": "kilometres kilometers kilometre kilometer kilometern km",
        "ft": "feet foot ft",
        "mi": "miles mile meilen",
        "in": "inches inch",
        "kg": "kilograms kilogram kilogramm kg kilos",
        "g": "grams gram gramm",
        "t": "tonnes tonne tons ton tonnen",
        "W": "watts watt",
        "kW": "kilowatts kilowatt kw",
        "MW": "megawatts megawatt mw",
        "GW": "gigawatts gigawatt gw",
        "TW": "terawatts terawatt",
        "ha": "hectares hectare hektar",
        "acre": "acres acre",
        "l": "litres liters litre liter",
        "C": "celsius °c",
        "F": "fahrenheit °f",
        "$": "dollars dollar usd $",
        "€": "euros euro eur €",
        "£": "sterling gbp £",
        "crowns": "crowns crown kronen",
        "s": "seconds second sekunden",
        "min": "minutes minute minuten",
        "h": "hours hour stunden",
        "d": "days day tage tagen",
        "w": "weeks week wochen",
        "mo": "months month monate monaten",
        "y": "years year jahre jahren",
    }.items()
    for word in said.split()
}
_QUANTITY = re.compile(
    rf"(?P<sign>[$€£])?(?<![\w.,])(?P<number>{_PLAIN}|{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?![\w-])"
    rf"(?:[ \u00a0-]?(?P<times>{'|'.join(sorted(_TIMES, key=len, reverse=True))})\b\.?)?"
    r"(?:[ \u00a0-]?(?P<unit>percentage points?|per cent|%|[^\W\d_]+|°[CF]))?",
    re.IGNORECASE,
)
_MONTHS: dict[str, int] = {
    name: number
    for number, said in enumerate(
        (
            "january januar jan",
            "february februar feb",
            "march märz mar",
            "april apr",
            "may mai",
            "june juni jun",
            "july juli jul",
            "august aug",
            "september sept sep",
            "october oktober oct",
            "november nov",
            "december dezember dec",
        ),
        start=1,
    )
    for name in said.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_YEAR = r"(?P<year>1\d{3}|20\d{2})\b"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_YEAR}-(?P<month>0\d|1[0-2])-(?P<day>[0-3]\d)\b",
        rf"\b(?P<day>[0-3]?\d)(?:st|nd|rd|th|\.)?(?: of)? {_MONTH}(?:,? {_YEAR})?",
        rf"\b{_MONTH} (?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?:,? {_YEAR})?",
        rf"\b{_MONTH},? (?:of )?{_YEAR}",
    )
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text. `value`: with its thousands and millions; `unit`: "" for one that is not known."""

    text: str
    value: float
    plain: float
    unit: str
    start: int
    sort: str  # "year" or "number"

    def is_as_much_as(self, other: Quantity) -> bool:
        """Whether both are one number; a table has its millions above it."""
        return self.value == other.value or (self.plain == other.plain and self.value == self.plain and not self.unit)


@dataclass(frozen=True, slots=True)
class Day:
    """A day, or a month; what is not said is None."""

    text: str
    day: int | None
    month: int
    year: int | None
    start: int

    def agrees(self, other: Day) -> bool:
        """Whether both can be one day."""
        pairs = ((self.day, other.day), (self.month, other.month), (self.year, other.year))
        return all(one is None or two is None or one == two for one, two in pairs)

    def is_told_by(self, other: Day) -> bool:
        """Whether the other one says all that this one says."""
        pairs = ((self.day, other.day), (self.month, other.month), (self.year, other.year))
        return all(one in (None, two) for one, two in pairs)


def quantities(text: str) -> list[Quantity]:
    """The numbers of a text; those in words, too, but for one."""
    found: list[Quantity] = []
    for one in _QUANTITY.finditer(text):
        said = one["number"].casefold()
        plain = _WORDS[said] if said in _WORDS else _plain(said)
        if plain is None:
            continue
        times = _TIMES.get((one["times"] or "").casefold(), 1.0)
        unit = (one["unit"] or "").casefold()
        unit = (
            "points" if unit.startswith("percentage p") else "percent" if unit == "per cent" else _UNITS.get(unit, "")
        )
        unit = unit or _UNITS.get(one["sign"] or "", "")
        year = times == 1.0 and not unit and re.fullmatch(r"1\d{3}|20\d{2}", said) is not None
        shown = " ".join(part for part in (one["number"], one["times"]) if part)
        value = round(plain * times, 6)
        found.append(Quantity(shown, value, plain, unit, one.start(), "year" if year else "number"))
    return found


def _plain(said: str) -> float | None:
    said = re.sub(r"[\u00a0\u202f]", "", said)
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", said):
        said = said.replace(",", "")
    elif re.fullmatch(r"\d+,\d+", said):
        said = said.replace(",", ".")
    try:
        return float(said)
    except ValueError:  # 10:30, 1.2.3: compared by its digits
        return float(re.sub(r"\D", "", said))


def dates(text: str) -> list[Day]:
    """The days and months that a text names."""
    found: list[Day] = []
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for one in pattern.finditer(text):
            if any(one.start() < end and start < one.end() for start, end in taken):
                continue
            taken.append(one.span())
            given = one.groupdict()
            month = given["month"].casefold()
            number = int(month) if month.isdecimal() else _MONTHS[month]
            day, year = given.get("day"), given.get("year")
            found.append(Day(one[0], int(day) if day else None, number, int(year) if year else None, one.start()))
    return sorted(found, key=lambda day: day.start)


def without_dates(text: str, others: Sequence[str]) -> str:
    """A text without the days that one of the others names, too, with all that is said of them."""
    said = [day for other in others for day in dates(other)]
    for day in dates(text):
        if any(day.is_told_by(other) for other in said):
            text = text.replace(day.text, " ", 1)
    return text
