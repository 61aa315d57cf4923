"""The search services, as each is documented. Each knows how to ask and what its answers mean, and no more.

SearXNG: https://docs.searxng.org/dev/search_api.html. Brave: https://api-dashboard.search.brave.com/app/documentation.
Tavily: https://docs.tavily.com/documentation/api-reference/endpoint/search. DuckDuckGo has no documented interface: its
page for browsers without scripts is read, which it may change or close to programs at any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import lxml.html

Row = tuple[Any, Any, Any, Any]
"""(title, url, snippet, date), as they came."""


class Refused(Exception):
    """A service did not search. `why` follows a colon; `later`: it may be otherwise in so many seconds; `again`: it may
    be otherwise at once."""

    def __init__(self, why: str, hint: str = "", later: float = 0.0, again: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint
        self.later = later
        self.again = again


@dataclass(frozen=True, slots=True)
class Asking:
    """The request of a search."""

    method: str
    url: str
    params: dict[str, str] = field(default_factory=dict[str, str])
    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    body: dict[str, Any] | None = None
    form: dict[str, str] | None = None


class Service(Protocol):
    """A search service."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> str: ...

    def asking(self, query: str, limit: int) -> Asking: ...

    def rows(self, status: int, headers: httpx2.Headers, body: bytes) -> list[Row]: ...


@dataclass(frozen=True, slots=True)
class SearXNG:
    """A SearXNG of one's own, or somebody's that lets programs in."""

    url: str
    name: str = "SearXNG"

    @property
    def host(self) -> str:
        return _host(self.url)

    def asking(self, query: str, limit: int) -> Asking:
        return Asking("GET", f"{self.url.rstrip('/')}/search", {"q": query, "format": "json"})

    def rows(self, status: int, headers: httpx2.Headers, body: bytes) -> list[Row]:
        if status == 403:
            raise Refused(
                "it does not give its results as JSON",
                "Its operator has to put `json` under `search.formats` in settings.yml.",
            )
        _check(status, headers)
        told = _object(body)
        results = told.get("results")
        if not isinstance(results, list):
            raise Refused("it answered in a form that is not known here")
        if not results and (silent := told.get("unresponsive_engines")):
            names = ", ".join(str(one[0] if isinstance(one, list) and one else one)[:40] for one in silent[:5])
            raise Refused(f"the engines that it asks did not answer ({names})", later=60.0)
        return [
            (one.get("title"), one.get("url"), one.get("content"), one.get("publishedDate"))
            for one in results
            if isinstance(one, dict)
        ]


@dataclass(frozen=True, slots=True)
class Brave:
    """Brave's index, with a key."""

    key: str = field(repr=False)
    url: str = "https://api.search.brave.com/res/v1/web/search"
    name: str = "Brave"

    @property
    def host(self) -> str:
        return _host(self.url)

    def asking(self, query: str, limit: int) -> Asking:
        params = {"q": query[:400], "count": str(min(limit, 20)), "text_decorations": "false", "result_filter": "web"}
        return Asking("GET", self.url, params, {"X-Subscription-Token": self.key, "Accept": "application/json"})

    def rows(self, status: int, headers: httpx2.Headers, body: bytes) -> list[Row]:
        if status == 422 and b"SUBSCRIPTION_TOKEN" in body:
            raise _wrong_key()
        _check(status, headers)
        web = _object(body).get("web") or {}
        results = web.get("results") if isinstance(web, dict) else None
        return [
            (one.get("title"), one.get("url"), one.get("description"), one.get("page_age") or one.get("age"))
            for one in results or []
            if isinstance(one, dict)
        ]


