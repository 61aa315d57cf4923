"""Webhooks go out into the world, and nowhere else."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from studiolo.addresses import networks
from studiolo.canvas.errors import Invalid
from studiolo.webhooks import GROUPS, Sender
from studiolo.webhooks.signing import new_secret, signed
from studiolo.webhooks.targets import check_reachable, checked
from tests.web.receiver import Receiver


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "//example.com/", "example.com", ""),
        *("http://", "https:///path", "https://user:secret@example.com/", "https://example.com/#part", "http://[::1"),
        *("https://example.com:99999/", "http://exa mple.com/", f"https://example.com/{'a' * 2000}", "https://\ud800/"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="A webhook cannot go there"):
        checked(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
async def test_a_host_inside_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(Invalid, match=r"inside the studio's own network|is not known|cannot be read"):
        await check_reachable(f"http://{host}:80/", [])


class Rebinding:
    """A name server whose answer to the second question is another than to the first."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *more: Any, **named: Any) -> Any:
        if host != "rebinding.example":
            return self.real(host, port, *more, **named)
        return self.real(self.answers.pop(0), port, *more, **named)


async def test_a_name_that_comes_to_mean_another_machine_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is connected to is what was judged: the name is not looked up again."""
    receiver = Receiver()
    names = Rebinding("192.0.2.1", "127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", names)
    answer = await Sender(networks("192.0.2.0/24"), seconds=0.5).post(
        f"http://rebinding.example:{receiver.port}/", {}, b"{}"
    )
    assert not answer.taken
    assert receiver.got == []
    assert names.answers == ["127.0.0.1"]
    answer = await Sender(networks("192.0.2.0/24"), seconds=0.5).post(
        f"http://rebinding.example:{receiver.port}/", {}, b"{}"
    )
    assert answer.said == "its host is inside the studio's own network"
    assert receiver.got == []
    receiver.close()


async def test_the_name_is_sent_though_the_address_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    monkeypatch.setattr(socket, "getaddrinfo", Rebinding("127.0.0.1"))
    sender = Sender(networks("127.0.0.0/8"))
    answer = await sender.post(f"http://rebinding.example:{receiver.port}/a?b=c", {"x-mine": "1"}, b"{}")
    assert (answer.taken, answer.said) == (True, "204")
    [got] = receiver.got
    assert (got.path, got.headers["host"]) == ("/a?b=c", f"rebinding.example:{receiver.port}")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Studiolo/")
    await sender.close()
    receiver.close()


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, proxy = Receiver(), Receiver()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    sender = Sender(networks("127.0.0.0/8"))
    assert (await sender.post(receiver.url, {}, b"{}")).taken
    assert (len(receiver.got), proxy.got) == (1, [])
    await sender.close()
    for one in (receiver, proxy):
        one.close()


def test_signatures_are_those_of_the_specification() -> None:
    """Its own example: https://github.com/standard-webhooks/standard-webhooks"""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert len({new_secret() for _ in range(100)}) == 100
    assert all(len(new_secret()) == len("whsec_") + 32 for _ in range(9))


def test_the_program_in_the_page_knows_what_is_from_the_studio() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    [program] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102
    check = names["is_from_the_studio"]
    secret, body = new_secret(), '{"é": 1}'.encode()
    headers = signed(secret, "msg_1", time.time(), body)
    assert check(secret, headers, body)
    assert not check(secret, headers, body + b" ")
    assert not check(new_secret(), headers, body)
    assert not check(secret, {**headers, "webhook-id": "msg_2"}, body)
    assert not check(secret, signed(secret, "msg_1", time.time() - 600, body), body)


def test_every_type_of_event_is_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    for type in [type for group in GROUPS.values() for type in group]:
        assert f"`{type}`" in page
