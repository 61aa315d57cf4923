"""Whether a sentence rests on the words that are given for it, as far as a program can tell that.

It compares words. It finds numbers, units, dates and names that are not there, clauses of which one is negated and the
other is not, words for opposite directions, and doubts and restrictions that were left out; in English and German. It
does not understand: who did something to whom, why, and what was left unsaid pass. So a model looks, too, and may
only make the mark stricter (`reporting`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from studiolo.agents import checks
from studiolo.agents.prose import words
from studiolo.tasks.doing.quantities import dates, quantities, without_dates
from studiolo.tasks.doing.quoting import names

SHARED = 0.34  # of the words of a sentence that must be in what it rests on
SAME_CLAUSE = 0.5  # of the telling words of a clause that are in the one that it is held against
_CLAUSE = re.compile(
    r"[,;:()]|\s[–—-]\s|(?<=\w)[.!?]+\s|\b(?:and|but|while|whereas|although|though|because|which|who|when|"
    r"und|aber|sondern|während|obwohl|weil|wobei)\b",
    re.IGNORECASE,
)
_PHRASES = (  # what looks like a negation and is none, and what is one word in two
    (re.compile(r"\b(?:not|nicht) (?:only|just|least|nur|zuletzt)\b|\bno doubt\b|\bnothing but\b", re.I), " "),
    (re.compile(r"\b(?:at most|no more than|no later than|up to|höchstens)\b", re.I), " atmost "),
    (re.compile(r"\b(?:at least|no (?:less|fewer) than|no earlier than|mindestens)\b", re.I), " atleast "),
    (re.compile(r"n[’']t\b", re.I), " not "),
    (re.compile(r"\bcannot\b", re.I), " can not "),
    (re.compile(r"\bNo\.\s*(?=\d)"), " number "),
)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())


_NEGATIONS = _set("""
    not no never none nobody nothing nowhere neither nor without hardly barely scarcely rarely seldom unable
    impossible fail fails failed failing refuse refuses refused deny denies denied lack lacks lacked lacking absence
    exempt nicht kein keine keinen keinem keiner keines keinerlei nie niemals niemand nichts ohne weder kaum
    nirgends nirgendwo
""")
_HEDGES = _set("""
    might could possibly possible perhaps probably likely allegedly alleged reportedly apparently presumably
    supposedly seems seem seemed appears appear appeared suggests suggest suggested believed thought suspected
    expected planned proposed könnte könnten möglicherweise möglich vielleicht angeblich vermutlich wahrscheinlich
    wohl mutmaßlich offenbar anscheinend soll sollen geplant erwartet
""")
_ALL = _set("""
    all every everyone everybody everything always entirely completely each alle allen aller alles immer jeder jede
    jedes sämtliche stets
""")
_SOME = _set("""
    some most many often sometimes usually mostly half several few partly occasionally einige manche meisten viele
    oft manchmal meistens teilweise mehrere wenige
""")
_PAIRS = """
rise rises rose risen rising increase increases increased increasing grow grows grew grown growing climb climbs
  climbed surge surged soar soared doubled tripled raise raises raised expand expands expanded stieg stiegen steigt
  steigen gestiegen wuchs wuchsen wächst gewachsen zunahm zugenommen verdoppelte erhöhte erhöht
  | fall falls fell fallen falling decrease decreases decreased decreasing decline declines declined declining drop
  drops dropped dropping shrink shrinks shrank shrunk sink sinks sank reduce reduces reduced lower lowers lowered
  halved plunged sank sanken sinkt sinken gesunken fiel fielen fällt gefallen schrumpfte geschrumpft abgenommen
  halbierte senkte gesenkt verringerte
