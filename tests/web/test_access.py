"""Who may do what: tokens, roles, share links, the setup link, cookies and foreign sites."""

from __future__ import annotations

import httpx2
import pytest

from tests.conftest import ServedStudio, StartStudio
from tests.web.test_canvases import act, error


def browser(studio: ServedStudio) -> httpx2.Client:
    """A client that sends what a page of the studio sends: cookies and its own origin."""
    return httpx2.Client(base_url=studio.url, headers={"Origin": studio.url}, timeout=30)


def test_without_a_good_token_only_health_answers(studio: ServedStudio) -> None:
    made = studio.canvas("secret")
    with studio.client("") as nobody, studio.client("st_wrong") as wrong:
        assert nobody.get("/api/health").json()["status"] == "ok"
        for client in (nobody, wrong):
            for path in ("/api/me", "/api/canvases", f"/api/canvases/{made['id']}", "/api/models", "/api/agents"):
                answer = client.get(path)
                error(answer, 401, "unauthenticated")
                assert answer.headers["www-authenticate"] == "Bearer"
            error(act(client, made["id"], "say", text="x"), 401, "unauthenticated")


def test_each_role_may_do_what_it_says_and_no_more(studio: ServedStudio) -> None:
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    hunks = [{"find": "cat", "replace": "cat"}]
    attempts = {
        "say": {"text": "hi"},
        "suggest": {"page": page, "hunks": [{"find": "cat", "replace": "dog"}]},
        "edit": {"page": page, "hunks": hunks},
        "add_page": {"title": "x"},
        "retitle": {"title": "New"},
    }
    allowed = {
        "viewer": [],
        "commenter": ["say", "suggest"],
        "editor": ["say", "suggest", "edit", "add_page"],
        "owner": list(attempts),
    }
    for role, may in allowed.items():
        with studio.client(studio.make_token(role, made["id"])) as client:
            assert client.get(f"/api/canvases/{made['id']}").json()["role"] == role
            for kind, action in attempts.items():
                answer = act(client, made["id"], kind, **action)
                if kind in may:
                    assert answer.status_code == 200, (role, kind, answer.text)
                else:
                    error(answer, 403, "forbidden")
            if role != "owner":
                error(client.post(f"/api/canvases/{made['id']}/shares", json={"role": "viewer"}), 403, "forbidden")
                error(client.delete(f"/api/canvases/{made['id']}"), 403, "forbidden")


def test_a_canvas_one_may_not_see_is_not_there(studio: ServedStudio) -> None:
    mine, other = studio.canvas("mine"), studio.canvas("other")
    with studio.client(studio.make_token("editor", mine["id"])) as editor:
        assert [canvas["id"] for canvas in editor.get("/api/canvases").json()["canvases"]] == [mine["id"]]
        known = error(editor.get(f"/api/canvases/{other['id']}"), 404, "not_found")
        unknown = error(editor.get("/api/canvases/does-not-exist"), 404, "not_found")
        assert known == unknown, "the answer does not tell whether there is one"
        error(act(editor, other["id"], "say", text="x"), 404, "not_found")
        error(editor.post("/api/canvases", json={"title": "x"}), 403, "forbidden")


def test_a_token_out_of_date_or_revoked_is_no_token(studio: ServedStudio) -> None:
    made = studio.canvas("x")
    token = studio.make_token("viewer", made["id"])
    with studio.client(token) as viewer:
        assert viewer.get("/api/me").status_code == 200
        assert studio.cli("token", "revoke", token).returncode == 0
        error(viewer.get("/api/me"), 401, "unauthenticated")


def test_a_share_link_lets_a_guest_in_and_can_be_taken_back(studio: ServedStudio) -> None:
    made = studio.canvas("shared", title="Shared work")
    with studio.client() as owner, browser(studio) as guest:
        link = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "commenter", "days": 7})
        assert link.status_code == 201
        assert link.json()["url"].startswith(f"{studio.url}/join/")
        token = link.json()["url"].rsplit("/", 1)[1]
        listed = owner.get(f"/api/canvases/{made['id']}/shares").json()["shares"]
        assert [share["id"] for share in listed] == [link.json()["id"]] and token not in str(listed)

        seen = guest.get(f"/api/join/{token}").json()
        assert seen == {"canvas": {"id": made["id"], "title": "Shared work"}, "role": "commenter", "signed_in": False}
        error(guest.get("/api/join/wrong"), 404, "not_found")
        joined = guest.post("/api/join", json={"token": token, "name": "Gabriele"})
        assert joined.json()["canvas"] == made["id"]
        cookie = joined.headers["set-cookie"]
        assert "studiolo_session=" in cookie and "HttpOnly" in cookie and "samesite=lax" in cookie.lower()

        me = guest.get("/api/me").json()
        assert me["participant"]["name"] == "Gabriele" and me["role"] is None
        assert guest.get(f"/api/canvases/{made['id']}").json()["role"] == "commenter"
        assert act(guest, made["id"], "say", text="Hello").status_code == 200
        members = owner.get(f"/api/canvases/{made['id']}/members").json()["members"]
        assert ("Gabriele", "commenter") in [(one["name"], one["role"]) for one in members]
        assert guest.get(f"/api/join/{token}").json()["signed_in"] is True

        assert guest.patch("/api/me", json={"name": "Gabi", "color": "#112233"}).json()["participant"]["name"] == "Gabi"
        error(guest.patch("/api/me", json={"color": "red"}), 422, "invalid")

        assert owner.delete(f"/api/canvases/{made['id']}/shares/{link.json()['id']}").status_code == 204
        assert guest.get(f"/api/canvases/{made['id']}").status_code in (401, 404)
        error(guest.get(f"/api/join/{token}"), 404, "not_found")


