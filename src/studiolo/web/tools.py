"""What agents have to work with in this studio: which tools there are, what each cannot do, and who may use which."""

from __future__ import annotations

from fastapi import APIRouter

from studiolo.web.access import Caller, Here
from studiolo.web.answers import Json

router = APIRouter(prefix="/api", tags=["agents"])


@router.get("/tools")
async def tools(_who: Caller, studio: Here) -> Json:
    """Every tool with its limits in words, what is set up and what is not and why, and the policy of `tools.toml`.
    Nothing in it is secret; only who owns the data folder changes the policy."""
    return Json(studio.kit.described())
