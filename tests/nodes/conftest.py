"""Nodes of one studio in this process: each with its own connection to the same PostgreSQL and the same Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from studiolo.rooms import Nodes, Room, Rooms
from studiolo.store import Store


@dataclass
class Node:
    """What one process of a studio holds."""

    store: Store
    nodes: Nodes
    rooms: Rooms

    async def die(self) -> None:
        """Go without a word, as a killed process does."""
        for task in self.nodes._tasks:
            task.cancel()

    async def close(self) -> None:
        await self.rooms.close()
        await self.nodes.close()
        await self.store.close()

    def room(self, canvas: str) -> Room:
        return self.rooms._rooms[canvas]


StartNode = Callable[[], Awaitable[Node]]


@pytest.fixture
async def start_node(database_url: str, redis_url: str) -> AsyncIterator[StartNode]:
    started: list[Node] = []

    async def start() -> Node:
        store = await Store.open(database_url)
        nodes = await Nodes.join(redis_url, store.studio)
        node = Node(store, nodes, Rooms(store, nodes=nodes))
        await node.rooms.open()
        started.append(node)
        return node

    yield start
    for node in started:
        await node.close()
