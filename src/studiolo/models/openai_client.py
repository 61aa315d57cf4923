"""The OpenAI SDK's client, for requests that are whole when it gets them.

The SDK walks through every message and the schema of every tool, several types at each place, to rename fields that
have none to rename. In a loop of an agent, which sends all of it again in every step, that was the largest part of
what a request costs. What is given as the body goes out as it is.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from openai import AsyncOpenAI
from openai.resources.chat import AsyncChat
from openai.resources.chat.completions import AsyncCompletions


class _Completions(AsyncCompletions):
    async def create(self, *, extra_body: Any = None, **request: Any) -> Any:
        """`messages` and `tools` are JSON already."""
        whole = {name: request.pop(name) for name in ("messages", "tools") if request.get(name)}
        return await super().create(messages=[], extra_body={**whole, **(extra_body or {})}, **request)


class _Chat(AsyncChat):
    @cached_property
    def completions(self) -> AsyncCompletions:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _Completions(self._client)


class Client(AsyncOpenAI):
    """Asks for chat completions without looking through what is asked."""

    @cached_property
    def chat(self) -> AsyncChat:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _Chat(self)
