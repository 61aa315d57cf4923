"""The server that takes mail, and one delivery to it."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal
from urllib.parse import unquote, urlsplit

from studiolo.canvas.errors import Invalid

SECONDS = 20.0  # for each answer of the server, until it is given a mail
TAKING = 600.0  # seconds for it to take a mail: whoever waits for less sends it again (RFC 5321, 4.5.3.2.6)
EXAMPLE = "smtps://user:password@mail.example.com:465 or smtp+starttls://user:password@mail.example.com:587"


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is given to. `plain` is for a server on the same machine."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def read(cls, url: str) -> Server:
        """`smtps://`, `smtp+starttls://` or `smtp://`, with user and password before the @. Raises `Invalid`."""
        kinds: dict[str, tuple[Literal["tls", "starttls", "plain"], int]] = {
            "smtps": ("tls", 465),
            "smtp+starttls": ("starttls", 587),
            "smtp": ("plain", 25),
        }
        try:
            parts = urlsplit(url)
            kind, usual = kinds[parts.scheme]
            if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
                raise ValueError
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            return cls(parts.hostname, parts.port or usual, kind, user, password)
        except (KeyError, ValueError):
            raise Invalid("STUDIOLO_SMTP_URL is no address of a mail server.", f"Set it to {EXAMPLE}.") from None

    def deliver(self, message: EmailMessage) -> None:
        """Give a mail to the server. It waits for it: call it in a thread. When it returns the server
        has the mail. Raises `Refused`, or `Away`."""
        try:
            if self.security == "tls":
                line: smtplib.SMTP = smtplib.SMTP_SSL(
                    self.host, self.port, timeout=SECONDS, context=ssl.create_default_context()
                )
            else:
                line = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
            try:
                if self.security == "starttls":
                    line.starttls(context=ssl.create_default_context())
                if self.user:
                    line.login(self.user, self.password)
                if line.sock is not None:
                    line.sock.settimeout(TAKING)
                line.send_message(message)
                with suppress(OSError, smtplib.SMTPException):  # it has the mail, however it says goodbye
                    line.docmd("QUIT")
            finally:
                line.close()
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _failure(code, said) from None
        except smtplib.SMTPAuthenticationError:
            raise Away("the mail server does not take the studio's password") from None
        except smtplib.SMTPResponseException as error:
            raise _failure(error.smtp_code, error.smtp_error) from None
        except ssl.SSLError:
            raise Away("the mail server's certificate is not good, or it speaks no TLS") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Away(f"the mail server could not be reached ({type(error).__name__})") from None


class Refused(Exception):
    """The server will not take this mail, now or later."""


class Away(Exception):
    """It may take it later."""


def _failure(code: int, said: bytes | str) -> Exception:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    words = f"{code} {' '.join(text.split())}"[:200]
    return Refused(words) if 500 <= code < 600 else Away(words)
