"""A search as agents ask for it: remembered for a while, tried once more, and with the next service when one fails."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import httpx2

from studiolo import __version__
from studiolo.addresses import Unreachable, parsed
from studiolo.canvas.errors import Invalid, TooLarge, Unavailable
from studiolo.tools.searching.found import Found, tidied
from studiolo.tools.searching.services import Asking, Brave, DuckDuckGo, Refused, Row, SearXNG, Service, Tavily

log = logging.getLogger(__name__)

NAMES = ("searxng", "brave", "tavily", "duckduckgo")
SECONDS = 15.0  # for one service, with its second try
MOST_BYTES = 4 * 2**20  # of an answer
MOST_FOUND = 20
LONGEST_QUERY = 400  # characters: what the strictest service takes
REMEMBERED = 600.0  # seconds for which an answer is given again
MOST_REMEMBERED = 500  # queries
AT_ONCE = 4
_AGENT = f"Mozilla/5.0 (compatible; Studiolo/{__version__})"


class Search:
    """The search services of a studio, in the order in which they are asked. `close` it in the end."""

    def __init__(
        self, services: Sequence[Service], seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not services:
            raise Invalid("There is no service to search with.", "Set STUDIOLO_SEARCH.")
        self.services = list(services)
        self._seconds = seconds
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None
        self._room = asyncio.Semaphore(AT_ONCE)
        self._remembered: OrderedDict[tuple[str, int], tuple[float, list[Found]]] = OrderedDict()
        self._resting: dict[int, tuple[float, Refused]] = {}

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Search | None:
        """What STUDIOLO_SEARCH names, with commas between, in that order; None when it names nothing.

        Raises Invalid for a name that is none, and for a service without its address or key.
        """
        names = [name.strip().lower() for name in env.get("STUDIOLO_SEARCH", "").split(",") if name.strip()]
        services: list[Service] = []
        for name in dict.fromkeys(names):
            if name == "searxng":
                services.append(SearXNG(_address(env)))
            elif name == "brave":
                services.append(Brave(_key(env, "BRAVE_API_KEY", name)))
            elif name == "tavily":
                services.append(Tavily(_key(env, "TAVILY_API_KEY", name)))
            elif name == "duckduckgo":
                services.append(DuckDuckGo())
            else:
                raise Invalid(f"STUDIOLO_SEARCH names {name[:30]!r}.", f"Name some of {', '.join(NAMES)}.")
        return cls(services) if services else None

    @property
    def hosts(self) -> list[str]:
        """Where the words of a query go, the first one first."""
        return [service.host for service in self.services]

    async def search(self, query: str, limit: int = 8) -> list[Found]:
        """The pages that are found for a query, the best first. Raises Invalid, TooLarge, and Unavailable with when to
        try again."""
        query = " ".join(query.split())
        if not query:
            raise Invalid("There is nothing to search for.", "Give some words.")
        if len(query) > LONGEST_QUERY:
            raise TooLarge(f"A query has at most {LONGEST_QUERY} characters.", "Search for the words that matter.")
        limit = max(1, min(limit, MOST_FOUND))
        now = self._clock()
        remembered = self._remembered.get((query, limit))
        if remembered and now - remembered[0] < REMEMBERED:
            return list(remembered[1])
        refusals: list[tuple[Service, Refused]] = []
        async with self._room:
            for number, service in enumerate(self.services):
                try:
                    found = tidied(await self._asked(number, service, query, limit), limit)
                except Refused as refused:
                    log.warning("%s did not search: %s", service.name, refused.why.partition(" (")[0])
                    refusals.append((service, refused))
                    continue
                self._remembered[query, limit] = (now, found)
                while len(self._remembered) > MOST_REMEMBERED:
                    self._remembered.popitem(last=False)
                return list(found)
        raise _unavailable(refusals)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client:
            await self._client.aclose()
            self._client = None

    async def _asked(self, number: int, service: Service, query: str, limit: int) -> list[Row]:
        """What one service finds. One that asked for a rest gets it."""
        until, why = self._resting.get(number, (0.0, Refused("")))
        if (left := until - self._clock()) > 0:
            raise Refused(why.why, why.hint, left)
        try:
            async with asyncio.timeout(self._seconds):
                try:
                    return await self._once(service, service.asking(query, limit))
                except Refused as refused:
                    if not refused.again:
                        raise
                await asyncio.sleep(0.5)
                return await self._once(service, service.asking(query, limit))
        except TimeoutError:
            raise Refused(f"it did not answer within {self._seconds:g} s", later=30.0) from None
        except Refused as refused:
            if refused.later and not refused.again:
                self._resting[number] = (self._clock() + refused.later, refused)
            raise

    async def _once(self, service: Service, asking: Asking) -> list[Row]:
        client = self._client = self._client or _client()
        try:
            request = client.build_request(
                asking.method,
                asking.url,
                params=asking.params or None,
                headers=asking.headers,
                json=asking.body,
                data=asking.form,
            )
            response = await client.send(request, stream=True)
            try:
                body = b""
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise Refused("its answer is too large")
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:  # its text may hold the request: only its kind is told
            raise Refused(f"there is no connection to it ({type(error).__name__})", later=10.0, again=True) from None
        client.cookies.clear()
        return service.rows(response.status_code, response.headers, body)


def _client() -> httpx2.AsyncClient:
    # The addresses are an operator's and may be inside; nothing else is asked: no redirect, no proxy, no .netrc.
    return httpx2.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=SECONDS,
        headers={"user-agent": _AGENT, "accept-language": "en", "accept-encoding": "gzip"},
    )


def _unavailable(refusals: Sequence[tuple[Service, Refused]]) -> Unavailable:
    whys = "; ".join(f"{service.name}: {refused.why}" for service, refused in refusals)
    waits = [refused.later for _, refused in refusals if refused.later]
    hints = [refused.hint for _, refused in refusals if refused.hint]
    when = f"Try again in {min(waits):.0f} s, or go on without." if waits else "Go on without, or ask a person."
    return Unavailable(f"Search is not available now: {whys}.", " ".join([when, *hints]))


def _address(env: Mapping[str, str]) -> str:
    url = env.get("SEARXNG_URL", "").strip()
    try:
        parsed(url)
    except Unreachable as error:
        why = str(error) if url else "it is not set"
        raise Invalid(f"SEARXNG_URL cannot be used: {why}.", "Set it to such as http://127.0.0.1:8888.") from None
    return url


def _key(env: Mapping[str, str], variable: str, name: str) -> str:
    key = env.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise Invalid(f"STUDIOLO_SEARCH names {name}, and {variable} is not set.", f"Set {variable} to your key.")
    return key
