"""The built page a person sees, from `static/` beside this file: put there by the build, not by the repository."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from studiolo.canvas.errors import NotFound

STATIC = Path(__file__).parent / "static"

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Studiolo: the page is not built</title>
<style>body{font:18px/1.6 Georgia,serif;max-width:38rem;margin:15vh auto;padding:1rem;color:#1f2023;background:#fdfcfa}
code{font-size:.85em;background:#f0ede6;padding:.1em .3em;border-radius:4px}</style>
<h1>The page is not built yet</h1>
<p>This studio is running and its API works, but the page you are looking for was never built.</p>
<p>In the repository, run <code>make run</code>, which builds it, or <code>cd frontend &amp;&amp; npm ci &amp;&amp;
npm run build</code>, and then load this address again. An installed package contains the page.</p></html>"""

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/join/{rest:path}")
@router.get("/c/{rest:path}")
async def page(request: Request) -> Response:
    """The one page; its script shows what the address names."""
    index = STATIC / "index.html"
    if not index.is_file():
        return HTMLResponse(NOT_BUILT, status_code=503, headers={"Cache-Control": "no-store"})
    # The page names its scripts by content hash, so the page itself must always be asked for again.
    return FileResponse(index, media_type="text/html", headers={"Cache-Control": "no-cache"})


@router.get("/{path:path}")
async def static(path: str) -> Response:
    """A built file. Files under `assets/` carry a hash in their name and never change."""
    file = (STATIC / path).resolve()
    if path.startswith(("api/", "sync/")) or not file.is_relative_to(STATIC.resolve()) or not file.is_file():
        raise NotFound(f"There is nothing at /{path}.", "Check the address.")
    hashed = path.startswith("assets/")
    return FileResponse(
        file, headers={"Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache"}
    )
