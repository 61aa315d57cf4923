"""Tools of other programs: the MCP servers that the studio's owner has named in `HOME/mcp.json`.

The file has the form that other programs use, so one can be copied:

    {"mcpServers": {"library": {"url": "https://...", "headers": {"Authorization": "Bearer ${env:LIBRARY_TOKEN}"}},
                    "notes": {"command": "notes-mcp", "args": ["--read-only"], "env": {"NOTES": "/srv/notes"}}}}

A server that is a command runs on this machine as the studio does, outside of every sandbox, with the few variables
that the file gives it and none of the studio's own. What a server says of its tools, and what its tools answer, is
somebody else's text.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studiolo.canvas.errors import NotFound, StudioloError

if TYPE_CHECKING:
    from mcp import Client

FILE_NAME = "mcp.json"
CONNECT_SECONDS = 20.0
CALL_SECONDS = 120.0
IDLE_SECONDS = 600.0  # after which a connection is let go; the next call opens another
MOST_TOOLS = 100  # of one server
LONGEST_DESCRIPTION = 2_000  # characters
LARGEST_SCHEMA = 50_000  # characters
LONGEST_ANSWER = 200_000  # characters
LARGEST_IMAGE = 5 << 20  # bytes
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")


class ConnectorFailed(StudioloError):
    """Another program's tool could not be used."""

    code = "connector"
    status = 502


class _Entry(BaseModel):
    """One server as the file names it."""

    model_config = ConfigDict(extra="ignore")  # other programs keep fields of their own here
    url: str = Field("", pattern=r"^(https?://\S+)?$")
    headers: dict[str, str] = Field(default_factory=dict)
    command: str = ""
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)
    cwd: str | None = None
    disabled: bool = False

    @model_validator(mode="after")
    def one_way(self) -> _Entry:
        if bool(self.url) == bool(self.command):
            raise ValueError("give either `url` or `command`")
        return self


@dataclass(frozen=True, slots=True)
class Connector:
    """A server that was named: where it is, and why it cannot be used, if so."""

    name: str
    where: str  # without anything that could be a secret
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool as its server describes it. `fingerprint` is another one as soon as anything of that is changed."""

    connector: str
    name: str
    description: str
    schema: dict[str, Any]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Called:
    """What a tool answered: text, pictures as (type, bytes), and whether it says that it failed."""

    text: str
    images: list[tuple[str, bytes]] = field(default_factory=list)
    failed: bool = False
    cut: int = 0  # characters of the text that were left out


class Connectors:
    """All servers of one studio. The file is read again when it has changed; nothing is started before it is used."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self._home = home
        self._environ = dict(environ)
        self._read_at: tuple[int, int] | None = None
        self._entries: dict[str, _Entry] = {}
        self._problems: dict[str, str] = {}
        self._lines: dict[str, _Line] = {}
        self.problem = ""
        """What is wrong with the file as a whole."""

    def list(self) -> list[Connector]:
        """The servers that are named, in the order of the file."""
        self._read()
        known = [Connector(name, _where(entry), self._missing(entry)) for name, entry in self._entries.items()]
        return known + [Connector(name, "", problem) for name, problem in self._problems.items()]

    async def tools(self, name: str) -> list[RemoteTool]:
        """What a server offers now. Raises `NotFound`, `ConnectorFailed`."""
        async with self._client(name) as client:
            found: list[RemoteTool] = []
            cursor: str | None = None
            while True:
                page = await client.list_tools(cursor=cursor, cache_mode="refresh")
                found += [_tool(name, tool) for tool in page.tools]
                cursor = page.next_cursor
                if cursor is None or len(found) >= MOST_TOOLS:
                    return [tool for tool in found[:MOST_TOOLS] if len(json.dumps(tool.schema)) <= LARGEST_SCHEMA]

    async def call(self, name: str, tool: str, arguments: Mapping[str, Any]) -> Called:
        """Use a tool. Raises `NotFound`, `ConnectorFailed`; a tool that says it failed is an answer."""
        async with self._client(name) as client:
            answer = await client.call_tool(tool, dict(arguments), read_timeout_seconds=CALL_SECONDS)
        texts: list[str] = []
        images: list[tuple[str, bytes]] = []
        for block in answer.content:
            match block.type:
                case "text":
                    texts.append(block.text)
                case "image" if len(block.data) * 3 // 4 <= LARGEST_IMAGE:
                    with suppress(ValueError):
                        images.append((block.mime_type, base64.b64decode(block.data, validate=True)))
                case "resource" if text := getattr(block.resource, "text", ""):
                    texts.append(f"{block.resource.uri}\n{text}")
                case "resource_link":
                    texts.append(f"{block.name}: {block.uri}")
                case _:
                    texts.append(f"[something of the type {block.type}, which is not shown]")
        if not texts and answer.structured_content is not None:
            texts.append(json.dumps(answer.structured_content, ensure_ascii=False))
        text = "\n\n".join(texts)
        return Called(text[:LONGEST_ANSWER], images, bool(answer.is_error), max(0, len(text) - LONGEST_ANSWER))

    async def close(self) -> None:
        """Let go of every server, and end those that were started."""
        lines, self._lines = list(self._lines.values()), {}
        await asyncio.gather(*(line.close() for line in lines))

    # -- the file

    def _read(self) -> None:
        path = self._home / FILE_NAME
        try:
            found = path.stat()
        except OSError:
            self._entries, self._problems, self.problem, self._read_at = {}, {}, "", None
            return
        if self._read_at == (found.st_mtime_ns, found.st_size):
            return
        self._read_at = (found.st_mtime_ns, found.st_size)
        before, self._entries, self._problems, self.problem = self._entries, {}, {}, ""
        try:
            servers = json.loads(path.read_text())["mcpServers"]
            if not isinstance(servers, dict):
                raise TypeError
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self.problem = f'{FILE_NAME} cannot be read. It should be {{"mcpServers": {{"name": {{"url": ...}}}}}}.'
            self._entries = before  # the last good one stays
            return
        for name, given in servers.items():
            try:
                if not NAME.fullmatch(name):
                    raise ValueError("its name should be small letters, digits, - and _, at most 40")
                entry = _Entry.model_validate(given)
            except (ValidationError, ValueError) as error:
                why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                self._problems[name[:40]] = f"In {FILE_NAME}, {name[:40]!r}: {why}."
                continue
            if not entry.disabled:
                self._entries[name] = entry

    def _missing(self, entry: _Entry) -> str:
        wanted = [*entry.headers.values(), *entry.env.values(), *entry.args, entry.url]
        names = {found for value in wanted for found in _VARIABLE.findall(value)}
        missing = sorted(names - self._environ.keys())
        return f"The environment has no {', '.join(missing)}." if missing else ""

    def _filled(self, value: str) -> str:
        return _VARIABLE.sub(lambda found: self._environ.get(found[1], ""), value)

    # -- the connection

    @asynccontextmanager
    async def _client(self, name: str) -> AsyncIterator[Client]:
        """The open connection to a server. Whatever goes wrong is a `ConnectorFailed` without a secret in it."""
        self._read()
        entry = self._entries.get(name)
        if entry is None:
            raise NotFound(f"There is no connector {name!r} here.", f"The studio's owner names them in {FILE_NAME}.")
        if missing := self._missing(entry):
            raise ConnectorFailed(f"{name} is not set up. {missing}", "Ask the studio's owner.")
        line = self._lines.get(name)
        if line is not None and (line.entry != entry or line.over):
            await line.close()
            line = None
        if line is None:
            line = self._lines[name] = _Line(name, entry, self._filled, self._home)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                client = await line.open()
            async with asyncio.timeout(CALL_SECONDS):
                yield client
        except StudioloError:
            raise
        except TimeoutError:
            raise ConnectorFailed(f"{name} took too long to answer.", "Try again, or do without it.") from None
        except Exception as error:
            # What broke may hold the address or a header; only its kind is told.
            lost = not line.answers(error)
            if lost:
                self._lines.pop(name, None)
                await line.close()
            said = "refused the call" if not lost else f"cannot be reached ({_kind(error)})"
            raise ConnectorFailed(f"{name} {said}.", "Check its entry in mcp.json, or do without it.") from None


