"""Reading an address on the web as a stranger would: without cookies, credentials or haste, and nothing inside.

The address comes from a model or from a page that a model read, so it is taken for hostile. Each address that leads
anywhere, the first and those it redirects to, is judged; the connection goes to the judged address; and what comes back
is bounded in bytes, also after unpacking, and in time.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote
from weakref import WeakValueDictionary

import httpx2

from studiolo import __version__
from studiolo.addresses import Network, Unreachable, host_of, is_named, parsed, port_of, resolve
from studiolo.canvas.errors import Forbidden, Invalid, NotFound, StudioloError, TooLarge, Unavailable
from studiolo.tools.pacing import GAP, Pace
from studiolo.tools.page_cache import Entry, PageCache, fresh_for
from studiolo.tools.robots import MOST_BYTES as MOST_ROBOTS
from studiolo.tools.robots import NOTHING, Rules, rules_for

PROGRAM = "Studiolo"  # by which a robots.txt calls it
AGENT = f"{PROGRAM}/{__version__} (+a self-hosted studio; reads single pages for the people who write in it)"
MOST_BYTES = 20 * 2**20  # of one answer, unpacked
SECONDS = 20.0  # for one reading: looking up, connecting, redirects, robots.txt and the body; not for the queue
MOST_REDIRECTS = 5
AT_ONCE = 8  # requests
MOST_ADDRESSES = 3  # of a host that are tried
ROBOTS_KEPT = 3_600.0  # seconds
ROBOTS_UNKNOWN_KEPT = 60.0  # for a site that did not say
READABLE = (
    *("text/", "application/xhtml+xml", "application/xml", "application/json", "application/ld+json"),
    *("application/pdf", "application/epub+zip", "application/rtf", "application/x-ipynb+json", "application/csv"),
    *("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.", "application/rss+xml"),
    *("application/atom+xml", "application/octet-stream", "application/x-ndjson", "application/vnd.ms-excel"),
)
"""The content types, or how they begin, that are read unless something else is asked for."""
_ANY = "text/html,application/xhtml+xml,application/pdf;q=0.9,text/*;q=0.9,*/*;q=0.5"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered. `url` is where it was in the end, `redirects` the addresses before that one."""

    url: str
    status: int
    type: str
    data: bytes
    redirects: list[str] = field(default_factory=list[str])
    charset: str = ""
    name: str = ""
    """As a file would be called."""
    at: float = 0.0
    """When it was read from the site, in seconds since the epoch."""
    cached: bool = False


