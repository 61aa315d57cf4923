"""A studio that tests may stop and kill, and real y-websocket clients."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.conftest import ServedStudio, serve
from tests.interop.test_y_websocket import Peers


@pytest.fixture(scope="session")
def _mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    served = serve(tmp_path_factory.mktemp("mortal"))
    yield served
    served.stop(signal.SIGKILL)


@pytest.fixture
def mortal(_mortal: ServedStudio) -> ServedStudio:
    """One studio for all tests here that stop or kill it: make your own canvas in it. It comes back on its port."""
    if _mortal.process.poll() is not None:
        restart(_mortal)
    return _mortal


@pytest.fixture
def peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.close()


def restart(studio: ServedStudio) -> None:
    """Start a studio again where its clients look for it."""
    studio.start(studio.url.rsplit(":", 1)[1])
