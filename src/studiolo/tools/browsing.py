"""Pages as a browser shows them: open, look, click, type, in a browser of the agents' own that can reach what they may.

One Chromium for all runs, started when it is first wanted and ended when nobody has wanted it for a while; each run has
a profile in it that is empty at the beginning and gone in the end. Every byte that it loads comes through
`ForwardProxy`; by itself it can look up no name and open no other connection. What a page says is data.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studiolo.addresses import Network, Unreachable, is_named
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, StudioloError, TooLarge, Unavailable
from studiolo.tools.chromium import Chromium
from studiolo.tools.forward_proxy import ForwardProxy, Pass

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Dialog, Locator, Page
    from playwright.async_api import Download as Loading

SECONDS = 20.0  # for one step
SETTLING = 2.0  # seconds that a page gets to calm down after a step
CATCHING_ON = 0.2  # seconds in which a click begins to have its effect: a tab, a request
IDLE = 300.0  # seconds after which a session that nobody uses is ended, and then the browser
LIFE = 1_800.0  # seconds of one session
MOST_SESSIONS = 4
MOST_TABS = 4
MOST_LOOKED_AT = 20_000  # characters of one look
MOST_TYPED = 10_000  # characters
LARGEST_DOWNLOAD = 20 * 2**20  # bytes
MOST_DOWNLOADS = 5  # that are kept
MOST_NOTES = 20  # of one step
WIDTH, HEIGHT = 1280, 900
_KEY = re.compile(r"(?:(?:Control|Shift|Alt|Meta|ControlOrMeta)\+){0,3}(?:[A-Za-z][A-Za-z0-9]{0,19}|[!-~])")
_REF = re.compile(r"(?:f\d{1,4})?e\d{1,6}")

# What could speak to the world other than through the proxy: forbidden by flags, and not even there.
_TAKEN_AWAY = """
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'RTCDataChannel', 'WebTransport'])
  try { delete globalThis[name] } catch {}
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page after a step. `text` is what is on it, indented, with a `ref` at whatever can be used; `more` is where to
    look on when it was cut. `notes`: what happened besides (a dialog, a download, what was kept out)."""

    url: str
    title: str
    text: str
    more: int | None = None
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that a page gave."""

    name: str
    url: str
    data: bytes = field(repr=False)


class Browser:
    """The browser of a studio. `close` it in the end.

    `allowed`: networks of the studio's own that may be reached all the same. `only`: hosts (and what is below them)
    that may be reached, when it is not empty; `never`: those that may not; `refuses` says of a host, each time, why
    it may not be reached just now, or "". `environ`: STUDIOLO_BROWSER may name the program.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        only: Sequence[str] = (),
        never: Sequence[str] = (),
        refuses: Callable[[str], str] = lambda host: "",
        environ: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
        idle: float = IDLE,
    ) -> None:
        self._proxy = ForwardProxy(allowed)
        self._only, self._never, self._refuses = list(only), list(never), refuses
        self._chromium = Chromium(os.environ if environ is None else environ)
        self._seconds = seconds
        self._idle = idle
        self._sessions: dict[str, Session] = {}
        self._turn = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    async def session(self, run: str, only: Sequence[str] = ()) -> Session:
        """The session of a run, which begins with its first call. `only`: hosts that this run may reach, of those that
        the studio may; a later call may name more. Raises Forbidden when the studio may reach none of them, and
        Unavailable when there is no browser, or too many sessions."""
        async with self._turn:
            hosts = [one for one in only if not self._only or is_named(one, self._only)] if only else self._only
            if only and not hosts:
                raise Forbidden("None of these hosts may be browsed in this studio.", "Ask an operator to allow them.")
            found = self._sessions.get(run)
            if found and found.alive:
                found.let(hosts if only else ())
                return found
            if found:
                await self._end(found)
            if len(self._sessions) >= MOST_SESSIONS:
                raise Unavailable(
                    f"{MOST_SESSIONS} agents are browsing already.",
                    "Try again later, or read the page without a browser.",
                )
            if not self._proxy.port:
                await self._proxy.open()
            chromium = await self._chromium.started(f"http://127.0.0.1:{self._proxy.port}")
            given = self._proxy.admit(hosts, self._never, self._refuses)
            try:
                context = await chromium.new_context(
                    proxy={
                        "server": f"http://127.0.0.1:{self._proxy.port}",
                        "bypass": "<-loopback>",
                        "username": given.name,
                        "password": given.secret,
                    },
                    viewport={"width": WIDTH, "height": HEIGHT},
                    service_workers="block",
                    permissions=[],
                    accept_downloads=True,
                    locale="en",
                )
                await context.add_init_script(_TAKEN_AWAY)
            except Exception as error:
                self._proxy.dismiss(given)
                raise _ended() from error
            session = self._sessions[run] = Session(context, self._proxy, given, self._seconds)
            self._watch = self._watch or asyncio.create_task(self._tidy(), name="browser")
            return session

    async def end(self, run: str) -> None:
        """A run is over: its tabs, its cookies and its pass are gone."""
        async with self._turn:
            if found := self._sessions.get(run):
                await self._end(found)

    async def close(self) -> None:
        """End every session and the browser. It can be used again afterwards."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        async with self._turn:
            for session in list(self._sessions.values()):
                await self._end(session)
            await self._chromium.stop()
            await self._proxy.close()
            self._proxy.port = 0

    async def _end(self, session: Session) -> None:
        self._sessions = {run: one for run, one in self._sessions.items() if one is not session}
        await session.close()

    async def _tidy(self) -> None:
        """End what nobody uses."""
        unused = 0.0
        every = min(5.0, self._idle / 4)
        while True:
            await asyncio.sleep(every)
            async with self._turn:
                for session in list(self._sessions.values()):
                    if session.is_over(self._idle):
                        await self._end(session)
                unused = 0.0 if self._sessions else unused + every
                if unused >= self._idle / 4:
                    await self._chromium.stop()
                    self._watch = None
                    return


