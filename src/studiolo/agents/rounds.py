"""Rounds: several agents at one thing, one after the other, and a person decides.

A round is a row of the store. Whoever changes it, a person on any node or the driver, changes the row; the driver is a
task of one node that begins the next turn whenever the row says that the round runs and no turn is under way. So a
round that is paused holds nothing, a person can change the turns that have not begun at any time, and a round whose
node is gone goes on elsewhere: with the turn that was lost, from its beginning.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from studiolo.agents.recipes import ABOUT, MOST_TURNS, TASKS, Turn
from studiolo.agents.runs import Runs
from studiolo.agents.surface import Surface
from studiolo.agents.work import Ask
from studiolo.canvas import Participant, StudioloError
from studiolo.canvas.errors import Conflict, Invalid, NotFound, Unavailable
from studiolo.canvas.participant import rank
from studiolo.store import Store
from studiolo.store import rounds as kept

Round = dict[str, Any]

ENDED = frozenset({"done", "stopped"})
STOPPED_WITHIN = 10.0  # seconds
LOOK_AGAIN = 0.5  # seconds between looks at a run that waits for a person
TRIES = 2  # times that a turn is begun which a crash ended
MOST_SAID = 50
log = logging.getLogger(__name__)


class OtherNodes(Protocol):
    """The studio's other nodes."""

    id: str
    gone: list[Callable[[str], None]]

    async def alive(self, node: str) -> bool: ...

    def publish(self, subject: str, header: dict[str, Any]) -> None: ...

    async def listen(
        self, subject: str, hear: Callable[[dict[str, Any], bytes], None], look: Callable[[], None]
    ) -> None: ...


