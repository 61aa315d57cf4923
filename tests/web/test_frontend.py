"""Serving the built page, and saying so when it is not built."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from studiolo.web import failures, frontend


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    (tmp_path / "built" / "assets").mkdir(parents=True)
    monkeypatch.setattr(frontend, "STATIC", tmp_path / "built")
    (tmp_path / "secret.txt").write_text("secret")
    app = FastAPI()
    failures.install(app)
    app.include_router(frontend.router)
    return TestClient(app)


def test_every_address_of_the_page_gives_the_page(client: TestClient) -> None:
    (frontend.STATIC / "index.html").write_text("<!doctype html>the page")
    for path in ("/", "/?setup=x", "/join/some-token", "/c/canvas", "/c/canvas/page", "/inbox"):
        answer = client.get(path)
        assert answer.status_code == 200 and answer.text.endswith("the page")
        assert answer.headers["cache-control"] == "no-cache"


def test_hashed_files_are_kept_for_good_and_others_are_asked_for_again(client: TestClient) -> None:
    (frontend.STATIC / "assets" / "index-abc123.js").write_text("1")
    (frontend.STATIC / "favicon.svg").write_text("<svg/>")
    hashed = client.get("/assets/index-abc123.js")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-type"].startswith("text/javascript")
    assert client.get("/favicon.svg").headers["cache-control"] == "no-cache"


def test_scripts_travel_compressed(client: TestClient) -> None:
    script = "const name = 'studiolo'\n" * 200
    (frontend.STATIC / "assets" / "index-abc123.js").write_text(script)
    answer = client.get("/assets/index-abc123.js", headers={"Accept-Encoding": "gzip"})
    assert answer.text == script and answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(script) / 5
    plain = client.get("/assets/index-abc123.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == script and "content-encoding" not in plain.headers
    assert client.head("/assets/index-abc123.js").status_code == 200


def test_nothing_outside_the_built_files_is_served(client: TestClient) -> None:
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt", "/assets", "/missing.js", "/%00"):
        answer = client.get(path)
        assert answer.status_code == 404 and "secret" not in answer.text.replace("secret.txt", "")


def test_without_a_built_page_it_says_how_to_build_one(client: TestClient) -> None:
    answer = client.get("/c/canvas")
    assert answer.status_code == 503 and "make run" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