increase rise growth gain Zunahme Anstieg Wachstum | decrease fall decline drop loss Abnahme Rückgang Verlust
up hinauf | down hinunter
more mehr | less fewer weniger
higher highest höher höchste höchsten | lower lowest niedriger niedrigste tiefer tiefste
larger largest bigger biggest greater greatest größer größte größten | smaller smallest kleiner kleinste
longer longest länger längste | shorter shortest kürzer kürzeste
older oldest älter älteste | younger youngest newer newest jünger jüngste neuer neueste
faster fastest quicker schneller | slower slowest langsamer
better best besser beste | worse worst schlechter schlechteste schlimmste
earlier earliest early früher früh | later latest late später spät
stronger strong stärker stark | weaker weak schwächer schwach
warmer hotter wärmer heißer | colder cooler kälter kühler
cleaner clean sauberer sauber | dirtier dirty schmutziger schmutzig
richer rich reicher | poorer poor ärmer
atleast minimum | atmost maximum
above over über oberhalb | below under unter unterhalb
before vor bevor vorher | after nach nachdem nachher
first erste ersten erster erstes | last letzte letzten letzter letztes
north northern Norden nördlich nördliche | south southern Süden südlich südliche
east eastern Osten östlich östliche | west western Westen westlich westliche
left links linke | right rechts rechte
won win wins victory gewann gewannen gewonnen Sieg | lost lose loses defeat verlor verloren Niederlage
open opens opened opening eröffnet öffnete öffneten geöffnet
  | close closes closed closing shut geschlossen schloss
begin begins began begun start starts started begann begonnen | end ends ended stopped endete beendet
bought buy buys purchased kaufte gekauft | sold sell sells verkaufte verkauft
import imports imported Einfuhr Einfuhren | export exports exported Ausfuhr Ausfuhren
approve approves approved accept accepts accepted passed genehmigt angenommen
  | reject rejects rejected vetoed abgelehnt verworfen
allow allows allowed permit permits permitted legal erlaubt
  | forbid forbids forbade forbidden ban bans banned prohibited illegal verboten
support supports supported favour favours favoured backed unterstützte | oppose opposes opposed lehnte
cause causes caused verursacht verursachte | prevent prevents prevented verhindert verhinderte
majority Mehrheit | minority Minderheit
arrived arrives came ankam | left departed leaves abfuhr
built build builds gebaut errichtet | demolished destroyed abgerissen zerstört
confirmed confirms bestätigte bestätigt | refuted refutes contradicted bestritt widerlegt
success Erfolg | failure Misserfolg
public öffentlich | private privat
men male Männer | women female Frauen
alive survived überlebte überlebten | dead died killed starb starben
guilty schuldig | innocent acquitted unschuldig freigesprochen
"""
_OPPOSITES = tuple(
    (_set(one), _set(other)) for one, _, other in (pair.partition("|") for pair in re.split(r"\n(?! )", _PAIRS.strip()))
)
_UNLIKE = re.compile(
    r"(?:un|dis|non-?)(?=.{3})|in(?=.{5})|im(?=possib|prop|perf|mort|mobil)|il(?=legal)|ir(?=reg|rel|resp)"
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against a sentence. "absent": its words do not say that; "opposite": they seem to say the contrary;
    "surer": they say it of less, or with a doubt."""

    kind: Literal["absent", "opposite", "surer"]
    why: str


def unproved(sentence: str, evidence: Sequence[str], known: str = "") -> str:
    """Why a sentence does not rest on these passages, "" when nothing speaks against it. `known`: what may be named
    besides: the question, the titles of the sources."""
    found = doubt(sentence, evidence, known)
    return found.why if found is not None else ""


def doubt(sentence: str, evidence: Sequence[str], known: str = "") -> Doubt | None:
    """What speaks against a sentence, as far as a program can see; None: nothing."""
    if not evidence:
        return Doubt("absent", "nothing was given for it")
    why = (
        _day(sentence, [*evidence, known]) or _number(sentence, evidence, known) or _strange(sentence, evidence, known)
    )
    if why:
        return Doubt("absent", why)
    pairs = list(_beside(sentence, evidence))
    for mine, theirs in pairs:
        if all(_turned(mine, other) for other in theirs):
            return Doubt("opposite", f"its passage seems to say the opposite: “{theirs[0].text}”")
    if why := _elsewhere(sentence, evidence):
        return Doubt("absent", why)
    hedged = any(clause.words & _HEDGES or " may " in f" {clause.text} " for clause in _clauses([sentence]))
    for mine, theirs in pairs:
        if not hedged and all(other.hedged for other in theirs):
            return Doubt("surer", "its passage is less sure")
        if mine.words & _ALL and all(other.words & _SOME and not other.words & _ALL for other in theirs):
            return Doubt("surer", "its passage does not say it of all")
    return None


def opposite(sentence: str, quote: str) -> bool:
    """Whether a passage seems to say the contrary."""
    found = doubt(sentence, [quote], sentence)
    return found is not None and found.kind == "opposite"


# -- numbers, days, names


