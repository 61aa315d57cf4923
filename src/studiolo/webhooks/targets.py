"""What may be given as the address of a webhook."""

from __future__ import annotations

from collections.abc import Sequence

import httpx2

from studiolo.addresses import Network, Unreachable, host_of, parsed, port_of, resolve
from studiolo.canvas.errors import Invalid, StudioloError


def checked(url: str) -> httpx2.URL:
    """An address that a webhook can have. Raises Invalid."""
    try:
        found = parsed(url)
    except Unreachable as error:
        raise _invalid(str(error)) from error
    if found.fragment:
        raise _invalid("it has a part after #, which is never sent")
    return found


async def check_reachable(url: str, allowed: Sequence[Network]) -> None:
    """Raise Invalid for an address that nothing would be sent to today."""
    found = checked(url)
    try:
        await resolve(host_of(found), port_of(found), allowed)
    except Unreachable as error:
        raise _invalid(str(error)) from error


def _invalid(why: str) -> StudioloError:
    return Invalid(
        f"A webhook cannot go there: {why}.",
        "Give an address such as https://example.com/studiolo. An operator can allow networks of the studio's own "
        "with STUDIOLO_WEBHOOK_NETWORKS.",
    )