class _Line:
    """One connection. A task of its own holds it, because what it opened must be closed by the task that did."""

    def __init__(self, name: str, entry: _Entry, filled: Any, home: Path) -> None:
        self.entry = entry
        self._name = name
        self._filled = filled
        self._home = home
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._used = asyncio.Event()
        self._task = asyncio.create_task(self._hold(), name=f"mcp {name}")

    @property
    def over(self) -> bool:
        return self._task.done()

    async def open(self) -> Client:
        self._used.set()
        return await asyncio.shield(self._ready)

    @staticmethod
    def answers(error: Exception) -> bool:
        """Whether the server itself said no, over a connection that is well."""
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        return isinstance(error, MCPError) and error.error.code != CONNECTION_CLOSED

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _hold(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                client = await self._connect(stack)
                self._ready.set_result(client)
                with suppress(TimeoutError):
                    while True:
                        self._used.clear()
                        async with asyncio.timeout(IDLE_SECONDS):
                            await self._used.wait()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(ConnectionError(_kind(error)))
        finally:
            if not self._ready.done():
                self._ready.cancel()
            elif not self._ready.cancelled():
                self._ready.exception()  # perhaps nobody waits for it any more

    async def _connect(self, stack: AsyncExitStack) -> Client:
        import httpx2
        from mcp import Client
        from mcp.client.stdio import StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client

        if self.entry.url:
            headers = {name: self._filled(value) for name, value in self.entry.headers.items()}
            http = await stack.enter_async_context(
                httpx2.AsyncClient(headers=headers, timeout=CALL_SECONDS, trust_env=False)
            )
            transport = streamable_http_client(self._filled(self.entry.url), http_client=http)
        else:
            logs = self._home / "logs"
            logs.mkdir(exist_ok=True, mode=0o700)
            says = stack.enter_context((logs / f"mcp-{self._name}.log").open("w"))
            transport = stdio_client(
                StdioServerParameters(
                    command=self.entry.command,
                    args=[self._filled(one) for one in self.entry.args],
                    env={name: self._filled(value) for name, value in self.entry.env.items()},
                    cwd=self.entry.cwd or self._home,
                ),
                errlog=says,
            )
        return await stack.enter_async_context(Client(transport, read_timeout_seconds=CALL_SECONDS))


def _tool(connector: str, tool: Any) -> RemoteTool:
    schema = dict(tool.input_schema)
    said = json.dumps([tool.name, tool.description, schema], sort_keys=True)
    description = (tool.description or "")[:LONGEST_DESCRIPTION]
    return RemoteTool(connector, tool.name, description, schema, hashlib.sha256(said.encode()).hexdigest())


def _where(entry: _Entry) -> str:
    """Where a server is, for people: an address's host, or the name of a command."""
    if entry.url:
        return entry.url.split("://", 1)[1].split("/", 1)[0].rpartition("@")[2]
    return os.path.basename(entry.command)  # noqa: PTH119 (a command is no path of ours)


def _kind(error: BaseException) -> str:
    """What sort of thing went wrong, without its text."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error) if isinstance(error, ConnectionError) and error.args else type(error).__name__
