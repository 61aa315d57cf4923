"""A model provider with recorded answers: OpenAI's wire format on a real socket, at a fixed pace.

    python -m bench.agents.provider          # prints its address

What it answers is in the name of the model, and which turn it is in the messages that it is sent, so it remembers
nothing and may be asked by a studio and by its peer alike. It keeps the requests, for the peer to send them again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

STEPS = 20
FIRST = 0.25  # seconds before the first token of an answer: a hosted model that is not busy
PACE = 1 / 60  # seconds between its tokens
CROWD = 1 / 30  # the same for each of many
LONG = 1_900  # words of a long text
PARAGRAPH = 40  # words

_numbers = itertools.count(1)
_PAGE = re.compile(r"Page (\S+) is open")


@dataclass
class Turn:
    """One answer: what it says, then the call that it makes."""

    text: str = ""
    call: tuple[str, dict[str, Any]] | None = None
    first: float = 0.0
    pace: float = 0.0


@dataclass
class Kept:
    """What has happened here."""

    bodies: defaultdict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    tokens: int = 0


kept = Kept()


def prose(words: int, seed: int) -> str:
    """So many words in plain sentences, with so many different ones that no check takes them for a loop."""
    rng = random.Random(seed)
    heads = "har lam kee boa stor let win stai gul ro doo vil sis lan ti mar cor ben fal gren".split()  # noqa: SIM905
    tails = "bour per ton der mick ter dow ling low vane lage ren tern dell by nor".split()  # noqa: SIM905

    def word() -> str:
        return rng.choice(heads) + rng.choice(tails) + rng.choice(("", "s", "en", "ish"))

    text: list[str] = []
    while len(text) < words:
        text += f"The {word()} {word()} {word()} the {word()}, and nobody {word()} the {word()} {word()}.".split()
    return " ".join(text[:words])


def answer(body: dict[str, Any]) -> Turn:
    """What the model of that name says now."""
    messages = body["messages"]
    turn = sum(message["role"] == "assistant" for message in messages)
    match body["model"].split("-")[0]:
        case "answer":
            return Turn(prose(PARAGRAPH, 1), first=FIRST, pace=PACE)
        case "steps":
            paced = body["model"] == "steps-paced"
            made = _step(turn, _page(messages))
            return Turn(made.text, made.call, FIRST if paced else 0.0, PACE if paced else 0.0)
        case "prose":
            return Turn(prose(LONG, next(_numbers)), first=FIRST, pace=CROWD)
        case "inserting":
            text = f"\n\n{prose(PARAGRAPH, next(_numbers))}"
            call = {"page": _page(messages), "text": text, "reason": "It goes on."}
            return Turn("I write the next paragraph, in the voice of the page.", ("insert", call), FIRST, CROWD)
        case other:
            raise AssertionError(f"there is no model {other}")


def _step(turn: int, page: str) -> Turn:
    """Reading and suggesting in turn, and a word at the end."""
    if turn >= STEPS:
        return Turn("I have proposed what was asked.")
    if turn % 2 == 0:
        return Turn(call=("read_page", {"page": page, "start_line": turn + 1}))
    change = {"find": f"the lamp number {turn:02}", "replace": f"the lantern number {turn:02}"}
    return Turn(call=("suggest", {"page": page, "changes": [change], "reason": "A better word"}))


def _page(messages: list[dict[str, Any]]) -> str:
    for message in messages:
        if message["role"] == "user" and (found := _PAGE.search(json.dumps(message["content"]))):
            return found[1].rstrip(".")
    raise AssertionError("the request names no page")


def pieces(model: str, turn: Turn) -> Iterator[str]:
    """The answer as OpenAI streams it, a token or so at a time."""
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}

    def piece(finish: str | None = None, **delta: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({**base, 'choices': [choice]})}\n\n"

    for word in re.findall(r"\S+\s*", turn.text):
        yield piece(role="assistant", content=word)
    if turn.call:
        name, arguments = turn.call
        head = {"index": 0, "id": f"call_{next(_numbers)}", "type": "function"}
        yield piece(role="assistant", tool_calls=[{**head, "function": {"name": name, "arguments": ""}}])
        for part in re.findall(r"\S+\s*", json.dumps(arguments)):
            yield piece(tool_calls=[{"index": 0, "function": {"arguments": part}}])
    yield piece("tool_calls" if turn.call else "stop")
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    yield f"data: {json.dumps({**base, 'choices': [], 'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


async def chat(request: Request) -> StreamingResponse:
    """Answer at the model's pace. Late pieces follow at once, so that the pace is kept on a busy machine."""
    body = await request.json()
    turn = answer(body)
    if body["model"].split("-")[0] in ("answer", "steps"):
        kept.bodies[body["model"]].append(body)

    async def stream() -> AsyncIterator[str]:
        now = asyncio.get_running_loop().time
        due = now() + turn.first
        for piece in pieces(body["model"], turn):
            if (wait := due - now()) > 0:
                await asyncio.sleep(wait)
            kept.tokens += 1
            yield piece
            due += turn.pace

    return StreamingResponse(stream(), media_type="text/event-stream")


async def requests(request: Request) -> JSONResponse:
    """What a model was asked since somebody looked."""
    return JSONResponse(kept.bodies.pop(request.path_params["model"], []))


async def tokens(_request: Request) -> JSONResponse:
    """How many pieces have been sent."""
    return JSONResponse(kept.tokens)


def main() -> None:
    """Serve on a free port until told to end."""
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/requests/{model}", requests),
            Route("/tokens", tokens),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
