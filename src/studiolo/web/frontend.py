"""The built page a person sees, from `static/` beside this file: put there by the build, not by the repository."""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.convertors import Convertor, register_url_convertor

from studiolo.canvas.errors import NotFound
from studiolo.web.failures import said

STATIC = Path(__file__).parent / "static"
# Said here because a machine's own table of types may lack them, and browsers run no script of another type.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
PACKED_FROM = 1_000  # bytes; smaller files do not gain from compression
PACKED_TYPES = ("text/", "application/json", "application/manifest+json", "image/svg+xml", "application/wasm")

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Studiolo: the page is not built</title>
<style>body{font:18px/1.6 Georgia,serif;max-width:38rem;margin:15vh auto;padding:1rem;color:#1f2023;background:#fdfcfa}
code{font-size:.85em;background:#f0ede6;padding:.1em .3em;border-radius:4px}</style>
<h1>The page is not built yet</h1>
<p>This studio is running and its API works, but the page you are looking for was never built.</p>
<p>In the repository, run <code>make run</code>, which builds it, or <code>cd frontend &amp;&amp; npm ci &amp;&amp;
npm run build</code>, and then load this address again. An installed package contains the page.</p></html>"""


class AssetConvertor(Convertor[str]):
    """Any path but those of the API, so that these are answered as unknown there."""

    regex = "(?!api/|sync/).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("asset", AssetConvertor())
router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
@router.api_route("/join/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/c/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/agents", methods=["GET", "HEAD"])
@router.api_route("/agents/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/inbox", methods=["GET", "HEAD"])
@router.api_route("/runs/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/tasks", methods=["GET", "HEAD"])
@router.api_route("/tasks/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/record", methods=["GET", "HEAD"])
@router.api_route("/record/{rest:path}", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """The one page; its script shows what the address names."""
    index = STATIC / "index.html"
    if not index.is_file():
        return HTMLResponse(NOT_BUILT, status_code=503, headers={"Cache-Control": "no-store"})
    # The page names its scripts by content hash, so the page itself must always be asked for again.
    return FileResponse(index, media_type="text/html", headers={"Cache-Control": "no-cache"})


@router.api_route("/{path:asset}", methods=["GET", "HEAD"])
async def static(path: str, request: Request) -> Response:
    """A built file. Files under `assets/` carry a hash in their name and never change."""
    file = built(path)
    if file is None:
        raise NotFound(f"There is nothing at {said('/' + path)}.", "Check the address.")
    hashed = path.startswith("assets/")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache",
        "Vary": "Accept-Encoding",
    }
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    about = file.stat()
    if (
        kind.startswith(PACKED_TYPES)
        and about.st_size >= PACKED_FROM
        and "gzip" in request.headers.get("accept-encoding", "")
        and "range" not in request.headers
    ):
        data = packed(file, about.st_mtime_ns)
        return Response(data, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return FileResponse(file, media_type=kind, headers=headers)


def built(path: str) -> Path | None:
    """The built file at a path, or None."""
    try:
        file = (STATIC / path).resolve()
        return file if file.is_relative_to(STATIC.resolve()) and file.is_file() else None
    except (OSError, ValueError):  # no path of a file: too long, or a zero byte in it
        return None


@lru_cache(maxsize=256)
def packed(file: Path, _changed: int) -> bytes:
    """The file's bytes compressed, once for each time it was written."""
    return gzip.compress(file.read_bytes(), 6, mtime=0)
