"""A canvas: one document, and the two ways in.

`receive` takes what a participant typed, as a raw CRDT update; `apply` takes everything else, as a typed action. Both
check the participant's role here and nowhere else, and both give an `Outcome`: one update to store and to send, the
client ids it claims, and, for an action, the ledger's row. Nothing here knows a clock, a network or a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from pycrdt import Map, Text, merge_updates

from studiolo.canvas import actions, anchors
from studiolo.canvas.document import STUDIO, Document, PlainMap, plain
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from studiolo.canvas.identity import DecodeError, Tangled, TextEdit, TooManyParts, decode
from studiolo.canvas.origins import Origins
from studiolo.canvas.outcome import Outcome as Outcome
from studiolo.canvas.outcome import entry_of
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import SuggestionRecord, ThreadRecord, write_anchor
from studiolo.canvas.register import Register
from studiolo.canvas.removed import LONG_ENOUGH, Removed
from studiolo.canvas.second_looks import SecondLooks
from studiolo.canvas.typing_now import TypingNow

MOST_PARTS = 300_000  # structs and deleted ranges of one update; years of work on a book, merged, are 20,000
MOST_CLIENTS = 1_000  # client ids in one update; each tab that somebody opens and writes in has one
MOST_CUTTING = (
    5 * 10**10
)  # code units gone through to cut runs, at 0.4 ns: 50,000 words replaced in a million characters
MOST_STEPS = 100_000  # comparisons with what others inserted at the same spots, for one update
MOST_STEPS_EACH = 10  # and so many more for each struct of it

THE_STUDIO = Participant(STUDIO, "Studio", "agent", "#5b5d63", "owner")


_Record = TypeVar("_Record", SuggestionRecord, ThreadRecord)


class Gap(Exception):
    """An update hangs on others that have not arrived; the sender must synchronise again."""


class Canvas:
    """One work, live in memory.

    `updates` are the stored updates in order, `owners` says whose each client id in them is, `clock` gives seconds
    since the epoch and `random` ids and client ids.
    """

    def __init__(
        self,
        updates: Iterable[bytes],
        owners: Mapping[int, str],
        *,
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        self.document = Document(updates, random)
        self.clock = clock
        self.suggestions = {id: SuggestionRecord.read(kept) for id, kept in plain(self.document.suggestions).items()}
        self.threads = {id: ThreadRecord.read(kept) for id, kept in plain(self.document.threads).items()}
        self.messages: dict[str, int] = {message["id"]: at for at, message in enumerate(plain(self.document.chat))}
        self.origins = Origins(plain(self.document.origins), self.suggestions.values())
        self.register = Register(self.suggestions.values())
        self.removed = Removed()
        self.document.identity.watch()
        from studiolo.canvas.settling import Settling  # it knows the canvas

        self.settling = Settling()
        self._random = random
        self._owners = dict(owners)
        self._writers: dict[str, int] = {}
        self._unclaimed: dict[int, str] = {}
        self._moved: set[str] = set()  # pages whose suggestions are to be settled
        self.fresh: dict[str, float] = {}  # suggestions that policies have not looked at, and from when they may
        self.policed = bool(self.document.meta.get("policies"))  # whether there is, or was, a policy
        self.typing = TypingNow()
        self.second_looks = SecondLooks()
        self.vouched: Mapping[tuple[str, str], tuple[str, int]] = {}
        """Of the quotes of the action that is being done, those that were found in files, by file and quote: where
        that is in words, and in which section. Only who has looked there sets it: see `Room.apply`."""
        self._words: dict[str, int] = {}  # in the text of a page, where it was counted since it last changed
        self._claim(self.document.client, STUDIO)

    @classmethod
    def new(
        cls,
        title: str,
        pages: Iterable[Mapping[str, str]],
        *,
        by: Participant,
        clock: Callable[[], float],
        random: Random,
    ) -> tuple[Canvas, Outcome]:
        """A fresh canvas with pages `{title, text, kind, origin}`, their text written, pasted or imported by `by`, and
        what to store of it."""
        from studiolo.canvas.authorship import arrived  # it knows the canvas

        wanted = [actions.AddPage.model_validate({"type": "add_page", **page}) for page in pages]
        title = actions.Retitle(title=title).title
        canvas = cls([], {}, clock=clock, random=random)
        ids = [canvas.new_id() for _ in wanted]
        for page in wanted:
            actions.check_length(len(page.text), f"The page “{page.title}”")
        with canvas.document.change() as made:
            canvas.document.meta["title"] = title
            canvas.document.meta["lens"] = "prose"
            for order, (id, page) in enumerate(zip(ids, wanted, strict=True), start=1):
                canvas.document.pages[id] = shared_page(id, page, float(order))
        updates = [made()]
        for id, page in zip(ids, wanted, strict=True):
            if page.text:
                # One change a page: the writer's next clock is known only when the last change is complete.
                with canvas.document.change() as written:
                    canvas.document.edit(id, [TextEdit(0, 0, page.text)], canvas.writer(by.id))
                updates += [written(), arrived(canvas, id, by.id, page.origin)]
        entry = {"type": "create", "title": title, "pages": [page.title for page in wanted]}
        details = {"pages": [{"id": id, "title": page.title} for id, page in zip(ids, wanted, strict=True)]}
        update = merge_updates(*filter(None, updates))
        outcome = Outcome("created", None, details, update, entry=entry_of(entry, "created", None))
        return canvas, canvas.claimed(outcome)

    # -- the two ways in

    def receive(
        self, update: bytes, by: Participant, present: Callable[[int], str | None] = lambda client: None
    ) -> Outcome | None:
        """Typing: apply a raw update from a participant's own editor; None when it brings nothing new.

        `present` says who is here under a client id that nobody has typed with yet: it is taken, too.
        Raises `Invalid` for bytes that are no update, `TooLarge` for more at once than any editor makes, `Gap`, and
        `Forbidden` for a role that may not write, a client
        id that is somebody else's, or a change of anything but a page's text.
        """
        try:
            decoded = decode(update, MOST_PARTS)
            change = self.document.identity.inspect(decoded)
        except TooManyParts as error:
            raise TooLarge(
                f"The update is made of more than {MOST_PARTS:,} parts.", "Make so large a change in smaller ones."
            ) from error
        except DecodeError as error:
            raise Invalid(f"Not a Yjs update: {error}.", "Send v1 updates.") from error
        if change.gap:
            raise Gap
        if change.empty:
            return None
        if not by.may("editor"):
            raise Forbidden(
                f"A {by.role} may not change the text.",
                "Ask the canvas's owner to make you an editor, or suggest.",
            )
        if change.foreign:
            raise Forbidden(
                f"Only the text of pages can be typed into: {change.foreign}.",
                "Send an action for everything else.",
            )
        for page, added in change.added.items():
            length = self.document.identity.length(page) + added
            if length > actions.LONGEST_PAGE:  # looked at first: a title is not to be fetched for every key
                actions.check_length(length, f"The page “{self.page(page)['title']}”")
        if change.cutting > MOST_CUTTING:
            raise TooLarge(
                "The update changes too many places of too long a text at once.",
                "Save what you wrote elsewhere, reload, and make the change in smaller ones.",
            )
        if len(change.clients) > MOST_CLIENTS:
            raise TooLarge(f"The update speaks for more than {MOST_CLIENTS:,} clients.", "Send each one's own changes.")
        for client in change.clients:
            if (self.owner_of(client) or present(client)) not in (None, by.id):
                raise Forbidden(
                    f"Client id {client} belongs to somebody else.",
                    "Write with your own client id; if this copy holds text that the studio does not have, "
                    "save it elsewhere and reload.",
                )
        try:
            self.document.integrate(update, decoded, MOST_STEPS + MOST_STEPS_EACH * len(decoded.structs))
        except Tangled as error:
            raise TooLarge(
                "The update stands at one spot with too many others to be put in order.",
                "Save what you wrote elsewhere, reload, and paste it.",
            ) from error
        for page in change.pages:
            self.moved(page)
        for client in change.clients:
            self._claim(client, by.id)
        self.typing.note(self.clock(), change.pages, decoded, by.id)
        if taken := self.document.identity.taken():
            self._remember(taken, by.id)
        return self.claimed(Outcome("typed", update=update))

    def follow(self, update: bytes, claims: Mapping[int, str]) -> None:
        """Take in what another copy of this canvas has let in and stored: its update, and whose its new client ids
        are. What is known already is taken again without harm. That copy settles the suggestions, so this one does
        not.

        Raises `Gap` when something that the update hangs on has not arrived; nothing has changed then.
        """
        decoded = decode(update)
        if self.document.identity.inspect(decoded).gap:
            raise Gap
        self._owners.update(claims)
        for client in claims:
            self._unclaimed.pop(client, None)
        self.document.integrate(update, decoded)
        touched = self.document.identity.touched(decoded)
        for root, id in touched:
            if id is not None and root == "suggestions":
                _renew(self.suggestions, id, self.document.suggestions, SuggestionRecord.read)
                if id in self.suggestions:
                    self.origins.accepted(self.suggestions[id])
                    self.register.note(self.suggestions[id])
            elif id is not None and root == "origins":
                self.origins.forget(id)
                if (kept := self.document.origins.get(id)) is not None:
                    self.origins.note(id, kept)
            elif id is not None and root == "threads":
                _renew(self.threads, id, self.document.threads, ThreadRecord.read)
            elif root == "chat":
                self._renew_messages()
            elif root == "meta":
                self.policed = bool(self.document.meta.get("policies"))
            elif id is not None and root == "pages":
                self._words.pop(id, None)
        if pages := [id for root, id in touched if root == "pages" and id is not None]:
            writer = next((struct.client for struct in decoded.structs), None)
            self.typing.note(self.clock(), pages, decoded, (self.owner_of(writer) if writer is not None else "") or "")
        if taken := self.document.identity.taken():
            self._remember(taken, "")

    def apply(self, action: Mapping[str, Any], by: Participant) -> Outcome:
        """Do one action. Raises a `StudioloError`, and then nothing has changed."""
        from studiolo.canvas.handlers import HANDLERS  # the handlers know the canvas

        parsed = actions.parse(dict(action))
        needed, handle = HANDLERS[type(parsed)]
        if not by.may(needed):
            raise Forbidden(
                f"A {by.role} may not {parsed.type.replace('_', ' ')}: it needs the role {needed}.",
                "Ask the canvas's owner for that role.",
            )
        # A word of what is being written is no row of the ledger, and neither is how one types.
        draft = isinstance(parsed, actions.Amend) and parsed.draft
        piece = draft or parsed.type in ("extend", "say_more", "pasted")
        recorded = {} if piece else parsed.model_dump(exclude_defaults=True) | {"type": parsed.type}
        typed, self._moved = self._moved, set()
        try:
            outcome = handle(self, parsed, by)
            if settled := self.settle():
                both = merge_updates(outcome.update, settled.update) if outcome.update else settled.update
                outcome = replace(outcome, update=both, claims=settled.claims)
        finally:
            self._moved |= typed
        if taken := self.document.identity.taken():
            self._remember(taken, "")
        if piece:
            return self.claimed(outcome)
        details = {**outcome.details, **outcome.kept}
        return self.claimed(replace(outcome, entry=entry_of(recorded, outcome.outcome, outcome.id, details)))

    # -- what happens by itself

    def settle(self) -> Outcome | None:
        """Look at the undecided suggestions of every page that changed since the last call: mark those whose text is
        no longer there as stale, and bring back those whose text returned. None when nothing changed."""
        pages, self._moved = self._moved, set()
        return self.settling.settle(self, pages)

    def consider(self) -> Outcome | None:
        """Accept one of the suggestions that were finished since, if a policy allows it. Call it until it gives None;
        those in whose place somebody is typing then wait in `fresh`."""
        if not self.fresh:
            return None
        from studiolo.canvas.policies import consider  # it knows the canvas

        return consider(self)

    def unfinished(self) -> dict[str, str]:
        """What is being written just now: the ids of suggestions and messages, and the run that writes each ("" if
        none does)."""
        written = {id: record.run for id, record in self.suggestions.items() if record.status == "streaming"}
        for id, at in self.messages.items():
            message = self.document.chat[at]
            if message.get("status") == "writing":
                written[id] = message.get("run") or ""
        return written

    def recover(self, lost: Collection[str]) -> Outcome | None:
        """End what of this is still being written (ids of suggestions and messages): nobody is going to finish it."""
        from studiolo.canvas.settling import recover  # it knows the canvas

        outcome = recover(self, lost)
        return outcome and self.claimed(outcome)

    # -- what there is

    @property
    def title(self) -> str:
        return self.document.meta.get("title") or ""

    def page(self, id: str) -> Any:
        """The shared map of a page. Raises `NotFound`."""
        page = self.document.pages.get(id)
        if page is None:
            raise NotFound(f"There is no page {id!r} in this canvas.", "Ask for the canvas to see its pages.")
        return page

    def live_page(self, id: str) -> str:
        """The text of a page that is not removed. Raises `NotFound`, and `Conflict` for one that is."""
        if self.page(id).get("removed"):
            raise Conflict(
                f"The page “{self.page(id)['title']}” was removed.", "Restore it first, or work on another page."
            )
        return self.page_text(id)

    def page_text(self, id: str) -> str:
        """A page's text now. Raises `NotFound`."""
        self.page(id)
        return self.document.identity.text(id)

    def outline(self) -> list[dict[str, Any]]:
        """The pages in order, without their text: id, title, kind, order, removed, and the number of words."""
        pages = self.document.pages.values()
        return sorted(
            (
                {
                    "id": page["id"],
                    "title": page["title"],
                    "kind": page["kind"],
                    "order": page["order"],
                    "removed": bool(page.get("removed")),
                    "words": self._count(page["id"]),
                }
                for page in pages
            ),
            key=lambda page: (page["order"], page["id"]),
        )

    def _count(self, page: str) -> int:
        words = self._words.get(page)
        if words is None:
            words = self._words[page] = len(self.document.identity.text(page).split())
        return words

    def view(self) -> dict[str, Any]:
        """Everything that a viewer may see, as JSON-ready data; pages carry their text."""
        from studiolo.canvas.attaching import attached  # they know the canvas
        from studiolo.canvas.groups import groups

        suggestions = plain(self.document.suggestions)
        for record in self.register.waiting_anywhere():
            for index, hunk in enumerate(record.hunks):
                if hunk.status == "stale":
                    suggestions[record.id]["hunks"][index]["now"] = self.today(record, index)
        return {
            "title": self.title,
            "lens": self.document.meta.get("lens") or "prose",
            "pages": [page | {"text": self.page_text(page["id"])} for page in self.outline()],
            "suggestions": sorted(suggestions.values(), key=lambda record: (record["at"], record["id"])),
            "groups": [[list(id) for id in group] for group in groups(self)],
            "threads": sorted(plain(self.document.threads).values(), key=lambda thread: (thread["at"], thread["id"])),
            "chat": plain(self.document.chat),
            "facts": plain(self.document.facts),
            "panels": plain(self.document.panels),
            "attachments": attached(self),
        }

    def authors(self, page: str) -> list[dict[str, Any]]:
        """Whose each run of a page's text is, in order: start and length in code points, and the participant's id
        ("" where it is not known). Where it came from: `authorship`."""
        from studiolo.canvas.authorship import authorship  # it knows the canvas

        runs: list[dict[str, Any]] = []
        for run in authorship(self, page):
            owner = run.origin.participant
            if runs and runs[-1]["participant"] == owner:
                runs[-1]["length"] += run.length
            else:
                runs.append({"start": run.start, "length": run.length, "participant": owner})
        return runs

    def owner_of(self, client: int) -> str | None:
        """The participant that a client id belongs to, if it is known."""
        return self._owners.get(client) or self._unclaimed.get(client)

    def writers(self) -> set[str]:
        """The ids of all whose text, or whose records, there have ever been."""
        return {*self._owners.values(), *self._unclaimed.values()}

    # -- for the handlers

    def new_id(self) -> str:
        """A short id for a record; 64 random bits."""
        return f"{self._random.getrandbits(64):016x}"

    def writer(self, participant: str) -> int:
        """The client id with which the studio writes text for a participant."""
        client = self._writers.get(participant)
        if client is None:
            client = self._writers[participant] = self.document.new_client()
            self._claim(client, participant)
        return client

    def find(self, page: str, text: str, anchor: anchors.Anchor) -> Span | None:
        """Where an anchored text is in the page's present text, or None when it was changed or is gone."""
        new = self.settling.unseen(self, page)
        return anchors.find(self.document.identity, page, text, anchor, self.origins.returns, new)

    def today(self, record: SuggestionRecord, index: int) -> str:
        """What stands today where the text of a hunk was, up to the words that stood around it."""
        text, anchor = self.page_text(record.page), record.hunks[index].anchor
        return anchors.today(self.document.identity, record.page, text, anchor, self.origins.returns)

    def moved(self, page: str) -> None:
        """A page's text changed: `settle` must look at its suggestions."""
        self._moved.add(page)
        self._words.pop(page, None)

    def set_hunk(self, record: SuggestionRecord, index: int, **fields: Any) -> None:
        """Inside `change()`: set fields of a hunk, here and in the document, which does not keep empty ones."""
        hunk = record.hunks[index]
        shared = self.document.suggestions[record.id]["hunks"][index]
        for name, value in fields.items():
            if getattr(hunk, name) == value:
                continue
            setattr(hunk, name, value)
            if value or (name == "proposed" and value is not None):
                shared[name] = value
            else:
                del shared[name]
        if "applied" in fields:
            self.origins.accepted(record)

    def set_anchor(self, record: SuggestionRecord, index: int, anchor: anchors.Anchor) -> None:
        """Inside `change()`: move a hunk's anchor, here and in the document."""
        record.hunks[index].anchor = anchor
        write_anchor(self.document.suggestions[record.id]["hunks"][index], anchor)

    def set_status(self, record: SuggestionRecord) -> None:
        """Inside `change()`: bring a suggestion's status in step with its hunks'."""
        status = record.overall()
        if record.status != status:
            record.status = self.document.suggestions[record.id]["status"] = status
        self.register.note(record)

    def claimed(self, outcome: Outcome) -> Outcome:
        """The outcome with the client ids that nobody has been told of yet."""
        if not self._unclaimed or not outcome.update:
            return outcome
        claims, self._unclaimed = self._unclaimed, {}
        self._owners.update(claims)
        return replace(outcome, claims=claims)

    def _renew_messages(self) -> None:
        """Find the places of new messages: from the end back to the first that is where it was, for messages are
        never taken out."""
        chat = self.document.chat
        for at in range(len(chat) - 1, -1, -1):
            id = chat[at]["id"]
            if self.messages.get(id) == at:
                break
            self.messages[id] = at

    def _remember(self, taken: list[tuple[int, int, str]], by: str) -> None:
        """Keep the words that were deleted: long ones, and others' words, which undo may bring back as `by`'s."""
        if sum(len(words) for _, _, words in taken) < LONG_ENOUGH and all(
            self.owner_of(client) == by and self.origins.plain(client) for client, _, _ in taken
        ):
            return
        self.removed.keep(self.document.identity.passages(taken))

    def _claim(self, client: int, participant: str) -> None:
        if client not in self._owners:
            self._unclaimed[client] = participant


def shared_page(id: str, page: actions.AddPage, order: float) -> Any:
    """A page's shared map, its text still empty: the text is written afterwards, by its author's client id."""
    return Map({"id": id, "title": page.title, "kind": page.kind, "order": order, "text": Text()})


def _renew(
    records: dict[str, _Record], id: str, shared: PlainMap, read: Callable[[Mapping[str, Any]], _Record]
) -> None:
    """Bring one record in memory in step with the document."""
    kept = shared.get(id)
    if kept is None:
        records.pop(id, None)
    else:
        records[id] = read(plain(kept))
