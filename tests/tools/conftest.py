"""Sites on loopback addresses, and a name server that changes its mind."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.tools.site import Page, Site

MakeSite = Callable[..., Site]


@pytest.fixture
def make_site() -> Iterator[MakeSite]:
    """Make a site: `make_site({"/path": page("...")}, host="127.0.0.1")`."""
    made: list[Site] = []

    def make(pages: dict[str, Page] | None = None, **options: Any) -> Site:
        made.append(Site(pages, **options))
        return made[-1]

    yield make
    for site in made:
        site.close()


class Names:
    """What names mean: each look-up of one takes its next address, and stays at the last."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.real = socket.getaddrinfo

    def __call__(self, host: str, port: Any, *more: Any, **named: Any) -> Any:
        found = self.addresses.get(host)
        if found is None:
            return self.real(host, port, *more, **named)
        return self.real(found.pop(0) if len(found) > 1 else found[0], port, *more, **named)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names
