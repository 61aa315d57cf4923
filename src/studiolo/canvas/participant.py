"""Who acts on a canvas: a person or an agent, with the role it holds there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Role = Literal["viewer", "commenter", "editor", "owner"]
Kind = Literal["person", "agent"]

ROLES: tuple[Role, ...] = ("viewer", "commenter", "editor", "owner")


def rank(role: Role) -> int:
    """The role's place in `ROLES`: a higher rank may do everything a lower one may."""
    return ROLES.index(role)


@dataclass(frozen=True, slots=True)
class Participant:
    """A person or an agent, as one canvas knows it. `color` is a CSS hex colour."""

    id: str
    name: str
    kind: Kind = "person"
    color: str = "#1878b4"
    role: Role = "viewer"

    def may(self, needed: Role) -> bool:
        """Whether this participant's role is at least `needed`."""
        return rank(self.role) >= rank(needed)

    def as_dict(self) -> dict[str, str]:
        return asdict(self)