def _day(sentence: str, texts: Sequence[str]) -> str:
    said = [day for text in texts for day in dates(text)]
    for day in dates(sentence):
        if said and not any(day.agrees(other) for other in said):
            return f"{day.text} is in none of its passages"
    return ""


def _number(sentence: str, evidence: Sequence[str], known: str) -> str:
    have = quantities(" . ".join([*evidence, known]))
    for one in quantities(without_dates(sentence, [*evidence, known])):
        same = [other for other in have if other.is_as_much_as(one)]
        if not same:
            return f"{one.text} is in none of its passages"
        if not any(one.unit in ("", other.unit) or not other.unit for other in same):
            return f"{one.text} is given in another unit"
    return ""


def _strange(sentence: str, evidence: Sequence[str], known: str) -> str:
    said = " ".join(evidence)
    told = f"{said} {known}".casefold()
    for name in names(without_dates(sentence, [*evidence, known])):
        if name.casefold() not in told and checks.stem(name) not in told:
            return f"{name} is in none of its passages"
    about = checks.content(sentence)
    if about and len(about & checks.content(said)) < SHARED * len(about):
        return "its passages speak of something else"
    return ""


def _elsewhere(sentence: str, evidence: Sequence[str]) -> str:
    """A number that the passage gives for something else: the word before it has another one there."""
    theirs = _clauses(evidence)
    for mine in _clauses([sentence]):
        for one in quantities(mine.text):
            before = [word for word in _telling(mine.text[: one.start]) if not word[0].isdigit()]
            if not before:
                continue
            beside = [clause for clause in theirs if before[-1] in clause.content]
            numbers = [[other for other in quantities(clause.text) if other.sort == one.sort] for clause in beside]
            there = any(other.is_as_much_as(one) for clause in theirs for other in quantities(clause.text))
            if there and numbers and all(of and not any(other.is_as_much_as(one) for other in of) for of in numbers):
                return f"{one.text} is said of something else there"
    return ""


# -- clauses beside each other


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    words: frozenset[str]
    content: frozenset[str]

    @property
    def hedged(self) -> bool:
        return bool(self.words & _HEDGES) or " may " in f" {self.text} "  # small: May is a month

    @property
    def negations(self) -> int:
        return sum(word.casefold() in _NEGATIONS for word in words(self.text))


def _clauses(texts: Iterable[str]) -> list[_Clause]:
    found: list[_Clause] = []
    for text in texts:
        for pattern, plain in _PHRASES:
            text = pattern.sub(plain, text)
        for piece in _CLAUSE.split(text):
            line = " ".join(piece.split())
            if telling := _telling(line):
                found.append(_Clause(line, frozenset(word.casefold() for word in words(line)), frozenset(telling)))
    return found


def _telling(text: str) -> list[str]:
    """The stems of the words that carry meaning, in their order."""
    return [
        checks.stem(checks.stem(word))
        for word in words(text)
        if word.casefold() not in checks.STOP and word.casefold() not in _NEGATIONS | _HEDGES
    ]


def _beside(sentence: str, evidence: Sequence[str]) -> Iterable[tuple[_Clause, list[_Clause]]]:
    """The clauses of a sentence, each with those of the passages that have most of its words."""
    theirs = _clauses(evidence)
    for mine in _clauses([sentence]):
        shared = [len(mine.content & _with_roots(other, mine)) for other in theirs]
        most = max(shared, default=0)
        if most and most >= SAME_CLAUSE * len(mine.content):
            yield mine, [other for other, many in zip(theirs, shared, strict=True) if many == most]


def _with_roots(clause: _Clause, other: _Clause) -> frozenset[str]:
    return clause.content | _roots(clause) & other.content


def _roots(clause: _Clause) -> frozenset[str]:
    """The words of a clause that begin like unsafe and illegal, without that."""
    return frozenset(word[found.end() :] for word in clause.content if (found := _UNLIKE.match(word)))


def _turned(one: _Clause, other: _Clause) -> bool:
    """Whether one clause is the contrary of the other: an odd number of negations and opposite words between them."""
    turns = one.negations + other.negations
    turns += len(_roots(other) & one.content) + len(_roots(one) & other.content)
    for up, down in _OPPOSITES:
        sides = [(bool(clause.words & up), bool(clause.words & down)) for clause in (one, other)]
        if sides in ([(True, False), (False, True)], [(False, True), (True, False)]):
            turns += 1
            break  # several pairs have the same words
    return turns % 2 == 1
