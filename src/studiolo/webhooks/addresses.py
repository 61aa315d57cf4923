"""Where a webhook may be sent: to the world, and to no machine inside the studio's own network.

Whoever owns a canvas names an address, and the studio goes there from where it stands: behind the firewall, beside the
database, in a cloud whose metadata service gives out keys. So a name is looked up here, each address that it has is
judged, and the connection goes to an address that was judged, not to the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence

import httpx2

from studiolo.canvas.errors import Invalid, StudioloError

LONGEST_URL = 2_000
_HOST = re.compile(rb"[a-z0-9._:-]+", re.IGNORECASE)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class Unreachable(Exception):
    """Nothing is sent there; the argument says why."""


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
    )


def checked(url: str) -> httpx2.URL:
    """An address that a webhook can have. Raises Invalid."""
    try:
        found = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError, UnicodeError) as error:
        raise _invalid(f"the address cannot be read ({error})") from error
    if found.scheme not in ("http", "https"):
        raise _invalid("it begins with neither https:// nor http://")
    if not found.host or not _HOST.fullmatch(found.raw_host):
        raise _invalid("it names no host")
    if not 0 < port_of(found) < 65536:
        raise _invalid("there is no such port")
    if found.userinfo:
        raise _invalid("it holds a name or a password, which would be seen in lists and logs")
    if found.fragment:
        raise _invalid("it has a part after #, which is never sent")
    if len(url) > LONGEST_URL:
        raise _invalid(f"it is longer than {LONGEST_URL} characters")
    return found


async def resolve(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    """The addresses of a host that may be sent to, those first that were named first. Raises Unreachable."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
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


async def check_reachable(url: str, allowed: Sequence[Network]) -> None:
    """Raise Invalid for an address that nothing would be sent to today."""
    found = checked(url)
    try:
        await resolve(found.host, port_of(found), allowed)
    except Unreachable as error:
        raise _invalid(str(error)) from error


def port_of(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _invalid(why: str) -> StudioloError:
    return Invalid(
        f"A webhook cannot go there: {why}.",
        "Give an address such as https://example.com/studiolo. An operator can allow networks of the studio's own "
        "with STUDIOLO_WEBHOOK_NETWORKS.",
    )
