"""The one door of the agents' browser: a proxy on a loopback port that judges every address and connects to no other.

A browser looks names up when it likes, follows redirects by itself, opens websockets, loads what a page's service
worker asks for. It is told to reach everything through here and to look up nothing. Whoever knocks must have a pass;
each run has its own, with the hosts that it may reach and the bytes that it may use.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx2

from studiolo.addresses import Network, Unreachable, host_of, is_named, parsed, port_of, resolve
from studiolo.canvas.errors import Forbidden

MOST_BYTES = 100 * 2**20  # that one pass may receive
MOST_SENT = 10 * 2**20  # and send
MOST_CONNECTIONS = 48  # of one pass at once
LARGEST_HEAD = 64 * 1024  # bytes of a request's or an answer's head
SECONDS = 20.0  # to connect, and for a head
SILENCE = 120.0  # seconds after which a connection on which nothing is said is closed
MOST_ADDRESSES = 3  # of a host that are tried
ERRANDS = frozenset(
    f"{name}.com"
    for name in (
        "content-autofill.googleapis",
        "optimizationguide-pa.googleapis",
        "update.googleapis",
        "clients2.google",
    )
)
"""Hosts that Chromium asks of its own accord: what forms look like is nobody's business, and no page misses them."""
_OF_THIS_HOP = (
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
)


@dataclass(slots=True)
class Pass:
    """What one run may reach, and what it has used. `refused`: hosts that it was kept from, and why."""

    only: list[str]
    never: list[str]
    refuses: Callable[[str], str] = lambda host: ""
    left: int = MOST_BYTES
    left_to_send: int = MOST_SENT
    connections: int = 0
    refused: dict[str, str] = field(default_factory=dict[str, str])
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def check(self, url: str) -> httpx2.URL:
        """An address that this pass lets through, as far as its name tells. Raises Unreachable and Forbidden."""
        found = parsed(url)
        host = host_of(found)
        if is_named(host, self.never) or (self.only and not is_named(host, self.only)):
            raise Forbidden(
                f"{host} may not be browsed here.",
                f"Only {', '.join(self.only[:20])} may be browsed." if self.only else "Look for it on another site.",
            )
        if why := self.refuses(host):
            raise Forbidden(why, "Look for it on another site.")
        return found


