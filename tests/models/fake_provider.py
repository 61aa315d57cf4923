"""A provider at the other end of a real socket, that speaks the three streaming formats as they are on the wire."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_numbers = itertools.count(1)
WORDS = ["The ", "lamp ", "went ", "out."]


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Refusal:
    """What to answer instead: a status with a body, or a wait before the answer."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Turn:
    """One answer of a script: what it says, then the tools that it calls, as (name, arguments). Arguments may be a
    text, which is sent as it is. `id` is given to each call that is not to have one of its own. `thinking` is sent as
    providers send it; `hang_up` ends the line before the answer is whole; `wait` is waited for before the first word.
    """

    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    thinking: str = ""
    usage: tuple[int, int] = (100, 10)
    hang_up: bool = False
    wait: threading.Event | None = None
    id: str = ""


class FakeProvider:
    """Answers every request with `WORDS`, or with `refusal`, and keeps what it was asked in `asked`.

    Who asks for a typed answer is given the first of `typed` as the call of its tool, as OpenAI sends it; or what
    `thinks` makes of the request's body. While there is a `script`, a streamed request to an OpenAI model is answered
    with its next turn: a `Turn`, a `Refusal`, or a function that makes one of the request's body; the last one is given
    again and again.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.refusal: Refusal | None = None
        self.typed: list[dict[str, Any]] = []
        self.thinks: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        self.script: list[Turn | Refusal | Callable[[dict[str, Any]], Turn]] = []
        self.lock = threading.Lock()
        self.models: list[str] = ["llama3.2", "qwen2.5:1.5b"]
        self.hang_up_after: int | None = None
        self.silence = 0.0  # seconds before the answer
        self.pace = 0.0  # seconds before each piece of it
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                return

            def do_GET(self) -> None:
                fake.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, {}))
                data = {"object": "list", "data": [{"id": name, "object": "model"} for name in fake.models]}
                self.reply(200, json.dumps(data).encode(), {})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                fake.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                time.sleep(fake.silence)
                if fake.refusal is not None:
                    answer = json.dumps(fake.refusal.body).encode()
                    self.reply(fake.refusal.status, answer, fake.refusal.headers)
                    return
                if not body.get("stream") and body.get("tools"):
                    answer = fake.thinks(body) if fake.thinks else fake.typed.pop(0)
                    self.reply(200, json.dumps(_called(body, answer)).encode(), {})
                    return
                turn = fake.next_turn(body) if body.get("stream") and fake.script else None
                if isinstance(turn, Refusal):
                    self.reply(turn.status, json.dumps(turn.body).encode(), turn.headers)
                    return
                if turn is not None and turn.wait is not None:
                    turn.wait.wait(60)
                events = _turn(body["model"], turn) if turn is not None else _events(self.path, body)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # a reader may have had enough
                    for index, event in enumerate(events):
                        if fake.hang_up_after == index or not event:
                            self.close_connection = True
                            return
                        time.sleep(fake.pace)
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")

            def reply(self, status: int, data: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the requests for an answer."""
        return [asked.body for asked in self.asked if asked.body]

    def next_turn(self, body: dict[str, Any]) -> Turn | Refusal:
        """The answer to this request."""
        with self.lock:
            turn = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return turn if isinstance(turn, Turn | Refusal) else turn(body)

    def __enter__(self) -> FakeProvider:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _called(body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The call of the first tool that the request offers, with this answer as its arguments."""
    name = body["tools"][0]["function"]["name"]
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps(answer)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
    }


def _events(path: str, body: dict[str, Any]) -> Iterable[bytes]:
    if path.endswith("/chat/completions"):
        yield from _openai(body["model"])
    elif path.startswith("/v1/messages"):
        yield from _anthropic(body["model"])
    elif ":streamGenerateContent" in path:
        yield from _google()
    else:
        raise AssertionError(f"nobody asks for {path}")


def _data(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _openai(model: str) -> Iterable[bytes]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    for word in WORDS:
        choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
        yield _data({**base, "choices": [choice]})
    yield _data({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    yield _data({**base, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _turn(model: str, turn: Turn) -> Iterable[bytes]:
    """An answer of a script as OpenAI streams it; an empty piece ends the line."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}

    def delta(**fields: Any) -> bytes:
        return _data({**base, "choices": [{"index": 0, "delta": fields, "finish_reason": None}]})

    yield delta(role="assistant", content="")
    if turn.thinking:
        yield delta(reasoning_content=turn.thinking)
    for word in re.findall(r"\S+\s*|\s+", turn.text):
        yield delta(content=word)
    if turn.hang_up:
        yield b""
    for index, (name, arguments) in enumerate(turn.calls):
        said = arguments if isinstance(arguments, str) else json.dumps(arguments)
        id = turn.id or f"call_{next(_numbers)}"
        first = {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
        yield delta(tool_calls=[first])
        for at in range(0, len(said), 40):
            yield delta(tool_calls=[{"index": index, "function": {"arguments": said[at : at + 40]}}])
    reason = "tool_calls" if turn.calls else "stop"
    yield _data({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    read, wrote = turn.usage
    usage = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
    yield _data({**base, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _anthropic(model: str) -> Iterable[bytes]:
    def event(kind: str, **more: object) -> bytes:
        return f"event: {kind}\n".encode() + _data({"type": kind, **more})

    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    }
    yield event("message_start", message=message)
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in WORDS:
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield event("content_block_stop", index=0)
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=stop, usage={"output_tokens": 4})
    yield event("message_stop")


def _google() -> Iterable[bytes]:
    for index, word in enumerate(WORDS):
        last = index == len(WORDS) - 1
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": word}]}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        usage = {"promptTokenCount": 9, "candidatesTokenCount": index + 1, "totalTokenCount": 10 + index}
        yield _data({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "fake", "responseId": "r1"})
