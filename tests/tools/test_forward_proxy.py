"""The browser's only door: whoever has no pass is turned away, and whoever has one reaches only what was judged."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest

from studiolo.addresses import networks
from studiolo.tools.forward_proxy import ForwardProxy, Pass
from tests.tools.conftest import MakeSite, Names
from tests.tools.site import page, redirect

HERE = networks("127.0.0.1/32")  # 127.0.0.2 stands for a machine inside


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    proxy = ForwardProxy(HERE)
    await proxy.open()
    yield proxy
    await proxy.close()


async def ask(proxy: ForwardProxy, given: Pass | None, line: str, *headers: str, body: bytes = b"") -> bytes:
    """Everything that the proxy answers to one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    if given:
        secret = base64.b64encode(f"{given.name}:{given.secret}".encode()).decode()
        headers = (*headers, f"Proxy-Authorization: Basic {secret}")
    writer.write("\r\n".join([line, *headers, "", ""]).encode() + body)
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_nobody_without_a_pass_gets_through(proxy: ForwardProxy, make_site: MakeSite) -> None:
    site = make_site({"/": page("text")})
    stranger, gone = Pass([], []), proxy.admit()
    proxy.dismiss(gone)
    for given in (None, stranger, gone):
        for line in (f"GET {site.url}/ HTTP/1.1", f"CONNECT 127.0.0.1:{site.port} HTTP/1.1"):
            assert (await ask(proxy, given, line)).startswith(b"HTTP/1.1 407 ")
    for header in ("Basic !", "Basic", "Bearer x", "Basic " + base64.b64encode(b"\xff:\xff").decode()):
        assert b" 407 " in await ask(proxy, None, f"GET {site.url}/ HTTP/1.1", f"Proxy-Authorization: {header}")
    assert site.visits == []


async def test_a_request_goes_on_without_what_was_for_the_proxy(proxy: ForwardProxy, make_site: MakeSite) -> None:
    site = make_site({"/a": page("text", X_Their="yes", Connection="keep-alive")})
    given = proxy.admit()
    body = b"field=value"
    answer = await ask(
        proxy,
        given,
        f"POST {site.url}/a?b HTTP/1.1",
        *("Host: elsewhere.example", "X-Mine: yes", "Proxy-Connection: keep-alive", f"Content-Length: {len(body)}"),
        body=body,
    )
    [visit] = site.visits
    assert (visit.method, visit.path, visit.body) == ("POST", "/a?b", body)
    assert visit.headers["host"] == f"127.0.0.1:{site.port}"
    assert visit.headers["x-mine"] == "yes"
    assert not {"proxy-authorization", "proxy-connection"} & set(visit.headers)
    assert b"keep-alive" not in answer
    assert b"\r\nX-Their: yes\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\ntext")


async def test_a_connection_is_for_one_request(proxy: ForwardProxy, make_site: MakeSite) -> None:
    """The next one on it would go to where nobody judged it."""
    inside = make_site({"/": page("secret")}, host="127.0.0.2")
    site = make_site({"/": page("text")})
    second = f"GET http://127.0.0.2:{inside.port}/ HTTP/1.1\r\n\r\n".encode()
    await ask(proxy, proxy.admit(), f"POST {site.url}/ HTTP/1.1", "Content-Length: 3", body=b"a=b" + second)
    assert inside.visits == []
    assert b"GET" not in b"".join(visit.body for visit in site.visits)
    assert len(site.visits) <= 1


@pytest.mark.parametrize(
    "host",
    ["127.0.0.2", "2130706434", "0x7f.2", "[::1]", "[::ffff:127.0.0.2]", "inside.example", "169.254.169.254", "0"],
)
async def test_nothing_inside_is_reached(host: str, proxy: ForwardProxy, make_site: MakeSite, names: Names) -> None:
    names.addresses = {"inside.example": ["127.0.0.2"]}
    inside = make_site({"/": page("secret")}, host="127.0.0.2")
    given = proxy.admit()
    for line in (f"CONNECT {host}:{inside.port} HTTP/1.1", f"GET http://{host}:{inside.port}/ HTTP/1.1"):
        answer = await ask(proxy, given, line)
        assert answer.startswith(b"HTTP/1.1 403 ")
    assert inside.visits == []
    assert given.refused


