"""Searching the web, at the wire: each service in the form that it documents, and in each of its ways to say no."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from studiolo.canvas.errors import Invalid, TooLarge, Unavailable
from studiolo.tools.searching import Found, Search
from studiolo.tools.searching.services import Brave, DuckDuckGo, SearXNG, Service, Tavily
from tests.conftest import Clock
from tests.tools.conftest import MakeSite
from tests.tools.site import Page, Site, page, redirect

KEY = "secret-key-of-the-studio"
LAMPS = [
    Found("Oil lamps & wicks", "https://example.com/lamps", "How a lamp burns.", "2024-03-05"),
    Found("Wax", "https://example.org/wax?kind=bees", "All about candles…", ""),
]

SEARXNG = {
    "query": "lamps",
    "number_of_results": 0,
    "results": [
        {
            "url": "https://example.com/lamps",
            "title": "Oil lamps & wicks",
            "content": "How a  lamp\nburns.",
            "publishedDate": "2024-03-05T00:00:00",
            "engine": "brave",
            "engines": ["brave", "mojeek"],
            "parsed_url": ["https", "example.com", "/lamps", "", "", ""],
            "template": "default.html",
            "score": 4.0,
            "category": "general",
        },
        {"url": "https://www.example.com/lamps/?utm_source=x", "title": "The same", "content": "again"},
        {"url": "javascript:alert(1)", "title": "No address", "content": ""},
        {
            "url": "https://example.org/wax?kind=bees",
            "title": "Wax",
            "content": "All about candles…",
            "publishedDate": None,
        },
    ],
    "answers": [],
    "corrections": [],
    "infoboxes": [],
    "suggestions": [],
    "unresponsive_engines": [],
}
BRAVE = {
    "type": "search",
    "query": {"original": "lamps", "more_results_available": True},
    "web": {
        "type": "search",
        "results": [
            {
                "title": "Oil lamps &amp; wicks",
                "url": "https://example.com/lamps",
                "is_source_local": False,
                "description": "How a <strong>lamp</strong> burns.",
                "page_age": "2024-03-05T10:00:00",
                "age": "March 5, 2024",
                "language": "en",
                "type": "search_result",
                "subtype": "generic",
            },
            {"title": "Wax", "url": "https://example.org/wax?kind=bees", "description": "All about candles…"},
        ],
        "family_friendly": True,
    },
}
TAVILY = {
    "query": "lamps",
    "follow_up_questions": None,
    "answer": None,
    "images": [],
    "results": [
        {
            "title": "Oil lamps & wicks",
            "url": "https://example.com/lamps",
            "content": "How a lamp burns.",
            "score": 0.99,
            "raw_content": None,
            "published_date": "2024-03-05",
        },
        {"title": "Wax", "url": "https://example.org/wax?kind=bees", "content": "All about candles…", "score": 0.5},
    ],
    "response_time": 1.1,
    "request_id": "00000000-0000-0000-0000-000000000000",
}
DUCKDUCKGO = """<!DOCTYPE html><html><body><div id="links" class="results">
<div class="result results_links results_links_deep result--ad"><div class="links_main"><h2 class="result__title">
<a rel="nofollow" class="result__a" href="https://duckduckgo.com/y.js?ad_domain=shop.example&amp;ad_provider=x">Buy</a>
</h2><a class="result__snippet" href="#">An advertisement</a></div></div>
<div class="result results_links results_links_deep web-result "><div class="links_main links_deep result__body">
<h2 class="result__title"><a rel="nofollow" class="result__a"
 href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.com%2Flamps&amp;rut=abc">Oil lamps &amp; <b>wicks</b></a></h2>
<div class="result__extras"><a class="result__url" href="#">example.com/lamps</a></div>
<a class="result__snippet" href="#">How a <b>lamp</b>
 burns.</a></div></div>