@dataclass(frozen=True, slots=True)
class Tavily:
    """Tavily's search for programs, with a key."""

    key: str = field(repr=False)
    url: str = "https://api.tavily.com/search"
    name: str = "Tavily"

    @property
    def host(self) -> str:
        return _host(self.url)

    def asking(self, query: str, limit: int) -> Asking:
        body = {"query": query, "max_results": min(limit, 20), "search_depth": "basic"}
        return Asking("POST", self.url, headers={"Authorization": f"Bearer {self.key}"}, body=body)

    def rows(self, status: int, headers: httpx2.Headers, body: bytes) -> list[Row]:
        if status in (432, 433):
            raise Refused("what was paid for is used up", "An operator has to raise the plan's limit.", later=3_600.0)
        _check(status, headers)
        results = _object(body).get("results")
        if not isinstance(results, list):
            raise Refused("it answered in a form that is not known here")
        return [
            (one.get("title"), one.get("url"), one.get("content"), one.get("published_date"))
            for one in results
            if isinstance(one, dict)
        ]


@dataclass(frozen=True, slots=True)
class DuckDuckGo:
    """DuckDuckGo's page without scripts: needs no key, and shuts programs out that ask often or from data centres."""

    url: str = "https://html.duckduckgo.com/html/"
    name: str = "DuckDuckGo"

    @property
    def host(self) -> str:
        return _host(self.url)

    def asking(self, query: str, limit: int) -> Asking:
        return Asking("POST", self.url, form={"q": query, "b": ""})

    def rows(self, status: int, headers: httpx2.Headers, body: bytes) -> list[Row]:
        if status in (202, 403) or b"anomaly-modal" in body or b"anomaly.js" in body:
            raise Refused(
                "it takes this studio for too busy a program", "A service with a key is asked more freely.", 300.0
            )
        _check(status, headers)
        try:
            page = lxml.html.document_fromstring(body, parser=lxml.html.HTMLParser(encoding="utf-8", no_network=True))
        except (lxml.html.etree.ParserError, ValueError):
            page = None
        rows = list(self._rows(page)) if page is not None else []
        if not rows and b"no-results" not in body and b"result--no-result" not in body:
            raise Refused("its page has changed and cannot be read", "An operator can choose another service.")
        return rows

    def _rows(self, page: Any) -> Iterator[Row]:
        for result in page.xpath("//div[contains(concat(' ', normalize-space(@class), ' '), ' result ')]"):
            if "result--ad" in result.get("class", ""):
                continue
            links = result.xpath(".//a[contains(concat(' ', normalize-space(@class), ' '), ' result__a ')]")
            if not links:
                continue
            url = _led_to(links[0].get("href") or "", self.url)
            if not url or urlsplit(url).path.endswith("/y.js"):  # an advertisement
                continue
            snippets = result.xpath(".//*[contains(concat(' ', normalize-space(@class), ' '), ' result__snippet ')]")
            yield links[0].text_content(), url, snippets[0].text_content() if snippets else "", ""


def _led_to(href: str, base: str) -> str:
    """Where a link leads that DuckDuckGo has wrapped."""
    try:
        whole = urljoin(base, href)
        wrapped = parse_qs(urlsplit(whole).query).get("uddg") if urlsplit(whole).path == "/l/" else None
    except ValueError:
        return ""
    return wrapped[0] if wrapped else whole


def _check(status: int, headers: httpx2.Headers) -> None:
    """Raise Refused for what the services' statuses mean in common."""
    if status in (401, 403):
        raise _wrong_key()
    if status == 402:
        raise Refused("what was paid for is used up", "An operator has to raise the plan's limit.", later=3_600.0)
    if status == 429:
        later = _seconds(headers.get("retry-after", "")) or _seconds(headers.get("x-ratelimit-reset", ""))
        raise Refused("it is asked too often", later=later or 30.0)
    if status >= 500:
        raise Refused(f"it is in trouble ({status})", later=30.0, again=True)
    if status >= 300:
        raise Refused(f"it refused the search ({status})")


def _wrong_key() -> Refused:
    return Refused("it does not accept the studio's key", "An operator has to look at the key.")


def _seconds(header: str) -> float:
    """The smallest of some seconds: Brave says those until the next second and until the next month."""
    numbers = [int(part) for part in header.replace(",", " ").split() if part.isdecimal() and len(part) < 8]
    return float(max(1, min(numbers))) if numbers else 0.0


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Refused("it answered in a form that is not known here")
    return told


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url[:100]
    except ValueError:
        return url[:100]