class Session:
    """What one run does in the browser. One step at a time; each raises StudioloError with what to do instead."""

    def __init__(self, context: BrowserContext, proxy: ForwardProxy, given: Pass, seconds: float) -> None:
        self._context = context
        self._proxy = proxy
        self._pass = given
        self._seconds = seconds
        self._page: Page | None = None
        self._notes: list[str] = []
        self._told: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._surplus: list[Page] = []
        self._turn = asyncio.Lock()
        self._began = self._used = time.monotonic()
        self.alive = True
        self.downloads: list[Downloaded] = []
        """The newest files that pages gave, the oldest first."""
        context.on("page", self._opened)
        context.on("close", lambda _: self._lost())

    @property
    def url(self) -> str:
        """Where it is; empty before the first page."""
        return self._page.url if self._page and not self._page.is_closed() else ""

    def let(self, hosts: Sequence[str]) -> None:
        """Let it reach these hosts, too."""
        if self._pass.only:
            self._pass.only = list(dict.fromkeys([*self._pass.only, *hosts]))
            for host in [one for one in self._pass.refused if is_named(one.partition(":")[0], hosts)]:
                del self._pass.refused[host]

    def check(self, url: str) -> str:
        """The address as it will be asked for. Raises what `open` would raise before it asks anybody."""
        try:
            return str(self._pass.check(url.strip()))
        except Unreachable as error:
            raise _not_there(error) from error

    async def open(self, url: str) -> Seen:
        """Go to an address."""
        url = self.check(url)
        async with self._step() as page:
            try:
                await self._proxy.judged(url, self._pass)
            except Unreachable as error:
                raise _not_there(error) from error
            from playwright.async_api import Error

            try:
                await page.goto(url, wait_until="domcontentloaded", timeout=self._seconds * 1000)
            except Error as error:
                if "Download is starting" in error.message:
                    await self._downloading()
                elif "Timeout" not in error.message or page.url in ("", "about:blank"):
                    failed = self._not_opened(url, error.message)
                    if "Timeout" in error.message:
                        await self._drop()
                    raise failed from error
            return await self._seen(page)

    async def look(self, start: int = 0) -> Seen:
        """The page as it is now; from a character on, where it is long."""
        async with self._step() as page:
            return await self._seen(page, start, settle=False)

    async def click(self, ref: str = "", text: str = "") -> Seen:
        """Click what has this ref in the last look, or the one link, button or text that reads so."""
        async with self._step() as page:
            await (await self._found(page, ref, text)).click(timeout=self._patience)
            return await self._seen(page)

    async def type(self, ref: str, text: str, enter: bool = False) -> Seen:
        """Fill a field, choose from a list by what it reads, and with `enter` send it off."""
        if len(text) > MOST_TYPED:
            raise TooLarge(f"That is more than {MOST_TYPED:,} characters.", "Type less.")
        async with self._step() as page:
            where = await self._found(page, ref, "")
            tag = await where.evaluate("e => e.tagName === 'INPUT' ? e.type : e.tagName.toLowerCase()")
            if tag == "file":
                raise Forbidden("No files are given to web sites.", "Ask a person to do this step.")
            if tag == "select":
                await where.select_option(label=text, timeout=self._patience)
            else:
                await where.fill(text, timeout=self._patience)
            if enter:
                await where.press("Enter", timeout=self._patience)
            return await self._seen(page)

    async def press(self, key: str) -> Seen:
        """Press a key, named as in `KeyboardEvent.key`: `Enter`, `Escape`, `ArrowDown`, `Control+a`."""
        if not _KEY.fullmatch(key):
            raise Invalid(f"{key[:30]!r} is no key.", "Name one such as Enter, Escape, Tab, ArrowDown or Control+a.")
        async with self._step() as page:
            await page.keyboard.press(key)
            return await self._seen(page)

    async def scroll(self, screens: float = 1.0) -> Seen:
        """Scroll down by so many screens; up by a number below zero. Pages that load more as one scrolls do so."""
        async with self._step() as page:
            await page.mouse.move(WIDTH / 2, HEIGHT / 2)
            await page.mouse.wheel(0, max(-50.0, min(50.0, screens)) * HEIGHT)
            return await self._seen(page)

    async def back(self) -> Seen:
        """Go to the page before this one."""
        async with self._step() as page:
            if await page.go_back(wait_until="domcontentloaded", timeout=self._patience) is None and page.url in (
                "",
                "about:blank",
            ):
                raise Conflict("There is no page before this one.", "Open one.")
            return await self._seen(page)

    async def screenshot(self, whole: bool = False) -> bytes:
        """The page as PNG: what is on the screen, or all of it, as far as 10 screens."""
        async with self._step() as page:
            clip: Any = None
            if whole:
                tall = await page.evaluate("document.documentElement.scrollHeight")
                clip = {"x": 0, "y": 0, "width": WIDTH, "height": max(1, min(int(tall), 10 * HEIGHT))}
            return await page.screenshot(
                full_page=whole, clip=clip, timeout=self._patience, animations="disabled", caret="hide"
            )

    async def close(self) -> None:
        """End it. What it was doing is broken off."""
        self.alive = False
        self._proxy.dismiss(self._pass)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(5):
                await self._context.close()

    def is_over(self, idle: float) -> bool:
        now = time.monotonic()
        busy = self._turn.locked()
        return not self.alive or now - self._began > LIFE or (not busy and now - self._used > idle)

    @property
    def _patience(self) -> float:
        """Milliseconds for a part of a step."""
        return self._seconds * 500

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[Page]:
        """One step, in time; whatever the browser says becomes a sentence."""
        from playwright.async_api import Error

        async with self._turn:
            self._used = time.monotonic()
            if not self.alive:
                raise _ended()
            try:
                # Twice: once for what it does, once for what it then looks like.
                async with asyncio.timeout(2 * self._seconds + SETTLING):
                    yield await self._current()
            except StudioloError:
                raise
            except TimeoutError as error:
                await self._drop()
                raise Unavailable(
                    f"The page did not answer within {self._seconds:g} s, and was closed.", "Open another one."
                ) from error
            except Error as error:
                raise self._troubled(error.message) from error
            finally:
                self._used = time.monotonic()

    async def _current(self) -> Page:
        if self._page is None or self._page.is_closed():
            self._page = next((page for page in reversed(self._context.pages) if not page.is_closed()), None)
        if self._page is None:
            self._page = await self._context.new_page()
        return self._page

    async def _drop(self) -> None:
        """Close a page that does not answer; all of the session, when not even that helps."""
        page, self._page = self._page, None
        try:
            async with asyncio.timeout(5):
                if page:
                    await page.close()
        except Exception:
            self.alive = False

    async def _found(self, page: Page, ref: str, text: str) -> Locator:
        if ref:
            if not _REF.fullmatch(ref):
                raise Invalid(f"{ref[:30]!r} is no ref.", "Give one from the last look, such as e12.")
            where = page.locator(f"aria-ref={ref}")
            if not await where.count():
                raise NotFound(f"{ref} is no longer on the page.", "Look again: refs change when the page does.")
            return where
        if not text:
            raise Invalid("What is to be used?", "Give a ref from the last look, or the text on a link or button.")
        for where in (
            page.get_by_role("link", name=text, exact=True).or_(page.get_by_role("button", name=text, exact=True)),
            page.get_by_role("link", name=text).or_(page.get_by_role("button", name=text)),
            page.get_by_text(text),
        ):
            count = await where.count()
            if count == 1:
                return where
            if count:
                raise Conflict(f"{count} things on the page read “{text[:80]}”.", "Look, and give the ref of one.")
        raise NotFound(f"Nothing on the page reads “{text[:80]}”.", "Look, and give the ref of what is there.")

    async def _seen(self, page: Page, start: int = 0, settle: bool = True) -> Seen:
        from playwright.async_api import Error

        if settle:
            await asyncio.sleep(CATCHING_ON)
            for state in ("domcontentloaded", "networkidle"):
                with contextlib.suppress(Error):
                    await page.wait_for_load_state(state, timeout=SETTLING * 1000)  # type: ignore[arg-type]
            while self._surplus:
                await _closed(self._surplus.pop())
            page = await self._current()  # a step may have opened a tab, or closed this one
        if page.url.startswith("chrome-error:") or self._is_refused(page.url):
            raise self._not_opened("", "")
        if not re.match(r"https?:|about:blank$|about:srcdoc$", page.url):
            await self._drop()
            raise Forbidden("That page is not of the web, and was closed.", "Open another one.")
        try:
            whole = _compact(await page.aria_snapshot(mode="ai", timeout=self._seconds * 1000))
        except Error as error:
            if "Timeout" in error.message:
                raise TimeoutError from error
            raise
        start = max(0, min(start, len(whole)))
        end = start + MOST_LOOKED_AT
        if end < len(whole):
            end = max(whole.rfind("\n", start, end) + 1, start + 1) if "\n" in whole[start:end] else end
        self._note_refused()
        notes, self._notes = self._notes, []
        title = (await page.title())[:300]
        return Seen(page.url, title, whole[start:end], end if end < len(whole) else None, notes)

    # -- what happens besides

    def _opened(self, page: Page) -> None:
        page.on("dialog", self._asked)
        page.on("download", lambda loading: self._spawn(self._take(loading)))
        page.on("crash", lambda _: self._spawn(self._crashed(page)))
        if len(self._context.pages) > MOST_TABS:
            self._note(f"It wanted to open more than {MOST_TABS} tabs.")
            self._surplus.append(page)  # closed when the step is done: one that is still being made hangs the others
        else:
            if self._page is not None and not self._page.is_closed():
                self._note("It opened a new tab, which is the one you see.")
            self._page = page

    def _asked(self, dialog: Dialog) -> None:
        if dialog.type != "beforeunload":
            self._note(f"It showed a {dialog.type} dialog, which was dismissed: “{dialog.message[:300]}”")
        self._spawn(_answer(dialog))

    async def _take(self, loading: Loading) -> None:
        """Keep a download in memory, and leave nothing of it on the disk."""
        name = re.sub(r"[\x00-\x1f/\\]", "_", loading.suggested_filename)[:150]
        try:
            async with asyncio.timeout(self._seconds):
                if not loading.url.startswith(("http://", "https://")):
                    await loading.cancel()
                    self._note(f"It wanted to give the file {name}, which it had made itself; that was refused.")
                    return
                path = await loading.path()
                size = (await asyncio.to_thread(os.stat, path)).st_size
                if size > LARGEST_DOWNLOAD:
                    self._note(f"The file {name} is larger than {LARGEST_DOWNLOAD // 2**20} MB; it was not kept.")
                else:
                    data = await asyncio.to_thread(path.read_bytes)
                    self.downloads = [*self.downloads, Downloaded(name, loading.url, data)][-MOST_DOWNLOADS:]
                    self._note(f"It gave the file {name} ({size:,} bytes).")
        except Exception:
            self._note(f"The file {name} could not be loaded.")
        finally:
            with contextlib.suppress(Exception):
                await loading.delete()

    async def _downloading(self) -> None:
        """Wait for downloads that have begun."""
        await asyncio.sleep(0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._seconds)

    async def _crashed(self, page: Page) -> None:
        self._note("The page crashed and was closed.")
        if self._page is page:
            self._page = None
        await _closed(page)

    def _lost(self) -> None:
        self.alive = False

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note(self, note: str) -> None:
        if len(self._notes) < MOST_NOTES:
            self._notes.append(note)

    def _note_refused(self) -> None:
        for host, why in self._pass.refused.items():
            if host not in self._told:
                self._told.add(host)
                self._note(f"{host} was kept out: {why.rstrip('.')}.")

    def _is_refused(self, url: str) -> bool:
        return re.sub(r"^https?://([^/]*).*$", r"\1", url) in self._pass.refused

    def _not_opened(self, url: str, message: str) -> StudioloError:
        """Why there is no page."""
        self._notes.clear()
        if self._pass.refused:
            host, why = list(self._pass.refused.items())[-1]
            if "ERR_TUNNEL" in message or "chrome-error" in self.url or not message or "interrupted" in message:
                return Forbidden(f"{host} was not reached: {why.rstrip('.')}.", "Look for it on another site.")
        if not self.alive:
            return _ended()
        if "Timeout" in message:
            return Unavailable(
                f"It did not answer within {self._seconds:g} s.", "Try again later, or read it elsewhere."
            )
        if "ERR_CERT" in message or "SSL" in message:
            return Unavailable("Its certificate is not good.", "Do not trust what it says; read it elsewhere.")
        known = re.search(r"ERR_[A-Z_]+", message)
        return Unavailable(
            f"The page could not be opened ({known[0] if known else 'the browser does not say why'}).",
            "Check the address, or read it elsewhere.",
        )

    def _troubled(self, message: str) -> StudioloError:
        if not self.alive or "has been closed" in message or "crash" in message.lower():
            self._page = None
            return _ended() if not self.alive else Unavailable("The page was closed.", "Open it again.")
        first = message.splitlines()[0].split(": ", 1)[-1][:200] if message else "the browser does not say why"
        if "Timeout" in message:
            return Conflict(
                "That could not be done in time: something is before it, or it is not enabled.",
                "Look again, and use another way.",
            )
        return Conflict(f"That could not be done: {first}.", "Look again, and use another way.")


