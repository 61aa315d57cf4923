"""Agents look at pages in a real browser, which reaches what it may and nothing else, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from studiolo.addresses import networks
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, StudioloError, TooLarge, Unavailable
from studiolo.tools import browsing
from studiolo.tools.browsing import Browser
from studiolo.tools.chromium import PREFIX
from tests.tools.conftest import MakeSite, Names
from tests.tools.site import page, redirect

pytestmark = pytest.mark.e2e

HERE = networks("127.0.0.1/32")  # 127.0.0.2 stands for a machine inside
PNG = b"\x89PNG\r\n\x1a\n"
FORM = """<!doctype html><html lang=en><title>Lamps</title><h1>Lamps</h1>
<form action=/found><label>Search <input name=q></label>
<label>Kind <select name=kind><option>oil<option>wax</select></label>
<label>File <input type=file name=f></label><button>Go</button></form>
<a href=/next>Next</a> <a href=/one>Twin</a> <a href=/two>Twin</a>
<p style="display:none">hidden words</p><img alt="a brass lamp" src="data:,">"""


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for what is temporary; its path is short, as those of sockets have to be."""
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    browser = Browser(HERE, seconds=40)
    yield browser
    await browser.close()


async def test_an_agent_reads_fills_chooses_clicks_and_goes_back(browser: Browser, make_site: MakeSite) -> None:
    def found(request: BaseHTTPRequestHandler) -> None:
        page(f"<title>Found</title><p>You asked {request.path}")(request)

    site = make_site({"/": page(FORM), "/found": found, "/next": page("<title>Next</title><p>The next page")})
    session = await browser.session("run")
    assert session.url == ""
    seen = await session.open(site.url + "/")
    assert (seen.url, seen.title, session.url) == (site.url + "/", "Lamps", site.url + "/")
    assert 'heading "Lamps"' in seen.text
    assert "hidden words" not in seen.text
    refs = {
        line.split('"')[1]: line.split("ref=")[1][:-1].split("]")[0]
        for line in seen.text.splitlines()
        if '" [ref=' in line
    }
    await session.type(refs["Search"], "brass")
    await session.type(refs["Kind"], "wax")
    with pytest.raises(Forbidden, match="No files"):
        await session.type(refs["File"], "/etc/passwd")
    seen = await session.click(refs["Go"])
    assert (seen.title, session.url) == ("Found", site.url + "/found?q=brass&kind=wax&f=")
    seen = await session.back()
    assert seen.title == "Lamps"
    assert (await session.click(text="Next")).title == "Next"
    assert (await session.press("Alt+ArrowLeft")).url.startswith(site.url)
    assert (await session.screenshot()).startswith(PNG)
    assert (await session.screenshot(whole=True)).startswith(PNG)


async def test_a_step_that_cannot_be_done_says_what_to_do(browser: Browser, make_site: MakeSite) -> None:
    session = await browser.session("run")
    with pytest.raises(Conflict, match="no page before"):
        await session.back()
    site = make_site({"/": page(FORM)})
    await session.open(site.url + "/")
    wrong: list[tuple[type[StudioloError], Callable[[], object]]] = [
        (NotFound, lambda: session.click("e999")),
        (Invalid, lambda: session.click("e1 >> css=body")),
        (Invalid, lambda: session.click()),
        (NotFound, lambda: session.click(text="Nowhere")),
        (Conflict, lambda: session.click(text="Twin")),
        (TooLarge, lambda: session.type("e1", "x" * 20_000)),
        (Conflict, lambda: session.type("e2", "text in a heading")),
        (Invalid, lambda: session.press("not a key")),
        (Invalid, lambda: session.open("file:///etc/passwd")),
        (Invalid, lambda: session.open("chrome://version")),
        (Invalid, lambda: session.open("javascript:alert(1)")),
        (Invalid, lambda: session.open("http://user:secret@127.0.0.1/")),
        (Forbidden, lambda: session.open("http://127.0.0.2/")),
        (Forbidden, lambda: session.open("http://169.254.169.254/latest/meta-data/")),
        (Unavailable, lambda: session.open("http://127.0.0.1:65123/")),
    ]
    for kind, step in wrong:
        with pytest.raises(kind) as refused:
            await step()  # type: ignore[misc]
        assert refused.value.message
        assert refused.value.hint


