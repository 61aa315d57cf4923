"""The studio's agents: who they are, and their files, which makers of the studio may change."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Response, UploadFile
from pydantic import Field

from studiolo.agents import SKILLS, Persona
from studiolo.agents.persona import AUTONOMY, POLICIES, TRIGGERS, Limits
from studiolo.agents.persona_file import (
    LARGEST,
    ROLES,
    BadPersona,
    beyond,
    careful,
    check_id,
    check_secrets,
    parse,
    slug,
    taken,
    what_to_look_at,
    with_field,
)
from studiolo.agents.persona_folder import Problem
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from studiolo.models import ModelFailed
from studiolo.people import Who
from studiolo.web.access import MAKERS, Caller, Here, studio_role
from studiolo.web.answers import Json
from studiolo.web.bodies import Body
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api", tags=["agents"])
IfMatch = Annotated[str | None, Header()]
Id = Annotated[str, Field(max_length=60)]


class Text(Body):
    """A persona's whole file."""

    text: str = Field(max_length=LARGEST)


class Draft(Text):
    """A file that is being written, with the id it would have; one is made from its name when it has none yet."""

    id: Id = ""


class NewAgent(Body):
    """A new agent: from a text, or as a copy of another."""

    id: Id = ""
    text: str = Field("", max_length=LARGEST)
    copy_of: Id = ""
    name: str = Field("", max_length=80)


class Trust(Body):
    """The role that an owner gives an agent in the whole studio; None takes it back."""

    role: Literal["editor"] | None


async def maker(who: Caller, studio: Here) -> Who:
    """Dependency: a person who may change the studio's agents."""
    if who.participant.kind != "person":
        raise Forbidden("Agents do not change agents.", "A person who makes canvases here can.")
    if await studio_role(studio, who) not in MAKERS:
        raise Forbidden("This is for those who make canvases in this studio.", "Ask an owner of the studio.")
    return who


Maker = Annotated[Who, Depends(maker)]


@router.get("/agents")
async def listing(studio: Here, who: Caller) -> Json:
    """The agents that can be asked, what each is for, what it may use and which model it would speak with now."""
    await studio.meet_agents()
    role = await studio_role(studio, who)
    makes = role in MAKERS and who.participant.kind == "person"
    return Json(
        {
            "agents": [_described(studio, persona) for persona in studio.personas.list()],
            "problems": [problem.as_dict() for problem in studio.personas.problems] if makes else [],
            "may": {"edit": makes, "trust": makes and role == "owner"},
            "words": {
                "skills": SKILLS,
                "autonomy": AUTONOMY,
                "triggers": TRIGGERS,
                "policies": POLICIES,
                "roles": ROLES,
            },
        }
    )


@router.post("/agents", status_code=201)
async def make(body: NewAgent, who: Maker, studio: Here) -> Json:
    """Make an agent: from the text of its file, or as a copy of another under a name of its own."""
    personas = studio.personas
    if body.copy_of:
        if body.text:
            raise Invalid("Send a text or the id of an agent to copy, not both.", "Leave one of the two.")
        name = body.name.strip() or f"{personas.get(body.copy_of).participant.name} 2"
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        text = with_field(personas.file(body.copy_of).text, "name", quoted)
    else:
        text = body.text
    id = check_id(body.id) if body.id else personas.free_id(_name_in(text))
    return await _saved(studio, who, id, text, "", 201)


@router.post("/agents/check")
async def check(body: Draft, _who: Maker, studio: Here) -> Json:
    """Whether a file could be used: its agent as it would be listed, or what is wrong and in which line."""
    return Json(_looked_at(studio, body.id or slug(_name_in(body.text)), body.text))


@router.post("/agents/review")
async def review(file: UploadFile, _who: Maker, studio: Here) -> Json:
    """A file that somebody shared, to be looked at before it is saved: nothing is stored. In the text that comes
    back, tools beyond the canvas ask first, whatever the file says."""
    data = await file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise TooLarge(f"The file is larger than {LARGEST // 1000} KB.", "An agent is one file of Markdown.")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Invalid("The file is not UTF-8 text.", "An agent is one file of Markdown.") from None
    name = (file.filename or "").rsplit("/", 1)[-1].removesuffix(".md")
    try:
        id = check_id(name)
    except Invalid:
        id = slug(_name_in(text) or name)
    changed = False
    try:
        before, text = text, careful(id, text)
        changed = before != text
    except BadPersona:
        pass  # what is wrong is in the answer
    known = {persona.id for persona in studio.personas.list()}
    return Json(
        {
            **_looked_at(studio, id, text),
            "text": text,
            "id": id,
            "exists": id in known,
            "free_id": studio.personas.free_id(id),
            "made_careful": changed,
        }
    )


@router.get("/agents/{agent}")
async def one(agent: str, who: Caller, studio: Here) -> Json:
    """An agent and the text of its file. The header `ETag` names the text, for `If-Match`. A file that cannot be used
    is shown to those who may mend it."""
    await studio.meet_agents()
    await _may_read(studio, who, agent)
    return _one(studio, agent)


@router.put("/agents/{agent}")
async def change(agent: str, body: Text, who: Maker, studio: Here, if_match: IfMatch = None) -> Json:
    """Write an agent's file. `If-Match` is the etag of the text that was changed: another by now is not written
    over. A mistake is refused with its line."""
    if if_match is None:
        raise Invalid("Which text was changed is not said.", "Send its etag in the header If-Match.")
    expected = None if if_match.strip() == "*" else if_match.strip().removeprefix("W/").strip('"')
    return await _saved(studio, who, check_id(agent), body.text, expected, 200)


