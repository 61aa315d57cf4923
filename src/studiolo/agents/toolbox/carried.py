"""What a call would carry out of the studio besides where it goes: text in an address, in a search, in arguments.

An agent that was talked into it can send a manuscript away one address at a time. So whatever carries more than an
address needs, or words of this canvas, is said in so many words to the person who is asked.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from studiolo.agents.toolbox.offers import Leaving, short
from studiolo.canvas import THE_STUDIO, Canvas
from studiolo.canvas.authorship import authorship
from studiolo.canvas.document import plain

MOST_IN_ADDRESS = 100  # characters of an address's query and fragment, decoded
MOST_WORDS_SENT = 300  # characters of a search, or of what another server is sent
IN_A_ROW = 5  # words of the canvas one after the other, in an address
IN_A_ROW_SAID = 8  # and in a search: names and terms are what one searches for
SHOWN = 160

_WORD = re.compile(r"\w+")
_BLOB = re.compile(r"[A-Za-z0-9+/=%]{32,}")
_SEGMENTS = re.compile(r"[/?&=#;.,+_\-]")


def carried(leaving: Leaving, canvas: Canvas, asked: str = "", by: str = "") -> list[str]:
    """Sentences about what a call of the agent `by` would carry away; none when there is nothing to be said. Words of
    `asked`, which a person wrote, may be carried."""
    found = list(_in_address(leaving.text) if leaving.address else _in_words(leaving.text))
    payload = _payload(leaving.text) if leaving.address else leaving.text
    blobs = " ".join(filter(None, map(_decoded, _BLOB.findall(leaving.text))))
    row = IN_A_ROW if leaving.address else IN_A_ROW_SAID
    if leaving.address and _is_given(leaving.text, canvas, by):
        return found  # an address that people put there tells nobody more than itself
    # Where an agent wrote the address down, these are the address's words; what it is made of stands elsewhere.
    itself = leaving.text if leaving.address else ""
    for where, words in _of_canvas(f"{payload} {blobs}", canvas, row, asked, itself):
        found.append(f"These words are from {where}: “{short(words, SHOWN)}”.")
    return found


def _in_address(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        user = parts.username or parts.password
    except ValueError:
        yield "This is no address that can be read."
        return
    kind = parts.scheme.casefold()
    if kind not in ("http", "https"):
        yield f"This is no web address: it begins with “{short(kind or url, 20)}”."
    if user:
        yield "This address carries a name or a password in front of its host."
    host = parts.hostname or ""
    if not host.isascii() or "xn--" in host.casefold():
        plainly = host.encode("ascii", "backslashreplace").decode()
        yield f"The host is written with letters that may look like others: {short(plainly, SHOWN)}."
    if any(len(label) > 30 for label in host.split(".")):
        yield f"The host's name itself carries text: {short(host, SHOWN)}."
    text = unquote_plus(f"{parts.query} {parts.fragment}").strip()
    if len(text) > MOST_IN_ADDRESS:
        yield f"This address carries {len(text)} characters of text: “{short(text, SHOWN)}”."
    elif len(unquote_plus(parts.path)) > 2 * MOST_IN_ADDRESS:
        path = unquote_plus(parts.path)
        yield f"This address carries {len(path)} characters of text: “{short(path, SHOWN)}”."
    yield from _blobs(url)


def _in_words(text: str) -> Iterator[str]:
    if len(text) > MOST_WORDS_SENT:
        yield f"It carries {len(text)} characters of text: “{short(text, SHOWN)}”."
    yield from _blobs(text)


def _blobs(text: str) -> Iterator[str]:
    for blob in _BLOB.findall(text):
        pieces = [piece for piece in _SEGMENTS.split(blob) if len(piece) >= 32]
        for piece in pieces:
            if plainly := _decoded(piece):
                yield f"It carries {len(piece)} characters that hide a text: “{short(plainly, SHOWN)}”."
            else:
                yield f"It carries {len(piece)} characters that say nothing to a reader: “{short(piece, 60)}”."
        if pieces:
            return


def _payload(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return unquote_plus(f"{parts.netloc} {parts.path} {parts.query} {parts.fragment}")


def _decoded(blob: str) -> str:
    """The text that base64 or hexadecimal digits stand for, or "" where they stand for none."""
    for decode in (_base64, _hexadecimal):
        try:
            text = decode(blob).decode()
        except (ValueError, binascii.Error):
            continue
        if len(text) > 7 and text.isprintable():
            return text
    return ""


def _base64(blob: str) -> bytes:
    bare = blob.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_" if "-" in bare or "_" in bare else None)


def _hexadecimal(blob: str) -> bytes:
    return bytes.fromhex(blob)


def _of_canvas(payload: str, canvas: Canvas, row: int, asked: str, itself: str) -> Iterator[tuple[str, str]]:
    """Where words of the payload stand in a row in the canvas, but for where all of it does, with those words."""
    words = _folded(payload)
    if len(words) < row:
        return
    known = _joined(asked)
    rows = [
        gram for at in range(len(words) - row + 1) if (gram := " ".join(words[at : at + row])) and gram not in known
    ]
    for where, text in _texts(canvas):
        there = _joined(text.replace(itself, "\n") if itself else text)
        hit = next((gram for gram in rows if f" {gram} " in there), None)
        if hit:
            yield where, hit
            return


def _is_given(address: str, canvas: Canvas, by: str) -> bool:
    """Whether an address stands in the canvas in people's words. One that an agent wrote there may be of its making:
    the words that it would carry away."""
    said = [one for thread in plain(canvas.document.threads).values() for one in thread["comments"]]
    said += plain(canvas.document.chat)
    if any(address in one["text"] for one in said if one["author_kind"] == "person"):
        return True
    agents = {by, *(one["author"] for one in said if one["author_kind"] != "person")}
    agents |= {record.author for record in canvas.suggestions.values() if record.author_kind == "agent"}
    for page in canvas.outline():
        text = canvas.page_text(page["id"])
        at = text.find(address)
        if at < 0:
            continue
        end = at + len(address)
        runs = [run for run in authorship(canvas, page["id"]) if run.start < end and at < run.start + run.length]
        if all(run.origin.how != "typed" or run.origin.participant not in agents for run in runs):
            return True
    return False


def _texts(canvas: Canvas) -> Iterator[tuple[str, str]]:
    for page in canvas.outline():
        yield f"“{page['title']}”", canvas.page_text(page["id"])
    threads: dict[str, dict[str, Any]] = plain(canvas.document.threads)
    for thread in threads.values():
        yield "a comment", " ".join(comment["text"] for comment in thread["comments"])
    for message in plain(canvas.document.chat):
        if not _asks(message):
            yield "the conversation", message["text"]


def _asks(message: dict[str, Any]) -> bool:
    """Whether the studio only asks something of people there, such as whether this very address may be read."""
    card = json.loads(message.get("card") or "null") if message["author"] == THE_STUDIO.id else None
    return card is not None and card["kind"] in ("approval", "question")


def _folded(text: str) -> list[str]:
    return _WORD.findall(text.casefold().replace("_", " "))


def _joined(text: str) -> str:
    return f" {' '.join(_folded(text))} "
