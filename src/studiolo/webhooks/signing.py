"""Signatures as the Standard Webhooks specification has them: https://www.standardwebhooks.com"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"


def new_secret() -> str:
    """24 random bytes, in base64 behind the prefix by which libraries and leak scanners know it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def signed(secret: str, id: str, at: float, body: bytes) -> dict[str, str]:
    """The headers that say which event this is, when it was sent, and that it comes from who knows the secret."""
    sent = str(int(at))
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, b".".join((id.encode(), sent.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