class Fetcher:
    """Reads addresses. `close` it in the end.

    `allowed`: networks of the studio's own that may be read all the same. `only`: hosts (and what is below them) that
    may be read, when it is not empty; `never`: those that may not; `refuses` says of a host, each time, why it may not
    be read just now, or "". `cache`: a folder, or None. `gap`: the seconds between two requests to a host.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        only: Sequence[str] = (),
        never: Sequence[str] = (),
        refuses: Callable[[str], str] = lambda host: "",
        cache: Path | None = None,
        seconds: float = SECONDS,
        gap: float = GAP,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._allowed = list(allowed)
        self._only, self._never, self._refuses = list(only), list(never), refuses
        self._cache = PageCache(cache, ",".join(sorted(map(str, allowed)))) if cache else None
        self._seconds = seconds
        self._tls = tls
        self._clock = clock
        self._pace = Pace(gap)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._transport: httpx2.AsyncHTTPTransport | None = None
        self._robots: dict[str, tuple[float, Rules]] = {}
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def check(self, url: str) -> httpx2.URL:
        """The address as it will be asked for, host in ASCII. Raises Invalid, and Forbidden for a host not allowed."""
        try:
            found = parsed(url.strip())
        except Unreachable as error:
            raise Invalid(
                f"That address cannot be read: {error}.", "Give one such as https://example.com/page."
            ) from error
        host = host_of(found)
        if is_named(host, self._never) or (self._only and not is_named(host, self._only)):
            raise Forbidden(
                f"{host} may not be read in this studio.",
                f"Only {', '.join(self._only[:20])} may be read." if self._only else "Look for it on another site.",
            )
        if why := self._refuses(host):
            raise Forbidden(why, "Look for it on another site.")
        return found.copy_with(fragment=None)

    async def get(
        self, url: str, most: int = MOST_BYTES, accept: Sequence[str] | None = READABLE, robots: bool = True
    ) -> Fetched:
        """Read an address. `accept`: content types or how they begin; None: all. `robots`: do as robots.txt says.

        Raises Invalid, Forbidden, NotFound, TooLarge and Unavailable.
        """
        to = self.check(url)
        alone = self._alone.setdefault(str(to), asyncio.Lock())
        async with alone:
            kept = await self._kept(str(to))
            if kept and self._clock() < kept[0].fresh_until:
                return self._again(*kept, most, accept)
            reading = _Reading(self, most, accept, robots, kept)
            entry, data = await reading.read(to)
            if entry is None:
                return self._again(*reading.confirmed(), most, accept)
            fetched = _as_fetched(entry, data, cached=False)
            if self._cache and entry.fresh_until >= entry.at:
                await asyncio.to_thread(self._cache.put, entry, data)
            return fetched

    async def close(self) -> None:
        """Let go of the connections."""
        if self._transport:
            await self._transport.aclose()
            self._transport = None

    async def _kept(self, url: str) -> tuple[Entry, bytes] | None:
        if not self._cache:
            return None
        kept = await asyncio.to_thread(self._cache.get, url)
        if kept:
            for step in (*kept[0].redirects, kept[0].url):
                self.check(step)
        return kept

    def _again(self, entry: Entry, data: bytes, most: int, accept: Sequence[str] | None) -> Fetched:
        _check_type(entry.type, accept, entry.url)
        if len(data) > most:
            raise _too_large(most)
        return _as_fetched(entry, data, cached=True)

    @asynccontextmanager
    async def _asked(self, to: httpx2.URL, headers: Mapping[str, str]) -> AsyncIterator[httpx2.Response]:
        """One request, to an address of the host that was judged."""
        host = host_of(to)
        try:
            addresses = await resolve(host, port_of(to), self._allowed)
        except Unreachable as error:
            raise _unreachable(host, error) from error
        transport = self._transport = self._transport or _transport(self._tls)
        response: httpx2.Response | None = None
        failed: Exception | None = None
        for address in addresses[:MOST_ADDRESSES]:
            request = httpx2.Request(
                "GET",
                to.copy_with(host=address),
                headers={
                    "host": to.netloc.decode("ascii"),
                    "user-agent": AGENT,
                    "accept": _ANY,
                    "accept-encoding": "gzip, deflate",
                    "connection": "close",
                    **headers,
                },
                extensions={
                    "sni_hostname": host,
                    "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds),
                },
            )
            try:
                response = await transport.handle_async_request(request)
                break
            except httpx2.ConnectError as error:
                failed = error
        if response is None:
            raise _no_connection(host, failed) from failed
        try:
            yield response
        finally:
            await response.aclose()

    async def _rules(self, to: httpx2.URL) -> Rules:
        """The robots.txt of the site, asked for once an hour."""
        site = f"{to.scheme}://{to.netloc.decode('ascii')}"
        until, rules = self._robots.get(site, (0.0, NOTHING))
        if self._clock() < until:
            return rules
        kept = ROBOTS_KEPT
        try:
            rules = await self._read_rules(httpx2.URL(f"{site}/robots.txt"))
        except (Unavailable, httpx2.HTTPError):
            rules, kept = NOTHING, ROBOTS_UNKNOWN_KEPT
        if len(self._robots) > 500:
            self._robots.clear()
        self._robots[site] = (self._clock() + kept, rules)
        return rules

    async def _read_rules(self, to: httpx2.URL) -> Rules:
        for _ in range(MOST_REDIRECTS + 1):
            async with self._asked(to, {}) as response:
                if (onward := _redirect(response, to)) is not None:
                    try:
                        to = self.check(onward)
                    except StudioloError:
                        return Rules()  # as good as none: it leads nowhere
                    continue
                if response.status_code >= 500 or response.status_code == 429:
                    raise Unavailable("It does not say what may be read.")
                if response.status_code >= 400:
                    return Rules()
                data = await _body(response, MOST_ROBOTS, cut=True)
                # A long one takes a second, and is a stranger's.
                return await asyncio.to_thread(rules_for, data.decode("utf-8", "replace"), PROGRAM)
        return Rules()


class _Reading:
    """One reading, from the address that was asked for to the page."""

    def __init__(
        self, fetcher: Fetcher, most: int, accept: Sequence[str] | None, robots: bool, kept: tuple[Entry, bytes] | None
    ) -> None:
        self._fetcher = fetcher
        self._most = most
        self._accept = accept
        self._robots = robots
        self._kept = kept
        self._left = fetcher._seconds
        self._confirmed: Entry | None = None

    def confirmed(self) -> tuple[Entry, bytes]:
        """What was kept and is still what the site has."""
        assert self._kept and self._confirmed
        return self._confirmed, self._kept[1]

    async def read(self, to: httpx2.URL) -> tuple[Entry | None, bytes]:
        """The answer; None for it when what is kept is still right."""
        asked = str(to)
        redirects: list[str] = []
        while True:
            answer = await self._step(to, asked, redirects)
            if not isinstance(answer, httpx2.URL):
                return answer
            redirects.append(str(to))
            if len(redirects) > MOST_REDIRECTS:
                raise Unavailable(
                    f"It leads on and on: more than {MOST_REDIRECTS} redirects.", "Try the address where it should end."
                )
            to = answer

    async def _step(self, to: httpx2.URL, asked: str, redirects: list[str]) -> httpx2.URL | tuple[Entry | None, bytes]:
        fetcher, host = self._fetcher, host_of(to)
        started = asyncio.get_running_loop().time()
        try:
            delay = 0.0
            if self._robots:
                async with self._time(host), fetcher._room:
                    rules = await fetcher._rules(to)
                if not rules.allows(to.raw_path.decode("ascii")):
                    raise _kept_out(host, rules)
                delay = rules.delay
            await fetcher._pace.turn(host, delay)
            async with self._time(host), fetcher._room, fetcher._asked(to, self._conditions(to)) as response:
                return await self._taken(response, to, asked, redirects)
        except httpx2.TimeoutException as error:
            raise self._slow(host) from error
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"{host} broke off, or answered what is no HTTP.", "Try again later, or read it elsewhere."
            ) from error
        except StudioloError:
            raise
        except (OSError, ValueError, UnicodeError, zlib.error, AttributeError, RuntimeError) as error:
            # An answer that is no HTTP can make a library stumble over anything.
            after = asyncio.get_running_loop().time() - started
            raise Unavailable(
                f"What {host} answered cannot be read ({type(error).__name__} after {after:.0f} s).",
                "Read it elsewhere.",
            ) from error

    @asynccontextmanager
    async def _time(self, host: str) -> AsyncIterator[None]:
        """What happens inside comes off the time of the whole reading."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(max(0.0, self._left)):
                yield
        except TimeoutError as error:
            raise self._slow(host) from error
        finally:
            self._left -= loop.time() - started

    def _slow(self, host: str) -> StudioloError:
        return Unavailable(
            f"{host} did not answer in full within {self._fetcher._seconds:g} s.",
            "Try again later, or read it elsewhere.",
        )

    def _conditions(self, to: httpx2.URL) -> dict[str, str]:
        if not self._kept or self._kept[0].url != str(to):
            return {}
        entry = self._kept[0]
        given = {"if-none-match": entry.etag, "if-modified-since": entry.modified}
        return {name: value for name, value in given.items() if value}

    async def _taken(
        self, response: httpx2.Response, to: httpx2.URL, asked: str, redirects: list[str]
    ) -> httpx2.URL | tuple[Entry | None, bytes]:
        fetcher = self._fetcher
        if (onward := _redirect(response, to)) is not None:
            return fetcher.check(onward)
        now = fetcher._clock()
        fresh = fresh_for(response.headers, now)
        if response.status_code == 304 and self._kept and self._conditions(to):
            entry = self._kept[0]
            entry.fresh_until = now + (fresh or 0.0)
            self._confirmed = entry
            if fetcher._cache:
                await asyncio.to_thread(fetcher._cache.put, entry, self._kept[1])
            return None, b""
        if response.status_code != 200:
            raise self._refusal(response, host_of(to))
        type, charset = _type(response.headers.get("content-type", ""))
        if type:
            _check_type(type, self._accept, str(to))
        data = await _body(response, self._most)
        if type in ("", "application/octet-stream"):
            type = _sniffed(data) or type or "application/octet-stream"
            _check_type(type, self._accept, str(to))
        entry = Entry(
            asked=asked,
            url=str(to),
            status=response.status_code,
            type=type,
            charset=charset,
            name=_name(response.headers.get("content-disposition", ""), to),
            redirects=list(redirects),
            etag=response.headers.get("etag", "")[:500],
            modified=response.headers.get("last-modified", "")[:100],
            at=now,
            fresh_until=-1.0 if fresh is None else now + (min(fresh, 600.0) if redirects else fresh),
        )
        if fresh == 0.0 and not (entry.etag or entry.modified):
            entry.fresh_until = -1.0
        return entry, data

    def _refusal(self, response: httpx2.Response, host: str) -> StudioloError:
        status = response.status_code
        if status in (404, 410):
            return NotFound(f"{host} has no such page ({status}).", "Check the address, or search for the page.")
        if status in (401, 402, 403, 407, 451):
            return Forbidden(
                f"{host} does not show that page to this program ({status}).",
                "It may need an account, or want no programs. Read it elsewhere, or ask a person for the text.",
            )
        if status in (429, 503):
            seconds = _retry_after(response.headers.get("retry-after", ""), self._fetcher._clock())
            self._fetcher._pace.rest(host, seconds)
            return Unavailable(f"{host} is too busy just now ({status}).", f"Try again in {seconds:.0f} s.")
        if status >= 500:
            return Unavailable(f"{host} is in trouble ({status}).", "Try again later, or read it elsewhere.")
        return Invalid(f"{host} answers {status} to that address.", "Check the address, or read it elsewhere.")


