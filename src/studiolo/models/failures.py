"""What can go wrong with a model, as one error with a sentence that says what to do next.

`Explained` wraps any pydantic-ai model: whatever its provider raises comes out as `ModelFailed`. The original
exception is not chained: its text may hold a key, and tracebacks are logged.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from pydantic_ai import RunContext
from pydantic_ai import exceptions as ai
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from studiolo.canvas.errors import StudioloError
from studiolo.models.masking import masked

_LONGEST_QUOTE = 300


class ModelFailed(StudioloError):
    """A language model could not answer. `details["reason"]` is one word for programs, `details["model"]` its name.

    Reasons: setup, key, limit, credit, unreachable, timeout, context, unknown_model, refused, provider, stopped,
    answer.
    """

    code = "model_unavailable"
    status = 503

    def __init__(self, message: str, hint: str = "", *, reason: str = "provider", **details: Any) -> None:
        super().__init__(message, hint, reason=reason, **details)

    @property
    def reason(self) -> str:
        return self.details["reason"]


class Explained(WrapperModel):
    """A model whose failures are `ModelFailed`."""

    def __init__(self, wrapped: Any, explain: Callable[[Exception], ModelFailed | None]) -> None:
        super().__init__(wrapped)
        self._explain = explain

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        try:
            return await super().request(messages, model_settings, model_request_parameters)
        except Exception as error:
            failed = self._explain(error)
            if failed is None:
                raise
            raise failed from None

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        try:
            async with super().request_stream(
                messages, model_settings, model_request_parameters, run_context
            ) as stream:
                yield stream  # what the reader raises while it reads comes back here too
        except Exception as error:
            failed = self._explain(error)
            if failed is None:
                raise
            raise failed from None


def explain(
    error: Exception, *, name: str, where: str, key_help: str, reach_help: str, secrets: Iterable[str]
) -> ModelFailed | None:
    """The `ModelFailed` for what a provider raised, or None when the error did not come from a provider.

    `where` names the provider or its address in a sentence, `key_help` says where its key is set, `reach_help`
    what to check when it cannot be reached.
    """
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ModelFailed):
            inner.details["model"] = name
            return inner
        inner = inner.__cause__ or inner.__context__
    if not isinstance(error, ai.ModelAPIError | ai.UnexpectedModelBehavior | httpx2.TransportError):
        return None
    said = masked(_said(error), secrets)

    def failed(message: str, hint: str, reason: str) -> ModelFailed:
        return ModelFailed(message, hint, reason=reason, model=name, **({"said": said} if said else {}))

    match error:
        case ai.ModelAuthenticationError():
            return failed(f"{where} refused the key for {name}.", f"Check the key: {key_help}", "key")
        case ai.ModelQuotaExceededError():
            return failed(
                f"The account at {where} has no credit left for {name}.",
                "Add credit there, or choose another model.",
                "credit",
            )
        case ai.ModelRateLimitError():
            wait = f"{error.retry_after:.0f} seconds" if error.retry_after else "a minute"
            return failed(
                f"{where} is taking no more requests for {name} just now.",
                f"Try again in {wait}, or choose another model.",
                "limit",
            )
        case ai.ModelContextWindowExceededError():
            return failed(
                f"The text is too long for {name}.",
                "Select a shorter passage, or choose a model with a longer context.",
                "context",
            )
        case ai.ModelNotFoundError():
            close = getattr(error, "suggested_model_id", None)
            return failed(
                f"{where} does not know the model {name}.",
                (f"Did you mean {close}? " if close else "")
                + "Check the model's name and its base_url in models.toml.",
                "unknown_model",
            )
        case ai.ModelTimeoutError() | ai.ModelRequestTimeout() | httpx2.TimeoutException():
            return failed(
                f"{where} took too long to answer for {name}.", "Try again, or choose a faster model.", "timeout"
            )
        case ai.ModelConnectionError() | httpx2.TransportError():
            return failed(
                f"The connection to {where} failed while asking {name}.",
                f"{reach_help} Then ask again.",
                "unreachable",
            )
        case ai.ModelRequestRejectedError():
            if "context size" in said or "context length" in said:
                return failed(
                    f"The text is too long for {name}.",
                    "Select a shorter passage, or choose a model with a longer context.",
                    "context",
                )
            return failed(f"{where} refused the request to {name}: {said}", "Choose another model.", "refused")
        case ai.UnexpectedModelBehavior():
            return failed(
                f"{name} gave an answer that could not be used: {said}",
                "Ask again, or choose a larger model.",
                "answer",
            )
    return failed(f"{where} had a problem of its own while answering for {name}.", "Try again in a minute.", "provider")


def _said(error: Exception) -> str:
    """The provider's own sentence, when it sent one."""
    body: Any = getattr(error, "body", None)
    for _ in range(3):
        if isinstance(body, list) and body:
            body = body[0]
        if isinstance(body, dict):
            body = body.get("error") or body.get("message") or body
        if isinstance(body, dict) and isinstance(body.get("message"), str):
            body = body["message"]
    if body is None:
        body = getattr(error, "message", None) or str(error)
    text = body if isinstance(body, str) else json.dumps(body, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
