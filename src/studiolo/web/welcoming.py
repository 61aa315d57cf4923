"""What an agent reads that meets this studio for the first time: `/llms.txt` and `/AGENTS.md`."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

WELCOME = Path(__file__).parent / "welcome"

router = APIRouter(include_in_schema=False)


@router.get("/llms.txt")
async def llms() -> FileResponse:
    """What this is and where to go on, as language models look for it."""
    return FileResponse(WELCOME / "llms.txt", media_type="text/plain; charset=utf-8")


@router.get("/AGENTS.md")
async def agents() -> FileResponse:
    """How an agent comes in, what it can do, and how it behaves."""
    return FileResponse(WELCOME / "AGENTS.md", media_type="text/markdown; charset=utf-8")
