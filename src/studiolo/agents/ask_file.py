"""`studiolo ask FILE "instruction"`: an agent's suggestions for a local file, without a server.

The same skills work on a canvas in memory. The file is written once, atomically, with what was taken and nothing else:
its line ends, its byte order mark and its permissions stay.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from studiolo.agents.asking_people import Reply
from studiolo.agents.choosing_skill import Catalogue
from studiolo.agents.guiding import Guide
from studiolo.agents.kit import Kit
from studiolo.agents.local import READER, LocalSurface
from studiolo.agents.persona_folder import Personas
from studiolo.agents.run import Run
from studiolo.agents.runs import Runs
from studiolo.agents.work import Ask
from studiolo.canvas import StudioloError
from studiolo.canvas.anchors import between
from studiolo.canvas.diff import text_edits
from studiolo.canvas.errors import Conflict, Invalid, NotFound
from studiolo.formats import decode, kind_of
from studiolo.models import Models
from studiolo.settings import Settings
from studiolo.terminal import safe_json, visible

BOM = b"\xef\xbb\xbf"
LARGEST = 5_000_000  # bytes
CONTEXT = 60  # characters shown on either side of a change
RED, GREEN, DIM, BOLD, PLAIN = "\x1b[9;31m", "\x1b[32m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


class AskFailed(StudioloError):
    """The run on a file failed; code, message and hint are the run's."""

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"code": self.details.get("code", "error")}


