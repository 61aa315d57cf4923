"""Mail: the server's address, a queue that survives restarts, tries again and gives up, and encryption."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.people.mail import Mailboxes, Post, Server
from studiolo.people.mail.post import GIVEN_UP, HOLD
from studiolo.store import Store
from studiolo.store.tables import mails
from tests.conftest import Clock
from tests.web.mails import Mails
from tests.web.receiver import WAIT

TASK = {"id": "t1", "canvas": "c", "title": "Goes on", "state": "done", "outcome": "Two scenes.", "problem": ""}
TASK |= {"by": "ann", "asks": [], "at": 2_000_000.0}


class Office:
    """The post of a studio with one mailbox, in one life after the other."""

    def __init__(self, store: Store, server: Server) -> None:
        self.store, self.server = store, server
        self.boxes = Mailboxes(store)
        self.members = {"ann"}
        self.open()

    def open(self) -> None:
        self.post = Post(
            self.store, self.boxes, self.server, "studio@example.com", "https://s.example.com", self._titled, 0.05
        )
        self.post.open()

    async def _titled(self, _canvas: str, participant: str) -> str | None:
        return "The Novel" if participant in self.members else None

    async def tell(self, id: str = "task:t1:1:done", **more: Any) -> None:
        await self.post.about_task(id, TASK | more)

    async def rows(self) -> list[Any]:
        async with self.store.reading() as connection:
            return list((await connection.execute(sa.select(mails))).all())

    async def settled(self) -> list[Any]:
        """The queue, once nothing in it is due or being sent."""

        def rests(row: Any) -> bool:
            now = self.store.clock()
            return row.next is None or (row.tries > 0 and row.next > now and row.next != now + HOLD)

        deadline = time.monotonic() + WAIT
        rows = await self.rows()
        while not all(rests(row) for row in rows):
            assert time.monotonic() < deadline, rows
            await asyncio.sleep(0.02)
            rows = await self.rows()
        return rows


@pytest.fixture
def server() -> Iterator[Mails]:
    made = Mails()
    yield made
    made.close()


@pytest.fixture
async def office(store: Store, server: Mails) -> AsyncIterator[Office]:
    await store.create_canvas("c", "The Novel", "ann", 1.0)
    made = Office(store, Server("127.0.0.1", server.port, "plain"))
    box, unconfirmed = await made.boxes.set("ann", "ann@example.com", ["done", "failed"], "more")
    assert unconfirmed
    await made.boxes.confirm("ann", box.token("confirm"))
    yield made
    await made.post.close()


async def arrived(server: Mails, count: int) -> list[Any]:
    return list(await asyncio.to_thread(server.wait, count))


async def test_news_is_sent_once_however_often_it_is_told(office: Office, server: Mails) -> None:
    for _ in range(3):
        await office.tell()
    [mail] = await arrived(server, 1)
    await office.settled()
    await office.tell()
    assert len(await office.settled()) == 1 and len(server.got) == 1
    assert mail["Subject"] == "Done: Goes on" and "Two scenes." in mail.get_content()
    assert "“The Novel”" in mail.get_content() and "https://s.example.com/tasks/t1" in mail.get_content()


async def test_what_waits_is_sent_in_the_next_life(office: Office, server: Mails, clock: Clock) -> None:
    server.refuse += ["451 Later", "421 Busy"]
    await office.tell()
    [row] = await office.settled()
    assert row.next is not None and row.tries == 1
    box = await office.boxes.get("ann")
    assert box and "451" in box.problem
    await office.post.close()
    clock.now = row.next
    office.open()
    for _ in range(int(WAIT / 0.02)):
        [row] = await office.settled()
        if row.tries == 2:
            break
        await asyncio.sleep(0.02)
    clock.now = row.next
    office.post.look()
    await arrived(server, 1)
    [row] = await office.settled()
    box = await office.boxes.get("ann")
    assert (row.next, row.tries) == (None, 3) and box and box.problem == ""


async def test_what_is_refused_for_good_or_for_too_long_is_given_up(
    office: Office, server: Mails, clock: Clock
) -> None:
    server.refuse.append("550 Nobody here")
    await office.tell()
    [row] = await office.settled()
    box = await office.boxes.get("ann")
    assert row.next is None and box and "550 Nobody here" in box.problem
    server.refuse += ["451 Later"]
    clock.now += 1
    await office.tell("task:t2:1:done")
    rows = {row.id: row for row in await office.settled()}
    clock.now = rows["task:t2:1:done"].made + GIVEN_UP + 1
    server.refuse += ["451 Later"]
    office.post.look()
    for _ in range(int(WAIT / 0.02)):
        rows = {row.id: row for row in await office.settled()}
        if rows["task:t2:1:done"].next is None:
            break
        await asyncio.sleep(0.02)
    assert rows["task:t2:1:done"].next is None and server.got == []


async def test_who_has_left_or_does_not_want_it_gets_none(office: Office, server: Mails) -> None:
    await office.tell("a", state="waiting")  # which they do not want mail about
    await office.tell("b", at=0.0)  # from before they wanted any
    await office.tell("c", by="ben")  # who has no mailbox
    assert await office.rows() == []
    office.members.clear()
    await office.tell("d")
    [row] = await office.settled()
    assert row.next is None and server.got == []


async def test_an_address_is_asked_a_few_times_and_its_link_is_good_for_it_alone(office: Office) -> None:
    box, _ = await office.boxes.set("ann", "other@example.com", ["done"], "titles")
    for _ in range(3):
        await office.post.ask(box)
    with pytest.raises(TooLarge):
        await office.post.ask(box)
    old = box.token("confirm")
    box, unconfirmed = await office.boxes.set("ann", "third@example.com", ["done"], "titles")
    assert unconfirmed and box.token("confirm") != old
    with pytest.raises(TooLarge):  # changing the address is no way round it
        await office.post.ask(box)
    await office.boxes.forget("ann")
    assert await office.boxes.get("ann") is None
    box, _ = await office.boxes.set("ann", "fourth@example.com", ["done"], "titles")
    with pytest.raises(TooLarge):  # and neither is doing without mail in between
        await office.post.ask(box)


async def test_many_requests_at_once_are_no_more_mails(office: Office) -> None:
    box, _ = await office.boxes.set("ann", "other@example.com", ["done"], "titles")
    ends = await asyncio.gather(*(office.post.ask(box) for _ in range(8)), return_exceptions=True)
    assert sum(end is None for end in ends) == 3 and sum(isinstance(end, TooLarge) for end in ends) == 5
    again = await asyncio.gather(
        *(office.boxes.set("ann", f"{n}@example.com", ["done"], "titles") for n in range(4)), office.boxes.forget("ann")
    )
    assert len(again) == 5
    box, _ = await office.boxes.set("ann", "last@example.com", ["done"], "titles")
    with pytest.raises(TooLarge):
        await office.post.ask(box)


async def test_a_mail_that_the_server_has_is_not_sent_again_when_the_studio_stops_meanwhile(
    office: Office, server: Mails
) -> None:
    server.slow, server.rude = threading.Event(), True
    await office.tell()
    await arrived(server, 1)
    closing = asyncio.create_task(office.post.close())
    await asyncio.sleep(0)
    server.slow.set()
    await closing
    office.open()
    [row] = await office.settled()
    assert row.next is None and len(server.got) == 1


async def test_a_mail_that_comes_twice_is_the_same_mail(office: Office, server: Mails, clock: Clock) -> None:
    await office.tell()
    await arrived(server, 1)
    [row] = await office.settled()
    clock.now += 60
    async with office.store.writing() as connection:  # a process that was killed before it could note what it had sent
        await connection.execute(sa.update(mails).values(next=clock.now))
    office.post.look()
    one, other = await arrived(server, 2)
    await office.settled()
    assert one["Message-ID"] == other["Message-ID"] and one["Date"] == other["Date"]
    assert one["Date"].datetime.timestamp() == int(row.made) and one.as_bytes() == other.as_bytes()


async def test_starttls_is_used_and_a_certificate_that_is_not_good_stops_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    await store.create_canvas("c", "The Novel", "ann", 1.0)
    server = Mails(context)
    try:
        office = Office(store, Server("localhost", server.port, "starttls"))
        box, _ = await office.boxes.set("ann", "ann@example.com", ["done"], "titles")
        await office.boxes.confirm("ann", box.token("confirm"))
        await office.tell()
        [row] = await office.settled()
        box = await office.boxes.get("ann")
        assert box and "certificate" in box.problem and server.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert isinstance(store.clock, Clock)
        store.clock.now = row.next
        office.post.look()
        [mail] = await arrived(server, 1)
        assert "Two scenes." not in mail.get_content()
        await office.settled()
        await office.post.close()
    finally:
        server.close()


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("smtps://ann:p%40ss@mail.example.com", Server("mail.example.com", 465, "tls", "ann", "p@ss")),
        ("smtp+starttls://mail.example.com:2525", Server("mail.example.com", 2525, "starttls")),
        ("smtp://localhost", Server("localhost", 25, "plain")),
    ],
)
def test_the_servers_address_says_how_it_is_spoken_to(url: str, means: Server) -> None:
    assert Server.read(url) == means and "p@ss" not in repr(means)


@pytest.mark.parametrize("url", ["", "mail.example.com", "http://mail", "smtps://", "smtp://h:99999", "smtp://h/path"])
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="STUDIOLO_SMTP_URL"):
        Server.read(url)