def test_a_signed_in_person_keeps_their_name_and_gains_the_role(studio: ServedStudio) -> None:
    first, second = studio.canvas("one"), studio.canvas("two")
    with studio.client() as owner, browser(studio) as guest:
        links = [
            owner.post(f"/api/canvases/{made['id']}/shares", json={"role": role}).json()["url"].rsplit("/", 1)[1]
            for made, role in ((first, "viewer"), (second, "editor"))
        ]
        guest.post("/api/join", json={"token": links[0], "name": "Ada"})
        guest.post("/api/join", json={"token": links[1], "name": "ignored"})
        listed = {canvas["id"]: canvas["role"] for canvas in guest.get("/api/canvases").json()["canvases"]}
        assert listed == {first["id"]: "viewer", second["id"]: "editor"}
        assert guest.get("/api/me").json()["participant"]["name"] == "Ada"
        assert guest.post("/api/signout").status_code == 200
        error(guest.get("/api/me"), 401, "unauthenticated")


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_site_cannot_use_the_cookie(studio: ServedStudio, origin: str | None) -> None:
    made = studio.canvas("x")
    with studio.client() as owner, browser(studio) as guest:
        link = owner.post(f"/api/canvases/{made['id']}/shares", json={"role": "editor"}).json()["url"]
        guest.post("/api/join", json={"token": link.rsplit("/", 1)[1], "name": "Guest"})
        del guest.headers["Origin"]
        if origin:
            guest.headers["Origin"] = origin
        error(act(guest, made["id"], "say", text="x"), 403, "forbidden")
        assert guest.get("/api/me").status_code == 200, "reading is safe: a foreign page cannot see the answer"
        if origin:
            error(guest.post("/api/join", json={"token": "x"}), 403, "forbidden")
    with studio.client() as api:
        api.headers["Origin"] = "https://evil.example"
        assert act(api, made["id"], "say", text="x").status_code == 200, "a bearer token speaks for itself"


def test_the_setup_link_makes_the_owner_once_and_a_fresh_one_signs_in_again(start_studio: StartStudio) -> None:
    studio = start_studio()
    with browser(studio) as owner:
        assert owner.get("/api/setup", params={"setup": studio.setup}).json() == {"valid": True, "needs_name": True}
        assert owner.get("/api/setup", params={"setup": "wrong"}).json()["valid"] is False
        error(owner.post("/api/setup", json={"setup": "wrong", "name": "Eve"}), 401, "unauthenticated")
        error(owner.post("/api/setup", json={"setup": studio.setup, "name": "  "}), 422, "invalid")
        first = owner.post("/api/setup", json={"setup": studio.setup, "name": "Isabella"}).json()["participant"]
        assert first["name"] == "Isabella"
        assert owner.get("/api/me").json()["role"] == "owner"
        error(owner.post("/api/setup", json={"setup": studio.setup, "name": "Eve"}), 401, "unauthenticated")
        made = owner.post("/api/canvases", json={"title": "Mine", "pages": []}).json()
        assert owner.get(f"/api/canvases/{made['id']}").json()["role"] == "owner"
        used = studio.setup
        assert studio.stop() == 0
        studio.start()
        assert studio.setup != used
    with browser(studio) as again:
        assert again.get("/api/setup", params={"setup": studio.setup}).json() == {"valid": True, "needs_name": False}
        second = again.post("/api/setup", json={"setup": studio.setup}).json()["participant"]
        assert second["id"] == first["id"]
        assert again.get(f"/api/canvases/{made['id']}").status_code == 200


def test_every_answer_carries_the_security_headers(studio: ServedStudio) -> None:
    with studio.client() as owner:
        for path in ("/api/health", "/", "/c/some-canvas", "/nothing.js"):
            headers = owner.get(path).headers
            policy = headers["content-security-policy"]
            assert "script-src 'self';" in policy and "frame-ancestors 'none'" in policy and "unsafe-eval" not in policy
            host = studio.url.removeprefix("http://")
            assert f"connect-src 'self' ws://{host} wss://{host};" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
        assert owner.get("/api/health").headers["cache-control"] == "no-store"
        odd = owner.get("/api/health", headers={"Host": "a; script-src *"})
        assert "script-src *" not in odd.headers.get("content-security-policy", "")


def test_the_api_describes_itself(studio: ServedStudio) -> None:
    with studio.client("") as nobody:
        described = nobody.get("/api/openapi.json").json()
    for path in (
        "/api/canvases",
        "/api/canvases/{canvas}/actions",
        "/api/canvases/{canvas}/ask",
        "/api/runs/{run}/events",
    ):
        assert path in described["paths"]
    schemas = described["components"]["schemas"]
    assert {"Edit", "Suggest", "Accept", "Comment", "Pick"} <= set(schemas)
    assert len(schemas["Action"]["oneOf"]) >= 20
