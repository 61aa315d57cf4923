"""What waits for people in a canvas: changes to decide, changes that have gone stale, questions, and changes that a
policy accepted and somebody is to look at.

An item is JSON. `facts` is what it is sorted by and who it concerns (see `urgency`), `place` is its place among the
others; all else is what a person reads
to decide without opening the canvas. Its texts are cut, so that an inbox of many canvases stays small.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from studiolo.canvas import Canvas, anchors
from studiolo.canvas.document import plain
from studiolo.canvas.overlaps import overlapping
from studiolo.canvas.quotes import KEPT, Span
from studiolo.canvas.records import HunkRecord, SuggestionRecord
from studiolo.canvas.register import HunkId

Item = dict[str, Any]

LONGEST = 4_000  # characters of a text that is replaced or put in its place
CONTEXT = 240  # characters on either side
MOST_HUNKS = 12  # of one suggestion
MOST_OPTIONS = 9  # that overlap: as many as there are keys to choose with
MOST_COMMENTS = 8  # of one thread, the last
MOST_CHECKED = 200  # pieces of evidence that are looked up in the pages
RECENT = 30  # messages from the end in which a question is looked for

_ASKS = re.compile(r"[?？؟](?=[\s\"'”’»)\]*_]|$)")
_ENDS_ASKING = re.compile(r"[?？؟][\s\"'”’»)\]*_]*$")
_MENTION = re.compile(r"(?:^|\s)@(\S[^\n@]{0,60})")


def waiting(canvas: Canvas) -> list[Item]:
    """Everything in a canvas that waits for somebody, in the order of its pages."""
    return _Desk(canvas).items()


class _Desk:
    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.identity = canvas.document.identity
        self.pages = {page["id"]: page for page in canvas.outline() if not page["removed"]}
        self.texts: dict[str, str] = {}
        self.spans: dict[HunkId, Span] = {}  # of the open hunks
        self.groups: dict[HunkId, int] = {}  # of the hunks that overlap with others
        self.checked = 0
        self.threads: list[dict[str, Any]] = [
            plain(canvas.document.threads[thread.id])
            for thread in canvas.threads.values()
            if thread.status == "open" and thread.page in self.pages
        ]

    def items(self) -> list[Item]:
        undecided = {
            record.id: record
            for record in self.canvas.register.waiting_anywhere()
            if record.page in self.pages and record.status != "streaming"
        }
        for record in undecided.values():
            self._place(record)
        about = {
            suggestion: thread
            for thread in self.threads
            if (suggestion := thread.get("suggestion") or thread.get("about"))
        }
        placed: list[tuple[tuple[float, int, str], Item]] = []

        def put(page: str, at: int, item: Item) -> None:
            placed.append(((self.pages[page]["order"], at, item["id"]), item))

        for together in self._together(undecided):
            first = together[0]
            thread = next((about[one.id] for one in together if one.id in about), None)
            put(first.page, self._at(first), self._decision(together, thread))
        for thread in self.threads:
            subject = thread.get("suggestion") or thread.get("about")
            if subject not in undecided and (item := self._question(thread) or self._remark(thread)):
                span = anchors.between(
                    self.identity, thread["page"], json.loads(thread["start"]), json.loads(thread["end"])
                )
                put(thread["page"], span.start if span else 0, item)
        for record in self.canvas.suggestions.values():
            if record.page in self.pages and (item := self._audit(record)):
                put(record.page, self._at(record), item)
        placed.sort(key=lambda one: one[0])
        listed = [item for _, item in placed] + self._messages()
        for number, item in enumerate(listed):
            item["place"] = number
        return listed

    # -- suggestions

    def _together(self, undecided: dict[str, SuggestionRecord]) -> list[list[SuggestionRecord]]:
        """The suggestions, those that overlap as one, the oldest of them first."""
        leader = {id: id for id in undecided}
        spans: defaultdict[str, list[tuple[Span, HunkId]]] = defaultdict(list)
        for hunk, span in self.spans.items():
            spans[undecided[hunk[0]].page].append((span, hunk))

        def led(id: str) -> str:
            while leader[id] != id:
                id = leader[id]
            return id

        for group in (group for page in spans.values() for group in overlapping(page)):
            if len({id for _, (id, _) in group}) < 2:
                continue
            number = len(self.groups)
            self.groups |= dict.fromkeys((hunk for _, hunk in group), number)
            for _, (id, _) in group[1:]:
                leader[led(id)] = led(group[0][1][0])
        found: defaultdict[str, list[SuggestionRecord]] = defaultdict(list)
        for record in undecided.values():
            found[led(record.id)].append(record)
        return [sorted(some, key=lambda record: (record.at, record.id)) for some in found.values()]

    def _decision(self, together: list[SuggestionRecord], thread: dict[str, Any] | None) -> Item:
        options = [self._option(record) for record in together[:MOST_OPTIONS]]
        first = together[0]
        stale = all(option["stale"] for option in options)
        risks = [record.risk for record in together]
        item = {
            "id": f"s:{first.id}",
            "kind": "stale" if stale else "suggestion",
            "at": first.at,
            **self._page(first.page),
            "options": options,
            "left_out": len(together) - len(options),
            "facts": {
                "risk": next((risk for risk in ("high", "medium", "low") if risk in risks), ""),
                "kinds": sorted({kind for option in options for kind in option["kinds"]}),
                "stale": stale,
                "options": len(together),
                "by": sorted({record.author for record in together}),
                "made": [_made(record.id, record.run, record.author, record.author_kind) for record in together],
                "overlaps": sorted({record.name for record in together[1:] if record.author != first.author}),
            },
        }
        if thread:
            item["thread"] = _shown_thread(thread)
            item["facts"] |= _conversation(thread)
        return item

    def _option(self, record: SuggestionRecord) -> dict[str, Any]:
        open_hunks = [(index, hunk) for index, hunk in enumerate(record.hunks) if hunk.status in ("open", "stale")]
        return {
            "suggestion": record.id,
            **_author(record),
            "at": record.at,
            "reason": record.reason[:2_000],
            "evidence": self._evidence(record),
            "skill": record.skill,
            "model": record.model,
            "run": record.run,
            "kinds": json.loads(record.kinds or "[]"),
            "risk": record.risk,
            "stale": all(hunk.status == "stale" for _, hunk in open_hunks),
            "hunks": [self._hunk(record, index, hunk) for index, hunk in open_hunks[:MOST_HUNKS]],
            "more": max(0, len(open_hunks) - MOST_HUNKS),
            **({"replaces": record.replaces} if record.replaces else {}),
            **({"branch": record.branch} if record.branch else {}),
        }

    def _hunk(self, record: SuggestionRecord, index: int, hunk: HunkRecord) -> dict[str, Any]:
        at, text = hunk.anchor, self._text(record.page)
        decided = hunk.status not in ("open", "stale")  # it stands in the text: its old surroundings say where
        span = None if decided else self.spans.get((record.id, index)) or self._rough(record, hunk)
        before = text[max(0, span.start - CONTEXT) : span.start] if span else at.before
        after = text[span.end : span.end + CONTEXT] if span else at.after
        shown: dict[str, Any] = {
            "hunk": index,
            "before": _from_word(before),
            "was": at.quote[:LONGEST],
            "now": hunk.replace[:LONGEST],
            "after": _to_word(after),
        }
        if len(at.quote) > LONGEST or len(hunk.replace) > LONGEST:
            shown["cut"] = True
        if hunk.proposed is not None:
            shown |= {"proposed": hunk.proposed[:LONGEST], "amended_by": hunk.amended_by_name}
        if (record.id, index) in self.groups:
            shown["group"] = self.groups[record.id, index]
        if hunk.status == "stale":
            shown |= self._today(record, index, span)
        return shown

    def _today(self, record: SuggestionRecord, index: int, span: Span | None) -> dict[str, Any]:
        """What stands today where the text was, and where exactly, for whoever puts the change there."""
        there = self.canvas.today(record, index)
        start = self._text(record.page).find(there, max(0, span.start - len(there))) if span and there else -1
        if start < 0 or span is None or start > span.start:
            return {"today": "", "gone": True}
        shown: dict[str, Any] = {
            "today": there[:LONGEST],
            "start": self.identity.position(record.page, start, 0),
            "end": self.identity.position(record.page, start + len(there), -1),
            "gone": False,
        }
        return shown | ({"cut": True} if len(there) > LONGEST else {})

    def _evidence(self, record: SuggestionRecord) -> list[dict[str, Any]]:
        """What it rests on; `found` says whether a quote is in its page as it reads now."""
        evidence: list[dict[str, Any]] = json.loads(record.evidence or "[]")
        for one in evidence:
            page, quote = one.get("page") or record.page, one.get("quote")
            if quote and not one.get("url") and self.checked < MOST_CHECKED:
                self.checked += 1
                one["found"] = page in self.pages and quote in self._text(page)
            if page in self.pages:
                one["title"] = self.pages[page]["title"]
        return evidence

    def _audit(self, record: SuggestionRecord) -> Item | None:
        """What a policy accepted of a suggestion and somebody is to look at."""
        wanted = [
            (index, hunk)
            for index, hunk in enumerate(record.hunks)
            if hunk.audit == "wanted" and hunk.status == "accepted"
        ]
        if not wanted:
            return None
        first = wanted[0][1]
        option = self._option(record) | {
            "hunks": [self._hunk(record, index, hunk) for index, hunk in wanted[:MOST_HUNKS]],
            "more": max(0, len(wanted) - MOST_HUNKS),
            "stale": False,
        }
        return {
            "id": f"a:{record.id}",
            "kind": "audit",
            "at": first.decided or record.at,
            **self._page(record.page),
            "options": [option],
            "decision": first.decision,
            "policy": {"id": first.policy, "name": first.by_name},
            "facts": {"risk": record.risk, "kinds": option["kinds"], "by": [record.author], "options": 1},
        }

    # -- questions

    def _question(self, thread: dict[str, Any]) -> Item | None:
        """A thread in which somebody asks, is spoken to, or was answered."""
        facts = _conversation(thread)
        answered = facts["opened"] != facts["last"]
        if not (facts["asks"] or facts["mentions"] or answered):
            return None
        last = thread["comments"][-1]
        if thread.get("run"):
            facts["made"] = [_made(thread["id"], thread["run"], thread["author"], thread["author_kind"])]
        return {
            "id": f"t:{thread['id']}",
            "kind": "question",
            "at": last["at"],
            **self._page(thread["page"]),
            "thread": _shown_thread(thread),
            "facts": facts,
        }

    def _remark(self, thread: dict[str, Any]) -> Item | None:
        """What an agent said in the margin and nobody has answered. It waits only as part of what a task made."""
        if thread["author_kind"] != "agent" or not thread.get("run") or len(thread["comments"]) != 1:
            return None
        made = _made(thread["id"], thread["run"], thread["author"], thread["author_kind"])
        return {
            "id": f"t:{thread['id']}",
            "kind": "question",
            "at": thread["comments"][0]["at"],
            **self._page(thread["page"]),
            "thread": _shown_thread(thread),
            "facts": _conversation(thread) | {"remark": True, "made": [made]},
        }

    def _messages(self) -> list[Item]:
        """What agents asked in the conversation since a person last spoke there."""
        chat = self.canvas.document.chat
        recent = [plain(chat[at]) for at in range(max(0, len(chat) - RECENT), len(chat))]
        askers = {
            message["run"]: message["author"]
            for message in recent
            if message.get("run") and message["author_kind"] == "person"
        }
        found: list[Item] = []
        for message in reversed(recent):
            if message["author_kind"] == "person":
                break
            if message.get("card"):  # the run that waits for it is in the inbox itself
                continue
            if message.get("status", "done") != "done" or not _asks_at_the_end(message["text"]):
                continue
            asker = askers.get(message.get("run", ""))
            found.append(
                {
                    "id": f"m:{message['id']}",
                    "kind": "question",
                    "at": message["at"],
                    "page": "",
                    "title": "",
                    "message": {**_author_of(message), "text": message["text"][:LONGEST], "at": message["at"]},
                    "facts": {
                        "last": message["author"],
                        "name": message["name"],
                        "person": False,
                        "asks": True,
                        "mentions": [],
                        "in": [],
                        "opened": message["author"],
                        "for": [asker] if asker else [],
                    },
                }
            )
        return found

    # -- inside

    def _page(self, page: str) -> dict[str, Any]:
        return {"page": page, "title": self.pages[page]["title"], "code": self.pages[page]["kind"] == "code"}

    def _text(self, page: str) -> str:
        text = self.texts.get(page)
        if text is None:
            text = self.texts[page] = self.canvas.page_text(page)
        return text

    def _place(self, record: SuggestionRecord) -> None:
        """Find the open hunks of a suggestion."""
        text = self._text(record.page)
        for index, hunk in enumerate(record.hunks):
            if hunk.status == "open" and (span := self.canvas.find(record.page, text, hunk.anchor)):
                self.spans[record.id, index] = span

    def _at(self, record: SuggestionRecord) -> int:
        """Where the first change of a suggestion is, or was."""
        places = [
            self.spans[record.id, index] for index in range(len(record.hunks)) if (record.id, index) in self.spans
        ]
        span = min(places) if places else self._rough(record, record.hunks[0])
        return span.start if span else 0

    def _rough(self, record: SuggestionRecord, hunk: HunkRecord) -> Span | None:
        """Where the text of a hunk was that is not there any more, or was decided."""
        renewed = self.canvas.origins.returns.renewed
        at = hunk.anchor
        return anchors.between(
            self.identity, record.page, renewed(self.identity, at.start), renewed(self.identity, at.end)
        )


def _made(id: str, run: str, author: str, kind: str) -> list[str]:
    """Which agent made something in which run: enough to find out whether a task wanted it."""
    return [id, run, author] if run and kind == "agent" else []


def _conversation(thread: dict[str, Any]) -> dict[str, Any]:
    """Whose turn it is in a thread."""
    comments: list[dict[str, Any]] = thread["comments"]
    last = comments[-1]
    return {
        "last": last["author"],
        "name": last["name"],
        "person": last["author_kind"] == "person",
        "asks": bool(_ASKS.search(last["text"])),
        "mentions": [found.strip().casefold() for found in _MENTION.findall(last["text"])][:10],
        "in": sorted({comment["author"] for comment in comments if comment["author_kind"] == "person"}),
        "opened": thread["author"],
        "for": [],
    }


def _shown_thread(thread: dict[str, Any]) -> dict[str, Any]:
    comments: list[dict[str, Any]] = thread["comments"]
    return {
        "id": thread["id"],
        "quote": thread["quote"][:LONGEST],
        "before": _from_word(thread["before"]),
        "after": _to_word(thread["after"]),
        "earlier": max(0, len(comments) - MOST_COMMENTS),
        "comments": [
            {**_author_of(comment), "at": comment["at"], "text": comment["text"][:LONGEST]}
            for comment in comments[-MOST_COMMENTS:]
        ],
    }


def _author(record: SuggestionRecord) -> dict[str, Any]:
    return {
        "author": {"id": record.author, "name": record.name, "kind": record.author_kind, "color": record.color},
    }


def _author_of(signed: dict[str, Any]) -> dict[str, Any]:
    return {
        "author": {
            "id": signed["author"],
            "name": signed["name"],
            "kind": signed["author_kind"],
            "color": signed["color"],
        }
    }


def _asks_at_the_end(text: str) -> bool:
    """Whether the last thing that was said is a question."""
    last = next((line for line in reversed(text.strip().splitlines()) if line.strip()), "")
    return bool(_ENDS_ASKING.search(last))


def _from_word(text: str) -> str:
    """Text that begins with a whole word, if it was cut."""
    return text if len(text) not in (CONTEXT, KEPT) else text[text.find(" ") + 1 :]


def _to_word(text: str) -> str:
    return text if len(text) not in (CONTEXT, KEPT) else text[: text.rfind(" ")] if " " in text else text
