"""One shape for everything that goes wrong: `{"error": {"code", "message", "hint", ...details}}`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from studiolo.canvas.errors import Invalid, NotFound, StudioloError, TooLarge
from studiolo.web.answers import Json

LONGEST_PATH = 100  # characters of an address that is said back


def answer(error: StudioloError) -> Json:
    """The response for an error of the program."""
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return Json({"error": error.as_dict()}, status_code=error.status, headers=headers)


def install(app: FastAPI) -> None:
    """Make the app answer every failure in the one shape."""

    @app.exception_handler(StudioloError)
    async def known(_request: Request, error: StudioloError) -> Json:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Json:
        return answer(_invalid(error, request.headers.get("content-type", "")))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Json:
        if isinstance(error.__cause__, StudioloError):
            return answer(error.__cause__)
        if error.status_code == 404:
            return answer(NotFound(f"There is nothing at {said(request.url.path)}.", "See /api/openapi.json."))
        if error.status_code == 413:
            return answer(too_large())
        code = "method_not_allowed" if error.status_code == 405 else "invalid"
        body = {"code": code, "message": f"{error.detail}.".replace("..", "."), "hint": "See /api/openapi.json."}
        return Json({"error": body}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> Json:
        # Starlette raises it again after this answer, so the server's log keeps the traceback. The server then closes
        # the connection, and a client that was not told would send its next request into it.
        body = {
            "code": "internal",
            "message": "Something went wrong in the studio.",
            "hint": "Try again. If it happens again, the server's log says why.",
        }
        return Json({"error": body}, status_code=500, headers={"Connection": "close"})


def said(path: str) -> str:
    """A path in a sentence."""
    return path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}…"


def too_large(limit: int | None = None) -> TooLarge:
    """A request body over the limit, in bytes."""
    says = f" of {limit // 2**20} MB" if limit else ""
    return TooLarge(f"The request is over the limit{says}.", "Send it in smaller parts.")


def _invalid(error: RequestValidationError, content_type: str) -> Invalid:
    """The first problem in words, and all of them as details."""
    problems = [
        {"where": ".".join(str(part) for part in problem["loc"]), "what": problem["msg"]} for problem in error.errors()
    ]
    first = problems[0]
    hint = "Correct the request; see /api/openapi.json."
    if first["where"] == "body" and "json" not in content_type:
        hint = "Send JSON, with the header Content-Type: application/json."
    return Invalid(f"{first['where']}: {first['what']}.", hint, problems=problems)
