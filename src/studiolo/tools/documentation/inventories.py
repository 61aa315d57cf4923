"""Sphinx inventories (`objects.inv`): names, kinds and addresses of what a site documents, without its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import sphobjinv

from studiolo.tools.documentation.entry import Item

LARGEST = 32 << 20  # bytes
MOST_ITEMS = 60_000
KINDS = {"py": {"data": "attribute", "exception": "class", "classmethod": "method", "staticmethod": "method"}}


@dataclass(frozen=True, slots=True)
class Inventory:
    """A file, and the address that its links begin with ("" when nobody said)."""

    path: Path
    base: str

    @property
    def stamp(self) -> str:
        found = self.path.stat()
        return f"{found.st_size} {found.st_mtime_ns} {self.base}"


def read(inventory: Inventory) -> tuple[str, str, Iterator[Item]]:
    """The project, its version and what it documents. Raises `ValueError` for a file that is no inventory."""
    data = inventory.path.read_bytes()
    if len(data) > LARGEST:
        raise ValueError("the inventory is too large")
    try:
        found = sphobjinv.Inventory(zlib=data)  # type: ignore[call-arg] - the library makes its signature itself
    except Exception as error:  # the library has many ways to say no
        raise ValueError(f"no Sphinx inventory: {error}") from error
    return str(found.project or "documentation"), str(found.version or ""), _items(found, inventory.base)


def _items(found: sphobjinv.Inventory, base: str) -> Iterator[Item]:
    for number, one in enumerate(found.objects):
        if number >= MOST_ITEMS:
            return
        title = one.dispname_expanded
        kind = KINDS.get(one.domain, {}).get(one.role, one.role)
        text = title if title != one.name else ""
        url = urljoin(base, one.uri_expanded) if base else ""
        yield Item(str(one.name), str(kind), "", str(text), url or str(one.uri_expanded), url)
