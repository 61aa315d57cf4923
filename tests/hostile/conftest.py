from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import ServedStudio

from .table import Table, table


@pytest.fixture
async def here(studio: ServedStudio) -> AsyncIterator[Table]:
    """A canvas of the studio that all tests share, with an honest person who must still be there in the end."""
    async with table(studio) as made:
        before = len(studio.log())
        yield made
        await made.goes_on()
        told = studio.log()[before:]
        assert "Traceback" not in told and "ERROR" not in told, told
