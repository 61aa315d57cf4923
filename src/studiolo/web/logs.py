"""The server's log: lines for people or JSON for programs, and nothing in it that somebody wrote.

Messages of this program name things by id. What cannot be trusted are exceptions: pydantic quotes the input, drivers
quote rows, providers quote the prompt. So of an exception the log keeps its type and where it happened, and its words
only for the types that speak of the machine and not of what was being worked on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

from studiolo.canvas.errors import StudioloError

REQUEST: ContextVar[str] = ContextVar("request")
"""The id of the request that is being answered here."""

FIELDS = ("request", "canvas", "participant", "run", "method", "route", "status", "code", "seconds", "client")
"""What a record may carry beside its message, by `extra=`. Anything else is left out."""

# Exactly these types and none derived from them, but for the errors of the system.
SPEAKING = (
    TypeError,
    AttributeError,
    NameError,
    ImportError,
    NotImplementedError,
    RuntimeError,
    sqlite3.OperationalError,
)
WITHHELD = "(its words are left out: they may quote a text)"

Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Text(logging.Formatter):
    """A line for people: time, level, logger, message, and the fields as `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return " ".join([super().formatMessage(record), *(f"{name}={value}" for name, value in fields(record).items())])

    def formatException(self, ei: Raised) -> str:  # noqa: N802
        return told(ei[1])


class Json(logging.Formatter):
    """One JSON object on a line: `time`, `level`, `logger`, `message`, the fields, and `error` for an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = told(record.exc_info[1])
        return json.dumps(line)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the record carries, and the id of the request in which it was made."""
    found = {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
    if "request" not in found and (request := REQUEST.get("")):
        found["request"] = request
    return found


def told(error: BaseException | None) -> str:
    """An exception with its causes: where, of which type, and in its words if these are safe."""
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        stack = "".join(traceback.format_tb(error.__traceback__))
        inner = "".join(f"\n  | {line}" for one in _grouped(error) for line in told(one).splitlines())
        parts.append(f"Traceback (most recent call last):\n{stack}{_name(error)}: {words(error)}{inner}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich came from:\n\n".join(parts)


def words(error: BaseException) -> str:
    """What an exception says, when that cannot quote what was being worked on."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"[Errno {error.errno}] {error.strerror}"
    if isinstance(error, StudioloError):
        return f"({error.code}) {WITHHELD}"
    return str(error) if type(error) in SPEAKING else WITHHELD


def configuration(kind: Literal["text", "json"], level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`. The level is that of this program.

    Libraries speak up from WARNING on whatever the level is: below that uvicorn names the address of every websocket,
    which holds its token, `websockets` prints frames, and SQLAlchemy prints rows.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": Json if kind == "json" else Text}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"studiolo": {"level": level}, "uvicorn": {"level": "WARNING"}},
    }


def stray(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """For `loop.set_exception_handler`: asyncio's own prints the failed task, and with it what the exception says."""
    logging.getLogger("asyncio").error(
        "%s", context.get("message", "A task failed."), exc_info=context.get("exception")
    )


def _grouped(error: BaseException) -> tuple[BaseException, ...]:
    return error.exceptions if isinstance(error, BaseExceptionGroup) else ()


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