WANDERS = """<title>Wanders</title><p>here</p>
<img src="http://127.0.0.2:{port}/img"><iframe src="http://127.0.0.2:{port}/frame"></iframe>
<link rel=stylesheet href="http://inside.example:{port}/css"><link rel=dns-prefetch href="//prefetch.example">
<link rel=preconnect href="http://127.0.0.2:{port}"><link rel=prefetch href="http://[::1]:{port}/prefetch">
<iframe src="file:///etc/passwd"></iframe><iframe src=/to-inside></iframe><embed src="http://0x7f000002:{port}/embed">
<script>
fetch('http://127.0.0.2:{port}/fetch', {{mode: 'no-cors'}}).catch(() => 0)
fetch('/to-inside', {{mode: 'no-cors'}}).catch(() => 0)
navigator.sendBeacon('http://127.0.0.2:{port}/beacon', 'x')
try {{ new WebSocket('ws://127.0.0.2:{port}/socket') }} catch {{}}
try {{ new EventSource('http://127.0.0.2:{port}/events') }} catch {{}}
const work = "fetch('http://127.0.0.2:{port}/worker', {{mode: 'no-cors'}})"
try {{ new Worker(URL.createObjectURL(new Blob([work]))) }} catch {{}}
try {{ navigator.serviceWorker.register('/sw.js') }} catch {{}}
document.title = [typeof RTCPeerConnection, typeof WebTransport].join()
</script>"""


async def test_no_part_of_a_page_reaches_inside(browser: Browser, make_site: MakeSite, names: Names) -> None:
    names.addresses = {"inside.example": ["127.0.0.2"]}
    inside = make_site(host="127.0.0.2")
    site = make_site(
        {"/": page(WANDERS.format(port=inside.port)), "/to-inside": redirect(f"http://127.0.0.2:{inside.port}/r")}
    )
    site.pages["/sw.js"] = page(f"fetch('http://127.0.0.2:{inside.port}/sw')", "text/javascript")
    session = await browser.session("run")
    seen = await session.open(site.url + "/")
    assert seen.title == "undefined,undefined"
    assert any(f"127.0.0.2:{inside.port} was kept out" in note for note in seen.notes)
    for path in ("/to-inside",):
        with pytest.raises(Forbidden, match="inside the studio's own network"):
            await session.open(site.url + path)
    await session.open(site.url + "/")
    await asyncio.sleep(0.5)
    assert inside.visits == []
    assert "/sw.js" not in site.asked


async def test_a_page_cannot_speak_udp(browser: Browser, make_site: MakeSite) -> None:
    """The flags forbid it also where a page would still have the means."""
    site = make_site({"/": page("<title>x")})
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        session = await browser.session("run")
        raw = session._context.browser
        assert raw
        bare = await raw.new_context()
        tab = await bare.new_page()
        candidates = await tab.evaluate(
            """async port => {
                const peer = new RTCPeerConnection({iceServers: [{urls: `stun:127.0.0.1:${port}`}]})
                const found = []
                peer.onicecandidate = event => event.candidate && found.push(event.candidate.candidate)
                peer.createDataChannel('x')
                await peer.setLocalDescription(await peer.createOffer())
                await new Promise(done => setTimeout(done, 1000))
                return found
            }""",
            listener.getsockname()[1],
        )
        assert candidates == []
        with pytest.raises(BlockingIOError):
            listener.recv(1000)
        with pytest.raises(Exception, match="ERR_"):  # and who has no pass reaches nothing
            await tab.goto(site.url)
        await bare.close()
    assert site.visits == []


