"""The JSON bodies that requests carry, checked at the edge. Actions are checked by the canvas itself."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal, NoReturn, Self

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from studiolo.canvas.errors import Invalid

HALF_A_PAIR = "it holds half of a surrogate pair, which no UTF-8 text can; send whole characters"
MOST_OPTIONS = 20
MOST_IDEAS = 20


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object of whole characters and finite numbers. Raises `Invalid`."""
    raw = await request.body()
    try:
        value = json.loads(raw, parse_constant=_no_number, parse_float=_finite)
        if b"\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Invalid(f"The body is not text: {HALF_A_PAIR}.", "Escape no surrogates, or both of a pair.") from None
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}.", "Send one JSON object.") from None
    if not isinstance(value, dict):
        raise Invalid("The body is not a JSON object.", 'For example {"type": "say", "text": "Hello"}.')
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text[:20])


class Body(BaseModel):
    """A body refuses fields it does not know, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def whole_characters(self) -> Self:
        """Python reads half of a surrogate pair and NaN from JSON; no page, name or answer could ever hold them."""
        try:
            json.dumps(self.model_dump(), ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(HALF_A_PAIR) from error
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        return self


class Me(Body):
    name: str | None = Field(None, min_length=1, max_length=60)
    color: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")


class Setup(Body):
    setup: str = Field(max_length=200)
    name: str | None = Field(None, max_length=60)


class Join(Body):
    token: str = Field(max_length=200)
    name: str | None = Field(None, max_length=60)


class NewPage(Body):
    title: str = Field(max_length=200)
    text: str = ""
    kind: Literal["prose", "code", "note", "data"] = "prose"


class NewCanvas(Body):
    title: str = Field("Untitled", max_length=200)
    pages: list[NewPage] = Field(default_factory=list, max_length=2000)


class ChangeCanvas(Body):
    title: str = Field(min_length=1, max_length=200)


class Share(Body):
    role: Literal["viewer", "commenter", "editor"]
    days: int | None = Field(None, ge=1, le=3650)


class Connect(Body):
    """The agent of another program that is let in."""

    name: str = Field(min_length=1, max_length=60)
    role: Literal["viewer", "commenter", "editor"] = "commenter"
    days: int | None = Field(None, ge=1, le=3650)


# What a skill can be told beside the prompt; the numbers are those that every JSON reader keeps exactly.
Option = Annotated[StrictStr, Field(max_length=500)] | Annotated[StrictInt, Field(ge=-(2**53), le=2**53)] | StrictBool


class Redo(Body):
    """With which model; the one of the first time where it can be asked."""

    model: str | None = Field(None, max_length=200)


class Dismiss(Body):
    away: bool = True


class Steer(Body):
    text: str = Field(min_length=1, max_length=4_000)


class Answer(Body):
    """`answer` or `text` for a question; `allow` for an approval, with `text` as a sentence to the agent, or with other
    `arguments` for this one call."""

    call: str = Field(max_length=200)
    answer: str | None = Field(None, max_length=8_000)
    text: str = Field("", max_length=8_000)
    allow: Literal["once", "run", "no"] | None = None
    arguments: dict[str, Any] | None = None


class AskBody(Body):
    """What an agent is asked to do, and where. The place is named as in an action: by quoting, or by `start`."""

    agent: str = Field("co-author", max_length=60)
    prompt: str = Field("", max_length=20_000)
    skill: str | None = Field(None, max_length=60)
    page: str | None = Field(None, max_length=100)
    quote: str | None = Field(None, max_length=200_000)
    before: str | None = Field(None, max_length=2_000)
    after: str | None = Field(None, max_length=2_000)
    start: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    model: str | None = Field(None, max_length=200)
    options: dict[Annotated[str, Field(max_length=60)], Option] | None = Field(None, max_length=MOST_OPTIONS)
    say: bool | Literal["answer"] | None = None
    thread: str | None = Field(None, max_length=100)
    about: str | None = Field(None, max_length=100)

    @field_validator("options")
    @classmethod
    def a_count_of_ideas(cls, options: dict[str, Option] | None) -> dict[str, Option] | None:
        count = (options or {}).get("count", 1)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_IDEAS:
            raise ValueError(f"count must be a number from 1 to {MOST_IDEAS}")
        return options