class Rounds:
    """The rounds that this node drives, and a way to all others.

    `open_canvas` gives the room of a canvas, `who` the participant with an id as they are in a canvas now.
    """

    def __init__(
        self,
        store: Store,
        runs: Runs,
        open_canvas: Callable[[str], Awaitable[Surface]],
        who: Callable[[str, str], Awaitable[Participant]],
        clock: Callable[[], float],
        new_id: Callable[[], str],
        nodes: OtherNodes | None = None,
    ) -> None:
        self._store = store
        self._runs = runs
        self._open_canvas = open_canvas
        self._who = who
        self._clock = clock
        self._new_id = new_id
        self._nodes = nodes
        self._drivers: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._news: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._closed = False

    async def open(self) -> None:
        """Go on with the rounds that earlier processes left, and hear of changes on other nodes."""
        if self._nodes:
            await self._nodes.listen("rounds", lambda header, _: self._tell(header["round"]), self._tell_all)
            self._nodes.gone.append(self._node_gone)
        await self.recover()

    async def close(self) -> None:
        """Let go of everything. What runs is taken up again by another node, or when the studio starts."""
        self._closed = True
        tasks = [*self._drivers.values(), *self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # -- what people do

    async def begin(
        self,
        surface: Surface,
        by: Participant,
        *,
        name: str,
        turns: Sequence[Turn],
        prompt: str = "",
        place: dict[str, Any] | None = None,
        model: str | None = None,
    ) -> Round:
        """Begin a round. `place` has the fields of an ask that say where. Raises `StudioloError`."""
        if self._closed:
            raise Unavailable("The studio is closing.", "Come back in a moment.")
        if not turns:
            raise Invalid("The round has no turns.", "Say who does what.")
        if turns[0].do in ABOUT:
            raise Invalid("The first turn is about a draft, and there is none yet.", "Begin with a draft.")
        self._check(turns)
        round: Round = {
            "id": self._new_id(),
            "canvas": surface.id,
            "name": name,
            "prompt": prompt,
            "place": place or {},
            "model": model,
            "by": {"id": by.id, "name": by.name, "role": by.role},
            "state": "running",
            "started": self._clock(),
            "finished": None,
            "node": self._nodes.id if self._nodes else "",
            "turns": [self._coming(turn) for turn in turns],
            "said": [],
            "suggestions": [],
            "problem": None,
        }
        await kept.add(self._store, round)
        self._drive_on(round["id"])
        return round

    async def get(self, id: str) -> Round:
        """A round. Raises `NotFound`."""
        return await kept.get(self._store, id)

    async def of_canvas(self, canvas: str, limit: int = 50) -> list[Round]:
        """The rounds of a canvas, the newest first."""
        return await kept.listed(self._store, canvas, limit=limit)

    async def pause(self, id: str) -> Round:
        """Begin no more turns. The one under way goes to its end."""
        return await self._change(id, lambda round: _in(round, ("running",), state="paused", problem=None))

    async def resume(self, id: str) -> Round:
        """Go on. A turn that failed is begun again."""

        def again(round: Round) -> Round:
            changed = _in(round, ("paused",), state="running", problem=None, node=self._nodes.id if self._nodes else "")
            for turn in changed["turns"]:
                if turn["state"] in ("failed", "stopped"):
                    turn |= {"state": "coming", "run": "", "error": None, "tries": 0}
            return changed

        round = await self._change(id, again)
        self._drive_on(id)
        return round

    async def stop(self, id: str) -> Round:
        """End it, and the turn under way. What was proposed and said stays."""

        def ended(round: Round) -> Round | None:
            if round["state"] in ENDED:
                return None
            for turn in round["turns"]:
                if turn["state"] == "coming":
                    turn["state"] = "dropped"
            return round | {"state": "stopped", "finished": self._clock()}

        round = await self._change(id, ended)
        for turn in round["turns"]:
            if turn["state"] == "running" and turn["run"]:
                with contextlib.suppress(NotFound):
                    await self._runs.stop(turn["run"])
        if driver := self._drivers.get(id):  # it notes how the turn ended
            await asyncio.wait({driver}, timeout=STOPPED_WITHIN)
        return await self.get(id)

    async def say(self, id: str, by: Participant, text: str) -> Round:
        """Tell the round something that the next turns read."""
        line = {"by": {"id": by.id, "name": by.name}, "text": text, "at": self._clock()}
        return await self._change(
            id, lambda round: _in(round, ("running", "paused"), said=[*round["said"], line][-MOST_SAID:])
        )

    async def arrange(self, id: str, turns: Sequence[tuple[str | None, Turn]]) -> Round:
        """Let these be the turns that are still to come: known ones by their id, new ones without."""
        self._check([turn for _, turn in turns])

        def arranged(round: Round) -> Round:
            coming = {turn["id"]: turn for turn in round["turns"] if turn["state"] == "coming"}
            begun = [turn for turn in round["turns"] if turn["state"] != "coming"]
            if unknown := [known for known, _ in turns if known is not None and known not in coming]:
                raise Conflict(
                    "A turn has begun meanwhile, or was taken out.",
                    "Look at the round as it is now.",
                    turns=unknown,
                )
            made = [(coming[known] | turn.as_dict()) if known else self._coming(turn) for known, turn in turns]
            if len(begun) + len(made) > MOST_TURNS:
                raise Invalid(f"A round has at most {MOST_TURNS} turns.", "Begin another one.")
            return _in(round, ("running", "paused"), turns=[*begun, *made])

        return await self._change(id, arranged)

    async def watch(self, id: str) -> AsyncIterator[dict[str, Any]]:
        """The round whenever it changes (`round`), until it ends (`done`)."""
        last: Round | None = None
        while True:
            news = self._news[id]
            round = await self.get(id)
            if round != last:
                last = round
                yield {"type": "round", "round": round}
            if round["state"] in ENDED and not any(turn["state"] == "running" for turn in round["turns"]):
                yield {"type": "done", "round": round}
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(10.0):  # what another node told may have been lost
                    await news.wait()

    async def recover(self) -> None:
        """Take up the rounds whose node is no more."""
        for round in await kept.listed(self._store, states=("running",), limit=1_000):
            if round["id"] in self._drivers:
                continue
            if self._nodes and round["node"] and await self._nodes.alive(round["node"]):
                continue
            gone = round["node"]
            me = self._nodes.id if self._nodes else ""

            def taken(now: Round, gone: str = gone, me: str = me) -> Round | None:
                return now | {"node": me} if now["node"] == gone and now["state"] == "running" else None

            with contextlib.suppress(NotFound):
                mine = await kept.change(self._store, round["id"], taken)
                if mine["node"] == me:
                    self._drive_on(round["id"], again=True)

    # -- driving

    def _drive_on(self, id: str, again: bool = False) -> None:
        driver = self._drivers.get(id)
        if driver is None or driver.done():
            self._drivers[id] = asyncio.create_task(self._drive(id, again), name=f"round {id}")

    async def _drive(self, id: str, again: bool) -> None:
        """Begin one turn after the other. `again`: another process has done so before, and is gone."""
        try:
            if again:
                await self._take_up(await self.get(id))
            while True:
                round = await self.get(id)
                under_way = next((turn for turn in round["turns"] if turn["state"] == "running"), None)
                if under_way is not None:
                    await self._finish(round, under_way)
                    continue
                if round["state"] != "running":
                    return
                began: list[str] = []

                def next_one(now: Round, began: list[str] = began) -> Round | None:
                    if now["state"] != "running":
                        return None
                    turn = next((turn for turn in now["turns"] if turn["state"] == "coming"), None)
                    if turn is None:
                        return now | {"state": "done", "finished": self._clock()}
                    turn |= {"state": "running", "run": "", "tries": turn["tries"] + 1, "started": self._clock()}
                    began.append(turn["id"])
                    return now

                round = await self._change(id, next_one)
                if began:
                    await self._begin(round, _turn(round, began[0]))
        except NotFound:
            log.info("round %s: its canvas is gone", id)
        except StudioloError as error:
            # Nothing is lost by it: the row says where the round is, and it goes on when the studio starts.
            log.warning("round %s stands still: %s", id, error.message)
        except Exception:
            log.exception("round %s stands still", id)
        finally:
            if self._drivers.get(id) is asyncio.current_task():
                del self._drivers[id]

    async def _take_up(self, round: Round) -> None:
        """Begin anew what ended only because its process did."""
        for turn in round["turns"]:
            if turn["state"] == "running":
                found: dict[str, Any] = {"state": "failed"}
                with contextlib.suppress(NotFound):
                    found = await self._runs.find(turn["run"])
                if found["state"] in ("failed", "stopped"):
                    await self._lost(round, turn)

    async def _begin(self, round: Round, turn: dict[str, Any]) -> None:
        """Begin the run of a turn; what keeps it from beginning pauses the round."""
        try:
            surface = await self._open_canvas(round["canvas"])
            by = await self._who(round["canvas"], round["by"]["id"])
            # With no more than they came with: they may have begun it with a token that gives less than they have.
            by = replace(by, role=min(by.role, round["by"].get("role", by.role), key=rank))
            ask = self._asked(round, turn, surface)
            if ask is None:
                await self._end_turn(round, turn, "dropped", note="What it was to be about was decided already.")
                return
            run = self._runs.start(surface, ask, by)
        except StudioloError as error:
            await self._end_turn(round, turn, "failed", error=error.as_dict())
            return
        await run.kept()
        now = await self._change(round["id"], lambda now: _with(now, turn["id"], run=run.id))
        if now["state"] in ENDED:  # somebody stopped the round before it was known which run that would end
            await self._runs.stop(run.id)

    async def _finish(self, round: Round, turn: dict[str, Any]) -> None:
        """Wait for the run of a turn, and note what came of it."""
        if not turn["run"]:  # it never began, or nobody kept that it did
            return await self._lost(round, turn)
        if run := self._runs.get(turn["run"]):
            await run.wait()
        while True:
            try:
                found = await self._runs.find(turn["run"])
            except NotFound:
                return await self._lost(round, turn)
            if found["state"] in ("done", "failed", "stopped"):
                break
            waiting = found["state"] == "waiting"
            if waiting != turn.get("waiting", False):
                turn["waiting"] = waiting
                await self._change(round["id"], lambda now, waiting=waiting: _with(now, turn["id"], waiting=waiting))
            if found["state"] in ("queued", "running") and self._runs.get(turn["run"]) is None:
                node = found.get("node", "")
                if not (self._nodes and node and await self._nodes.alive(node)):
                    return await self._lost(round, turn)
            await asyncio.sleep(LOOK_AGAIN)
        if self._closed:  # the studio ended it, nobody else did
            raise asyncio.CancelledError
        if found["state"] == "failed" and (found.get("error") or {}).get("code") == "restarted":
            return await self._lost(round, turn)
        await self._end_turn(
            round,
            turn,
            found["state"],
            results=found["results"],
            error=found.get("error"),
            note=" ".join(found.get("notes", [])[:3]),
        )
        return None

    async def _lost(self, round: Round, turn: dict[str, Any]) -> None:
        """Begin a turn anew that a crash ended. What it had half proposed is taken back first."""
        if turn["tries"] >= TRIES:
            error = {
                "code": "restarted",
                "message": "The studio was restarted in this turn, twice.",
                "hint": "Resume the round to try again.",
            }
            return await self._end_turn(round, turn, "failed", error=error)
        if turn["run"]:
            with contextlib.suppress(StudioloError):
                surface = await self._open_canvas(round["canvas"])
                agent = self._runs.personas.get(turn["agent"]).participant
                for record in list(surface.canvas.suggestions.values()):
                    if record.run == turn["run"] and record.undecided and record.author == agent.id:
                        await surface.apply({"type": "withdraw", "suggestion": record.id}, agent)
        await self._change(round["id"], lambda now: _with(now, turn["id"], state="coming", run=""))
        return None

    async def _end_turn(
        self,
        round: Round,
        turn: dict[str, Any],
        state: str,
        *,
        results: Sequence[dict[str, str]] = (),
        error: dict[str, Any] | None = None,
        note: str = "",
    ) -> None:
        """Note how a turn ended. One that failed, or was stopped, pauses the round: others would build on nothing."""
        made = [result["id"] for result in results if result["type"] == "suggestion"]

        def ended(now: Round) -> Round:
            changed = _with(
                now,
                turn["id"],
                state=state,
                results=list(results),
                error=error,
                note=note,
                waiting=False,
                finished=self._clock(),
            )
            changed["suggestions"] = list(dict.fromkeys([*now["suggestions"], *made]))
            if state in ("failed", "stopped") and now["state"] == "running":
                what = (error or {}).get("message") or "The turn was stopped."
                changed |= {"state": "paused", "problem": what}
            return changed

        await self._change(round["id"], ended)

    # -- what an agent is asked

    def _asked(self, round: Round, turn: dict[str, Any], surface: Surface) -> Ask | None:
        """What the agent of a turn is asked; None when it would be about what is decided already."""
        place = {name: value for name, value in round["place"].items() if value is not None}
        about = next(
            (
                record
                for id in reversed(round["suggestions"])
                if (record := surface.canvas.suggestions.get(id)) is not None and record.undecided
            ),
            None,
        )
        if turn["do"] in ABOUT and about is None:
            return None
        agent = self._runs.personas.get(turn["agent"])
        others = [
            one["agent"] for one in round["turns"] if one["agent"] != agent.id and one["do"] in ("revise", "polish")
        ]
        wanted = TASKS[turn["do"]].format(about=about.id if about else "", whose=about.name if about else "")
        said = "\n".join(f"{line['by']['name']} said meanwhile: {line['text']}" for line in round["said"])
        loops = self._runs.in_steps(agent, round["model"])
        parts = (round["prompt"], turn["instruction"], said, wanted if loops else "")
        ask = Ask(
            agent=agent.id,
            prompt="\n\n".join(part for part in parts if part.strip()),
            page=place.get("page"),
            model=round["model"],
            parent=round["id"],
            options={"hands": list(dict.fromkeys(others)), "round": round["id"]},
        )
        if turn["do"] in ABOUT and about is not None:
            ask.about, ask.page = about.id, about.page
        else:
            for name in ("quote", "before", "after", "start", "end"):
                if place.get(name):
                    setattr(ask, name, place[name])
        if not loops:
            ask.skill = _skill(turn["do"], bool(place.get("quote")))
        return ask

    def _check(self, turns: Sequence[Turn]) -> None:
        if len(turns) > MOST_TURNS:
            raise Invalid(f"A round has at most {MOST_TURNS} turns.", "Begin another one.")
        for turn in turns:
            self._runs.personas.get(turn.agent)

    def _coming(self, turn: Turn) -> dict[str, Any]:
        return {
            "id": self._new_id(),
            **turn.as_dict(),
            "state": "coming",
            "run": "",
            "results": [],
            "error": None,
            "note": "",
            "tries": 0,
        }

    # -- telling

    async def _change(self, id: str, change: kept.Change) -> Round:
        round = await kept.change(self._store, id, change)
        self._tell(id)
        if self._nodes:
            self._nodes.publish("rounds", {"kind": "changed", "round": id})
        return round

    def _tell(self, id: str) -> None:
        if (news := self._news.pop(id, None)) is not None:
            news.set()

    def _tell_all(self) -> None:
        for id in list(self._news):
            self._tell(id)

    def _node_gone(self, _node: str) -> None:
        task = asyncio.create_task(self._recover_in_the_end())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recover_in_the_end(self) -> None:
        while True:
            try:
                return await self.recover()
            except StudioloError as error:
                log.warning("The rounds of a node that is gone stand still: %s", error.message)
                await asyncio.sleep(5.0)


def _in(round: Round, states: Sequence[str], **fields: Any) -> Round:
    """The round with other fields, where it is in one of these states."""
    if round["state"] not in states:
        was = {"running": "is under way", "paused": "is paused", "done": "is done", "stopped": "was stopped"}
        raise Conflict(f"The round {was[round['state']]}.", "Look at it as it is now.", state=round["state"])
    return round | fields


def _turn(round: Round, id: str) -> dict[str, Any]:
    return next(turn for turn in round["turns"] if turn["id"] == id)


def _with(round: Round, turn: str, **fields: Any) -> Round:
    """The round with other fields of one turn."""
    return round | {"turns": [one | fields if one["id"] == turn else one for one in round["turns"]]}


def _skill(do: str, selected: bool) -> str | None:
    """The skill by which an agent that does not work in steps does a turn; what its words mean, where that is open."""
    if do in ("draft", "alternative"):
        return "rewrite" if selected else "continue"
    return {"critique": "critique", "check": "critique", "revise": "rewrite", "polish": "rewrite"}.get(do)
