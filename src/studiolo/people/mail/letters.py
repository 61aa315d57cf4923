"""What mails say: plain text, a title, a link, and how to end it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import quote, urlencode

from studiolo.people.mail.mailboxes import Mailbox

_NEWS = {
    "done": ("Done", "is done"),
    "failed": ("Could not go on", "could not go on"),
    "waiting": ("Waits for you", "waits for an answer of yours"),
}


def confirmation(box: Mailbox, id: str, at: float, studio: str, sender: str) -> EmailMessage:
    """Asks whether an address is somebody's."""
    link = _link(studio, "confirm", box)
    body = f"""Somebody, probably you, wants news of their tasks in the studio at {studio}
to be sent to this address.

If that was you, open this link and confirm it:

{link}

If it was not, do nothing: this is the only mail that you get.
"""
    return _mail(box, id, at, "Confirm your address for Studiolo", body, studio, sender)


def of_task(
    box: Mailbox, id: str, at: float, task: dict[str, Any], canvas: str, studio: str, sender: str
) -> EmailMessage:
    """News of a task. What is in the canvas is only told to who wants that."""
    short, long = _NEWS[task["state"]]
    parts = [f"Your task “{_line(task['title'])}” in “{_line(canvas)}” {long}."]
    if box.detail == "more":
        said = {"done": [task["outcome"]], "failed": [task["problem"]], "waiting": task["asks"]}[task["state"]]
        parts += [str(one)[:2_000] for one in said if one]
    parts.append(f"Open it:\n{studio}/tasks/{quote(task['id'], safe='')}")
    parts.append(f"--\nYou get this because you asked for it in {studio}.\nNo more mails: {_link(studio, 'end', box)}")
    title = f"{short}: {_line(task['title'])}"
    return _mail(box, id, at, title, "\n\n".join(parts) + "\n", studio, sender, may_end=True)


def _mail(
    box: Mailbox, id: str, at: float, subject: str, body: str, studio: str, sender: str, *, may_end: bool = False
) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = Address(addr_spec=box.address)
    mail["Subject"] = subject[:200]
    # Both are the same whenever it is sent, so that one that comes twice is known.
    mail["Date"] = datetime.fromtimestamp(at, UTC)
    mail["Message-ID"] = f"<{quote(id, safe='')}@{sender.rpartition('@')[2].strip('> ') or 'studiolo'}>"
    mail["Auto-Submitted"] = "auto-generated"
    if may_end:
        mail["List-Unsubscribe"] = f"<{_link(studio, 'end', box, one_click=True)}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(body, charset="utf-8")
    return mail


def _link(studio: str, purpose: str, box: Mailbox, *, one_click: bool = False) -> str:
    token = box.token("confirm" if purpose == "confirm" else "end")
    query = urlencode({"of": box.participant, "token": token})
    return f"{studio}{'/api' if one_click else ''}/mail/{purpose}?{query}"


def _line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:150]
