"""What an answer quotes is looked up in the pages, and then in what the agent has read on the web."""

from __future__ import annotations

from studiolo.agents.citing import cited
from tests.agents.toolbox.hands import Hands

LAMP = "Oda carried the last of the oil up at dusk."
BELLS = "https://example.org/bells"
COAST = "https://example.org/coast"


async def test_a_quote_from_the_web_leads_to_the_address_at_which_it_was_read() -> None:
    hands = Hands(LAMP)
    work = hands.work
    work.given.add("web", "Bells were rung for lost boats.", title=COAST)
    work.given.add("web", "On this coast they rang at dusk. Bells were rung for lost boats.", title=BELLS)
    answer = (
        f"She did it herself: “carried the last of the oil”. “Bells were rung for lost boats” ({BELLS}), and "
        "“nobody ever wrote this down”."
    )
    assert await cited(work, answer, hands.page) == [
        {"page": hands.page, "quote": "carried the last of the oil", "found": True},
        {"url": BELLS, "quote": "Bells were rung for lost boats"},
        {"page": hands.page, "quote": "nobody ever wrote this down", "found": False},
    ]


async def test_the_record_of_what_was_given_holds_no_more_of_the_web_than_before() -> None:
    work = Hands(LAMP).work
    work.given.add("web", "x" * 1_000_000, title=BELLS)
    assert len(work.given.web[BELLS]) < 500_000
    assert "web" not in work.given.as_dict() and work.given.as_dict()["parts"][0]["title"] == BELLS
