"""Sending one event once, to an address that may be far, slow or hostile."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from studiolo import __version__
from studiolo.addresses import Network, Unreachable, host_of, port_of, resolve
from studiolo.webhooks.targets import checked

SECONDS = 10.0  # for all of it: looking the name up, connecting, sending, and the answer's first line


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a receiver has it, and what it said: a status, or why there was none."""

    taken: bool
    said: str


class Sender:
    """Posts bodies. Nothing of an answer but its status is read, and redirects lead nowhere."""

    def __init__(self, allowed: Sequence[Network] = (), seconds: float = SECONDS) -> None:
        self.allowed = list(allowed)
        self._seconds = seconds
        self._client: httpx2.AsyncClient | None = None

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send a body to `url` and say how it went; whatever went wrong, nothing is raised."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, headers, body)
        except TimeoutError:
            return Answer(False, f"no answer within {self._seconds:g} s")
        except Unreachable as error:
            return Answer(False, str(error))
        except httpx2.ConnectError as error:
            return Answer(False, "its certificate is not good" if _certificate(error) else "no connection")
        except httpx2.HTTPError as error:
            return Answer(False, f"the connection broke ({type(error).__name__})")
        except Exception as error:  # an answer that is no HTTP can make a library stumble over anything
            return Answer(False, f"it could not be sent ({type(error).__name__})")

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        to = checked(url)
        # To the address that was judged: between two look-ups a name can be made to mean another machine.
        [address, *_] = await resolve(host_of(to), port_of(to), self.allowed)
        client = self._client = self._client or _client()
        request = client.build_request(
            "POST",
            to.copy_with(host=address),
            content=body,
            headers={
                **headers,
                "host": to.netloc.decode("ascii"),
                "content-type": "application/json",
                "user-agent": f"Studiolo/{__version__}",
            },
            extensions={"sni_hostname": host_of(to)},
        )
        answer = await client.send(request, stream=True)
        try:
            return Answer(answer.is_success, str(answer.status_code))
        finally:
            await answer.aclose()

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()


def _client() -> httpx2.AsyncClient:
    # No connection is kept: one to an address must not serve another name that has the same address. And no proxy of
    # the environment: it would look the name up once more.
    limits = httpx2.Limits(max_keepalive_connections=0)
    verify = httpx2.create_ssl_context()
    return httpx2.AsyncClient(
        verify=verify,
        trust_env=False,
        follow_redirects=False,
        limits=limits,
        timeout=SECONDS,
        headers={"accept": "*/*"},
    )


def _certificate(error: BaseException) -> bool:
    """Whether a failure to connect comes from the certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        if (cause := error.__cause__ or error.__context__) is None:
            return "CERTIFICATE_VERIFY_FAILED" in str(error)
        error = cause
    return False