async def _body(response: httpx2.Response, most: int, cut: bool = False) -> bytes:
    """The body, unpacked as it comes, so that a bomb is noticed and not unpacked. `cut`: take what fits."""
    length = response.headers.get("content-length", "")
    if not cut and length.isdecimal() and int(length[:18]) > most:
        raise _too_large(most)
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Unavailable(
            f"The page is packed as {packing[:30]!r}, which was not asked for and is not read.", "Read it elsewhere."
        )
    unpack = _Unpacking(packing) if packing not in ("", "identity") else None
    parts: list[bytes] = []
    left = most + 1
    packed = 0
    async for raw in response.aiter_raw():
        packed += len(raw)
        part = unpack.more(raw, left) if unpack else raw[:left]
        parts.append(part)
        left -= len(part)
        if left <= 0 or packed > 2 * most + 1024:  # packed, it may hardly be larger than unpacked
            if cut:
                break
            raise _too_large(most)
    if unpack and not unpack.whole and not cut:
        raise Unavailable("The page broke off before its end.", "Try again later, or read it elsewhere.")
    return b"".join(parts)[:most]


class _Unpacking:
    """gzip and both kinds of deflate, never more than is asked for."""

    def __init__(self, packing: str) -> None:
        self._raw = packing == "deflate"
        self._object = zlib.decompressobj(zlib.MAX_WBITS | (0 if self._raw else 16))
        self._begun = False

    @property
    def whole(self) -> bool:
        return self._object.eof or not self._begun

    def more(self, data: bytes, most: int) -> bytes:
        if self._object.eof or not data:
            return b""
        try:
            part = self._object.decompress(data, most)
        except zlib.error:
            if not self._raw or self._begun:
                raise
            self._object = zlib.decompressobj(-zlib.MAX_WBITS)  # what many servers mean by deflate
            part = self._object.decompress(data, most)
        self._begun = True
        while self._object.unconsumed_tail and len(part) < most:
            part += self._object.decompress(self._object.unconsumed_tail, most - len(part))
        return part


