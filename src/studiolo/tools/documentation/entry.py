"""One documented thing: what readers of packages, inventories and folders find, and what an answer shows."""

from __future__ import annotations

from dataclasses import dataclass, field

LONGEST_TEXT = 8_000  # characters of a docstring or a section that are kept
LONGEST_SIGNATURE = 1_500


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer. `source` is `path:line` relative to the package, a path in a folder, or an address."""

    name: str
    kind: str
    """module, class, function, method, property, attribute; page and section in folders; a Sphinx role."""
    signature: str
    text: str
    source: str
    package: str
    version: str
    url: str = ""
    also: tuple[str, ...] = ()
    """Other names for the same thing."""

    @property
    def summary(self) -> str:
        """The first paragraph of the text, on one line."""
        return " ".join(self.text.strip().split("\n\n", 1)[0].split())


@dataclass(slots=True)
class Item:
    """A thing to be kept: an entry with all names by which it may be asked for."""

    name: str
    kind: str
    signature: str = ""
    text: str = ""
    source: str = ""
    url: str = ""
    also: list[str] = field(default_factory=list)