@router.delete("/agents/{agent}")
async def delete(agent: str, _who: Maker, studio: Here, if_match: IfMatch = None) -> Json:
    """Delete an agent of the studio's own, or give a shipped one back the text it came with."""
    studio.personas.remove(agent, if_match.strip().removeprefix("W/").strip('"') if if_match else None)
    if agent not in studio.personas:
        # Whoever makes an agent of that id later makes another one.
        await studio.people.trust_agent(agent, None)
        await studio.meet_agents()
        return Json({"deleted": True})
    await studio.meet_agents()
    return _one(studio, agent)


@router.get("/agents/{agent}/file", response_class=Response, responses={200: {"content": {"text/markdown": {}}}})
async def download(agent: str, who: Caller, studio: Here) -> Response:
    """The agent's file, to give to somebody."""
    await _may_read(studio, who, agent)
    file = studio.personas.file(agent)
    return Response(
        file.text.encode(),
        media_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.id)}.md"},
    )


@router.put("/agents/{agent}/role")
async def trust(agent: str, body: Trust, who: Maker, studio: Here) -> Json:
    """Let an agent that asks for it be an editor, or take that back. For owners of the studio: a file alone makes
    nobody an editor."""
    if await studio_role(studio, who) != "owner":
        raise Forbidden("An agent's role is for owners of the studio to give.", "Ask an owner.")
    persona = studio.personas.get(agent)
    if body.role == "editor" and persona.role != "editor":
        raise Conflict(f"{persona.participant.name} does not ask to be an editor.", "Write role: editor in its file.")
    await studio.meet_agents()
    await studio.people.trust_agent(agent, body.role)
    await studio.meet_agents()
    return _one(studio, agent)


# -- inside


async def _may_read(studio: Studio, who: Who, id: str) -> None:
    """What is wrong in a file may be a key, or another file in its place: then it is for those who can mend it."""
    if any(one.agent == id for one in studio.personas.problems) and await studio_role(studio, who) not in MAKERS:
        raise Conflict("The file of this agent cannot be used as it is.", "Ask somebody who makes canvases here.")


async def _saved(studio: Studio, who: Who, id: str, text: str, expected: str | None, status: int) -> Json:
    persona = parse(id, text)
    if await studio_role(studio, who) != "owner":
        known = studio.personas.get(id) if id in studio.personas else None
        before = taken(known) if known else set[str]()
        if news := sorted(taken(persona) - before - studio.personas.everyday):
            raise Forbidden(
                f"Only an owner of the studio lets an agent use {', '.join(news)} without asking.",
                f"Write {news[0]}: ask, or let an owner save it.",
            )
        agreed = [known.budget] if known else []
        whole = studio.runs.allowance
        usual = Limits(whole.steps, whole.tokens, whole.seconds, whole.money)
        if more := beyond(persona.budget, usual, *studio.personas.usual, *agreed):
            raise Forbidden(
                f"Only an owner of the studio lets an agent use up more than is usual here: {', '.join(more)}.",
                "Write a smaller budget, or let an owner save it.",
            )
    studio.personas.save(id, text, expected)
    await studio.meet_agents()
    return _one(studio, id, status)


def _one(studio: Studio, id: str, status: int = 200) -> Json:
    file = studio.personas.file(id)
    problem = next((one for one in studio.personas.problems if one.agent == id), None)
    persona = studio.personas.get(id) if id in studio.personas else None
    return Json(
        {
            "id": id,
            "agent": _described(studio, persona) if persona else None,
            "text": file.text,
            "origin": file.origin,
            "etag": file.etag,
            "shipped": studio.personas.shipped(id),
            "problem": problem.as_dict() if problem else None,
        },
        status_code=status,
        headers={"ETag": f'"{file.etag}"'},
    )


def _looked_at(studio: Studio, id: str, text: str) -> dict[str, Any]:
    try:
        persona = parse(id, text)
        check_secrets(text)
    except BadPersona as error:
        problem = Problem(id, f"{id}.md", error.line, error.message, error.hint)
        return {"agent": None, "problem": problem.as_dict(), "look_at": []}
    return {"agent": _described(studio, persona), "problem": None, "look_at": what_to_look_at(persona)}


def _described(studio: Studio, persona: Persona) -> dict[str, Any]:
    agent = persona.participant
    budget = persona.budget
    return {
        "id": agent.id,
        "name": agent.name,
        "color": agent.color,
        "description": persona.description,
        "skills": [{"name": name, "label": SKILLS[name]} for name in persona.skills],
        "tools": dict(persona.tools) if persona.tools is not None else None,
        "autonomy": persona.autonomy,
        "triggers": list(persona.triggers),
        "budget": {name: getattr(budget, name) for name in budget.__slots__ if getattr(budget, name) is not None},
        "role": agent.role,
        "wants": persona.role,
        "model": {"wishes": list(persona.model), "used": _used(studio, persona)},
        "origin": _origin(studio, agent.id),
    }


def _origin(studio: Studio, id: str) -> str:
    try:
        return studio.personas.file(id).origin
    except NotFound:
        return "new"


def _used(studio: Studio, persona: Persona) -> dict[str, Any] | None:
    """The model that it would speak with if it were asked now. One that is listed need not be got ready to know it."""
    for name in (*persona.model, studio.models.default):
        info = next((one for one in studio.models.list() if one.name == name), None)
        if info is None:
            with suppress(ModelFailed):
                info = studio.models.get(name).info
        if info is not None and info.ready:
            return info.as_dict()
    return None


def _name_in(text: str) -> str:
    try:
        return parse("new", text).participant.name
    except BadPersona:
        return ""
