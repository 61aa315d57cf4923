"""What the studio adds between a model's token and every browser.

A model server (OpenAI's wire format, on loopback) streams prose, a word at a time. The peer reads that stream directly.
Beside it, in the same run, the studio's co-author reads an equal stream, writes it into a suggestion, stores each piece
with SQLite's FULL synchronisation, and sends it to N Yjs clients; a client has decoded the update and read the text
before its clock stops. All clocks are one process's. Run: `.venv/bin/python bench/token_road.py [clients] [words]`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
import websockets
from pycrdt import Doc, Map, Text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from studiolo.rooms import protocol

CLIENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
WORDS = int(sys.argv[2]) if len(sys.argv) > 2 else 300
PACE = 1 / 60  # seconds between tokens: a fast hosted model

sent: list[float] = []  # when each word of the stream under way left the model server


def prose(words: int) -> list[str]:
    """So many words in plain sentences, with so many different ones that no check takes them for a loop."""
    rng = random.Random(words)
    heads = "har lam kee boa stor let win stai gul ro doo vil sis lan ti mar cor ben fal gren".split()  # noqa: SIM905
    tails = "bour per ton der mick ter dow ling low vane lage ren tern dell by nor".split()  # noqa: SIM905

    def word() -> str:
        return rng.choice(heads) + rng.choice(tails) + rng.choice(("", "s", "en", "ish"))

    text: list[str] = []
    while len(text) < words:
        text += f"The {word()} {word()} {word()} the {word()}, and nobody {word()} the {word()} {word()}.".split()
    return text[:words]


async def chat(request: Request) -> StreamingResponse:
    """Stream WORDS words of prose, and note when each left."""
    await request.json()
    sent.clear()

    async def chunks() -> AsyncIterator[str]:
        for word in prose(WORDS):
            sent.append(time.perf_counter())
            yield chunk({"role": "assistant", "content": f"{word} "}, None)
            await asyncio.sleep(PACE)
        yield chunk({}, "stop") + "data: [DONE]\n\n"

    return StreamingResponse(chunks(), media_type="text/event-stream")


def chunk(delta: dict[str, str], finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "bench", "choices": [choice]}
    return f"data: {json.dumps(data)}\n\n"


class Clock:
    """How long each word took to one reader, in milliseconds."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self._words = 0

    def read(self, text: str) -> None:
        """See all of the stream's text so far: its words that are new have arrived now."""
        now = time.perf_counter()
        words = len(text.split())
        self.delays += [1000 * (now - left) for left in sent[self._words : words]]
        self._words = max(self._words, words)

    def next_stream(self) -> None:
        self._words = 0


async def read_directly(url: str) -> Clock:
    """The peer: the model server's stream, read by a plain HTTP client."""
    clock = Clock()
    async with (
        httpx2.AsyncClient(timeout=60) as client,
        client.stream("POST", f"{url}/v1/chat/completions", json={"model": "bench", "messages": []}) as response,
    ):
        text = ""
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
                clock.read(text)
    return clock


async def follow(url: str, canvas: str, token: str, clock: Clock, ready: asyncio.Event) -> None:
    """A Yjs client: applies every update to its document, then looks what is new in it."""
    doc: Doc[Any] = Doc()
    suggestions: Map[Any] = doc.get("suggestions", type=Map)
    known: set[str] = set()
    newest = Text()
    async with websockets.connect(
        f"{url.replace('http', 'ws', 1)}/sync/{canvas}?token={token}", compression=None, max_size=None
    ) as socket:
        await socket.send(protocol.sync_step_1(doc.get_state()))
        async for frame in socket:
            assert isinstance(frame, bytes)
            message = protocol.read(frame)
            if isinstance(message, protocol.SyncUpdate):
                doc.apply_update(message.update)
                ready.set()
                for id in set(suggestions.keys()) - known:
                    clock.next_stream()
                    known.add(id)
                    newest = suggestions[id]["hunks"][0]["replace"]
                if known:
                    clock.read(str(newest))


async def serve(app: Starlette) -> tuple[uvicorn.Server, asyncio.Task[None], str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    return server, serving, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


async def main() -> None:
    server, serving, model = await serve(Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])]))
    with tempfile.TemporaryDirectory() as home:
        config = Path(home, "models.toml")
        config.write_text(  # noqa: ASYNC240  nothing else runs yet
            f'[[models]]\nname = "bench"\nprovider = "openai-compatible"\nmodel = "bench"\nbase_url = "{model}/v1"\n'
            'api_key = "none"\ncontext = 32000\n'
        )
        clean = {name: value for name, value in os.environ.items() if not name.startswith("STUDIOLO_")}
        environ = {**clean, "STUDIOLO_HOME": home, "STUDIOLO_MODEL": "bench", "PYTHONUNBUFFERED": "1"}
        token = (await run("token", "create", "--role", "owner", env=environ)).strip()
        studio = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "studiolo", "serve", "--port", "0", env=environ, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert studio.stdout
            url = (await studio.stdout.readline()).decode().split()[4].split("/?")[0]
            direct, through = await measure(model, url, token)
        finally:
            studio.terminate()
            await studio.wait()
    server.should_exit = True
    await serving
    report(direct, through)


async def run(*arguments: str, env: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "studiolo", *arguments, env=env, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode()


async def measure(model: str, url: str, token: str) -> tuple[list[float], list[float]]:
    headers = {"Authorization": f"Bearer {token}"}
    direct: list[float] = []
    through: list[float] = []
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        pages = [{"title": "One", "text": "It began to rain over the harbour. " * 40}]
        made = (await client.post("/api/canvases", json={"title": "Bench", "pages": pages})).json()
        canvas, page = made["id"], made["pages"][0]["id"]
        clocks = [Clock() for _ in range(CLIENTS)]
        ready = [asyncio.Event() for _ in range(CLIENTS)]
        readers = [
            asyncio.create_task(follow(url, canvas, token, clock, event))
            for clock, event in zip(clocks, ready, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in ready))
        for _ in range(3):  # in turn, so that what else the machine does falls on both
            direct += (await read_directly(model)).delays
            ask = {"agent": "co-author", "prompt": "continue", "skill": "continue", "page": page}
            started = await client.post(f"/api/canvases/{canvas}/ask", json=ask | {"options": {"words": WORDS}})
            id = started.raise_for_status().json()["run"]
            while (state := await told(client, id))["state"] in ("queued", "running"):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            assert state["state"] == "done", state
        for clock in clocks:
            through += clock.delays
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return direct, through


async def told(client: httpx2.AsyncClient, run: str) -> dict[str, Any]:
    return (await client.get(f"/api/runs/{run}")).json()


def report(direct: list[float], through: list[float]) -> None:
    """Print median and 99th percentile of both roads, what the studio adds, and the ratio."""

    def figures(delays: list[float]) -> tuple[float, float]:
        return statistics.median(delays), statistics.quantiles(delays, n=100)[98]

    (median, high), (median_through, high_through) = figures(direct), figures(through)
    print(f"{CLIENTS} clients, {WORDS} words at {1 / PACE:.0f}/s, three runs each; milliseconds, median / p99")
    print(f"  straight from the model server   {median:7.2f} / {high:7.2f}   ({len(direct)} words)")
    print(f"  through the studio to a client   {median_through:7.2f} / {high_through:7.2f}   ({len(through)} words)")
    print(f"  added by the studio              {median_through - median:7.2f} / {high_through - high:7.2f}")
    print(f"  ratio                            {median_through / median:7.2f} / {high_through / high:7.2f}")


if __name__ == "__main__":
    asyncio.run(main())
