"""The errors a person, an agent or a program can meet, each with a sentence that says what to do next.

The same code, message and hint reach HTTP, MCP, the command line and the page, so they are written once, here.
`status` is the HTTP status the error maps to; `details` are extra JSON-ready facts (fresh text, candidates).
"""

from __future__ import annotations

from typing import Any, ClassVar


class StudioloError(Exception):
    """Something that was asked for cannot be done; nothing was changed."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400

    def __init__(self, message: str, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """The error as every surface shows it: `{code, message, hint, ...details}`."""
        return {"code": self.code, "message": self.message, "hint": self.hint, **self.details}


class Invalid(StudioloError):
    """The request itself is not well formed."""

    code = "invalid"
    status = 422


class TooLarge(StudioloError):
    """More than a page, a frame or a request may hold."""

    code = "too_large"
    status = 413


class Unauthenticated(StudioloError):
    """Nobody is signed in, or the token is wrong, expired or revoked."""

    code = "unauthenticated"
    status = 401


class Forbidden(StudioloError):
    """The participant's role does not allow this."""

    code = "forbidden"
    status = 403


class NotFound(StudioloError):
    """There is no such thing, or this participant may not know of it."""

    code = "not_found"
    status = 404


class Conflict(StudioloError):
    """The canvas has moved on since the request was made."""

    code = "conflict"
    status = 409


class Decided(Conflict):
    """Somebody has already accepted, rejected or withdrawn it."""

    code = "decided"


class Stale(Conflict):
    """The text under a suggestion is no longer the text it was made for."""

    code = "stale"


class QuoteNotFound(Conflict):
    """A quoted passage is nowhere in the page; `candidates` holds the nearest text there is."""

    code = "quote_not_found"


class QuoteAmbiguous(Conflict):
    """A quoted passage fits in several places; `candidates` shows each with its surroundings."""

    code = "quote_ambiguous"


class Unavailable(StudioloError):
    """The studio cannot do this just now: a full disk, a locked database, a room that is closing."""

    code = "unavailable"
    status = 503