async def test_a_websocket_is_let_through_to_where_it_may_go(browser: Browser) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if "Upgrade: websocket" in head:
            key = next(line.split(": ")[1] for line in head.splitlines() if line.startswith("Sec-WebSocket-Key"))
            accept = b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
            writer.write(
                f"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}"
                "\r\n\r\n".encode()
                + struct.pack("BB", 0x81, 5)
                + b"hello"
            )
            await reader.read()
        else:
            script = b"new WebSocket(`ws://${location.host}/`).onmessage = e => o.textContent = e.data"
            body = b"<p id=o>waiting</p><script>%s</script>" % script
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    session = await browser.session("run")
    seen = await session.open(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    for _ in range(50):
        if "hello" in seen.text:
            break
        await asyncio.sleep(0.1)
        seen = await session.look()
    assert "hello" in seen.text
    await browser.end("run")
    server.close()
    await server.wait_closed()


async def test_runs_share_nothing_and_keep_to_their_hosts(browser: Browser, make_site: MakeSite, names: Names) -> None:
    names.addresses = {"good.example": ["127.0.0.1"], "bad.example": ["127.0.0.1"]}

    def cookie(request: BaseHTTPRequestHandler) -> None:
        page(f"<p>You brought {request.headers.get('cookie', 'nothing')}", Set_Cookie="who=me")(request)

    site = make_site({"/": cookie})
    site.pages["/on"] = redirect(f"http://bad.example:{site.port}/")
    site.pages["/link"] = page(f"<a href='http://bad.example:{site.port}/'>away</a>")
    one, two = await browser.session("one"), await browser.session("two", only=["good.example"])
    assert await browser.session("one") is one
    await one.open(f"http://good.example:{site.port}/")
    assert "who=me" in (await one.open(f"http://good.example:{site.port}/")).text
    assert "nothing" in (await two.open(f"http://good.example:{site.port}/")).text
    with pytest.raises(Forbidden, match=r"bad\.example may not be browsed"):
        await two.open(f"http://bad.example:{site.port}/")
    with pytest.raises(Forbidden, match=r"bad\.example"):
        await two.open(f"http://good.example:{site.port}/on")
    await two.open(f"http://good.example:{site.port}/link")
    with pytest.raises(Forbidden, match=r"bad\.example"):
        await two.click(text="away")
    assert all(not visit.headers["host"].startswith("bad") for visit in site.visits)
    assert await browser.session("two", only=["bad.example"]) is two  # a person has let it go there, too
    assert (await two.open(f"http://good.example:{site.port}/on")).url == f"http://bad.example:{site.port}/"
    await browser.end("one")
    with pytest.raises(Unavailable):
        await one.look()
    again = await browser.session("one")
    assert "nothing" in (await again.open(f"http://good.example:{site.port}/")).text


async def test_dialogs_tabs_and_files_are_told_of(
    browser: Browser, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(
        {
            "/": page(
                """<title>Busy</title><button onclick="document.title = String(confirm('Pay now?'))">Ask</button>
                <a target=_blank href=/tab>Tab</a><a href=/file>File</a><a href=/large>Large</a>
                <a download=made.txt href="data:text/plain,made">Made</a>
                <button onclick="for (let n = 0; n < 6; n++) window.open('/tab')">Many</button>
                <button onclick="navigator.geolocation.getCurrentPosition(() => document.title = 1)">Where</button>"""
            ),
            "/tab": page("<title>Tab</title><p>a tab"),
            "/file": page(b"1,2,3", "text/csv", Content_Disposition="attachment; filename=a.csv"),
            "/large": page(b"x" * 5_000, "text/csv", Content_Disposition="attachment; filename=b.csv"),
        }
    )
    monkeypatch.setattr(browsing, "LARGEST_DOWNLOAD", 1_000)
    session = await browser.session("run")
    await session.open(site.url + "/")
    seen = await session.click(text="Ask")
    assert seen.title == "false"
    assert any("Pay now?" in note and "dismissed" in note for note in seen.notes)
    await session.click(text="Where")
    await asyncio.sleep(0.5)
    assert (await session.look()).title == "false"

    async def told(what: str) -> bool:
        for _ in range(50):
            if any(what in note for note in (await session.look()).notes):
                return True
            await asyncio.sleep(0.1)
        return False

    for link, note in (("File", "gave the file a.csv (5 bytes)"), ("Large", "larger than"), ("Made", "refused")):
        seen = await session.click(text=link)
        assert any(note in one for one in seen.notes) or await told(note)
    assert [(file.name, file.data) for file in session.downloads] == [("a.csv", b"1,2,3")]
    seen = await session.click(text="Tab")
    assert any("new tab" in note for note in seen.notes) or await told("new tab")
    assert (await session.look()).title == "Tab"
    await session.open(site.url + "/")
    seen = await session.click(text="Many")
    assert len(session._context.pages) <= browsing.MOST_TABS + 5
    assert any("more than" in note for note in seen.notes)


async def test_a_page_that_hangs_or_has_no_end_is_left(make_site: MakeSite) -> None:
    browser = Browser(HERE, seconds=2)
    try:
        site = make_site(
            {
                "/hangs": page("<title>x</title><p>text<script>setTimeout(() => { for (;;); }, 50)</script>"),
                "/": page("<p>fine"),
                "/long": page("".join(f"<p>paragraph {n} " + "long " * 20 for n in range(2_000))),
            }
        )
        session = await browser.session("run")
        with pytest.raises(StudioloError):
            await session.open(site.url + "/hangs")
            await session.click(text="text")
        session = await browser.session("run")
        assert "fine" in (await session.open(site.url + "/")).text
    finally:
        await browser.close()
    browser = Browser(HERE)
    try:
        session = await browser.session("run")
        seen = await session.open(site.url + "/long")
        parts = [seen.text]
        while seen.more:
            seen = await session.look(seen.more)
            parts.append(seen.text)
        assert all(len(part) <= browsing.MOST_LOOKED_AT for part in parts)
        assert all(f"paragraph {n} " in "".join(parts) for n in range(2_000))
    finally:
        await browser.close()


def folders(root: Path) -> list[Path]:
    """Where browsers have their profiles."""
    return list(root.glob(f"{PREFIX}*"))


def running_in(folder: Path) -> list[int]:
    """The processes whose home is that folder, but for those that are dead."""
    found: list[int] = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):
                alive = "Z (zombie)" not in (process / "status").read_text()
                if str(folder).encode() in (process / "cmdline").read_bytes() and alive:
                    found.append(int(process.name))
    return found


def environments(folder: Path) -> list[bytes]:
    """Those of the processes that were given this folder."""
    found: list[bytes] = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            environ = (process / "environ").read_bytes() if process.name.isdecimal() else b""
            if str(folder).encode() in environ:
                found.append(environ)
    return found


async def until(true: Callable[[], object]) -> None:
    for _ in range(300):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come")


async def test_a_browser_that_is_killed_is_followed_by_another(
    browser: Browser, make_site: MakeSite, root: Path
) -> None:
    site = make_site({"/": page("<p>here")})
    session = await browser.session("run")
    await session.open(site.url + "/")
    [folder] = folders(root)
    assert running_in(folder)
    for process in running_in(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    with pytest.raises(Unavailable, match=r"ended|closed"):
        await session.open(site.url + "/")
    await until(lambda: not session.alive)
    session = await browser.session("run")
    assert "here" in (await session.open(site.url + "/")).text
    await browser.close()
    assert folders(root) == []
    session = await browser.session("run")  # also after it was closed
    assert "here" in (await session.open(site.url + "/")).text


async def test_the_browser_sees_nothing_of_the_environment_and_ends_when_nobody_uses_it(
    make_site: MakeSite, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-studio")
    site = make_site({"/": page("<p>here")})
    browser = Browser(HERE, idle=0.4)
    session = await browser.session("run")
    await session.open(site.url + "/")
    [folder] = folders(root)
    assert environments(folder)
    assert not any(b"sk-of-the-studio" in environ for environ in environments(folder))
    await until(lambda: not folder.exists())
    assert running_in(folder) == []
    await browser.close()


KILLED = """
import asyncio, os, sys
from studiolo.addresses import networks
from studiolo.tools.browsing import Browser

async def main():
    browser = Browser(networks("127.0.0.1/32"))
    session = await browser.session("run")
    await session.open(sys.argv[1])
    print("open", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_nothing_runs_on_when_the_studio_is_killed(make_site: MakeSite, root: Path) -> None:
    site = make_site({"/": page("<p>here")})
    environ = {**os.environ, "PYTHONPATH": "src"}
    process = subprocess.Popen([sys.executable, "-c", KILLED, site.url], env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    [folder] = folders(root)
    process.kill()
    process.wait()
    process.stdout.close()
    asyncio.run(until(lambda: not running_in(folder) and not environments(folder)))
    if folder.exists():
        os.utime(folder, (1e9, 1e9))  # it has been there for long
    program = KILLED.replace("await asyncio.sleep(600)", "await browser.close()")
    following = subprocess.run(
        [sys.executable, "-c", program, site.url], env=environ, capture_output=True, text=True, timeout=120, check=True
    )
    assert following.stdout == "open\n"
    assert folders(root) == []


async def test_a_studio_without_a_browser_says_so(tmp_path: Path) -> None:
    for environ in ({"PATH": str(tmp_path)}, {"STUDIOLO_BROWSER": str(tmp_path / "none")}):
        browser = Browser(HERE, environ=environ)
        with pytest.raises(Unavailable, match="does not start") as refused:
            await browser.session("run")
        assert refused.value.hint
        await browser.close()
