"""This node among the others of its studio, by way of Redis.

The database holds what is true; Redis only says quickly that there is something new, and who is here. So nothing that
is said here needs to arrive: whenever a message may have been lost, whoever listens is told to look for themselves.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError, ResponseError

from studiolo.canvas.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

BEAT = 1.5  # seconds between two signs of life
SILENT = 5.0  # seconds without one after which a node counts as gone
LOOK_EVERY = 10.0  # seconds between looks into the database when all is well; at every beat while Redis is away
PATIENCE = 2.0  # seconds for one answer of Redis
LONGEST_OUTBOX = 16 << 20  # bytes
EVENTS_KEPT = 3_600  # seconds that what a run told can be read on other nodes
MOST_EVENTS = 6_000
LONGEST_WAIT = 60.0  # seconds for what another node holds alone

Header = dict[str, Any]


@dataclass(eq=False)
class Listener:
    """Whoever listens to one subject."""

    hear: Callable[[Header, bytes], None]
    """Somebody else said this."""
    look: Callable[[], None]
    """Something may have been said that nobody here heard."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Nodes:
    """The studio's other nodes. Made by `await Nodes.join(url, studio)`.

    `studio` keeps studios that share a Redis apart. `id` is this node's, new with every start.
    """

    def __init__(self, redis: Redis, studio: str) -> None:
        self.id = secrets.token_hex(6)
        self.gone: list[Callable[[str], None]] = []
        """Called with the id of a node that has fallen silent or said good-bye."""
        self.doubts: list[Callable[[], None]] = []
        """Called now and then, and often while Redis is away: somebody else may have written."""
        self._answers = True  # whether Redis has answered the last sign of life
        self._hears = False  # whether the line by which this node hears the others is open
        self._redis = redis
        self._prefix = f"studiolo:{studio}:"
        self._listeners: dict[str, Listener] = {}
        self._heard: dict[str, float] = {}  # other nodes, and when they were last heard
        self._outbox: deque[tuple[str, bytes, bool]] = deque()
        self._outgoing = 0  # bytes in the outbox
        self._spoke = asyncio.Event()
        self._echo = 0.0  # when this node last heard itself
        self._dropped = False  # whether something was said that Redis did not take
        self._held: set[Lock] = set()
        self._pubsub: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def join(cls, url: str, studio: str) -> Nodes:
        """Connect, and be one of the nodes from now on. Raises Invalid for an address that is none and Unavailable
        when Redis does not answer."""
        try:
            redis = Redis.from_url(
                url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
            )
            redis.connection_pool.make_connection()  # which is when the options after the "?" are looked at
        except (ValueError, TypeError) as error:
            raise Invalid(
                "STUDIOLO_REDIS_URL is not an address of Redis.",
                "Set it to redis://host:6379, rediss://user:password@host:6379 or unix:///path/to/redis.sock.",
            ) from error
        nodes = cls(redis, studio)
        try:
            await nodes._be_alive()
        except (RedisError, OSError) as error:
            await redis.aclose()
            raise Unavailable(
                f"Redis does not answer: {error}.", "Start it, or look at STUDIOLO_REDIS_URL. Unset it for one node."
            ) from error
        nodes._tasks = [asyncio.create_task(_on_and_on(work)) for work in (nodes._listen, nodes._speak, nodes._beat)]
        await nodes.listen("all", nodes._hear, lambda: None)
        return nodes

    @property
    def connected(self) -> bool:
        """Whether this node hears the others, and Redis answers it."""
        return self._answers and self._hears

    async def close(self) -> None:
        """Say good-bye."""
        left = set(self._tasks)
        while left:  # what is told to end in the moment in which it gets what it waited for may not have heard it
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=1.0)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.publish("all", {"kind": "bye"})
        with suppress(RedisError, OSError):
            await self._redis.delete(self._key("node", self.id))
            await self._send()
        await self._redis.aclose()

    # -- saying and hearing

    def publish(self, subject: str, header: Header, body: bytes = b"") -> None:
        """Tell all other nodes, soon and in order."""
        text = json.dumps({**header, "node": self.id}, separators=(",", ":")).encode()
        self._say(self._prefix + subject, len(text).to_bytes(4, "big") + text + body)

    async def listen(self, subject: str, hear: Callable[[Header, bytes], None], look: Callable[[], None]) -> None:
        """Hear what others say about a subject, from when this returns. While Redis is away it returns at once."""
        listener = self._listeners[subject] = Listener(hear, look)
        with suppress(RedisError, OSError, TimeoutError):
            if self._pubsub is not None:
                await self._pubsub.subscribe(self._prefix + subject)
            async with asyncio.timeout(PATIENCE):
                await listener.ready.wait()

    async def deaf(self, subject: str) -> None:
        """Listen no more."""
        self._listeners.pop(subject, None)
        with suppress(RedisError, OSError):
            if self._pubsub is not None:
                await self._pubsub.unsubscribe(self._prefix + subject)

    # -- who lives, and who has what

    async def alive(self, node: str) -> bool:
        """Whether a node lives. One that cannot be asked about counts as alive: nobody should take its work.

        Whoever is told that a node lives is told by `gone` when it does no more.
        """
        # Redis may have forgotten, or have been full; and what it remembers of a node that was here before this one
        # came may be the last sign of its life.
        if node == self.id or node in self._heard:
            return True
        try:
            lives = bool(await self._redis.exists(self._key("node", node)))
        except (RedisError, OSError):
            lives = True
        if lives:
            self._heard.setdefault(node, asyncio.get_running_loop().time())
        return lives

    async def hold(self, canvas: str) -> bool:
        """Note that this node has a canvas open; whether another living one has it open, too."""
        try:
            await self._redis.sadd(self._key("open", canvas), self.id)
            members: Any = await self._redis.smembers(self._key("open", canvas))
            others = {member.decode() for member in members} - {self.id}
            dead = [node for node in others if not await self.alive(node)]
            if dead:
                await self._redis.srem(self._key("open", canvas), *dead)
            return len(others) > len(dead)
        except (RedisError, OSError):
            return True

    async def release(self, canvas: str) -> None:
        """This node has closed a canvas."""
        with suppress(RedisError, OSError):
            await self._redis.srem(self._key("open", canvas), self.id)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """While the block runs no other node is in one of the same name, unless this one falls silent; without Redis
        this cannot be promised."""
        lock = self._redis.lock(self._key("alone", name), timeout=SILENT, sleep=0.02, blocking_timeout=LONGEST_WAIT)
        with suppress(RedisError, OSError):
            if await lock.acquire():
                self._held.add(lock)
        try:
            yield
        finally:
            if lock in self._held:
                self._held.discard(lock)
                with suppress(RedisError, OSError, LockError):
                    await lock.release()

    # -- notes for each other

    async def pin(self, board: str, key: str, note: str | None) -> None:
        """Leave a note where every node can read it, or take it off. Without Redis there is none."""
        with suppress(RedisError, OSError):
            if note is None:
                await self._redis.hdel(self._key("board", board), key)
            else:
                await self._redis.hset(self._key("board", board), key, note)
                await self._redis.expire(self._key("board", board), EVENTS_KEPT)

    async def pinned(self, board: str) -> dict[str, str]:
        """The notes on a board, by key; none while Redis is away."""
        with suppress(RedisError, OSError):
            found: Any = await self._redis.hgetall(self._key("board", board))
            return {key.decode(): note.decode() for key, note in found.items()}
        return {}

    # -- what runs of agents tell

    def tell(self, run: str, event: dict[str, Any]) -> None:
        """Let other nodes read an event of a run of this node."""
        self._say(self._key("run", run), json.dumps(event).encode(), event=True)

    async def forget(self, runs: Collection[str]) -> None:
        """Take back what was told of runs: their canvas was deleted, and nothing of it is to be left."""
        if runs:
            try:
                await self._redis.delete(*(self._key("run", run) for run in runs))
            except (RedisError, OSError) as error:
                log.warning("What was told of runs of a deleted canvas stays in Redis for an hour: %s", error)

    async def told(self, run: str, over: Callable[[], Awaitable[bool]]) -> AsyncIterator[dict[str, Any]]:
        """The events of a run of another node from the first, until `done`, or until there are none and it is over:
        its node may be gone, or Redis may have lost them."""
        at: bytes | str = "0"
        while True:
            try:
                # Shorter than the patience for an answer, which would break the connection.
                found: Any = await self._redis.xread({self._key("run", run): at}, block=int(PATIENCE * 500), count=200)
            except (RedisError, OSError):
                await asyncio.sleep(BEAT)
                found = ()
            for _, entries in found or ():
                for id, fields in entries:
                    at = id
                    event = json.loads(fields[b"event"])
                    yield event
                    if event["type"] == "done":
                        return
            if not found and await over():
                return

    # -- the life of this node

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"

    def _say(self, key: str, data: bytes, event: bool = False) -> None:
        if self._outgoing > LONGEST_OUTBOX:  # Redis is away, or far too slow: the others will look for themselves
            self._outbox.clear()
            self._outgoing = 0
            self._dropped = True
        self._outbox.append((key, data, event))
        self._outgoing += len(data)
        self._spoke.set()

    async def _speak(self) -> None:
        """Send what is said, in order, as much at once as has gathered."""
        while True:
            await self._spoke.wait()
            self._spoke.clear()
            while self._outbox:
                try:
                    await self._send()
                except (RedisError, OSError) as error:
                    self._dropped = True
                    log.warning("Redis did not take what was said to the other nodes: %s", error)
                    await asyncio.sleep(BEAT)

    async def _send(self) -> None:
        said, self._outbox, self._outgoing = self._outbox, deque(), 0
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, data, event in said:
                if event:
                    pipeline.xadd(key, {"event": data}, maxlen=MOST_EVENTS)
                    pipeline.expire(key, EVENTS_KEPT)
                else:
                    pipeline.publish(key, data)
            await pipeline.execute()

    async def _listen(self) -> None:
        """Hear what others say; connect again for as long as this node lives."""
        while True:
            try:
                await self._be_alive()
                async with self._redis.pubsub() as pubsub:
                    for listener in self._listeners.values():
                        listener.ready.clear()
                    await pubsub.subscribe(self._prefix + "all", *(self._prefix + name for name in self._listeners))
                    self._pubsub = pubsub
                    async for message in pubsub.listen():
                        self._take(message["type"], message["channel"].decode(), message["data"])
            except (RedisError, OSError) as error:
                log.warning("The line to Redis broke: %s", error)
            finally:
                self._pubsub = None
                self._hears = False
            await asyncio.sleep(BEAT / 3)

    def _take(self, kind: str, channel: str, data: Any) -> None:
        subject = channel.removeprefix(self._prefix)
        listener = self._listeners.get(subject)
        if kind == "subscribe":
            # Also when redis-py has connected again by itself: what was said meanwhile is lost.
            self._hears = True
            self._echo = asyncio.get_running_loop().time()
            self._heard = dict.fromkeys(self._heard, asyncio.get_running_loop().time())
            if listener is not None:
                listener.ready.set()
                listener.look()
        elif kind == "message" and listener is not None:
            try:
                self._pass_on(subject, listener, data)
            except (ValueError, KeyError, TypeError):  # not from one of us, or from one of another version
                log.warning("A message over Redis about %s was none that a node sends", subject.partition(":")[0])

    def _pass_on(self, subject: str, listener: Listener, data: bytes) -> None:
        length = int.from_bytes(data[:4], "big")
        header: Header = json.loads(data[4 : 4 + length])
        if header["node"] != self.id:
            if header["kind"] != "bye":
                self._heard[header["node"]] = asyncio.get_running_loop().time()
            listener.hear(header, data[4 + length :])
        elif subject == "all":
            self._echo = asyncio.get_running_loop().time()

    def _hear(self, header: Header, _body: bytes) -> None:
        """What concerns nodes as such."""
        if header["kind"] == "bye":
            self._lose(header["node"])
            self._look()  # the last that it said may not have been sent
        elif header["kind"] == "look":
            self._look()

    def _lose(self, node: str) -> None:
        if self._heard.pop(node, None) is not None:
            log.info("Node %s is gone", node)
            for callback in self.gone:
                callback(node)

    def _look(self) -> None:
        for listener in list(self._listeners.values()):
            listener.look()

    async def _be_alive(self) -> None:
        await self._redis.set(self._key("node", self.id), "", px=int(SILENT * 1000))

    async def _beat(self) -> None:
        """Show that this node lives, notice who does not, and look around now and then."""
        now = asyncio.get_running_loop().time
        looked = now()
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self._be_alive()
                self._answers = True
            except ResponseError as error:
                self._answers = True
                log.warning("Redis does not keep what it is told: %s", error)  # that it is full, say: others still hear
            except (RedisError, OSError):
                self._answers = False
            for lock in list(self._held) if self._answers else ():
                with suppress(RedisError, OSError, LockError):
                    await lock.reacquire()
            if self.connected:
                if self._dropped and not self._outbox:
                    self._dropped = False
                    self.publish("all", {"kind": "look"})
                else:
                    self.publish("all", {"kind": "alive"})
                if now() - self._echo > SILENT:  # a line that is dead and does not say so
                    self._tasks[0].cancel()
                    self._tasks[0] = asyncio.create_task(_on_and_on(self._listen))
                    continue
                for node, heard in list(self._heard.items()):
                    if now() - heard > SILENT:
                        self._lose(node)
            if not self.connected or now() - looked > LOOK_EVERY:
                looked = now()
                for callback in self.doubts:
                    callback()


async def _on_and_on(work: Callable[[], Awaitable[None]]) -> None:
    """A mistake somewhere must not leave the node deaf or dumb until it is started again."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("What keeps this node in touch with the others broke, and begins anew")
        await asyncio.sleep(BEAT)
