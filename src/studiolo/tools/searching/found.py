"""What every search service finds, in one shape."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx2

LONGEST_TITLE = 300  # characters
LONGEST_SNIPPET = 800


@dataclass(frozen=True, slots=True)
class Found:
    """One page that was found. `date` as YYYY-MM-DD or as the service says it ("3 days ago"); empty when unknown."""

    title: str
    url: str
    snippet: str
    date: str = ""


def tidied(found: Iterable[tuple[Any, Any, Any, Any]], limit: int) -> list[Found]:
    """Rows of (title, url, snippet, date) as the services give them: plain text, whole addresses, no page twice."""
    kept: dict[str, Found] = {}
    for title, url, snippet, date in found:
        whole = _address(url)
        if whole is None:
            continue
        one = Found(
            _plain(title, LONGEST_TITLE) or str(whole), str(whole), _plain(snippet, LONGEST_SNIPPET), _day(date)
        )
        kept.setdefault(_same(whole), one)
        if len(kept) >= limit:
            break
    return list(kept.values())


def _address(url: Any) -> httpx2.URL | None:
    try:
        whole = httpx2.URL(str(url)[:2_000]) if isinstance(url, str) else None
    except (httpx2.InvalidURL, ValueError):
        return None
    return whole if whole is not None and whole.scheme in ("http", "https") and whole.host else None


def _same(url: httpx2.URL) -> str:
    """What two addresses of one page have in common."""
    query = "&".join(
        part for part in url.query.decode("ascii", "replace").split("&") if not part.startswith(("utm_", "fbclid="))
    )
    return f"{url.host.removeprefix('www.')}{url.path.rstrip('/')}?{query}"


def _plain(text: Any, most: int) -> str:
    """Text without markup, on one line."""
    if not isinstance(text, str):
        return ""
    plain = re.sub(r"<[^<>]{0,200}>", "", text[: 4 * most])
    plain = " ".join(html.unescape(plain).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def _day(date: Any) -> str:
    text = _plain(date, 40)
    day = re.match(r"(\d{4}-\d\d-\d\d)(?:[T ]|$)", text)
    return day[1] if day else text
