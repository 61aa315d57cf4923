"""Somebody who types words that can be counted, and knows at any moment which of them the studio says it has stored."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Self

from tests.conftest import ServedStudio
from tests.web.test_access import browser
from tests.web.yclient import YClient, read_varuint

TOKEN = re.compile(r"<[^<>]*>")


class Typist(YClient):
    """Types tokens `<name number>` into pages and takes some back. It is its own record of what must be stored.

    An entry of `done` is a token and whether it was typed or taken back; the first `stored` of them were acknowledged.
    """

    def __init__(self, url: str, name: str, **headers: str) -> None:
        super().__init__(url, **headers)
        self.name = name
        self.done: list[tuple[str, bool]] = []
        self.stored = 0
        self.covers: list[int] = []  # how much of `done` is in each frame that counts, and all before it
        self._standing: list[tuple[str, str]] = []

    async def __aenter__(self) -> Self:
        self.covers = []
        return await super().__aenter__()

    def put(self, frame: bytes) -> None:
        if frame[:2] in (b"\x00\x01", b"\x00\x02"):
            self.covers.append(len(self.done))
        super().put(frame)

    def _take(self, frame: bytes) -> None:
        super()._take(frame)
        if frame[0] == 100:
            acked, _ = read_varuint(frame, 1)
            assert acked <= len(self.covers), "more was acknowledged than was sent"
            self.stored = max(self.stored, self.covers[acked - 1])

    @property
    def waiting(self) -> int:
        """Frames that are not acknowledged yet."""
        return len(self.covers) - self.acked

    def type(self, page: str, rng: Random) -> None:
        """Type one token at either end of a page, or take one's own away."""
        text = self.page(page)
        mine = [token for where, token in self._standing[-20:] if where == page]
        if mine and rng.random() < 0.1:
            token = rng.choice(mine)
            self._standing.remove((page, token))
            at = str(text).encode().index(token.encode())
            self.done.append((token, False))
            del text[at : at + len(token.encode())]
        else:
            token = f"<{self.name} {len(self.done)}{rng.choice(('', '', ' é', ' 鯨', ' 👩‍👩‍👧'))}>"
            self._standing.append((page, token))
            self.done.append((token, True))
            self.insert(page, rng.choice((0, len(text))), token)

    async def flood(self, pages: list[str], rng: Random, window: int = 20) -> None:
        """Type as fast as it is acknowledged, until the line breaks."""
        while self.closed is None:
            if self.waiting < window:
                self.type(rng.choice(pages), rng)
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(0.001)

    def texts(self, pages: Iterable[str]) -> dict[str, str]:
        return {page: self.text(page) for page in pages}


def guests(studio: ServedStudio, canvas: str, count: int) -> list[Typist]:
    """So many editors of a canvas who came by a link, each a participant of their own."""
    found: list[Typist] = []
    with studio.client() as owner:
        shared = owner.post(f"/api/canvases/{canvas}/shares", json={"role": "editor"})
        token = shared.json()["url"].rsplit("/", 1)[1]
    for number in range(count):
        with browser(studio) as guest:
            joined = guest.post("/api/join", json={"token": token, "name": f"Guest {number}"})
            assert joined.status_code == 200, joined.text
            cookie = f"studiolo_session={guest.cookies['studiolo_session']}"
        url = studio.sync_url(canvas, ack="1").replace("token=", "_=", 1)  # the cookie says who it is
        found.append(Typist(url, f"t{number}", Cookie=cookie, Origin=studio.url))
    return found


def tokens(texts: Iterable[str]) -> Counter[str]:
    return Counter(token for text in texts for token in TOKEN.findall(text))


def check_nothing_acknowledged_is_lost(typists: Iterable[Typist], kept: Counter[str]) -> None:
    """`kept`: the tokens of the studio's pages. Also: nothing is there twice, and nothing that nobody typed."""
    doubled = [token for token, times in kept.items() if times > 1]
    assert not doubled, f"doubled: {doubled[:5]}"
    typed: set[str] = set()
    for typist in typists:
        typed |= {token for token, there in typist.done if there}
        gone = {token for token, there in typist.done if not there}
        lost = [t for t, there in typist.done[: typist.stored] if there and t not in gone and t not in kept]
        assert not lost, f"acknowledged and lost, of {typist.name}: {lost[:5]} ({len(lost)})"
        back = [t for t, there in typist.done[: typist.stored] if not there and t in kept]
        assert not back, f"taken back, acknowledged, and there again: {back[:5]}"
    assert set(kept) <= typed, f"typed by nobody: {list(set(kept) - typed)[:5]}"


def check_all_is_there(typists: Iterable[Typist], kept: Counter[str]) -> None:
    """What everybody typed and did not take back is there exactly once, and nothing else."""
    wanted: Counter[str] = Counter()
    for typist in typists:
        for token, there in typist.done:
            wanted[token] += 1 if there else -1
    assert kept == +wanted, f"missing {list(wanted - kept)[:5]}, too much {list(kept - wanted)[:5]}"


def seen_by_others(typists: list[Typist], pages: list[str]) -> set[str]:
    """The tokens that somebody was shown who did not type them, and that are not taken back."""
    gone = {token for typist in typists for token, there in typist.done if not there}
    seen: set[str] = set()
    for typist in typists:
        shown = tokens(typist.texts(pages).values())
        seen |= {token for token in shown if not token.startswith(f"<{typist.name} ")}
    return seen - gone


def served_texts(studio: ServedStudio, canvas: str, pages: Iterable[str]) -> dict[str, str]:
    with studio.client() as owner:
        return {page: owner.get(f"/api/canvases/{canvas}/pages/{page}/text").text for page in pages}


async def converge(typists: list[Typist], pages: list[str], seconds: float = 40) -> dict[str, str]:
    """Wait until everything is acknowledged and all copies are the same; the texts."""

    def settled() -> bool:
        if any(typist.waiting or not typist.synced.is_set() for typist in typists):
            return False
        first = typists[0]
        lengths = [len(first.page(page)) for page in pages]
        if any([len(typist.page(page)) for page in pages] != lengths for typist in typists):
            return False  # the quick look; the texts are long
        texts = first.texts(pages)
        return all(typist.texts(pages) == texts for typist in typists)

    await typists[0].until(settled, seconds)
    return typists[0].texts(pages)