async def test_a_name_is_judged_each_time_and_connected_to_as_judged(
    proxy: ForwardProxy, make_site: MakeSite, names: Names
) -> None:
    inside = make_site({"/": page("secret")}, host="127.0.0.2")
    names.addresses = {"rebinding.example": ["127.0.0.1", "127.0.0.2"]}
    given = proxy.admit()
    line = f"GET http://rebinding.example:{inside.port}/ HTTP/1.1"
    assert await ask(proxy, given, line) == b""  # to 127.0.0.1, where nobody is
    assert (await ask(proxy, given, line)).startswith(b"HTTP/1.1 403 ")
    assert inside.visits == []


@pytest.mark.parametrize(
    "line",
    [
        *(
            "GET file:///etc/passwd HTTP/1.1",
            "GET / HTTP/1.1",
            "CONNECT 127.0.0.1:22 HTTP/1.1",
            "CONNECT 127.0.0.1 HTTP/1.1",
        ),
        *("GET ftp://127.0.0.1/ HTTP/1.1", "CONNECT user@127.0.0.1:443 HTTP/1.1", "CONNECT 127.0.0.1:0 HTTP/1.1"),
        *("GET http://[::1 HTTP/1.1", "nonsense", "CONNECT  HTTP/1.1", "GET http://127.0.0.1:25/ HTTP/1.1"),
    ],
)
async def test_what_no_browser_asks_is_not_answered(line: str, proxy: ForwardProxy) -> None:
    answer = await ask(proxy, proxy.admit(), line)
    assert not answer or answer.split(b" ")[1] in (b"400", b"403", b"502")


async def test_the_way_out_does_not_lead_to_itself(proxy: ForwardProxy) -> None:
    given = proxy.admit()
    assert b" 403 " in await ask(proxy, given, f"CONNECT 127.0.0.1:{proxy.port} HTTP/1.1")


async def test_a_pass_is_for_its_hosts_and_its_bytes(proxy: ForwardProxy, make_site: MakeSite, names: Names) -> None:
    names.addresses = {"docs.good.example": ["127.0.0.1"], "bad.example": ["127.0.0.1"]}
    site = make_site({"/": page("x" * 100_000), "/on": redirect("http://bad.example/")})
    given = proxy.admit(only=["good.example"])
    assert b" 200 " in (await ask(proxy, given, f"GET http://docs.good.example:{site.port}/ HTTP/1.1"))[:20]
    assert b" 403 " in await ask(proxy, given, f"GET http://bad.example:{site.port}/ HTTP/1.1")
    assert b" 403 " in await ask(proxy, given, f"CONNECT bad.example:{site.port} HTTP/1.1")
    assert len(site.visits) == 1
    live = proxy.admit(refuses=lambda host: "not today" if host == "bad.example" else "")
    assert b"not today" in await ask(proxy, live, f"GET http://bad.example:{site.port}/ HTTP/1.1")
    assert len(site.visits) == 1
    given.left = 50_000
    assert len(await ask(proxy, given, f"GET http://docs.good.example:{site.port}/ HTTP/1.1")) < 100_000
    assert b" 429 " in await ask(proxy, given, f"GET http://docs.good.example:{site.port}/ HTTP/1.1")
    given = proxy.admit()
    given.left_to_send = 10
    body = b"y" * 1_000
    await ask(proxy, given, f"POST {site.url}/ HTTP/1.1", f"Content-Length: {len(body)}", body=body)
    assert len([visit for visit in site.visits if visit.body]) == 0


async def test_a_tunnel_carries_both_ways(proxy: ForwardProxy) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(100):
            writer.write(part.upper())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    given = proxy.admit()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    secret = base64.b64encode(f"{given.name}:{given.secret}".encode()).decode()
    writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nProxy-Authorization: Basic {secret}\r\n\r\n".encode())
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"HELLO"
    proxy.dismiss(given)
    writer.write(b"hello")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
