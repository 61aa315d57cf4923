"""How each provider's models are reached: a config entry becomes a pydantic-ai model.

The SDKs are imported when a model is first used; they are slow to import and some are optional.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import TYPE_CHECKING

import httpx2

from studiolo.models.config import PROVIDERS, Entry
from studiolo.models.engine import Engine

if TYPE_CHECKING:
    from pydantic_ai.models import Model as AiModel


def missing_package(provider: str) -> str:
    """The sentence that says what to install for this provider, or nothing."""
    facts = PROVIDERS[provider]
    outer = facts.module.partition(".")[0]  # find_spec imports the parents of what it looks for
    if importlib.util.find_spec(outer) and (outer == facts.module or importlib.util.find_spec(facts.module)):
        return ""
    wanted = f"'studiolo[{facts.extra}]'" if facts.extra else facts.module
    return f"The library for {facts.label} is not installed: pip install {wanted}."


def import_libraries(used: Iterable[str]) -> None:
    """Import what these providers need. It takes a second or more: call it from a thread, ahead of the first use."""
    for provider in sorted(used):
        if not missing_package(provider):
            name = provider if provider in ("anthropic", "google", "ollama") else "openai"
            importlib.import_module(f"pydantic_ai.models.{name}")


def remote(entry: Entry, http: httpx2.AsyncClient) -> AiModel:
    """The pydantic-ai model that talks to this entry's provider."""
    if entry.provider == "anthropic":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        return AnthropicModel(
            entry.model,
            provider=AnthropicProvider(api_key=entry.api_key, base_url=entry.base_url, http_client=http),
        )
    if entry.provider == "google":
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        return GoogleModel(
            entry.model,
            provider=GoogleProvider(api_key=entry.api_key, base_url=entry.base_url, http_client=http),
        )
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    # A server of one's own often has no key, and the SDK insists on one.
    key = entry.api_key or "none"
    if entry.provider == "ollama":
        from pydantic_ai.models.ollama import OllamaModel
        from pydantic_ai.providers.ollama import OllamaProvider

        return OllamaModel(entry.model, provider=OllamaProvider(base_url=entry.base_url, api_key=key, http_client=http))
    from studiolo.models.openai_client import Client

    client = Client(base_url=entry.base_url, api_key=key, http_client=http)
    return OpenAIChatModel(entry.model, provider=OpenAIProvider(openai_client=client))


def local(name: str, engine: Engine, *, tools: bool) -> AiModel:
    """The pydantic-ai model for a child process of ours.

    The profile is what llama.cpp's server and small chat templates can do: schemas are enforced while decoding,
    one system message, no strict tools.
    """
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles import InlineDefsJsonSchemaTransformer
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    from studiolo.models.openai_client import Client

    client = Client(
        base_url="http://model/v1",
        api_key=engine.key,
        http_client=engine.client,
        max_retries=0,  # a crash is to be told, not hidden behind a second try
    )
    return OpenAIChatModel(
        name,
        provider=OpenAIProvider(openai_client=client),
        profile=OpenAIModelProfile(
            supports_tools=tools,
            supports_json_schema_output=True,
            supports_json_object_output=True,
            default_structured_output_mode="native",
            native_output_requires_schema_in_instructions=False,
            json_schema_transformer=InlineDefsJsonSchemaTransformer,
            openai_supports_strict_tool_definition=False,
            openai_chat_supports_multiple_system_messages=False,
            openai_chat_supports_max_completion_tokens=False,
            openai_system_prompt_role="system",
            context_window=engine.settings.context,
        ),
    )


async def models_at(entry: Entry, http: httpx2.AsyncClient) -> list[str]:
    """The models that an OpenAI-style server says it has. Raises httpx2.HTTPError or ValueError."""
    headers = {"Authorization": f"Bearer {entry.api_key}"} if entry.api_key else {}
    answer = await http.get(f"{entry.base_url}/models", headers=headers, timeout=5.0)
    answer.raise_for_status()
    data = answer.json()
    found = data.get("data") if isinstance(data, dict) else None
    return [item["id"] for item in found or [] if isinstance(item, dict) and isinstance(item.get("id"), str)]
