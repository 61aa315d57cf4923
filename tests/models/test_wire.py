"""Providers as they are on the wire: what is sent, what is streamed back, and what a person reads when it fails."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest
from pydantic_ai import Agent

from studiolo.models import ModelFailed, Models
from tests.models.conftest import StudioMaker
from tests.models.fake_provider import WORDS, FakeProvider, Refusal

pytestmark = pytest.mark.asyncio

KEY = "sk-test-0123456789abcdefghij"
LINE = "".join(WORDS)

PROVIDERS = {
    "openai": ("OPENAI_API_KEY", "/v1", "authorization", f"Bearer {KEY}", "/v1/chat/completions"),
    "anthropic": ("ANTHROPIC_API_KEY", "", "authorization", f"Bearer {KEY}", "/v1/messages"),
    "google": ("GEMINI_API_KEY", "", "x-goog-api-key", KEY, "/v1beta/models/m-1:streamGenerateContent?alt=sse"),
    "ollama": ("OLLAMA_API_KEY", "/v1", "authorization", f"Bearer {KEY}", "/v1/chat/completions"),
    "openai-compatible": ("OTHER_KEY", "/v1", "authorization", f"Bearer {KEY}", "/v1/chat/completions"),
}


def configured(studio: StudioMaker, provider: str, url: str) -> Models:
    variable, path, *_ = PROVIDERS[provider]
    return studio(
        {variable: KEY},
        f'[[models]]\nname = "it"\nprovider = "{provider}"\nmodel = "m-1"\nbase_url = "{url}{path}"\n'
        f'api_key_env = "{variable}"\n',
    )


async def streamed(models: Models, name: str = "it") -> list[str]:
    agent = Agent(models.get(name).pydantic, instructions="Be brief.")
    async with agent.run_stream("Continue.", model_settings={"max_tokens": 50}) as stream:
        return [delta async for delta in stream.stream_text(delta=True, debounce_by=None)]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_text_streams_and_the_key_goes_where_the_provider_wants_it(
    studio: StudioMaker, provider: FakeProvider, name: str
) -> None:
    _, _, header, value, path = PROVIDERS[name]
    models = configured(studio, name, provider.url)
    assert await streamed(models) == WORDS
    (asked,) = provider.asked
    assert asked.path == path
    assert asked.headers.get(header) == value, asked.headers
    assert "Continue." in str(asked.body) and "Be brief." in str(asked.body)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_the_trial_times_a_provider(studio: StudioMaker, provider: FakeProvider, name: str) -> None:
    trial = await configured(studio, name, provider.url).test("it")
    assert (trial.ok, trial.text, trial.error) == (True, LINE, None)
    assert trial.first_token_ms and trial.tokens_per_second


REFUSALS: list[tuple[str, Refusal, str, str]] = [
    (
        "openai",
        Refusal(401, {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": "invalid_api_key"}}),
        "key",
        "OPENAI_API_KEY",
    ),
    (
        "anthropic",
        Refusal(401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}),
        "key",
        "ANTHROPIC_API_KEY",
    ),
    (
        "google",
        Refusal(403, {"error": {"code": 403, "message": f"Key {KEY} is blocked.", "status": "PERMISSION_DENIED"}}),
        "key",
        "GEMINI_API_KEY",
    ),
    (
        "openai",
        Refusal(
            429,
            {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}},
            {"retry-after": "17", "x-should-retry": "false"},
        ),
        "limit",
        "17 seconds",
    ),
    (
        "openai",
        Refusal(
            429,
            {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
            {"x-should-retry": "false"},
        ),
        "credit",
        "Add credit",
    ),
    (
        "anthropic",
        Refusal(
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            {"x-should-retry": "false"},
        ),
        "provider",
        "Try again",
    ),
    (
        "openai",
        Refusal(404, {"error": {"message": "The model `m-1` does not exist", "code": "model_not_found"}}),
        "unknown_model",
        "models.toml",
    ),
    (
        "openai",
        Refusal(
            400,
            {"error": {"message": "maximum context length is 100 tokens", "code": "context_length_exceeded"}},
        ),
        "context",
        "shorter",
    ),
    (
        "anthropic",
        Refusal(
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
        ),
        "context",
        "shorter",
    ),
    (
        "openai-compatible",
        Refusal(400, {"error": {"message": f"temperature must be positive (key {KEY})"}}),
        "refused",
        "Choose another model",
    ),
    (
        "openai-compatible",
        Refusal(500, {"error": {"message": "CUDA out of memory"}}, {"x-should-retry": "false"}),
        "provider",
        "Try again",
    ),
]


@pytest.mark.parametrize(
    ("name", "refusal", "reason", "advice"),
    [pytest.param(*case, id=f"{case[0]}-{case[1].status}-{case[2]}") for case in REFUSALS],
)
@pytest.mark.parametrize("way", ["stream", "whole"])
async def test_a_refusal_says_what_to_do_next_and_never_the_key(
    studio: StudioMaker,
    provider: FakeProvider,
    caplog: pytest.LogCaptureFixture,
    name: str,
    refusal: Refusal,
    reason: str,
    advice: str,
    way: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.refusal = refusal
    models = configured(studio, name, provider.url)
    with pytest.raises(ModelFailed) as caught:
        if way == "stream":
            await streamed(models)
        else:
            await Agent(models.get("it").pydantic).run("Hello")
    failed = caught.value
    assert (failed.reason, failed.details["model"]) == (reason, "it")
    assert advice in failed.hint
    logging.getLogger("studio").error("a run failed", exc_info=failed)
    for shown in (str(failed.as_dict()), repr(failed), caplog.text):
        assert KEY not in shown


async def test_a_server_that_is_not_there(studio: StudioMaker) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    models = configured(studio, "openai-compatible", url)
    trial = await models.test("it")
    assert trial.error
    assert trial.error["reason"] == "unreachable"
    assert url in trial.error["message"]
    assert "running" in trial.error["hint"]


@pytest.mark.parametrize("name", ["openai", "anthropic", "google"])
async def test_a_connection_that_breaks_in_the_middle(studio: StudioMaker, provider: FakeProvider, name: str) -> None:
    provider.hang_up_after = 2
    with pytest.raises(ModelFailed) as caught:
        await streamed(configured(studio, name, provider.url))
    assert caught.value.reason == "unreachable"


async def test_a_server_that_is_silent(studio: StudioMaker, provider: FakeProvider) -> None:
    provider.silence = 1.0
    trial = await configured(studio, "openai-compatible", provider.url).test("it", limit=0.3)
    assert trial.error and trial.error["reason"] == "timeout"


async def test_what_the_reader_of_a_stream_raises_is_left_as_it_is(studio: StudioMaker, provider: FakeProvider) -> None:
    class OfTheReader(Exception):
        pass

    agent = Agent(configured(studio, "openai", provider.url).get("it").pydantic)
    with pytest.raises(OfTheReader):
        async with agent.run_stream("Continue.") as stream:
            async for _ in stream.stream_text(delta=True, debounce_by=None):
                raise OfTheReader


async def test_a_model_can_be_asked_for_by_its_providers_name(studio: StudioMaker, provider: FakeProvider) -> None:
    models = studio({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": provider.url + "/v1"})
    assert await streamed(models, "openai:any-name-at-all") == WORDS
    assert provider.asked[-1].body["model"] == "any-name-at-all"


async def test_own_servers_are_asked_which_models_they_have(studio: StudioMaker, provider: FakeProvider) -> None:
    models = studio({"OLLAMA_HOST": provider.url.removeprefix("http://"), "STUDIOLO_MODEL": "ollama:llama3.2"})
    await models.start()
    await models.settled()
    found = {info.name: info for info in models.list()}
    assert found["ollama:llama3.2"].ready and not found["ollama:llama3.2"].small
    assert found["ollama:qwen2.5:1.5b"].small
    assert await streamed(models, "ollama:qwen2.5:1.5b") == WORDS
    assert provider.asked[-1].body["model"] == "qwen2.5:1.5b"


async def test_an_own_server_that_is_not_running_is_a_problem_and_no_obstacle(studio: StudioMaker) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    models = studio({"OLLAMA_HOST": f"127.0.0.1:{port}", "STUDIOLO_MODEL": "ollama:llama3.2"})
    await models.start()
    await models.settled()
    (problem,) = models.problems
    assert f"127.0.0.1:{port}" in problem and "running" in problem


async def test_tools_and_schemas_reach_the_provider(studio: StudioMaker, provider: FakeProvider) -> None:
    def look_up(word: str) -> str:
        """Look a word up."""
        return word

    agent: Agent[Any, Any] = Agent(configured(studio, "anthropic", provider.url).get("it").pydantic, tools=[look_up])
    async with agent.run_stream("Continue.") as stream:
        await stream.get_output()
    assert provider.asked[-1].body["tools"][0]["name"] == "look_up"
