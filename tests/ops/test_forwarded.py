"""Whose word is taken for how a client came: only a proxy's that the studio was told of."""

from __future__ import annotations

import httpx2

from tests.conftest import ServedStudio, StartStudio

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "Host": "studio.example"}


def invited(studio: ServedStudio) -> str:
    """A share link, asked for by way of a proxy."""
    canvas = studio.canvas("x")["id"]
    with studio.client() as owner:
        made = owner.post(f"/api/canvases/{canvas}/shares", json={"role": "viewer"}, headers=FORWARDED)
    return made.json()["url"]


def joined(studio: ServedStudio, link: str) -> str:
    """The cookie of somebody who joined by way of a proxy."""
    body = {"token": link.rsplit("/", 1)[1], "name": "Bob"}
    headers = {**FORWARDED, "Origin": "https://studio.example"}
    answer = httpx2.post(f"{studio.url}/api/join", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["set-cookie"]


def test_a_proxy_on_the_same_machine_is_believed(studio: ServedStudio) -> None:
    link = invited(studio)
    assert link.startswith("https://studio.example/join/")
    assert "Secure" in joined(studio, link)


def test_nobody_else_is(start_studio: StartStudio) -> None:
    studio = start_studio(STUDIOLO_TRUSTED_PROXIES="192.0.2.1", STUDIOLO_LOG="json", STUDIOLO_LOG_LEVEL="debug")
    link = invited(studio)
    assert link.startswith("http://studio.example/join/")
    assert "Secure" not in joined(studio, link)
    assert studio.stop() == 0
    assert "203.0.113.9" not in studio.log() and '"client": "127.0.0.1"' in studio.log()
