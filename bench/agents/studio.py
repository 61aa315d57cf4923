"""A studio whose models are all answered by the recorded provider, and asking its agents."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx2

from bench.rooms import documents, machine
from bench.rooms.servers import ON_LOOPBACK, Room, Studio

AT_ONCE = 4  # skills that the studio lets stream with one model at a time
MODELS = ("answer", "steps-fast", "steps-paced", "inserting")
ENDED = ("done", "failed", "stopped")


class Provider:
    """The recorded provider, in a process of its own beside the load."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def tokens(self) -> int:
        """Pieces sent so far."""
        return httpx2.get(f"{self.url}/tokens").json()

    def requests(self, model: str) -> list[dict[str, Any]]:
        """What that model was asked since somebody looked."""
        return httpx2.get(f"{self.url}/requests/{model}").json()


@contextmanager
def provider() -> Iterator[Provider]:
    process = subprocess.Popen(
        machine.pinned(1, [sys.executable, "-m", "bench.agents.provider"]),
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout
        yield Provider(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()


class AgentStudio(Studio):
    """`studiolo serve` with models that call tools."""

    name: ClassVar[str] = "Studiolo with agents"
    acknowledges: ClassVar[bool] = True
    models_at = ""  # the provider's address

    def command(self) -> list[str]:
        command = super().command()
        home = self.folder / "studio"
        home.mkdir(exist_ok=True)
        entries = [
            f'[[models]]\nname = "{name}"\nprovider = "openai-compatible"\nmodel = "{name}"\n'
            f'base_url = "{self.models_at}/v1"\napi_key = "none"\ncontext = 64000\n'
            for name in (*MODELS, *(prose_model(agent) for agent in range(0, 100, AT_ONCE)))
        ]
        (home / "models.toml").write_text("\n".join(entries))
        self.environment["STUDIOLO_MODEL"] = "answer"
        return command

    @property
    def url(self) -> str:
        return f"http://{ON_LOOPBACK}:{self.port}"

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def open_room(self, number: int, texts: list[str]) -> tuple[Room, list[str]]:
        """A room in which people type on one page, and pages of the same canvas for agents; the ids of those."""
        room = self.room(documents.EMPTY, number)
        with self.client() as client:
            made = [
                act(client, room.name, {"type": "add_page", "title": f"Of agent {index}", "text": text})["id"]
                for index, text in enumerate(texts)
            ]
        return room, made


def prose_model(agent: int) -> str:
    """The model of the agent of that number: so many share one as the studio lets stream at once."""
    return f"prose-{agent // AT_ONCE}"


def act(client: httpx2.Client, canvas: str, action: dict[str, Any]) -> dict[str, Any]:
    return client.post(f"/api/canvases/{canvas}/actions", json=action).raise_for_status().json()


async def ask(client: httpx2.AsyncClient, canvas: str, **body: Any) -> str:
    """Ask the co-author; the run's id."""
    answer = await client.post(f"/api/canvases/{canvas}/ask", json={"agent": "co-author", **body})
    return answer.raise_for_status().json()["run"]


async def events(client: httpx2.AsyncClient, run: str) -> AsyncGenerator[dict[str, Any], None]:
    """What happens in a run, as it happens."""
    async with client.stream("GET", f"/api/runs/{run}/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:])