<div class="result results_links results_links_deep web-result "><div class="links_main links_deep result__body">
<h2 class="result__title"><a rel="nofollow" class="result__a" href="https://example.org/wax?kind=bees">Wax</a></h2>
<a class="result__snippet" href="#">All about candles…</a></div></div></div></body></html>"""
NOTHING = """<html><body><div class="result results_links web-result result--no-result"><div class="no-results">
No results.</div></div></body></html>"""
ANOMALY = """<html><body><form id="challenge-form" action="//duckduckgo.com/anomaly.js?sv=html">
<div class="anomaly-modal__title">
Unfortunately, bots use DuckDuckGo too.</div></form></body></html>"""


def told(value: Any, status: int = 200, **headers: str) -> Page:
    return page(json.dumps(value), "application/json", status, **headers)


MAKE: dict[str, Callable[[str], Service]] = {
    "searxng": lambda url: SearXNG(url),
    "brave": lambda url: Brave(KEY, url + "/search"),
    "tavily": lambda url: Tavily(KEY, url + "/search"),
    "duckduckgo": lambda url: DuckDuckGo(url + "/search"),
}
ANSWERS = {"searxng": told(SEARXNG), "brave": told(BRAVE), "tavily": told(TAVILY), "duckduckgo": page(DUCKDUCKGO)}
EMPTY = {
    "searxng": told({**SEARXNG, "results": []}),
    "brave": told({"type": "search", "query": {"original": "lamps"}}),
    "tavily": told({**TAVILY, "results": []}),
    "duckduckgo": page(NOTHING),
}


@pytest.fixture
async def make_search(clock: Clock) -> AsyncIterator[Callable[..., Search]]:
    made: list[Search] = []

    def make(*services: Service, **options: Any) -> Search:
        made.append(Search(services, clock=clock, **options))
        return made[-1]

    yield make
    for search in made:
        await search.close()


MakeSearch = Callable[..., Search]


@pytest.mark.parametrize("name", MAKE)
async def test_what_each_service_finds_has_one_shape(name: str, make_site: MakeSite, make_search: MakeSearch) -> None:
    site = make_site({"/search": ANSWERS[name]})
    search = make_search(MAKE[name](site.url))
    found = await search.search(" oil \n lamps ")
    assert [(one.title, one.url, one.snippet) for one in found] == [(one.title, one.url, one.snippet) for one in LAMPS]
    if name != "duckduckgo":
        assert found == LAMPS
    assert search.hosts == ["127.0.0.1"]
    assert await search.search("oil lamps", 1) == found[:1]


async def test_each_service_is_asked_as_it_wants(make_site: MakeSite, make_search: MakeSearch) -> None:
    sites = {name: make_site({"/search": ANSWERS[name]}) for name in MAKE}
    for name, make in MAKE.items():
        await make_search(make(sites[name].url)).search("lamps & more", 5)

    def asked(name: str) -> tuple[str, dict[str, list[str]], Any, dict[str, str]]:
        [visit] = sites[name].visits
        return visit.method, parse_qs(urlsplit(visit.path).query), visit.body, visit.headers

    method, query, _, headers = asked("searxng")
    assert (method, query) == ("GET", {"q": ["lamps & more"], "format": ["json"]})
    assert KEY not in str(headers)
    method, query, _, headers = asked("brave")
    assert (method, query["q"], query["count"]) == ("GET", ["lamps & more"], ["5"])
    assert headers["x-subscription-token"] == KEY
    method, query, body, headers = asked("tavily")
    assert (method, headers["authorization"]) == ("POST", f"Bearer {KEY}")
    assert json.loads(body) == {"query": "lamps & more", "max_results": 5, "search_depth": "basic"}
    method, query, body, headers = asked("duckduckgo")
    assert (method, parse_qs(body.decode())["q"]) == ("POST", ["lamps & more"])


@pytest.mark.parametrize("name", MAKE)
async def test_nothing_found_is_an_answer(name: str, make_site: MakeSite, make_search: MakeSearch) -> None:
    assert await make_search(MAKE[name](make_site({"/search": EMPTY[name]}).url)).search("lamps") == []


NO = [
    ("searxng", page("<h1>Forbidden</h1>", status=403), "as JSON", "search.formats"),
    (
        "searxng",
        told({"results": [], "unresponsive_engines": [["brave", "x"]]}),
        "did not answer (brave)",
        "in 60 s",
    ),
    ("searxng", page("<html>a login page"), "form that is not known", ""),
    ("searxng", redirect("http://127.0.0.2/"), "refused the search (302)", ""),
    ("searxng", page(status=429), "asked too often", "in 30 s"),
    ("brave", told({"type": "ErrorResponse"}, 429, X_RateLimit_Reset="1, 86000"), "asked too often", "in 1 s"),
    (
        "brave",
        told({"error": {"code": "SUBSCRIPTION_TOKEN_INVALID", "detail": KEY}}, 422),
        "accept the studio's key",
        "key",
    ),
    ("brave", page("[" * 100_000), "form that is not known", ""),
    ("tavily", told({"detail": {"error": f"Unauthorized: {KEY}"}}, 401), "accept the studio's key", "look at the key"),
    ("tavily", told({"detail": {"error": "limit"}}, 432), "used up", "in 3600 s"),
    ("tavily", told({"detail": "too fast"}, 429, Retry_After="17"), "asked too often", "in 17 s"),
    ("tavily", told({"results": "none"}), "form that is not known", ""),
    ("tavily", page("x" * 5_000_000), "too large", ""),
    ("duckduckgo", page(ANOMALY, status=202), "too busy a program", "in 300 s"),
    ("duckduckgo", page(ANOMALY), "too busy a program", "with a key"),
    ("duckduckgo", page("<html><article data-testid=result><a href='https://example.com'>x</a>"), "has changed", ""),
    ("duckduckgo", page(""), "has changed", ""),
]


@pytest.mark.parametrize(("name", "answer", "why", "hint"), NO)
async def test_a_refusal_says_why_and_when_to_try_again(
    name: str,
    answer: Page,
    why: str,
    hint: str,
    make_site: MakeSite,
    make_search: MakeSearch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    site = make_site({"/search": answer})
    search = make_search(MAKE[name](site.url))
    with pytest.raises(Unavailable, match="Search is not available now: ") as refused:
        await search.search("lamps")
    assert why in refused.value.message
    assert hint in refused.value.hint
    assert refused.value.hint
    assert KEY not in f"{refused.value.as_dict()} {refused.value.__cause__} {caplog.text} {search.services}"
    assert len(site.visits) == 1


def flaky(times: int, after: Page) -> Page:
    def answer(request: BaseHTTPRequestHandler) -> None:
        nonlocal times
        times -= 1
        (page(status=503) if times >= 0 else after)(request)

    return answer


async def test_trouble_is_tried_once_more(make_site: MakeSite, make_search: MakeSearch) -> None:
    once, twice = make_site({"/search": flaky(1, told(TAVILY))}), make_site({"/search": flaky(2, told(TAVILY))})
    assert len(await make_search(MAKE["tavily"](once.url)).search("lamps")) == 2
    with pytest.raises(Unavailable, match="in trouble"):
        await make_search(MAKE["tavily"](twice.url)).search("lamps")
    assert (len(once.visits), len(twice.visits)) == (2, 2)


async def test_the_next_service_is_asked_and_one_that_wants_a_rest_is_left_alone(
    make_site: MakeSite, make_search: MakeSearch, clock: Clock
) -> None:
    first, second = make_site({"/search": page(status=429, Retry_After="60")}), make_site({"/search": told(TAVILY)})
    search = make_search(MAKE["brave"](first.url), MAKE["tavily"](second.url))
    for number in range(3):
        assert len(await search.search(f"lamps {number}")) == 2
    assert (len(first.visits), len(second.visits)) == (1, 3)
    clock.now += 61
    first.pages["/search"] = told(BRAVE)
    assert len(await search.search("lamps")) == 2
    assert (len(first.visits), len(second.visits)) == (2, 3)


async def test_the_same_words_are_sent_once(make_site: MakeSite, make_search: MakeSearch, clock: Clock) -> None:
    site = make_site({"/search": told(SEARXNG)})
    search = make_search(SearXNG(site.url))
    await search.search("oil  lamps")
    await search.search("oil lamps")
    assert len(site.visits) == 1
    clock.now += 3_600
    await search.search("oil lamps")
    assert len(site.visits) == 2


async def test_a_service_that_is_not_there_or_does_not_answer(make_site: MakeSite, make_search: MakeSearch) -> None:
    gone = Site()
    gone.close()
    with pytest.raises(Unavailable, match="no connection to it"):
        await make_search(SearXNG(gone.url)).search("lamps")

    def sleeps(request: BaseHTTPRequestHandler) -> None:
        request.connection.recv(1)

    silent = make_site({"/search": sleeps})
    with pytest.raises(Unavailable, match=r"within 0\.3 s"):
        await make_search(SearXNG(silent.url), seconds=0.3).search("lamps")


async def test_a_query_has_words_and_not_too_many(make_search: MakeSearch) -> None:
    search = make_search(DuckDuckGo("http://127.0.0.1:9/"))
    with pytest.raises(Invalid):
        await search.search(" \n ")
    with pytest.raises(TooLarge):
        await search.search("x" * 401)


def test_the_environment_says_who_is_asked() -> None:
    environ = {"SEARXNG_URL": "http://127.0.0.1:8888", "BRAVE_API_KEY": KEY, "TAVILY_API_KEY": KEY}
    assert Search.from_environment(environ) is None
    search = Search.from_environment({**environ, "STUDIOLO_SEARCH": " Brave, searxng,tavily ,duckduckgo,brave"})
    assert search
    assert [service.name for service in search.services] == ["Brave", "SearXNG", "Tavily", "DuckDuckGo"]
    assert search.hosts == ["api.search.brave.com", "127.0.0.1", "api.tavily.com", "html.duckduckgo.com"]
    assert KEY not in repr(search.services)
    for wrong in ("google", "searxng", "brave", "tavily"):
        with pytest.raises(Invalid, match=r"SEARXNG_URL|STUDIOLO_SEARCH"):
            Search.from_environment({"STUDIOLO_SEARCH": wrong})
    with pytest.raises(Invalid, match="SEARXNG_URL"):
        Search.from_environment({"STUDIOLO_SEARCH": "searxng", "SEARXNG_URL": "ftp://example.com"})
