"""Where this program may go on somebody else's word: into the world, and to no machine of the studio's own network.

Webhooks, pages that an agent reads and what its browser asks for all name an address, and the studio goes there from
where it stands: behind the firewall, beside the database, in a cloud whose metadata service gives out keys. So a name
is looked up here, each address that it has is judged, and the connection goes to an address that was judged, not to
the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx2

LONGEST_URL = 2_000
# Threads of their own: a name server that lets people wait must hold up nothing but other look-ups.
_LOOKING_UP = ThreadPoolExecutor(8, "names")
_HOST = re.compile(rb"[a-z0-9._:-]+", re.IGNORECASE)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
# Global as they look, these answer from within: what tells machines in Azure of themselves, relays of 6to4, examples.
_WITHIN = (
    ipaddress.IPv4Network("168.63.129.16/32"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("3fff::/20"),
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")

# Other services, which a well-made path makes do things. The list of https://fetch.spec.whatwg.org/#port-blocking
# fmt: off
OTHER_SERVICES = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on


class Unreachable(Exception):
    """Nothing is sent there; the argument says why, in words that follow a colon."""


def networks(given: str) -> list[Network]:
    """The networks in a setting, with commas between."""
    return [ipaddress.ip_network(one) for one in given.split(",") if one]


def is_inside(address: Address) -> bool:
    """Whether an address is of this machine or of a network of its own, or leads to one such."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if within is None and (address in _NAT64 or address in _COMPATIBLE):
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            return is_inside(within) or address in _COMPATIBLE
        if address.teredo is not None or address.is_site_local:
            return True
    return (
        not address.is_global
        or address.is_multicast
        or address.is_reserved
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address in _PROTOCOLS
        or any(address in network for network in _WITHIN)
    )


def parsed(url: str) -> httpx2.URL:
    """An http or https address without credentials, as it can be sent. Raises Unreachable.

    A name in other letters than ASCII is in `raw_host` as it is looked up (`xn--...`): look-alikes are seen there.
    """
    if len(url) > LONGEST_URL:
        raise Unreachable(f"it is longer than {LONGEST_URL} characters")
    try:
        found = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError, UnicodeError) as error:
        raise Unreachable(f"the address cannot be read ({error})") from error
    if found.scheme not in ("http", "https"):
        raise Unreachable("it begins with neither https:// nor http://")
    if not found.host or not _HOST.fullmatch(found.raw_host):
        raise Unreachable("it names no host")
    if not 0 < port_of(found) < 65536:
        raise Unreachable("there is no such port")
    if port_of(found) in OTHER_SERVICES:
        raise Unreachable(f"port {port_of(found)} is kept for a service that is no web server")
    if found.userinfo:
        raise Unreachable("it holds a name or a password, which would be seen in lists and logs")
    return found


async def resolve(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    """The addresses of a host that may be sent to, those first that were named first. Raises Unreachable."""
    try:
        found = await asyncio.get_running_loop().run_in_executor(
            _LOOKING_UP, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError) as error:
        raise Unreachable("its host is not known") from error
    judged: list[str] = []
    for _, _, _, _, where in found:
        address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if not is_inside(address) or any(address in network for network in allowed):
            judged.append(str(address))
    if not judged:
        raise Unreachable("its host is inside the studio's own network")
    return list(dict.fromkeys(judged))


def host_of(url: httpx2.URL) -> str:
    """The host as it is looked up: ASCII, in small letters, an IPv6 address without its brackets."""
    return url.raw_host.decode("ascii").strip("[]").lower()


def port_of(url: httpx2.URL) -> int:
    return (443 if url.scheme == "https" else 80) if url.port is None else url.port


def is_named(host: str, names: Sequence[str]) -> bool:
    """Whether a host is one of these or, for a name, below one: `docs.python.org` is below `python.org`."""
    host = host.lower().rstrip(".")
    return any(host == name or host.endswith("." + name) for name in (one.lower().strip(".") for one in names))
