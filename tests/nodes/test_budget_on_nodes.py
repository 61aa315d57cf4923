"""Policies where several nodes have the canvas open: each suggestion is accepted once, and all know the policy."""

from __future__ import annotations

from studiolo.canvas import Participant
from studiolo.canvas.policies import policies
from tests.nodes.conftest import StartNode
from tests.nodes.test_shared_rooms import ADA, log_of, open_on
from tests.rooms.client import until

LINE = Participant("line", "Line editor", "agent", "#606c00", "commenter")


async def test_a_policy_made_on_one_node_holds_on_all_and_accepts_once(start_node: StartNode) -> None:
    one, two = await start_node(), await start_node()
    text = "\n\n".join(f"The lamp {word} out... again." for word in ("went", "burned", "blinked", "shone"))
    page, (here, there) = await open_on(one, two, text=text)
    await here.apply({"type": "set_policy", "kinds": ["typography"]}, ADA)
    await until(lambda: policies(there.canvas) == policies(here.canvas) != ())
    for room, word in ((here, "went"), (there, "burned"), (here, "blinked"), (there, "shone")):
        hunks = [{"find": f"{word} out...", "replace": f"{word} out…"}]
        await room.apply({"type": "suggest", "page": page, "hunks": hunks}, LINE)
    await until(lambda: here.canvas.page_text(page).count("…") == there.canvas.page_text(page).count("…") == 4, 30)
    await until(lambda: here.canvas.view() == there.canvas.view())
    assert await log_of(one, here.id) == here.canvas.page_text(page) == text.replace("...", "…")
    rows = [row for row in await one.store.ledger(here.id) if row.outcome["outcome"] == "accepted"]
    assert len(rows) == 4 and {row.participant for row in rows} == {"studio"}
