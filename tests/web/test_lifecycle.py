"""Starting, stopping, being killed, and starting again."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2
import pytest

from tests.conftest import StartStudio
from tests.ops.test_logs import FAULTS
from tests.web.test_canvases import act
from tests.web.yclient import YClient


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_with_clients_connected(start_studio: StartStudio, sig: signal.Signals) -> None:
    studio = start_studio()
    made = studio.canvas("The cat sat.")
    page = made["pages"][0]["id"]
    async with YClient(studio.sync_url(made["id"], ack="1")) as client:
        await client.ready()
        client.insert(page, 0, "Kept: ")
        await client.until(lambda: client.acked >= 2)
        assert await asyncio.to_thread(studio.stop, sig) == 0
        await client.until_closed()
    assert "Traceback" not in studio.log(), studio.log()
    studio.start()
    with studio.client() as owner:
        assert owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text == "Kept: The cat sat."
    assert studio.stop() == 0


def test_kill_9_keeps_every_action_that_was_answered(start_studio: StartStudio) -> None:
    studio = start_studio()
    made = studio.canvas("x")
    answered: list[str] = []
    enough = threading.Event()

    def talk(name: str) -> None:
        with studio.client() as client:
            for number in range(1000):
                try:
                    answer = act(client, made["id"], "say", text=f"{name}{number}")
                except httpx2.TransportError:
                    return
                assert answer.status_code == 200
                answered.append(f"{name}{number}")
                if len(answered) >= 60:
                    enough.set()

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    studio.stop(signal.SIGKILL)
    for thread in threads:
        thread.join()
    studio.start()
    with studio.client() as owner:
        kept = [message["text"] for message in owner.get(f"/api/canvases/{made['id']}").json()["chat"]]
    assert len(kept) == len(set(kept))
    assert set(answered) <= set(kept)


async def test_kill_9_keeps_everything_typed_that_was_acknowledged(start_studio: StartStudio) -> None:
    studio = start_studio()
    made = studio.canvas("")
    page = made["pages"][0]["id"]
    async with YClient(studio.sync_url(made["id"], ack="1")) as client:
        await client.ready()
        for _ in range(200):
            client.insert(page, len(client.text(page)), "w")
        await client.until(lambda: client.acked >= 150)
        studio.stop(signal.SIGKILL)
        acked = client.acked - 1  # the first acknowledges the answer to the server's step 1
    studio.start()
    with studio.client() as owner:
        assert len(owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text) >= acked


def test_a_retry_after_a_restart_is_still_harmless(start_studio: StartStudio) -> None:
    studio = start_studio()
    made = studio.canvas("x")
    with studio.client() as owner:
        first = act(owner, made["id"], "say", text="once", key="the-key").json()
    assert studio.stop() == 0
    studio.start()
    with studio.client() as owner:
        assert act(owner, made["id"], "say", text="once", key="the-key").json() == first
        assert len(owner.get(f"/api/canvases/{made['id']}").json()["chat"]) == 1


def test_a_port_in_use_is_said_in_a_sentence(start_studio: StartStudio) -> None:
    studio = start_studio()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environ = {**studio.environ, "STUDIOLO_HOME": str(studio.home / "other"), "STUDIOLO_PORT": port}
        refused = subprocess.run(
            [sys.executable, "-m", "studiolo", "serve"], env=environ, capture_output=True, text=True, timeout=60
        )
    assert refused.returncode == 1 and refused.stdout == ""
    assert port in refused.stderr and "STUDIOLO_PORT" in refused.stderr and "Traceback" not in refused.stderr


def test_a_second_server_on_the_same_data_is_refused(start_studio: StartStudio) -> None:
    studio = start_studio()
    refused = studio.cli("serve", "--port", "0")
    assert refused.returncode == 1 and refused.stdout == ""
    assert "already running" in refused.stderr and str(studio.process.pid) in refused.stderr


def test_a_damaged_database_is_said_in_a_sentence(start_studio: StartStudio) -> None:
    studio = start_studio()
    assert studio.stop() == 0
    (studio.home / "studiolo.db").write_bytes(b"This is not a database. " * 100)
    refused = studio.cli("serve", "--port", "0")
    assert refused.returncode == 1 and refused.stdout == ""
    assert "database" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_exactly_one_line_is_printed(start_studio: StartStudio) -> None:
    studio = start_studio()
    with studio.client() as owner:
        owner.get("/api/health")
    studio.process.send_signal(signal.SIGTERM)
    assert studio.process.stdout
    assert studio.process.stdout.read() == "", "the ready line was read by the fixture; nothing else follows"
    assert studio.process.wait(20) == 0


def test_a_thread_that_works_on_does_not_hold_up_the_end(start_studio: StartStudio) -> None:
    studio = start_studio(PYTHONPATH=FAULTS)
    made = studio.canvas("x")
    with studio.client() as owner:
        assert act(owner, made["id"], "say", text="fault:thread").status_code == 200
    assert studio.stop() == 0


def test_a_stop_that_hangs_ends_and_says_where_it_hung(start_studio: StartStudio) -> None:
    studio = start_studio(PYTHONPATH=FAULTS)
    made = studio.canvas("x")
    with studio.client() as owner:
        assert act(owner, made["id"], "say", text="fault:stuck").status_code == 200
        assert act(owner, made["id"], "say", text="Kept.").status_code == 200
    assert studio.stop() == 1
    assert "Timeout" in studio.log() and "in serve" in studio.log()
    studio.environ["PYTHONPATH"] = ""
    studio.start()
    with studio.client() as owner:
        assert owner.get(f"/api/canvases/{made['id']}").json()["chat"][-1]["text"] == "Kept."
    assert studio.stop() == 0


@pytest.mark.parametrize("busy", [True, False])
def test_a_signal_that_is_repeated_to_the_end_is_no_failure(start_studio: StartStudio, busy: bool) -> None:
    studio = start_studio(PYTHONPATH=FAULTS)
    made = studio.canvas("x")
    if busy:  # so that the end takes a while
        with studio.client() as owner:
            assert act(owner, made["id"], "say", text="fault:thread").status_code == 200
    while studio.process.poll() is None:
        studio.process.send_signal(signal.SIGTERM)
        time.sleep(0.002)
    assert studio.stop() == 0


def test_the_tokens_of_links_and_sockets_do_not_reach_the_log(start_studio: StartStudio) -> None:
    studio = start_studio()
    made = studio.canvas("x")

    async def visit() -> None:
        async with YClient(studio.sync_url(made["id"])) as client:
            await client.ready()

    asyncio.run(visit())
    assert studio.stop() == 0
    assert studio.token not in studio.log() and studio.setup not in studio.log()
