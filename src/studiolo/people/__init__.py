"""Who is who, and what they may do: participants, sessions, share links, API tokens, roles.

A role is a grant: a participant, a canvas (or "*", the whole studio) and where it came from (directly, a
share, a token). The highest grant counts, so a weaker link never lowers anybody. A token can only narrow what
its participant may do. Nothing secret is kept: of every cookie, link and token only its SHA-256.
What may not enter: HTTP, and what a role allows (the canvas knows that).
"""

from studiolo.people.people import Joined, People, SetupState, Share, Token
from studiolo.people.roles import Who
from studiolo.people.vault import secret_id

__all__ = ["Joined", "People", "SetupState", "Share", "Token", "Who", "secret_id"]