def _compact(snapshot: str) -> str:
    """An aria snapshot without what tells a reader nothing."""
    lines: list[str] = []
    for line in snapshot.splitlines():
        short = line.replace(" [cursor=pointer]", "").replace(" [active]", "")
        short = re.sub(r"^(\s*- (?:generic|paragraph|listitem|list|row|cell|rowgroup)) \[ref=\w+\]", r"\1", short)
        if not re.fullmatch(r"\s*- (?:generic|paragraph|listitem|none|presentation)", short):
            lines.append(re.sub(r"(/url: (?:data|javascript|blob):)\S*", r"\1…", short)[:2_000])
    return "\n".join(lines)


async def _answer(dialog: Dialog) -> None:
    with contextlib.suppress(Exception):
        await (dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())


async def _closed(page: Page) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(5):
            await page.close()


def _not_there(error: Unreachable) -> StudioloError:
    if "inside" in str(error) or "way out" in str(error):
        return Forbidden(
            f"It cannot be opened: {error}.",
            "Agents browse the public web only. An operator can allow networks with STUDIOLO_TOOL_NETWORKS.",
        )
    return Invalid(f"It cannot be opened: {error}.", "Give an address such as https://example.com/page.")


def _ended() -> StudioloError:
    return Unavailable("The browser ended.", "Open the page again: a new browser is started for it.")