def _transport(tls: ssl.SSLContext | None) -> httpx2.AsyncHTTPTransport:
    # No connection is kept: one to an address must not serve another name that has the same address. Below the client
    # of the library there are no cookies, no proxy of the environment, no .netrc.
    return httpx2.AsyncHTTPTransport(
        verify=tls or httpx2.create_ssl_context(trust_env=False),
        trust_env=False,
        limits=httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=0),
    )


def _redirect(response: httpx2.Response, to: httpx2.URL) -> str | None:
    """Where a redirect leads; None when it is none."""
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    where = response.headers.get("location", "").strip()
    if not where:
        raise Unavailable("It redirects, but does not say where to.", "Read it elsewhere.")
    try:
        return str(to.join(where))
    except (httpx2.InvalidURL, ValueError, UnicodeError) as error:
        raise Invalid("It redirects to what is no address.", "Read it elsewhere.") from error


def _as_fetched(entry: Entry, data: bytes, cached: bool) -> Fetched:
    return Fetched(
        entry.url, entry.status, entry.type, data, entry.redirects, entry.charset, entry.name, entry.at, cached
    )


def _type(header: str) -> tuple[str, str]:
    """The content type and the charset in a header, or empty."""
    message = Message()
    message["content-type"] = header[:500]
    type = message.get_content_type() if re.match(r"[\w.+-]+/[\w.+-]+", header.strip()) else ""
    charset = message.get_param("charset", "")
    return type, str(charset)[:40].lower() if isinstance(charset, str) else ""


