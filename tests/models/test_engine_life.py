"""The child process: it starts when it is needed, a crash is told and mended, and it never outlives its studio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic_ai import Agent

from studiolo.models import EMBEDDED, ModelFailed, Models, weights
from studiolo.models.engine import Engine, EngineSettings
from tests.models.conftest import StudioMaker, needs_weights

pytestmark = [pytest.mark.model, needs_weights, pytest.mark.asyncio]


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and only waits for its parent to look does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children() -> set[int]:
    """The engines that this process has started and that run."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"llama_child" in stat.with_name("cmdline").read_bytes():
                found.add(int(stat.parent.name))
    return found


def shown_by(pid: int | None) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{what}").read_bytes() for what in ("cmdline", "environ"))


def folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("studiolo-model-*")}


@pytest.fixture
def left_behind() -> Path:
    """The folder of a studio that is no more."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = Path(tempfile.mkdtemp(prefix=f"studiolo-model-{dead.pid}-"))
    (folder / "socket.sock").touch()
    return folder


async def gone(pid: int, limit: float = 15.0) -> bool:
    deadline = time.monotonic() + limit
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def bundled_weights() -> Path:
    path = weights.bundled()
    assert path is not None
    return path


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine("The test model", EngineSettings(weights=bundled_weights(), context=512, slots=1))
    yield engine
    await engine.close()


async def say(engine: Engine, max_tokens: int = 8) -> str:
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": max_tokens, "ignore_eos": True}
    headers = {"Authorization": f"Bearer {engine.key}"}
    answer = await engine.client.post("http://model/v1/chat/completions", json=body, headers=headers)
    answer.raise_for_status()
    return answer.json()["choices"][0]["message"]["content"]


async def test_nothing_is_started_before_the_first_request(studio: StudioMaker) -> None:
    models = studio()
    model = models.get()
    engine = models._engines[EMBEDDED]
    assert engine.pid is None
    assert (await Agent(model.pydantic).run("Hello", model_settings={"max_tokens": 4})).output
    pid = engine.pid
    assert pid is not None and alive(pid)
    await models.close()
    assert await gone(pid)


async def test_a_killed_child_costs_the_running_request_an_error_and_the_next_one_nothing(studio: StudioMaker) -> None:
    models = studio()
    agent = Agent(models.get().pydantic)
    engine = models._engines[EMBEDDED]
    settings = {"max_tokens": 900, "extra_body": {"ignore_eos": True}}
    with pytest.raises(ModelFailed) as caught:
        async with agent.run_stream("Write a long story.", model_settings=settings) as stream:  # type: ignore[arg-type]
            pieces = 0
            async for _ in stream.stream_text(delta=True, debounce_by=None):
                pieces += 1
                if pieces == 3:
                    assert engine.pid
                    os.kill(engine.pid, signal.SIGKILL)
    failed = caught.value
    assert (failed.code, failed.status, failed.reason) == ("model_unavailable", 503, "stopped")
    assert "SIGKILL" in failed.message
    assert "Ask again" in failed.hint
    assert (await agent.run("Hello", model_settings={"max_tokens": 4})).output
    assert engine.pid and alive(engine.pid)


async def test_a_child_that_dies_between_two_requests_is_not_noticed(engine: Engine) -> None:
    await engine.start()
    first = engine.pid
    assert first
    os.kill(first, signal.SIGKILL)
    assert await gone(first)
    await asyncio.sleep(0.2)  # the event loop hears of it
    assert await say(engine)
    assert engine.pid != first


async def test_a_child_that_keeps_dying_is_held_back(engine: Engine) -> None:
    starts = 0
    for _ in range(12):
        try:
            await asyncio.wait_for(engine.start(), 30)
        except ModelFailed as failed:
            assert failed.reason == "stopped"
            assert "seconds" in failed.hint
            break
        starts += 1
        assert engine.pid
        engine._crashes += 1  # as if it had died once more: the pauses grow without waiting for each
        os.kill(engine.pid, signal.SIGKILL)
        await engine.explain_break("at once")
    else:
        pytest.fail("it was started again and again without a pause")
    assert starts >= 2


async def test_many_requests_at_once_start_one_child(engine: Engine) -> None:
    await asyncio.gather(*(say(engine, 2) for _ in range(4)))
    assert children() == {engine.pid}


async def test_giving_up_on_the_start_does_not_stop_it(engine: Engine) -> None:
    asking = asyncio.create_task(say(engine))
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.wait([asking])
    await engine.start()
    assert engine.pid and alive(engine.pid)


async def test_only_this_user_can_reach_the_socket(engine: Engine) -> None:
    await engine.start()
    folder = engine._folder
    assert folder is not None and folder.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in folder.iterdir()] == [0]
    await engine.close()
    assert not folder.exists()


async def test_it_works_over_a_loopback_port_too() -> None:
    settings = EngineSettings(weights=bundled_weights(), context=512, slots=1, unix_socket=False)
    engine = Engine("The test model", settings)
    try:
        assert await say(engine)
        assert engine._origin.host == "127.0.0.1"
    finally:
        await engine.close()


async def test_the_key_is_on_no_command_line_and_in_no_environment(engine: Engine) -> None:
    await engine.start()
    shown = shown_by(engine.pid)
    assert b"llama_child" in shown
    assert engine.key.encode() not in shown


async def test_folders_of_studios_that_were_killed_are_removed(left_behind: Path, engine: Engine) -> None:
    assert left_behind.name in folders()
    await engine.start()
    assert engine._folder is not None
    assert left_behind.name not in folders()
    assert engine._folder.name in folders()


PARENT = """
import asyncio, sys
from pathlib import Path
from studiolo.models import Models
async def main():
    models = Models(Path(sys.argv[1]), {})
    await models.start()
    await models.settled()
    print(models._engines[models.default].pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


LAG = """
import asyncio, sys, time
from pathlib import Path
from studiolo.models import Models
async def main():
    models = Models(Path(sys.argv[1]), {})
    began = time.process_time()
    worst = 0.0
    async def watch():
        nonlocal worst
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.005)
            worst = max(worst, time.thread_time() - before)
    watching = asyncio.create_task(watch())
    await models.start()
    await models.settled()
    watching.cancel()
    print(worst, time.process_time() - began)
    await models.close()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_child_dies_with_a_studio_that_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    child = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    assert alive(child)
    parent.kill()
    await parent.wait()
    assert await gone(child, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_end_of_stdin_is_enough_to_end_the_child(engine: Engine) -> None:
    """What a system without a death signal has to rely on."""
    await engine.start()
    child = engine.pid
    assert child and engine._process and engine._process.stdin
    engine._process.stdin.close()
    assert await gone(child, 5)


async def test_weights_that_are_not_there_are_told_by_name(studio: StudioMaker) -> None:
    models = studio(toml='[[models]]\nname = "mine"\nprovider = "gguf"\npath = "/nowhere/mine.gguf"\n')
    info = {info.name: info for info in models.list()}["mine"]
    assert not info.ready
    assert "/nowhere/mine.gguf" in info.note
    with pytest.raises(ModelFailed) as caught:
        models.get("mine")
    assert caught.value.reason == "setup"
    assert "models.toml" in caught.value.hint
    assert models.get().info.ready, "the embedded model does not suffer from it"


async def test_damaged_weights_are_told_with_what_the_engine_said(tmp_path: Path) -> None:
    whole = bundled_weights()
    cut = tmp_path / "cut.gguf"
    with whole.open("rb") as file:
        cut.write_bytes(file.read(3_000_000))
    engine = Engine("The cut model", EngineSettings(weights=cut, context=512))
    try:
        with pytest.raises(ModelFailed) as caught:
            await engine.start()
    finally:
        await engine.close()
    assert caught.value.reason == "setup"
    assert str(cut) in caught.value.hint


async def test_another_gguf_file_is_served_by_its_own_child(studio: StudioMaker) -> None:
    path = bundled_weights()
    models = studio(
        toml=f'default = "mine"\n[[models]]\nname = "mine"\nprovider = "gguf"\npath = "{path}"\n'
        "context = 1024\nslots = 1\ntools = true\n"
    )
    model = models.get()
    assert (model.info.name, model.info.context, model.info.tools) == ("mine", 1024, True)
    assert (await Agent(model.pydantic).run("Hello", model_settings={"max_tokens": 4})).output
    assert models._engines["mine"].pid
    assert EMBEDDED not in models._engines


async def test_the_studio_closes_while_the_model_is_still_starting(studio: StudioMaker) -> None:
    models: Models = studio()
    await models.start()
    while EMBEDDED not in models._engines or models._engines[EMBEDDED]._process is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    process = models._engines[EMBEDDED]._process
    assert process is not None
    await models.close()
    assert await gone(process.pid)


async def test_starting_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    """A live canvas shares this loop: libraries are imported and weights loaded beside it."""
    script = tmp_path / "lag.py"
    script.write_text(LAG)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    blocked, whole = (float(number) for number in output.split())
    assert blocked < 0.3 * whole, f"the loop was blocked for {blocked:.2f} of {whole:.2f} s"
