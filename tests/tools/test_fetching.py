"""Agents read the public web: one address, a bounded answer, and nothing inside."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import subprocess
import time
import zlib
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from studiolo.addresses import networks
from studiolo.canvas.errors import Forbidden, Invalid, NotFound, StudioloError, TooLarge, Unavailable
from studiolo.tools.fetching import Fetcher
from tests.conftest import Clock
from tests.tools.conftest import MakeSite, Names
from tests.tools.site import page, redirect

HERE = networks("127.0.0.1/32")  # 127.0.0.2 stands for a machine inside
MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
async def make_fetcher() -> AsyncIterator[MakeFetcher]:
    made: list[Fetcher] = []

    def make(**options: object) -> Fetcher:
        made.append(Fetcher(**{"allowed": HERE, "gap": 0.0, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for fetcher in made:
        await fetcher.close()


async def test_a_page_is_read_as_a_stranger_reads_it(
    make_site: MakeSite, make_fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = make_site()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    site = make_site({"/a": page("<p>Ça va", "text/html; charset=ISO-8859-1", Set_Cookie="a=b")})
    fetcher = make_fetcher()
    fetched = await fetcher.get(f"{site.url}/a?b=c#part")
    await fetcher.get(f"{site.url}/a")
    assert (fetched.url, fetched.status, fetched.type) == (f"{site.url}/a?b=c", 200, "text/html")
    assert (fetched.charset, fetched.name, fetched.data) == ("iso-8859-1", "a", "<p>Ça va".encode())
    assert site.asked == ["/a?b=c", "/a"]
    for visit in site.visits:
        assert not {"cookie", "authorization", "referer", "proxy-authorization"} & set(visit.headers)
        assert visit.headers["user-agent"].startswith("Studiolo/")
        assert visit.headers["host"] == f"127.0.0.1:{site.port}"
    assert proxy.visits == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.2:{port}/", "http://2130706434:{port}/", "http://0x7f.2:{port}/", "http://[::1]:{port}/"),
        *("http://[::ffff:127.0.0.2]:{port}/", "http://0:{port}/", "http://0177.0.0.2:{port}/"),
        *("http://169.254.169.254/latest/meta-data/", "http://localhost.:{port}/", "http://inside.example:{port}/"),
        "http://127\u30020\u30020\u30022:{port}/",
    ],
)
async def test_nothing_inside_is_asked_directly_or_by_a_redirect(
    url: str, make_site: MakeSite, make_fetcher: MakeFetcher, names: Names
) -> None:
    names.addresses = {"inside.example": ["127.0.0.2"], "localhost.": ["127.0.0.2"]}
    inside = make_site({"/": page("secret")}, host="127.0.0.2")
    site = make_site({"/": redirect(url.format(port=inside.port))})
    fetcher = make_fetcher()
    for asked in (url.format(port=inside.port), site.url + "/")[: 2 if url.isascii() else 1]:
        with pytest.raises(
            (Forbidden, Invalid, NotFound), match=r"inside the studio's own|not known|be read|no address"
        ):
            await fetcher.get(asked)
    assert inside.visits == []


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://example.com/a", "gopher://127.0.0.1:70/_x", "javascript:alert(1)", "data:,x"),
        *("http://user:secret@example.com/", "http://[fe80::1%25lo]/", "http://example.com:22/", "//example.com", ""),
        *("http:///a", "http://exa mple.com/", "http://\uff4c\uff4fcalhost\u2024/", "http://example.com:0/"),
    ],
)
async def test_what_is_no_address_of_the_web_is_refused_directly_and_in_a_redirect(
    url: str, make_site: MakeSite, make_fetcher: MakeFetcher
) -> None:
    fetcher = make_fetcher()
    with pytest.raises(Invalid, match="cannot be read"):
        await fetcher.get(url)
    if ":" in url and url.isascii():
        site = make_site({"/": redirect(url)})
        with pytest.raises((Invalid, Unavailable, NotFound)):
            await fetcher.get(site.url + "/")


async def test_a_name_that_changes_its_meaning_leads_to_what_was_judged_or_nowhere(
    make_site: MakeSite, make_fetcher: MakeFetcher, names: Names
) -> None:
    inside = make_site({"/": page("secret")}, host="127.0.0.2")
    outside = make_site({"/": page("open"), "/on": redirect("/")})
    fetcher = make_fetcher()
    # Judged once per request: the second answer of the name server is judged too, and never used unjudged.
    names.addresses = {"rebinding.example": ["127.0.0.1", "127.0.0.2"]}
    with pytest.raises((Forbidden, Unavailable)):
        await fetcher.get(f"http://rebinding.example:{inside.port}/", robots=False)
    with pytest.raises(Forbidden, match="inside"):
        await fetcher.get(f"http://rebinding.example:{inside.port}/", robots=False)
    names.addresses = {"rebinding.example": ["127.0.0.1", "127.0.0.2"]}
    with pytest.raises(Forbidden, match="inside"):
        await fetcher.get(f"http://rebinding.example:{outside.port}/on", robots=False)
    assert inside.visits == []
    assert outside.asked == ["/on"]
    assert outside.visits[0].headers["host"] == f"rebinding.example:{outside.port}"


async def test_the_next_address_of_a_host_is_tried_when_one_does_not_answer(
    make_site: MakeSite, make_fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site({"/": page("here", "text/plain")})

    async def resolve(host: str, port: int, allowed: object) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    monkeypatch.setattr("studiolo.tools.fetching.resolve", resolve)
    assert (await make_fetcher().get(f"http://two.example:{site.port}/")).data == b"here"


async def test_redirects_are_followed_a_few_times(make_site: MakeSite, make_fetcher: MakeFetcher) -> None:
    site = make_site({f"/{n}": redirect(f"/{n + 1}", status) for n, status in enumerate([301, 302, 303, 307, 308])})
    site.pages |= {"/5": page("there", "text/plain"), "/round": redirect("/round"), "/up": redirect("/0")}
    fetcher = make_fetcher()
    fetched = await fetcher.get(f"{site.url}/0")
    assert (fetched.data, fetched.url) == (b"there", f"{site.url}/5")
    assert fetched.redirects == [f"{site.url}/{n}" for n in range(5)]
    for path in ("/round", "/up"):
        with pytest.raises(Unavailable, match="more than 5 redirects"):
            await fetcher.get(site.url + path)


async def test_hosts_can_be_allowed_and_refused_also_after_a_redirect(
    make_site: MakeSite, make_fetcher: MakeFetcher, names: Names
) -> None:
    for host in ("docs.good.example", "bad.example", "notgood.example"):
        names.addresses[host] = ["127.0.0.1"]
    site = make_site({"/": page("text", "text/plain")})
    site.pages["/on"] = redirect(f"http://bad.example:{site.port}/")
    only = make_fetcher(only=["good.example"])
    assert (await only.get(f"http://docs.good.example:{site.port}/")).data == b"text"
    for url in ("http://notgood.example:{}/", "http://bad.example.:{}/", "http://docs.good.example:{}/on"):
        with pytest.raises(Forbidden, match=r"may not be read.*") as refused:
            await only.get(url.format(site.port))
        assert "good.example" in refused.value.hint
    why = {"bad.example": "bad.example may not be read today."}
    live = make_fetcher(refuses=lambda host: why.get(host, ""))
    for url in ("http://bad.example:{}/", "http://docs.good.example:{}/on"):
        with pytest.raises(Forbidden, match="today"):
            await live.get(url.format(site.port))
    why.clear()
    assert (await live.get(f"http://bad.example:{site.port}/")).data == b"text"
    never = make_fetcher(never=["bad.example"])
    with pytest.raises(Forbidden, match="may not be read"):
        await never.get(f"http://notgood.example:{site.port}/on")


def bomb(size: int) -> bytes:
    return gzip.compress(b"\0" * size)


async def test_an_answer_is_bounded_however_it_is_packed(make_site: MakeSite, make_fetcher: MakeFetcher) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/plain")
        request.end_headers()
        request.close_connection = True
        try:
            while True:
                request.wfile.write(b"x" * 10_000)
        except OSError:
            return

    text = b"to be, or not to be " * 100
    raw = zlib.compressobj(wbits=-15)
    site = make_site(
        {
            "/gzip": page(gzip.compress(text), "text/plain", Content_Encoding="gzip"),
            "/deflate": page(zlib.compress(text), "text/plain", Content_Encoding="deflate"),
            "/raw": page(raw.compress(text) + raw.flush(), "text/plain", Content_Encoding="deflate"),
            "/bomb": page(bomb(300_000_000), "text/plain", Content_Encoding="gzip"),
            "/twice": page(gzip.compress(bomb(300_000_000)), "text/plain", Content_Encoding="gzip, gzip"),
            "/cut": page(gzip.compress(text)[:-20], "text/plain", Content_Encoding="gzip"),
            "/not": page(text, "text/plain", Content_Encoding="gzip"),
            "/br": page(text, "text/plain", Content_Encoding="br"),
            "/large": page(b"x" * 2_000_000, "text/plain"),
            "/endless": endless,
        }
    )
    fetcher = make_fetcher()
    for path in ("/gzip", "/deflate", "/raw"):
        assert (await fetcher.get(site.url + path)).data == text
    for path in ("/bomb", "/large", "/endless"):
        with pytest.raises(TooLarge, match="larger than 1 MB"):
            await fetcher.get(site.url + path, most=1 << 20)
    for path in ("/twice", "/br", "/cut", "/not"):
        with pytest.raises(Unavailable):
            await fetcher.get(site.url + path)


async def test_a_server_that_dawdles_is_left(make_site: MakeSite, make_fetcher: MakeFetcher) -> None:
    def drips(request: BaseHTTPRequestHandler) -> None:
        try:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
            for _ in range(600):
                time.sleep(0.05)
                request.wfile.write(b"X: y\r\n")
        except OSError:
            request.close_connection = True

    def drips_body(request: BaseHTTPRequestHandler) -> None:
        try:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9999\r\n\r\n")
            for _ in range(600):
                time.sleep(0.05)
                request.wfile.write(b"y")
        except OSError:
            request.close_connection = True

    site = make_site({"/head": drips, "/body": drips_body})
    fetcher = make_fetcher(seconds=0.7)
    for path in ("/head", "/body"):
        with pytest.raises(Unavailable, match=r"did not answer in full within 0\.7 s"):
            await fetcher.get(site.url + path)


async def test_what_is_no_http_is_an_error_with_a_sentence(make_site: MakeSite, make_fetcher: MakeFetcher) -> None:
    def says(data: bytes):
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.wfile.write(data)
            request.close_connection = True

        return answer

    site = make_site(
        {
            "/ssh": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
            "/nothing": says(b""),
            "/headers": says(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: %s\r\n" % (n, b"y" * 900) for n in range(2000))),
            "/length": says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx"),
            "/short": says(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 50\r\n\r\nx"),
            "/where": says(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
            "/nowhere": says(b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n"),
            "/switch": says(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        }
    )
    fetcher = make_fetcher()
    for path in site.pages:
        with pytest.raises((Unavailable, Invalid)) as refused:
            await fetcher.get(site.url + path, robots=False)
        assert refused.value.hint
    with pytest.raises(Unavailable, match="cannot be connected to"):
        await fetcher.get("http://127.0.0.1:9/".replace(":9/", ":65499/"), robots=False)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (410, NotFound), (403, Forbidden), (429, Unavailable), (500, Unavailable)]
)
async def test_a_refusal_says_what_to_do(
    status: int, kind: type[StudioloError], make_site: MakeSite, make_fetcher: MakeFetcher
) -> None:
    site = make_site({"/": page("no", status=status, Retry_After="7")})
    with pytest.raises(kind, match=str(status)) as refused:
        await make_fetcher().get(site.url + "/")
    assert refused.value.hint
    if status == 429:
        assert "in 7 s" in refused.value.hint


async def test_only_what_can_be_read_is_downloaded(make_site: MakeSite, make_fetcher: MakeFetcher) -> None:
    site = make_site(
        {
            "/film": page(b"x" * 1000, "video/mp4"),
            "/unnamed.pdf": page(b"%PDF-1.7 ...", ""),
            "/octets": page(
                b"%PDF-1.7 ...", "application/octet-stream", Content_Disposition='x; filename="../a b.pdf"'
            ),
        }
    )
    fetcher = make_fetcher()
    with pytest.raises(Invalid, match="video/mp4"):
        await fetcher.get(site.url + "/film")
    assert (await fetcher.get(site.url + "/film", accept=None)).type == "video/mp4"
    assert (await fetcher.get(site.url + "/unnamed.pdf")).type == "application/pdf"
    named = await fetcher.get(site.url + "/octets")
    assert (named.type, named.name) == ("application/pdf", "a b.pdf")
    with pytest.raises(Invalid, match="application/octet-stream"):
        await fetcher.get(site.url + "/octets", accept=["text/"])


# -- politeness


async def test_robots_txt_is_obeyed_asked_for_once_and_not_where_a_person_asked(
    make_site: MakeSite, make_fetcher: MakeFetcher
) -> None:
    robots = "User-agent: *\nDisallow: /private\nAllow: /private/but"
    site = make_site({path: page("text", "text/plain") for path in ("/open", "/private/a", "/private/but/this")})
    site.pages |= {"/robots.txt": page(robots, "text/plain"), "/on": redirect("/private/a")}
    fetcher = make_fetcher()
    assert (await fetcher.get(site.url + "/open")).data == b"text"
    assert (await fetcher.get(site.url + "/private/but/this")).data == b"text"
    for path in ("/private/a", "/on"):
        with pytest.raises(Forbidden, match=r"robots\.txt"):
            await fetcher.get(site.url + path)
    assert (await fetcher.get(site.url + "/private/a", robots=False)).data == b"text"
    assert [visit.path for visit in site.visits].count("/robots.txt") == 1
    assert site.asked == ["/open", "/private/but/this", "/on", "/private/a"]


async def test_a_site_that_cannot_say_what_may_be_read_is_not_read(
    make_site: MakeSite, make_fetcher: MakeFetcher
) -> None:
    site = make_site({"/": page("text", "text/plain"), "/robots.txt": page(status=500)})
    with pytest.raises(Unavailable, match=r"robots\.txt"):
        await make_fetcher().get(site.url + "/")
    assert site.asked == []


async def test_a_host_is_not_hurried(make_site: MakeSite, make_fetcher: MakeFetcher) -> None:
    site = make_site({f"/{n}": page("x", "text/plain") for n in range(30)})
    fetcher = make_fetcher(gap=6.0)
    first = asyncio.create_task(fetcher.get(site.url + "/0"))
    while not site.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    waiting = asyncio.create_task(fetcher.get(site.url + "/1"))  # its turn is in 6 s
    await first
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="asked too often"):  # a third one's in 12 s
        await fetcher.get(site.url + "/2")
    assert site.asked == ["/0"]
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_host_that_wants_a_rest_gets_it(make_site: MakeSite, make_fetcher: MakeFetcher) -> None:
    site = make_site({"/": page(status=503, Retry_After="120")})
    fetcher = make_fetcher()
    with pytest.raises(Unavailable, match="too busy"):
        await fetcher.get(site.url + "/")
    with pytest.raises(Unavailable, match="asked too often"):
        await fetcher.get(site.url + "/")
    assert site.asked == ["/"]


# -- the cache


async def test_a_page_is_fetched_once_while_it_is_fresh_and_confirmed_afterwards(
    make_site: MakeSite, make_fetcher: MakeFetcher, tmp_path: Path, clock: Clock
) -> None:
    def tagged(request: BaseHTTPRequestHandler) -> None:
        known = request.headers.get("if-none-match") == '"1"'
        answer = page(
            "" if known else "text", "text/plain", 304 if known else 200, ETag='"1"', Cache_Control="max-age=60"
        )
        answer(request)

    site = make_site({"/": tagged, "/on": redirect("/"), "/never": page("x", "text/plain", Cache_Control="no-store")})
    fetcher = make_fetcher(cache=tmp_path / "cache", clock=clock)
    first, second = await asyncio.gather(fetcher.get(site.url + "/"), fetcher.get(site.url + "/"))
    assert (first.data, second.data, site.asked) == (b"text", b"text", ["/"])
    assert sorted([first.cached, second.cached]) == [False, True]
    other = make_fetcher(cache=tmp_path / "cache", clock=clock)
    assert (await other.get(site.url + "/")).cached
    clock.now += 61
    assert (await fetcher.get(site.url + "/")).data == b"text"
    assert (await fetcher.get(site.url + "/")).cached
    assert site.asked == ["/", "/"]
    through = await fetcher.get(site.url + "/on")
    assert (through.url, (await fetcher.get(site.url + "/on")).redirects) == (site.url + "/", [site.url + "/on"])
    await fetcher.get(site.url + "/never")
    await fetcher.get(site.url + "/never")
    assert site.asked[2:] == ["/on", "/", "/never", "/never"]
    elsewhere = make_fetcher(cache=tmp_path / "cache", clock=clock, never=["127.0.0.1"])
    with pytest.raises(Forbidden):
        await elsewhere.get(site.url + "/")
    with pytest.raises(Forbidden):  # what was read when more was allowed is not read from the cache
        await make_fetcher(cache=tmp_path / "cache", clock=clock, allowed=[]).get(site.url + "/")


async def test_a_cache_that_is_damaged_or_cannot_be_written_is_none(
    make_site: MakeSite, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    site = make_site({"/": page("text", "text/plain")})
    folder = tmp_path / "cache"
    await make_fetcher(cache=folder).get(site.url + "/")
    for kept in folder.iterdir():
        kept.write_bytes(b'{"asked": 1}\n')
    assert (await make_fetcher(cache=folder).get(site.url + "/")).data == b"text"
    (tmp_path / "file").touch()
    assert (await make_fetcher(cache=tmp_path / "file").get(site.url + "/")).data == b"text"
    assert len(site.asked) == 3


# -- TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For good.example, signed by itself."""
    path = tmp_path / "good.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=a -addext subjectAltName=DNS:good.example"
    subprocess.run([*command.split(), "-keyout", path, "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "cert.pem").read_text())
    return path


async def test_the_certificate_is_that_of_the_name_and_not_of_the_address(
    make_site: MakeSite, make_fetcher: MakeFetcher, names: Names, certificate: Path
) -> None:
    for host in ("good.example", "other.example"):
        names.addresses[host] = ["127.0.0.1"]
    site = make_site({"/": page("text", "text/plain")}, tls=certificate)
    fetcher = make_fetcher(tls=ssl.create_default_context(cafile=str(certificate)))
    assert (await fetcher.get(f"https://good.example:{site.port}/", robots=False)).data == b"text"
    for url in (f"https://other.example:{site.port}/", f"{site.url}/"):
        with pytest.raises(Unavailable, match="certificate"):
            await fetcher.get(url, robots=False)
    with pytest.raises(Unavailable, match="certificate"):
        await make_fetcher().get(f"https://good.example:{site.port}/", robots=False)
    assert site.asked == ["/"]