def _check_type(type: str, accept: Sequence[str] | None, url: str) -> None:
    if accept is not None and not any(type.startswith(one) for one in accept):
        raise Invalid(
            f"That is {type[:80]}, which is not read as text.",
            "Look for the same as a web page, a PDF or a document.",
            url=url,
        )


def _sniffed(data: bytes) -> str:
    """What bytes are that nobody named, as far as it matters here."""
    head = data[:1024].lstrip()
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\0")):
        return ""
    if re.match(rb"(?i)<(!doctype html|html|head|body|!--)", head):
        return "text/html"
    return "text/plain" if b"\0" not in data[:8192] else ""


def _name(disposition: str, to: httpx2.URL) -> str:
    """What the file would be called; the last part of the path when nothing says."""
    message = Message()
    message["content-disposition"] = disposition[:1_000]
    named = (message.get_filename() if disposition else None) or unquote(PurePosixPath(to.path).name)
    return PurePosixPath(" ".join(re.sub(r"[\x00-\x1f\x7f\\]", " ", named).split())).name[:150]


def _retry_after(text: str, now: float) -> float:
    if text.strip().isdecimal():
        return float(min(int(text.strip()[:9]), 86_400))
    try:
        return min(max(1.0, parsedate_to_datetime(text).timestamp() - now), 86_400.0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 60.0


def _too_large(most: int) -> TooLarge:
    size = f"{most // 2**20} MB" if most >= 2**20 else f"{most:,} bytes"
    return TooLarge(f"The page is larger than {size}.", "Look for a shorter version, or a part of it.")


def _kept_out(host: str, rules: Rules) -> StudioloError:
    if rules.nothing:
        return Unavailable(
            f"{host} does not say (in robots.txt) what programs may read.", "Try again later, or read it elsewhere."
        )
    return Forbidden(
        f"{host} asks programs not to read that page (robots.txt).", "Read it elsewhere, or ask a person for the text."
    )


def _unreachable(host: str, error: Unreachable) -> StudioloError:
    if "inside" in str(error):
        return Forbidden(
            f"{host} cannot be read: {error}.",
            "Agents read the public web only. An operator can allow networks with STUDIOLO_TOOL_NETWORKS.",
        )
    return NotFound(f"{host} cannot be read: {error}.", "Check how the host is written, or search for it.")


def _no_connection(host: str, error: Exception | None) -> StudioloError:
    cause: Any = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None or "CERTIFICATE" in str(error):
        return Unavailable(f"The certificate of {host} is not good.", "Do not trust what it says; read it elsewhere.")
    return Unavailable(f"{host} cannot be connected to.", "Try again later, or read it elsewhere.")
