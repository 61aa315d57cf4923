"""What people do with a run while it is under way: steer it, let it rest, bring it back, answer it, take it over.

It works at every node, wherever the run is. Who may do what is looked at by whoever calls this, but for answers: those
are judged where they are written down, in the same moment.
"""

from __future__ import annotations

import contextlib
from typing import Any

from studiolo.agents import asking_people
from studiolo.agents.asking_people import Reply
from studiolo.agents.handing_over import handed_over
from studiolo.agents.run import ENDED, RESTING, Run
from studiolo.agents.runs import Runs
from studiolo.agents.steering import LONGEST, MOST, Said
from studiolo.agents.surface import Surface
from studiolo.canvas import THE_STUDIO, Participant, StudioloError, cards
from studiolo.canvas.errors import Conflict, Invalid


class Guide:
    """People's hands on the runs of a studio."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def steer(self, id: str, surface: Surface, text: str, by: Participant) -> dict[str, Any]:
        """Tell a run something, which it takes up before it asks its model again. Raises `Conflict`."""
        text = text.strip()
        if not text:
            raise Invalid("Nothing was said to it.", "Write what the agent should do instead.")
        if len(text) > LONGEST:
            raise Invalid(f"That is longer than {LONGEST:,} characters.", "Put long material on a page.")
        said = Said(text, by.id, by.name)
        found = await self._going(id)
        run = self._runs.get(id)
        if run is not None and run.under_way:
            if len(run.steering.said) >= MOST:
                raise Conflict(f"{MOST} sentences wait for it already.", "Let it take them up first.")
            run.steering.said.append(said)
        elif found["state"] in RESTING:

            def noted(kept: dict[str, Any]) -> dict[str, Any]:
                if kept["state"] not in RESTING:
                    raise Conflict("The run has gone on meanwhile.", "Say it again.")
                waiting = kept.get("steering", [])
                if len(waiting) >= MOST:
                    raise Conflict(f"{MOST} sentences wait for it already.", "Let it go on first.")
                return kept | {"steering": [*waiting, said.as_dict()]}

            found = await self._runs.change(id, noted)
        else:
            self._runs.tell_nodes({"kind": "steer", "run": id, **said.as_dict()})
        if found.get("say"):
            await surface.apply({"type": "say", "text": text, "run": id}, by)
        return found

    async def pause(self, id: str) -> dict[str, Any]:
        """Let a run rest before its next step."""
        found = await self._going(id)
        run = self._runs.get(id)
        if run is not None and run.under_way:
            self._runs.rest_soon(run)
            return run.as_dict()
        if found["state"] not in RESTING:
            self._runs.tell_nodes({"kind": "pause", "run": id, "pause": True})
        return found

    async def resume(self, id: str, surface: Surface) -> dict[str, Any]:
        """Let a run that was paused go on. Raises `Conflict` when it waits for an answer."""
        found = await self._going(id)
        run = self._runs.get(id)
        if run is not None and run.under_way and run.steering.pause:
            if run.state in ("queued", "running"):
                self._runs.rest_soon(run, False)
                return run.as_dict()
            await run.wait()
            found = await self._runs.find(id)
        if found["state"] == "waiting":
            raise Conflict("The run waits for an answer.", "Answer it; then it goes on by itself.")
        if found["state"] != "paused":
            self._runs.tell_nodes({"kind": "pause", "run": id, "pause": False})
            return found

        def going(kept: dict[str, Any]) -> dict[str, Any]:
            if kept["state"] != "paused":
                raise Conflict("The run has gone on meanwhile.", "Look at it as it is now.")
            return self._runs.set_going(kept)

        return (await self._runs.go_on(await self._runs.change(id, going), surface)).as_dict()

    async def answer(self, id: str, surface: Surface, call: str, reply: Reply, by: Participant) -> dict[str, Any]:
        """Answer what a run asks. The last answer that it waits for brings it back, here. Raises `Conflict` when
        somebody else was quicker, `Forbidden` when this is not theirs to answer, and what is wrong with the answer."""
        run = self._runs.get(id)
        if run is not None and run.under_way:
            if run.state == "waiting":
                await run.wait()  # it is being put away just now
            else:
                asking_people.check_may_answer(asking_people.find(run.as_dict(), call), by)
                raise Conflict("The run does not wait for an answer.", "Look at the run as it is now.")
        await self._runs.find(id)
        answered: dict[str, Any] = {}

        def written(kept: dict[str, Any]) -> dict[str, Any]:
            answered.clear()
            answered.update(asking_people.answered(kept, call, reply, by, self._runs.now()))
            waits = any("answer" not in card for card in kept["cards"])
            return kept if waits else self._runs.set_going(kept)

        kept = await self._runs.change(id, written)
        if message := answered.get("message"):
            said = asking_people.written(answered)
            with contextlib.suppress(StudioloError):  # what counts is in the run
                await surface.perform(lambda: cards.answer(surface.canvas, message, said), THE_STUDIO)
        if kept["state"] == "queued":
            return (await self._runs.go_on(kept, surface)).as_dict()
        self._runs.tell_cards(kept)
        return kept

    async def take_over(self, id: str, surface: Surface, by: Participant) -> dict[str, Any]:
        """Stop a run, and have it say how far it came. Its cursor and its claim are gone when this returns."""
        found = await self._going(id)
        run = self._runs.get(id)
        if run is not None and run.under_way:
            run.taken_by = by.name
            return await self._runs.stop(id)
        if found["state"] in RESTING:
            kept = await self._runs.stop(id, taken_by=by.name)
            agent = self._runs.personas.get(kept["agent"]).participant
            with contextlib.suppress(StudioloError):
                text = handed_over(Run.read(kept), by.name)
                await surface.apply({"type": "say", "text": text, "run": id}, agent)
            return kept
        self._runs.tell_nodes({"kind": "take over", "run": id, "name": by.name})
        return await self._runs.stop(id)

    async def _going(self, id: str) -> dict[str, Any]:
        """The run, which has not ended and works in steps. Raises `Conflict` otherwise, and `NotFound`."""
        found = await self._runs.find(id)
        if found["state"] in ENDED:
            raise Conflict("The run has ended.", "Ask the agent anew.", state=found["state"])
        if found["skill"] != "work":
            raise Conflict(
                "It does this in one step, and cannot be steered while it does.", "Stop it, or wait until it is done."
            )
        return found
