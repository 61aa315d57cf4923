"""One running studio: what is opened when the server starts and closed when it stops."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time

from studiolo import __version__
from studiolo.addresses import networks
from studiolo.agents import Ask, Personas, Run, Runs
from studiolo.agents.guiding import Guide
from studiolo.agents.judging import Judge
from studiolo.agents.kit import Kit
from studiolo.agents.listening import Listening
from studiolo.agents.rounds import Rounds
from studiolo.agents.surface import Surface
from studiolo.agents.tracing import Tracing
from studiolo.canvas import Participant
from studiolo.canvas.errors import Forbidden
from studiolo.history import Histories
from studiolo.ledger.export import sweep
from studiolo.ledger.record import Records
from studiolo.models import Models
from studiolo.people import People
from studiolo.people.mail import Mailboxes, Post, Server
from studiolo.rooms import Inbox, Nodes, Rooms
from studiolo.rooms.catching_up import catch_up
from studiolo.settings import Settings
from studiolo.store import Store, forgotten
from studiolo.store.tasks import Limits
from studiolo.tasks.board import Board
from studiolo.tasks.kind_folder import Kinds
from studiolo.tasks.schedules import Schedules
from studiolo.tasks.tasks import Tasks
from studiolo.tasks.telling import Telling
from studiolo.tools.attachments import Attachments
from studiolo.web.repeats import Repeats
from studiolo.web.scene import looker
from studiolo.webhooks import Courier, Hooks, Sender


def new_id() -> str:
    """A short id that nobody can guess."""
    return secrets.token_urlsafe(9)


log = logging.getLogger(__name__)


class Studio:
    """The parts of the program that routes reach, wired together."""

    def __init__(self, settings: Settings, store: Store, nodes: Nodes | None) -> None:
        self.settings = settings
        self.store = store
        self.nodes = nodes
        self.people = People(store)
        self.rooms = Rooms(store, nodes=nodes)
        self.histories = Histories(store)
        self.inbox = Inbox(store, self.rooms)
        self.models = Models(settings.home, os.environ)
        self.rooms.judge = Judge(self.models)
        self.attachments = Attachments(store)
        self.rooms.vouch = self.attachments.vouch
        self.personas = Personas(settings.home)
        self.kit = Kit.open(settings.home, os.environ, self.attachments, networks(settings.tool_networks))
        self.runs = Runs(
            self.models,
            store,
            time.time,
            new_id,
            nodes=nodes,
            personas=self.personas,
            kit=self.kit,
            surfaces=self.rooms.get,
            ring=self.rooms.ring,
        )
        self.runs.on_end.append(lambda run: self.kit.over(run.id))
        self.guide = Guide(self.runs)
        self.rounds = Rounds(store, self.runs, self.rooms.get, self.member, time.time, new_id, nodes)
        self.kinds = Kinds(settings.home, self.personas)
        self.tasks = Tasks(
            store,
            settings.database,
            settings.home,
            self.runs,
            self.guide,
            self.models,
            self.kit,
            self.rooms.get,
            self.member,
            self.kinds.lay_out,
            time.time,
            new_id,
            Limits(settings.tasks_per_person, settings.tasks_per_model, settings.tasks_per_node),
            nodes,
        )
        self.schedules = Schedules(
            store, self.tasks, self.rooms.get, self.member, store.clock, new_id, self.kinds.lay_out, nodes
        )
        self.board = Board(self.tasks)
        self.mailboxes = Mailboxes(store)
        server = Server.read(settings.smtp_url) if settings.smtp_url else None
        self.post = Post(store, self.mailboxes, server, settings.mail_from, settings.address, self._titled)
        self.telling = Telling(store, self.tasks, self.rooms.get, self.rooms.ring, self.rooms.call, self.post)
        self.listening = Listening(self.runs, self._begin, time.time, nodes.alone if nodes else None)
        self.rooms.heard = self.listening.hear
        self.tracing = self.runs.tracing = Tracing.open(os.environ, __version__)
        self.runs.forgotten = lambda canvas: forgotten.ids(store, canvas)
        self.repeats = Repeats(store, nodes)
        self.records = Records(store, self.histories)
        self.hooks = Hooks(store)
        self.sender = Sender(networks(settings.webhook_networks))
        # Alone it takes up at once what an earlier life of this studio was telling.
        self.courier = Courier(store, self.sender, looker(self.rooms, self.people), nodes.id if nodes else "alone")
        self.exporting = asyncio.Semaphore(1)
        self.converting = asyncio.Semaphore(2)  # files of other programs, in and out
        self.stopping = asyncio.Event()
        self._met: dict[str, tuple[str, str]] = {}  # names and colours of agents, as they are stored
        self._catching_up: asyncio.Task[int] | None = None

    @classmethod
    async def open(cls, settings: Settings) -> Studio:
        """Open the data of a studio. Raises `StudioloError` when it cannot be used."""
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(settings.home)
        store = await Store.open(settings.database)
        try:
            nodes = await Nodes.join(settings.redis_url, store.studio) if settings.redis_url else None
        except BaseException:
            await store.close()
            raise
        studio = cls(settings, store, nodes)
        try:
            await studio.rooms.open()
            await studio.meet_agents()
            await studio.runs.open()
            await studio.rounds.open()
            await studio.models.start()
            studio.post.open()
            await studio.tasks.open()
            studio.telling.open()
            await studio.schedules.open()
            for problem in studio.models.problems:
                log.warning("%s", problem)
            studio.courier.open()
            studio._catch_up()
            if nodes:
                nodes.gone.append(studio._catch_up)
                nodes.gone.append(studio.telling.catch_up)
        except BaseException:
            await studio.close()
            raise
        return studio

    async def meet_agents(self) -> None:
        """Let the agents' names and colours be known, and their roles be those that the studio's owners gave them."""
        self.personas.grant(await self.people.agent_roles())
        here = {persona.id: persona.participant for persona in self.personas.list()}
        for agent in here.values():
            if self._met.get(agent.id) != (agent.name, agent.color):
                await self.people.agent(agent.id, agent.name, agent.color)
                self._met[agent.id] = (agent.name, agent.color)

    async def _begin(self, surface: Surface, ask: Ask, by: Participant) -> Run:
        """Begin a run that nobody asked for over HTTP."""
        await self.meet_agents()
        run = self.runs.start(surface, ask, by)
        await run.kept()
        return run

    async def member(self, canvas: str, id: str) -> Participant:
        """A participant as they are in a canvas now, for whom agents are about to do something. Raises `Forbidden` for
        one who is not in it any more."""
        await self.meet_agents()
        for one in await self.people.members(canvas):
            if one.id == id:
                return one
        raise Forbidden("Whoever asked for this is not in the canvas any more.", "Ask for it yourself.")

    async def _titled(self, canvas: str, id: str) -> str | None:
        """What a canvas is called, for somebody who is in it now."""
        there = await self.store.list_canvases([canvas])
        if not there or all(one.id != id for one in await self.people.members(canvas)):
            return None
        return there[0].title

    def _catch_up(self, _gone: str = "") -> None:
        """Let canvases tell what waits in them that a crash, here or on a node that is gone, kept from it."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(catch_up(self.rooms, self.store), name="catching up")

    async def close(self) -> None:
        """Stop runs and record it, write out what rooms hold, stop the engine, close the store: in that order."""
        self.stopping.set()
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)
        await self.schedules.close()
        await self.telling.close()
        await self.board.close()
        await self.post.close()
        await self.courier.close()
        self.attachments.close()
        try:
            self.histories.close()
            await self.listening.close()
            await self.tasks.close()
            await self.rounds.close()  # first, or it would take for a person's doing that its runs end
            await self.runs.close()
            await self.kit.close()
            if self.tracing is not None:
                await self.tracing.close()
        finally:
            try:
                await self.rooms.close()
            finally:
                try:
                    await self.models.close()
                finally:
                    try:
                        if self.nodes:
                            await self.nodes.close()
                    finally:
                        await self.store.close()