class ForwardProxy:
    """`open`, `admit` a run, `dismiss` it, `close`. `allowed`: networks inside that may be reached all the same."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = list(allowed)
        self._passes: dict[str, Pass] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._knock, "127.0.0.1", 0, limit=LARGEST_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut everything off."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()
        self._server = None

    def admit(
        self,
        only: Sequence[str] = (),
        never: Sequence[str] = (),
        refuses: Callable[[str], str] = lambda host: "",
    ) -> Pass:
        """A new pass. `only`: the hosts (and what is below them) that it is for; none means all of the public web.
        `refuses` says of a host, each time, why it may not be reached just now, or ""."""
        made = Pass(list(only), list(never), refuses)
        self._passes[made.name] = made
        return made

    def dismiss(self, given: Pass) -> None:
        """A pass is no longer good; what it has open ends with its next byte."""
        self._passes.pop(given.name, None)
        given.left = given.left_to_send = 0

    async def judged(self, url: str, given: Pass) -> tuple[httpx2.URL, list[str]]:
        """An address that a pass lets through, and where it leads. Raises Unreachable and Forbidden."""
        found = given.check(url)
        if port_of(found) == self.port:
            raise Unreachable("it is the way out itself")
        return found, await resolve(host_of(found), port_of(found), self._allowed)

    async def _knock(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        given: Pass | None = None
        try:
            async with asyncio.timeout(SECONDS):
                head = _Head(await reader.readuntil(b"\r\n\r\n"))
            given = self._who(head)
            if given is None:
                await _say(writer, "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="Studiolo"')
                return
            given.connections += 1
            if given.connections > MOST_CONNECTIONS or given.left <= 0:
                given.refused["everything more"] = (
                    "this run has used up the bytes that it may load" if given.left <= 0 else "too many connections"
                )
                await _say(writer, "429 Too Many Requests")
                return
            await self._pass_on(head, given, reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # it broke off; the browser sees that
        except asyncio.CancelledError:
            return  # only `close` does that, and asyncio would call it an error of the server
        finally:
            if given:
                given.connections -= 1
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _who(self, head: _Head) -> Pass | None:
        scheme, _, given = head.get("proxy-authorization").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return None
        found = self._passes.get(name)
        return found if found and hmac.compare_digest(found.secret.encode(), secret.encode()) else None

    async def _pass_on(
        self, head: _Head, given: Pass, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        tunnel = head.method == "CONNECT"
        url = f"https://{head.target}/" if tunnel else head.target
        if not tunnel and not url.lower().startswith("http://"):
            await _say(writer, "400 Bad Request")
            return
        if _shown(url).partition(":")[0] in ERRANDS:
            await _say(writer, "403 Forbidden")
            return
        try:
            async with asyncio.timeout(SECONDS):
                to, addresses = await self.judged(url, given)
        except (Unreachable, Forbidden, TimeoutError) as error:
            why = error.message if isinstance(error, Forbidden) else str(error) or "its host is not known"
            if len(given.refused) < 200:
                given.refused[_shown(url)] = why
            await _say(writer, "403 Forbidden", body=f"Not reached: {why}")
            return
        given.refused.pop(_shown(url), None)  # a name server may have been away for a moment
        connected = await _connected(addresses, port_of(to))
        if connected is None:
            if tunnel:
                await _say(writer, "502 Bad Gateway")
            return  # hung up on, the browser knows that nobody answered, and shows no page
        onward_reader, onward = connected
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await _both(_flow(reader, onward, given, "left_to_send"), _flow(onward_reader, writer, given, "left"))
            else:
                await _exchange(head, to, given, (reader, writer), (onward_reader, onward))
        finally:
            onward.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await onward.wait_closed()


class _Head:
    """The first line and the headers of a request."""

    def __init__(self, raw: bytes) -> None:
        lines = raw.decode("latin-1").split("\r\n")
        self.method, self.target, version = lines[0].split(" ")  # ValueError for what is no request
        if not re.fullmatch(r"HTTP/1\.[01]", version) or not re.fullmatch(r"[A-Z]{1,20}", self.method):
            raise ValueError(lines[0])
        self.headers = [_header(line) for line in lines[1:] if line]

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII):
        raise ValueError(line)
    return name, value.strip()


async def _exchange(
    head: _Head,
    to: httpx2.URL,
    given: Pass,
    browser: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    site: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """One request in plain HTTP and its answer; then both are closed, so that none goes to where it was not judged."""
    length = head.get("content-length") or "0"
    if head.get("transfer-encoding") or not (length.isascii() and length.isdecimal() and len(length) < 12):
        await _say(browser[1], "411 Length Required")
        return
    headers = [(name, value) for name, value in head.headers if name.lower() not in (*_OF_THIS_HOP, "host")]
    lines = [f"{head.method} {to.raw_path.decode('ascii')} HTTP/1.1", f"Host: {to.netloc.decode('ascii')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    site[1].write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
    left = int(length)
    while left > 0:
        part = await browser[0].read(min(left, 1 << 16))
        given.left_to_send -= len(part)
        if not part or given.left_to_send < 0:
            return
        left -= len(part)
        site[1].write(part)
        await site[1].drain()
    await site[1].drain()
    await _both(_gone(browser[0]), _answered(site[0], browser[1], given, head.method == "HEAD"))


async def _answered(site: asyncio.StreamReader, browser: asyncio.StreamWriter, given: Pass, bare: bool) -> None:
    """The heads of an answer, saying that the connection ends with it, and its body."""
    for _ in range(10):  # 103 Early Hints and its like come before the answer
        async with asyncio.timeout(SILENCE):
            head = (await site.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        if not (said := re.match(r"HTTP/1\.[01] (\d{3})\b", head[0])) or said[1] == "101":
            return
        headers = [_header(line) for line in head[1:] if line]
        kept = [f"{name}: {value}" for name, value in headers if name.lower() not in _OF_THIS_HOP]
        final = not said[1].startswith("1")
        closing = ["Connection: close"] if final else []
        browser.write("\r\n".join([head[0], *kept, *closing, "", ""]).encode("latin-1"))
        if final:
            await _flow(site, browser, given, "left", 0 if bare or said[1] in ("204", "304") else _length(headers))
            return


async def _gone(reader: asyncio.StreamReader) -> None:
    """Until the browser hangs up, or says what it may not: a second request."""
    await reader.read(1)


def _length(headers: list[tuple[str, str]]) -> int | None:
    """The bytes of a body; None when its end alone says."""
    named = {name.lower(): value for name, value in headers}
    length = named.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and "transfer-encoding" not in named else None


async def _flow(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, given: Pass, left: str, most: int | None = None
) -> None:
    while most is None or most > 0:
        async with asyncio.timeout(SILENCE):
            part = await reader.read(1 << 16 if most is None else min(most, 1 << 16))
        most = None if most is None else most - len(part)
        if not part:
            return
        setattr(given, left, getattr(given, left) - len(part))
        if getattr(given, left) < 0:
            given.refused["everything more"] = "this run has used up the bytes that it may load or send"
            return
        writer.write(part)
        await writer.drain()


async def _both(one: object, other: object) -> None:
    """Until the first of two is done, or breaks; then neither goes on."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]  # type: ignore[arg-type]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _connected(addresses: list[str], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    for address in addresses[:MOST_ADDRESSES]:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(SECONDS / 2):
                return await asyncio.open_connection(address, port, limit=LARGEST_HEAD)
    return None


async def _say(writer: asyncio.StreamWriter, status: str, header: str = "", body: str = "") -> None:
    data = body.encode()
    lines = [f"HTTP/1.1 {status}", *([header] if header else []), "Content-Type: text/plain; charset=utf-8"]
    head = "\r\n".join([*lines, f"Content-Length: {len(data)}", "Connection: close", "", ""])
    writer.write(head.encode("latin-1") + data)
    await writer.drain()


def _shown(url: str) -> str:
    """The host and port of an address, for a list that people read."""
    return re.sub(r"^https?://(?:[^/@]*@)?([^/]*).*$", r"\1", url, flags=re.DOTALL)[:200]