def ask_file(args: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Returns the exit code; raises a `StudioloError` with a sentence for the terminal."""
    models = Models(settings.home, os.environ)
    kit = Kit.open(settings.home, os.environ)

    async def close() -> None:
        await models.close()
        await kit.close()

    return asyncio.run(asked(args, models, close, sys.stdin, sys.stdout, sys.stderr, Personas(settings.home), kit))


async def asked(
    args: argparse.Namespace,
    models: Catalogue,
    close: Callable[[], Any],
    read: TextIO,
    write: TextIO,
    note: TextIO,
    personas: Personas | None = None,
    kit: Kit | None = None,
) -> int:
    file = TextFile.read(Path(args.file))
    surface = LocalSurface(file.path.name, file.text, kind_of(file.path.name), time.time)
    try:
        run = await _run(args, models, surface, (read, write, note), personas or Personas(), kit)
    finally:
        await close()
    taken = await _review(args, surface, run, read, write, note)
    if taken:
        file.write(surface.text)
    if args.json:
        made = json.dumps(_as_json(file, surface, run, bool(taken)), ensure_ascii=False, indent=2)
        write.write(safe_json(made) + "\n")
    elif taken:
        note.write(f"{visible(str(file.path))}: {taken} {'change' if taken == 1 else 'changes'} written.\n")
    return 0


async def _run(
    args: argparse.Namespace,
    models: Catalogue,
    surface: LocalSurface,
    terminal: tuple[TextIO, TextIO, TextIO],
    personas: Personas,
    kit: Kit | None,
) -> Run:
    """The run, ended; what it does is shown while it does it. An interrupt stops it and keeps what there is."""
    read, write, note = terminal
    runs = Runs(models, None, time.time, lambda: uuid4().hex, personas=personas, kit=kit)
    guide = Guide(runs)
    asking = read.isatty() and write.isatty() and not args.json
    ask = Ask(
        agent=args.agent or "co-author",
        prompt=args.instruction,
        skill=args.skill,
        page=surface.page,
        model=args.model,
    )
    run = runs.start(surface, ask, READER)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, run.stop)
    name = personas.get(ask.agent).participant.name
    lively = note.isatty() and not args.json
    written = 0
    try:
        async for event in run.events():
            if lively and event["type"] == "delta":
                written += len(event["text"])
                note.write(f"\r{DIM}{name} is writing: {written} characters (Ctrl-C ends it){PLAIN}\x1b[K")
            elif lively and event["type"] == "step" and event["step"]["state"] == "running":
                note.write(f"\r{DIM}{visible(event['step']['title'])} (Ctrl-C ends it){PLAIN}\x1b[K")
            elif event["type"] == "cards":
                if lively:
                    note.write("\r\x1b[K")
                await run.wait()
                for card in run.open_cards:
                    reply = await asyncio.to_thread(_asked, card, read, write) if asking else _nobody(card)
                    await guide.answer(run.id, surface, card["call"], reply, READER)
            elif lively and (progress := event.get("progress")):
                note.write(f"\r{DIM}{progress['done']} of {progress['of']} (Ctrl-C ends it){PLAIN}\x1b[K")
            if lively:
                note.flush()
    finally:
        if lively:
            note.write("\r\x1b[K")
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
        await runs.close()
    if run.error and not run.results:
        error = dict(run.error)
        raise AskFailed(error.pop("message"), error.pop("hint", ""), **error)
    return run


async def _review(
    args: argparse.Namespace, surface: LocalSurface, run: Run, read: TextIO, write: TextIO, note: TextIO
) -> int:
    """Show what came of the run and take what is wanted; how many changes were taken."""
    view = surface.canvas.view()
    color = write.isatty() and not os.environ.get("NO_COLOR")
    if not args.json:
        for sentence in run.notes:
            note.write(f"{_styled(sentence, DIM, note.isatty())}\n")
        if run.answer:
            write.write(f"{visible(run.answer)}\n")
        for message in view["chat"]:
            if message.get("card"):
                continue
            write.write(f"{visible(message['text'])}\n")
            for quote in _quotes(message):
                mark = "" if quote["found"] else f"  ({visible(quote.get('url') or 'not in the file')})"
                write.write(f"  {_styled('“' + quote['quote'] + '”', DIM, color)}{mark}\n")
        for thread in view["threads"]:
            write.write(f"\n{_styled(_where(surface, thread), BOLD, color)} “{_short(thread['quote'])}”\n")
            write.writelines(f"  {visible(comment['text'])}\n" for comment in thread["comments"])
    hunks = [
        (suggestion, index, hunk)
        for suggestion in view["suggestions"]
        if suggestion["status"] not in ("withdrawn", "stale")
        for index, hunk in enumerate(suggestion["hunks"])
        if hunk["status"] == "open"
    ]
    asking = read.isatty() and write.isatty() and not args.accept and not args.json
    all_of_them = bool(args.accept)
    taken = 0
    last = None
    for at, (suggestion, index, hunk) in enumerate(hunks, 1):
        if not args.json:
            if suggestion["id"] != last:
                write.write(f"\n{_styled(suggestion['reason'] or 'A suggestion', BOLD, color)}\n")
                last = suggestion["id"]
            write.write(
                f"{_styled(f'{at}/{len(hunks)} ' + _where(surface, hunk), DIM, color)} {_diff(surface, hunk, color)}\n"
            )
        answer = "y" if all_of_them else "n"
        if asking and not all_of_them:
            answer = _answer(read, write)
        if answer == "q":
            break
        all_of_them = all_of_them or answer == "a"
        if answer in ("y", "a"):
            try:
                surface.canvas.apply({"type": "accept", "suggestion": suggestion["id"], "hunks": [index]}, READER)
                surface.canvas.settle()
                taken += 1
            except Conflict as error:
                note.write(f"  Left out: {visible(error.message)}\n")
    if hunks and not taken and not asking and not args.accept and not args.json:
        note.write("Nothing was written. Run it in a terminal to choose, or with --accept to take everything.\n")
    return taken


def _asked(card: Mapping[str, Any], read: TextIO, write: TextIO) -> Reply:
    """What the person at the terminal says to something that the agent asks."""
    write.write(f"\n{visible(card['question'])}\n")
    if card["kind"] == "question":
        choices = card.get("choices", [])
        write.writelines(f"  {number}. {visible(choice)}\n" for number, choice in enumerate(choices, 1))
        write.write("Your answer: ")
        write.flush()
        said = read.readline().strip()
        if said.isdecimal() and 1 <= int(said) <= len(choices):
            said = choices[int(said) - 1]
        return Reply(said) if said else _nobody(card)
    detail = card.get("detail", {})
    for warning in detail.get("warnings", ()):
        write.write(f"  {visible(warning)}\n")
    write.write(f"  {visible(json.dumps(detail.get('arguments', {}), ensure_ascii=False))}\n")
    grant = bool(detail.get("grant"))
    write.write(f"Allow it? [y]es, {'[a]ll the rest of this run, ' if grant else ''}[n]o: ")
    write.flush()
    said = read.readline().strip().lower()[:1]
    return Reply(allow="run" if said == "a" and grant else "once" if said == "y" else "no")


def _nobody(card: Mapping[str, Any]) -> Reply:
    """Where nobody is at a terminal nothing is allowed, and questions are left to the agent."""
    if card["kind"] == "question":
        return Reply("Nobody is there to answer. Decide yourself, and say what you decided.")
    return Reply(allow="no", text="Nobody is there to allow it.")


def _answer(read: TextIO, write: TextIO) -> str:
    while True:
        write.write("Take it? [y]es, [n]o, [a]ll the rest, [q]uit: ")
        write.flush()
        line = read.readline()
        if not line:
            return "q"
        if line.strip().lower()[:1] in ("y", "n", "a", "q"):
            return line.strip().lower()[0]


def _diff(surface: LocalSurface, hunk: Mapping[str, Any], color: bool) -> str:
    """A change in its line: struck out and green in a terminal, `[-old-]{+new+}` elsewhere."""
    text, span = surface.text, _span(surface, hunk)
    if span is None:
        before, after = hunk["before"], hunk["after"]
    else:
        before, after = text[max(0, span[0] - CONTEXT) : span[0]], text[span[1] : span[1] + CONTEXT]
    before = ("…" if len(before) == CONTEXT else "") + before.rsplit("\n", 1)[-1]
    after = after.split("\n", 1)[0] + ("…" if len(after) == CONTEXT else "")
    before, after, old, new = (visible(part) for part in (before, after, hunk["quote"], hunk["replace"]))
    if color:
        removed = f"{RED}{old}{PLAIN}" if old else ""
        added = f"{GREEN}{new}{PLAIN}" if new else ""
    else:
        removed = f"[-{old}-]" if old else ""
        added = f"{{+{new}+}}" if new else ""
    return f"{before}{removed}{added}{after}"


def _styled(text: str, style: str, color: bool) -> str:
    text = visible(text)
    return f"{style}{text}{PLAIN}" if color else text


def _short(text: str) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= 90 else text[:88].rstrip() + "…"


def _span(surface: LocalSurface, anchored: Mapping[str, Any]) -> tuple[int, int] | None:
    """Where a hunk or a thread is in the text as it is now."""
    start, end = json.loads(anchored["start"]), json.loads(anchored["end"])
    return between(surface.canvas.document.identity, surface.page, start, end)


def _where(surface: LocalSurface, anchored: Mapping[str, Any]) -> str:
    span = _span(surface, anchored)
    return f"line {surface.text.count(chr(10), 0, span[0]) + 1}:" if span else ""


def _quotes(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return json.loads(message.get("quotes") or "[]")


def _as_json(file: TextFile, surface: LocalSurface, run: Run, written: bool) -> dict[str, Any]:
    view = surface.canvas.view()
    return {
        "file": str(file.path),
        "written": written,
        "run": run.as_dict(),
        "suggestions": [
            {
                **{name: suggestion.get(name) for name in ("id", "status", "reason", "skill", "model")},
                "hunks": [
                    {name: hunk[name] for name in ("quote", "replace", "before", "after", "status")}
                    for hunk in suggestion["hunks"]
                ],
            }
            for suggestion in view["suggestions"]
            if suggestion["status"] != "withdrawn"
        ],
        "comments": [
            {
                "id": thread["id"],
                "quote": thread["quote"],
                "text": thread["comments"][0]["text"],
                "suggestion": thread.get("suggestion"),
            }
            for thread in view["threads"]
        ],
        "messages": [
            {
                "text": message["text"],
                "quotes": _quotes(message),
                "ideas": json.loads(message.get("ideas") or "[]"),
            }
            for message in view["chat"]
        ],
    }


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's text with `\\n` line ends, and what is needed to write it back as it was."""

    path: Path
    text: str
    data: bytes

    @classmethod
    def read(cls, path: Path) -> TextFile:
        """Read a UTF-8 text file. Raises `NotFound` or `Invalid`."""
        try:
            found = path.stat()
            if stat.S_ISDIR(found.st_mode):
                raise Invalid(f"{path} is a folder.", "Name a file in it.")
            if not stat.S_ISREG(found.st_mode):
                raise Invalid(f"{path} is not a regular file.", "Name a text file.")
            if found.st_size > LARGEST:
                raise Invalid(f"{path} has {found.st_size:,} bytes; {LARGEST:,} are the most.", "Split it.")
            data = path.read_bytes()
        except FileNotFoundError:
            raise NotFound(f"There is no file {path}.", "Check the path.") from None
        except OSError as error:
            raise Invalid(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
        try:
            return cls(path, decode(path.name, data), data)
        except Invalid as error:
            raise Invalid(error.message, "Save it as UTF-8 text and ask again.", **error.details) from None

    def write(self, text: str) -> None:
        """Replace the file's text in one step. Raises `Conflict` when somebody else has changed it meanwhile."""
        target = self.path.resolve()
        try:
            if target.read_bytes() != self.data:
                raise Conflict(
                    f"{self.path} was changed by another program meanwhile; nothing was written.", "Ask again."
                )
            kept = target.stat()
            handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
            try:
                with os.fdopen(handle, "wb") as new:
                    new.write(self.encoded(text))
                    new.flush()
                    os.fsync(new.fileno())
                os.chmod(name, stat.S_IMODE(kept.st_mode))  # noqa: PTH101
                if hasattr(os, "chown") and (kept.st_uid, kept.st_gid) != (os.geteuid(), os.getegid()):
                    with contextlib.suppress(PermissionError):
                        os.chown(name, kept.st_uid, kept.st_gid)
                Path(name).replace(target)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise Invalid(
                f"{self.path} cannot be written: {error.strerror}.", "Check the permissions of the file and its folder."
            ) from None

    def encoded(self, text: str) -> bytes:
        """`text` as this file's bytes: lines that were not touched keep the line ends they had."""
        mark = BOM if self.data.startswith(BOM) else b""
        raw = self.data[len(mark) :].decode()
        offsets: list[int] = []  # of every character of `self.text` in `raw`
        at = 0
        while at < len(raw):
            offsets.append(at)
            at += 2 if raw.startswith("\r\n", at) else 1
        offsets.append(len(raw))
        windows, unix = raw.count("\r\n"), raw.count("\n") - raw.count("\r\n")
        old_mac = raw.count("\r") - windows
        ending = "\r\n" if windows and windows >= max(unix, old_mac) else "\r" if old_mac > unix else "\n"
        made: list[str] = []
        done = 0
        for edit in text_edits(self.text, text):
            made += [raw[done : offsets[edit.start]], edit.insert.replace("\n", ending)]
            done = offsets[edit.end]
        return mark + ("".join(made) + raw[done:]).encode()
