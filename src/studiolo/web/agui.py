"""AG-UI: an agent of the studio in the front end of another program that speaks the Agent User Interaction protocol.

The last message of the user is what the agent is asked; its answer, its steps and what it waits for come back as the
protocol's events. The work itself happens in the canvas, as always: changes arrive there as suggestions.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from studiolo.agents import Ask
from studiolo.agents.asking_people import Reply
from studiolo.canvas.errors import Invalid, NotFound
from studiolo.rooms import Room
from studiolo.web import bodies
from studiolo.web.access import Commenter, Here, Seat
from studiolo.web.asking import followed, may_use, seen, start
from studiolo.web.studio import Studio

if TYPE_CHECKING:
    from ag_ui.core import BaseEvent, Interrupt, RunAgentInput

router = APIRouter(prefix="/api/canvases/{canvas}/agui", tags=["agents"])

FIELDS = ("page", "quote", "before", "after", "model", "skill")
"""What `forwardedProps` may say of the place and the way, as in `ask`."""


@router.post("/{agent}", response_class=StreamingResponse)
async def run(agent: str, request: Request, seat: Commenter, studio: Here) -> StreamingResponse:
    """Ask an agent, or answer what it waits for, and follow it (AG-UI 1.0, server-sent events)."""
    from ag_ui.core import RunAgentInput

    try:
        asked = RunAgentInput.model_validate(await bodies.json_object(request))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"This is no RunAgentInput: {where}: {first['msg']}.", "See docs.ag-ui.com.") from None
    room = await studio.rooms.get(seat.canvas)
    if asked.resume:
        id, known = await _resume(studio, room, seat, asked)
    else:
        id, known = await _begin(studio, room, seat, agent, asked), 0
    events, _ = await studio.runs.watch(id)
    return followed(request, studio, seat.canvas, _told(events, room, id, asked, known), write=_written)


async def _begin(studio: Studio, room: Room, seat: Seat, agent: str, asked: RunAgentInput) -> str:
    prompt = next((_text(message) for message in reversed(asked.messages) if message.role == "user"), "")
    if not prompt.strip():
        raise Invalid("Nothing was asked.", "Send a message of the user.")
    props = asked.forwarded_props if isinstance(asked.forwarded_props, dict) else {}
    meant = {name: props[name] for name in FIELDS if isinstance(props.get(name), str)}
    ask = Ask(agent=agent, prompt=prompt, say=True, **meant)
    await may_use(studio, seat.who, ask.model)
    await studio.meet_agents()
    begun = start(studio, room, ask, seat)
    await begun.kept()
    return begun.id


async def _resume(studio: Studio, room: Room, seat: Seat, asked: RunAgentInput) -> tuple[str, int]:
    """Answer the interrupts of a run that waits; the run's id, and how many of its events were told before."""
    ids = {entry.interrupt_id.partition(":")[0] for entry in asked.resume or ()}
    if len(ids) != 1:
        raise Invalid("Answers to several runs came together.", "Answer one run at a time.")
    id = ids.pop()
    _, run = await seen(studio, seat.who, id)
    if run["canvas"] != seat.canvas:  # what the caller may do here says nothing of what they may do there
        raise NotFound("There is no such run in this canvas.", "Answer it at the canvas where it was asked.")
    await studio.meet_agents()
    known = found.told if (found := studio.runs.get(id)) else 0
    for entry in asked.resume or ():
        call = entry.interrupt_id.partition(":")[2]
        payload = entry.payload if isinstance(entry.payload, dict) else {"text": entry.payload}
        text = str(payload.get("text") or "")
        allow = payload.get("allow") if entry.status == "resolved" else "no"
        reply = Reply(text, allow if allow in ("once", "run", "no") else None, None)
        await studio.guide.answer(id, room, call, reply, seat.participant)
    return id, known


def _written(_number: int, event: dict[str, Any]) -> bytes:
    from ag_ui.encoder import EventEncoder

    return EventEncoder().encode(event["event"]).encode()


