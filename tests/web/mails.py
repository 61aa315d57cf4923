"""What mails are sent to: a real SMTP server, which refuses when it is told to."""

from __future__ import annotations

import asyncio
import ssl
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP

from tests.web.receiver import WAIT


class Mails:
    """Listens on a free port of 127.0.0.1, in a thread of its own, and keeps what it is sent. `refuse` says how the
    next mails are answered; those after them are taken. `slow`: it has a mail, and does not say so until this is set;
    `rude`: it answers a goodbye with an error."""

    def __init__(self, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self.got: list[EmailMessage] = []
        self.refuse: list[str] = []
        self.slow: threading.Event | None = None
        self.rude = False
        self._new = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._options = {"hostname": "localhost", "tls_context": tls, "require_starttls": tls is not None, **options}
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(WAIT)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: SMTP(self, **self._options), "127.0.0.1", 0)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name there
        with self._new:
            if self.refuse:
                return self.refuse.pop(0)
            mail: Any = message_from_bytes(envelope.content, policy=default)
            self.got.append(mail)
            self._new.notify_all()
        if self.slow is not None:
            await asyncio.to_thread(self.slow.wait, WAIT)
        return "250 OK"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - its name there
        return "554 Not yet" if self.rude else "221 Bye"

    def wait(self, count: int) -> list[EmailMessage]:
        """What arrived, once it is so many."""
        with self._new:
            assert self._new.wait_for(lambda: len(self.got) >= count, WAIT), len(self.got)
        return self.got

    def close(self) -> None:
        async def stop() -> None:
            self._server.close()
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(WAIT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
