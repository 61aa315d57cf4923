"""The record over HTTP: of one canvas, of all that one may see, and the changes that it is made of."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conftest import ServedStudio
from tests.web.test_webhooks import At


def of(rows: list[dict[str, Any]], skill: str) -> dict[str, Any]:
    [row] = [row for row in rows if row["skill"] == skill]
    return row


def test_what_became_of_suggestions_is_counted(studio: ServedStudio) -> None:
    with studio.client() as owner:
        at = At(owner, studio.canvas("one two three four five"))
        began = time.time()
        one, two, three = [at.suggest(word, word.upper(), skill="rewrite") for word in ("one", "two", "three")]
        at.suggest("four", "4", skill="critique")
        at.act(type="accept", suggestion=one)
        at.act(type="amend", suggestion=two, hunks=[{"hunk": 0, "replace": "TWO and a half"}])
        at.act(type="accept", suggestion=two)
        at.act(type="reject", suggestion=three)
        found = owner.get(f"{at.path}/record").json()
        rewrite = of(found["rows"], "rewrite")
        counts = {name: rewrite[name] for name in ("proposed", "accepted", "rejected", "open", "by_policy")}
        assert counts == {"proposed": 3, "accepted": 2, "rejected": 1, "open": 0, "by_policy": 0}
        assert rewrite["now"]["alive"] == rewrite["now"]["put_in"] > 0
        assert rewrite["after_a_day"] == {"put_in": 0, "alive": 0}
        assert found["total"]["proposed"] == 4
        assert of(found["rows"], "critique")["open"] == 1
        assert owner.get(f"{at.path}/record", params={"until": began - 5}).json()["rows"] == []
        assert owner.get(f"{at.path}/record", params={"since": began - 5}).json()["total"]["proposed"] == 4
        at.act(type="edit", page=at.page, hunks=[{"find": "ONE", "replace": "one"}])
        now = of(owner.get(f"{at.path}/record").json()["rows"], "rewrite")["now"]
        assert now["put_in"] - now["alive"] == 3

        changes = owner.get(f"{at.path}/record/changes", params={"skill": "rewrite", "status": "rejected"}).json()
        assert changes["count"] == 1
        [change] = changes["changes"]
        assert (change["suggestion"], change["was"], change["now"], change["page"]) == (
            three,
            "three",
            "THREE",
            at.page,
        )
        everything = owner.get(f"{at.path}/record/changes").json()
        assert everything["count"] == len(everything["changes"]) == 4
        assert owner.get(f"{at.path}/record/changes", params={"participant": "nobody"}).json()["count"] == 0


@pytest.mark.parametrize("query", [{"since": "x"}, {"since": -1}, {"until": "nan"}, {"status": "good"}])
def test_what_is_no_time_and_no_status_is_refused(studio: ServedStudio, query: dict[str, Any]) -> None:
    with studio.client() as owner:
        path = f"/api/canvases/{studio.canvas('Text.')['id']}/record/changes"
        assert owner.get(path, params=query).status_code == 422


def test_all_canvases_are_those_that_one_may_see(studio: ServedStudio) -> None:
    with studio.client() as owner:
        ats = [At(owner, studio.canvas("dark")) for _ in range(2)]
        for at in ats:
            at.suggest("dark", "bright", skill=f"only-{ats[0].id}")
        everywhere = owner.get("/api/record").json()
        with studio.client(studio.make_token("viewer", ats[0].id)) as viewer:
            here = viewer.get("/api/record").json()
    assert of(everywhere["rows"], f"only-{ats[0].id}")["suggestions"] == 2
    assert of(here["rows"], f"only-{ats[0].id}")["suggestions"] == 1
    assert (here["canvases"], here["total"]["proposed"]) == (1, 1)
    assert everywhere["canvases"] >= 2