async def _told(
    events: AsyncIterator[dict[str, Any]], room: Room, id: str, asked: RunAgentInput, known: int
) -> AsyncIterator[dict[str, Any]]:
    """What happens in the run, as the protocol says it; the last one is of the type "done"."""
    from ag_ui import core

    thread, run = asked.thread_id, asked.run_id

    def put(event: BaseEvent, last: bool = False) -> dict[str, Any]:
        return {"type": "done" if last else "more", "event": event}

    yield put(core.RunStartedEvent(thread_id=thread, run_id=run, metadata={"studiolo": {"run": id}}))
    talking = ""
    shown: set[int] = set()
    async for event in events:
        kind = event["type"]
        if (known := known - 1) >= 0:
            continue
        if kind != "delta" and talking:
            yield put(core.TextMessageEndEvent(message_id=talking))
            talking = ""
        if kind == "delta" and event["id"] in room.canvas.suggestions:
            value = {"suggestion": event["id"], "text": event["text"]}
            yield put(core.CustomEvent(name="studiolo.suggestion", value=value))
        elif kind == "delta":
            if talking != event["id"]:
                if talking:
                    yield put(core.TextMessageEndEvent(message_id=talking))
                talking = event["id"]
                yield put(core.TextMessageStartEvent(message_id=talking, role="assistant"))
            yield put(core.TextMessageContentEvent(message_id=talking, delta=event["text"]))
        elif kind == "step" and event["step"]["kind"] == "tool":
            for one in _step(event["step"], id, shown):
                yield put(one)
        elif kind == "result":
            yield put(core.CustomEvent(name="studiolo.result", value=event["result"]))
        elif kind == "cards" and event["cards"]:
            outcome = core.RunFinishedInterruptOutcome(
                type="interrupt", interrupts=[_interrupt(id, card) for card in event["cards"]]
            )
            yield put(core.RunFinishedEvent(thread_id=thread, run_id=run, outcome=outcome), last=True)
            return
        elif kind == "done":
            yield put(_end(event["run"], thread, run), last=True)
            return


def _step(step: dict[str, Any], run: str, shown: set[int]) -> list[BaseEvent]:
    """A step that uses a tool: its call when it begins, what came of it when it ends."""
    from ag_ui import core

    id = f"{run}:{step['n']}"
    told: list[BaseEvent] = []
    if step["n"] not in shown:
        shown.add(step["n"])
        told += [
            core.ToolCallStartEvent(tool_call_id=id, tool_call_name=step.get("tool") or "tool"),
            core.ToolCallArgsEvent(tool_call_id=id, delta=json.dumps(step["detail"], ensure_ascii=False)),
            core.ToolCallEndEvent(tool_call_id=id),
        ]
    if step["state"] not in ("running", "waiting"):
        content = f"{step['title']}: {step.get('result') or step['state']}"
        told.append(core.ToolCallResultEvent(message_id=f"{id}:result", tool_call_id=id, content=content))
    return told


def _interrupt(run: str, card: dict[str, Any]) -> Interrupt:
    from ag_ui import core

    return core.Interrupt(
        id=f"{run}:{card['call']}",
        reason="tool_call" if card["kind"] == "approval" else "input_required",
        message=card["question"],
        tool_call_id=card["call"],
        metadata={name: card[name] for name in ("kind", "tool", "title", "choices", "detail") if name in card},
    )


def _end(found: dict[str, Any], thread: str, run: str) -> BaseEvent:
    from ag_ui import core

    if found["state"] == "failed":
        error = found.get("error") or {}
        said = f"{error.get('message', 'It failed.')} {error.get('hint', '')}".strip()
        return core.RunErrorEvent(message=said, code=error.get("code"))
    outcome = (
        core.RunFinishedCancelledOutcome(type="cancelled")
        if found["state"] == "stopped"
        else core.RunFinishedSuccessOutcome(type="success")
    )
    result = {"results": found["results"], "notes": found["notes"], "usage": found["usage"]}
    return core.RunFinishedEvent(thread_id=thread, run_id=run, outcome=outcome, result=result)


def _text(message: Any) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content or () if getattr(part, "type", "") == "text")
