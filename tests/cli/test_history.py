"""`studiolo history`: sessions and versions of a canvas, and the text of then, beside a running server."""

from __future__ import annotations

from tests.conftest import ServedStudio
from tests.web.test_history import edit


def test_sessions_versions_and_the_text_of_then(studio: ServedStudio) -> None:
    made = studio.canvas("The lamp was out.", "Two.")
    with studio.client() as owner:
        edit(owner, made, "out", "burning low")
        owner.post(f"/api/canvases/{made['id']}/history/versions", json={"name": "First draft", "seq": 1})
    told = studio.cli("history", made["id"])
    assert told.returncode == 0, told.stderr
    assert "Test owner" in told.stdout and "“First draft”" in told.stdout and "+" in told.stdout
    then = studio.cli("history", made["id"], "--at", "1")
    assert then.stdout == "The lamp was out.\n\nTwo."
    one = studio.cli("history", made["id"], "--at", "2", "--page", made["pages"][0]["id"])
    assert one.stdout == "The lamp was burning low."
    assert studio.cli("history", made["id"], "--at", "77").returncode == 1
    assert studio.cli("history", "nowhere").returncode == 1
