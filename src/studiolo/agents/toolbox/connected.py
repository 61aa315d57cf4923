"""Tools of other programs (MCP): offered under their program's name, each call asked for, and what they say is data.

What a server says its tool is may change under one's hands. So an approval holds for the tool as it was described then:
it is looked at again in the moment of the call, and one that describes itself otherwise now is asked for anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired, ToolFailed
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from studiolo.agents.toolbox.guarded import approved, asking, shown
from studiolo.agents.toolbox.marks import data, plain
from studiolo.agents.toolbox.offers import Arguments, Leaving, Offer, short
from studiolo.agents.toolbox.permits import PolicyFile, Verdict, judge, permitted
from studiolo.agents.toolbox.reading import room_of
from studiolo.agents.work import Work
from studiolo.canvas.errors import StudioloError
from studiolo.tools.connectors import Connectors, RemoteTool

LISTED = 60.0  # seconds that a list of tools is used for; a call looks again
MOST_OFFERED = 60
_ANY = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))


@dataclass
class Connected(AbstractToolset[Work]):
    """The tools of all programs that the studio's owner has connected, behind their permissions."""

    connectors: Connectors
    policy: PolicyFile
    _tools: dict[str, RemoteTool] = field(default_factory=dict[str, RemoteTool])
    _listed: float = 0.0

    @property
    def id(self) -> str:
        return "connected"

    async def get_tools(self, ctx: RunContext[Work]) -> dict[str, ToolsetTool[Work]]:
        """Those that this agent may use, or ask to use. A program that does not answer has none, and is told of."""
        work, policy = ctx.deps, self.policy.now
        wanted = [
            connector
            for connector in self.connectors.list()
            if not connector.problem and permitted(_program(connector.name), work.persona.permissions, policy) != "off"
        ]
        if time.monotonic() > self._listed + LISTED:
            self._tools = {}
            for connector in wanted:
                try:
                    found = await self.connectors.tools(connector.name)
                except StudioloError as error:
                    work.note(error.message)
                    continue
                for tool in found:
                    self._tools.setdefault(name_of(tool), tool)
            self._listed = time.monotonic()
        return {
            name: ToolsetTool(toolset=self, tool_def=_definition(name, tool), max_retries=3, args_validator=_ANY)
            for name, tool in list(self._tools.items())[:MOST_OFFERED]
            if permitted(offer_of(tool), work.persona.permissions, policy) != "off"
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Work], tool: ToolsetTool[Work]
    ) -> Any:
        """Use a tool as it is now, if a person has approved that, or the owner allows it."""
        work = ctx.deps
        before = self._tools[name]
        now = await self._as_it_is(before)
        self._tools[name] = now
        offer = offer_of(now)
        verdict = judge(work, offer, tool_args, self.policy.now)
        if verdict.level == "off":
            self._refused(work, offer, tool_args, verdict)
        changed = now.fingerprint != before.fingerprint or (ctx.tool_call_approved and not approved(ctx, offer))
        if changed or (verdict.level == "ask" and not approved(ctx, offer)):
            asked = asking(offer, work, tool_args, verdict)
            asked["described"] = now.description
            if changed:
                asked["warnings"] = ["What this tool says of itself has changed since you saw it.", *asked["warnings"]]
            raise ApprovalRequired(asked)
        step = work.steps.begin("tool", offer.title(work, tool_args), tool=name, detail={"arguments": shown(tool_args)})
        try:
            called = await self.connectors.call(now.connector, now.name, tool_args)
        except StudioloError as error:
            work.steps.end(step, "failed", short(error.message, 300))
            raise ToolFailed(f"{error.message} {error.hint}".strip()) from None
        except BaseException as error:
            work.steps.end(step, "failed", type(error).__name__)
            raise
        room = room_of(work)
        text = plain(called.text)
        left = called.cut + max(0, len(text) - room)
        answer = data(f"{now.name} of the program “{now.connector}”", text[:room])
        answer += f"\n({left:,} more characters are left out.)" if left else ""
        answer += f"\n({len(called.images)} pictures came with it, which are not shown.)" if called.images else ""
        work.steps.end(step, "failed" if called.failed else "done", short(text, 300))
        if called.failed:
            raise ToolFailed(answer)
        return answer

    async def _as_it_is(self, tool: RemoteTool) -> RemoteTool:
        try:
            found = {one.name: one for one in await self.connectors.tools(tool.connector)}
        except StudioloError as error:
            raise ToolFailed(f"{error.message} {error.hint}".strip()) from None
        if tool.name not in found:
            raise ToolFailed(f"“{tool.connector}” has no tool {tool.name} any more.")
        return found[tool.name]

    def _refused(self, work: Work, offer: Offer, arguments: Arguments, verdict: Verdict) -> None:
        step = work.steps.begin("tool", offer.title(work, arguments), tool=offer.name)
        work.steps.end(step, "refused", verdict.why)
        raise ToolFailed(f"{verdict.why} Go on without it.")


def name_of(tool: RemoteTool) -> str:
    """What a model calls it."""
    clean = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in tool.name)
    return f"{tool.connector}__{clean}"[:64]


def offer_of(tool: RemoteTool) -> Offer:
    """What is decided and said about it. The words are the studio's own; the server's stand in the description."""

    def leaving(arguments: Arguments) -> Leaving:
        return Leaving(json.dumps(dict(arguments), ensure_ascii=False))

    return Offer(
        name_of(tool),
        _never,
        "mcp",
        lambda work, arguments: f"Uses {short(plain(tool.name), 60)} of the program “{tool.connector}”",
        "What the other program can do; the studio does not know.",
        will=lambda arguments: (
            f"The program “{tool.connector}” would be sent these arguments, and may do with them what it does."
        ),
        leaving=leaving,
        permission=f"mcp:{tool.connector}/{tool.name}",
        fingerprint=tool.fingerprint,
    )


def _program(name: str) -> Offer:
    return Offer(name, _never, "mcp", lambda work, arguments: "", "", permission=f"mcp:{name}")


async def _never() -> None:
    raise NotImplementedError


def _definition(name: str, tool: RemoteTool) -> ToolDefinition:
    said = data(f"what “{tool.connector}” says of it", plain(tool.description))
    schema: Mapping[str, Any] = tool.schema or {"type": "object", "properties": {}}
    return ToolDefinition(
        name=name,
        description=f"A tool of “{tool.connector}”, another program. {said}",
        parameters_json_schema=dict(schema),
    )
