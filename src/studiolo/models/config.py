"""Which models this studio may use, as its owner wrote it down: `models.toml` in the data folder, and the environment.

    default = "qwen"                     # optional; STUDIOLO_MODEL wins

    [[models]]
    name = "qwen"
    provider = "openai-compatible"       # openai | anthropic | google | ollama | openai-compatible | gguf
    model = "qwen3-32b"
    base_url = "http://gpu.local:8000/v1"
    api_key_env = "GPU_KEY"              # or api_key = "..."
    context = 32768                      # optional: also label, small, tools, constrained
    input_price = 0.5                    # optional: US dollars for a million tokens read, and written
    output_price = 1.5

    [[models]]
    name = "local-7b"
    provider = "gguf"
    path = "~/models/some-7b.Q4_K_M.gguf"   # optional: context, slots, threads

A mistake in one table costs that table only. Nothing here talks to a network.
"""

from __future__ import annotations

import difflib
import itertools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from studiolo.models.masking import masked

FILE_NAME = "models.toml"


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What is the same for every model of one provider. `context` is a careful guess, in tokens."""

    label: str
    context: int
    base_url: str = ""
    key_variables: tuple[str, ...] = ()
    url_variables: tuple[str, ...] = ()
    model_variables: tuple[str, ...] = ()
    usual_model: str = ""
    needs_key: bool = False
    needs_url: bool = False
    module: str = "openai"
    extra: str = ""


PROVIDERS: dict[str, ProviderFacts] = {
    "openai": ProviderFacts(
        label="OpenAI",
        context=128_000,
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        url_variables=("OPENAI_BASE_URL",),
        model_variables=("OPENAI_MODEL",),
        usual_model="gpt-6.1-sol",
        needs_key=True,
    ),
    "anthropic": ProviderFacts(
        label="Anthropic",
        context=200_000,
        base_url="https://api.anthropic.com",
        key_variables=("ANTHROPIC_API_KEY",),
        url_variables=("ANTHROPIC_BASE_URL",),
        model_variables=("ANTHROPIC_MODEL",),
        usual_model="claude-sonnet-5-5",
        needs_key=True,
        module="anthropic",
        extra="anthropic",
    ),
    "google": ProviderFacts(
        label="Google",
        context=1_000_000,
        base_url="https://generativelanguage.googleapis.com",
        key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        url_variables=("GOOGLE_GEMINI_BASE_URL",),
        model_variables=("GEMINI_MODEL", "GOOGLE_MODEL"),
        usual_model="gemini-3.8-flash",
        needs_key=True,
        module="google.genai",
        extra="google",
    ),
    "ollama": ProviderFacts(
        label="Ollama",
        context=4096,
        base_url="http://127.0.0.1:11434/v1",
        key_variables=("OLLAMA_API_KEY",),
        url_variables=("OLLAMA_BASE_URL", "OLLAMA_HOST"),
        model_variables=("OLLAMA_MODEL",),
    ),
    "openai-compatible": ProviderFacts(label="OpenAI-compatible", context=8192, needs_url=True),
    "gguf": ProviderFacts(label="llama.cpp", context=8192, module="xllamacpp"),
}

_SETTINGS: dict[str, type] = {
    "name": str,
    "provider": str,
    "model": str,
    "label": str,
    "base_url": str,
    "api_key": str,
    "api_key_env": str,
    "path": str,
    "context": int,
    "slots": int,
    "threads": int,
    "small": bool,
    "tools": bool,
    "constrained": bool,
    "input_price": float,
    "output_price": float,
}
_TYPE_NAMES = {str: 'text in "quotes"', int: "a whole number", float: "a number", bool: "true or false"}
_TABLE = re.compile(r"^\s*\[\[\s*models\s*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One model that was asked for. `problem` says why it cannot be used, `note` what to know when it can."""

    name: str
    provider: str
    model: str = ""
    label: str = ""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    key_help: str = ""
    path: Path | None = None
    context: int = 0
    slots: int = 3
    threads: int = 0
    small: bool | None = None
    tools: bool | None = None
    constrained: bool | None = None
    input_price: float | None = None
    output_price: float | None = None
    problem: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    entries: tuple[Entry, ...] = ()
    default: str = ""
    problems: tuple[str, ...] = ()


def read_file(path: Path, environ: Mapping[str, str]) -> Config:
    """The models of `models.toml`. Never raises: what cannot be used is a problem with its line and its remedy."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        return Config(problems=(f"{path} cannot be read ({error}). Make it a readable UTF-8 text file.",))
    entries: list[Entry] = []
    problems: list[str] = []
    default = ""
    for first_line, part in _parts(text):
        try:
            table = tomllib.loads(part)
        except tomllib.TOMLDecodeError as error:
            line = first_line + _line_of(error, part) - 1
            reason = re.sub(r" \(at .*\)$", "", str(error))
            problems.append(f"{path}, line {line}: {reason}. Correct that line; this model is left out.")
            continue
        if "models" not in table:
            for key, value in table.items():
                if key == "default" and isinstance(value, str):
                    default = value
                else:
                    problems.append(
                        f"{path}, line {_find(part, key, first_line)}: {key!r} is not a setting here."
                        f' Known: default = "name of a model", and [[models]] tables.'
                    )
            continue
        entry, wrong = _entry(table["models"][0], part, first_line, environ)
        problems.extend(f"{path}, {sentence}" for sentence in wrong)
        if entry is not None and any(entry.name == other.name for other in entries):
            problems.append(
                f"{path}, line {_find(part, 'name', first_line)}: the name {entry.name!r} is used twice."
                " Give this one another name; it is left out."
            )
        elif entry is not None:
            entries.append(entry)
    return Config(tuple(entries), default, tuple(problems))


def from_environment(environ: Mapping[str, str]) -> tuple[Entry, ...]:
    """One entry for each provider whose key or address is in the environment, with its usual model."""
    entries: list[Entry] = []
    for provider, facts in PROVIDERS.items():
        has_key = any(environ.get(name) for name in facts.key_variables)
        has_url = any(environ.get(name) for name in facts.url_variables)
        if not (has_key or (has_url and not facts.needs_key) or (has_url and provider == "openai")):
            continue
        own_server = provider == "ollama" or (provider == "openai" and has_url)
        model = _first(environ, facts.model_variables) or ("" if own_server else facts.usual_model)
        if model:
            entries.append(resolve(f"{provider}:{model}", environ))
    return tuple(entries)


def own_servers(environ: Mapping[str, str]) -> tuple[Entry, ...]:
    """Servers in the environment that can be asked which models they have; `model` is empty in these."""
    found: list[Entry] = []
    for provider in ("openai", "ollama"):
        if any(environ.get(name) for name in PROVIDERS[provider].url_variables):
            found.append(_complete(Entry(name=provider, provider=provider), environ))
    return tuple(found)


def resolve(name: str, environ: Mapping[str, str]) -> Entry:
    """The entry for a name like `openai:gpt-6.1-sol`. Raises KeyError when the part before `:` is no provider."""
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or provider in ("gguf", "openai-compatible") or not model:
        raise KeyError(name)
    return _complete(Entry(name=name, provider=provider, model=model), environ)


def server_url(address: str, port: int = 0) -> str:
    """An OpenAI-style base URL from what people write: `host`, `host:port`, with or without http:// and /v1."""
    address = address.strip().rstrip("/")
    if "://" not in address:
        address = f"http://{address}"
    parts = urlsplit(address)
    host = parts.netloc.replace("0.0.0.0", "127.0.0.1")  # what a server binds to is no address to call
    if port and parts.port is None and parts.scheme == "http":
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}{parts.path or '/v1'}"


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _complete(entry: Entry, environ: Mapping[str, str], key_variable: str = "") -> Entry:
    """`entry` with what the environment and the provider's usual values add, and its problem if there is one."""
    facts = PROVIDERS[entry.provider]
    variables = (key_variable,) if key_variable else facts.key_variables
    key, key_help = entry.api_key, entry.key_help
    if not key:
        key = _first(environ, variables)
        used = next((name for name in variables if environ.get(name)), variables[0] if variables else "")
        key_help = f"it comes from the environment variable {used}." if used else "set api_key in models.toml."
    url = entry.base_url or _first(environ, facts.url_variables) or facts.base_url
    if entry.provider == "ollama":
        url = server_url(url, 11434)
    elif url and entry.provider in ("openai", "openai-compatible"):
        url = server_url(url)
    problem = entry.problem
    if not problem and facts.needs_url and not url:
        problem = 'It has no address: add base_url = "http://host:port/v1".'
    if not problem and (facts.needs_key or key_variable) and not key and (key_variable or url == facts.base_url):
        problem = f"It has no key: set the environment variable {variables[0]} and start the studio again."
    return replace(entry, base_url=url, api_key=key, key_help=key_help, problem=problem)


def _entry(
    table: Mapping[str, Any], part: str, first_line: int, environ: Mapping[str, str]
) -> tuple[Entry | None, list[str]]:
    wrong: list[str] = []
    good: dict[str, Any] = {}

    def complain(key: str, sentence: str) -> None:
        wrong.append(masked(f"line {_find(part, key, first_line)}: {sentence}"))

    for key, value in table.items():
        wanted = _SETTINGS.get(key)
        if wanted is None:
            near = difflib.get_close_matches(key, _SETTINGS, 1)
            advice = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(_SETTINGS)}."
            complain(key, f"{key!r} is not a setting of a model. {advice}")
        elif type(value) is not wanted and not (wanted is float and type(value) is int):
            complain(key, f"{key} must be {_TYPE_NAMES[wanted]}.")
        elif wanted is int and value < 1:
            complain(key, f"{key} must be 1 or more.")
        elif wanted is float and not 0 <= value < 1e6:
            complain(key, f"{key} must be what a million tokens cost, in US dollars.")
        else:
            good[key] = value
    provider = masked(good.get("provider", ""))
    name = good.get("name") or (f"{provider}:{good['model']}" if provider and good.get("model") else "")
    if not name:
        complain("", 'this [[models]] table has no name. Add name = "what you want to call it".')
        return None, wrong
    at, problem = "", ""
    if provider not in PROVIDERS:
        near = difflib.get_close_matches(provider, PROVIDERS, 1)
        advice = f"Did you mean {near[0]}?" if near else f"It must be one of {', '.join(PROVIDERS)}."
        at, problem = "provider", f"There is no provider {provider!r}. {advice}"
    elif provider == "gguf" and not good.get("path"):
        problem = 'It has no weights: add path = "/where/it/is.gguf".'
    elif provider != "gguf" and not good.get("model"):
        problem = 'It does not say which model: add model = "the provider\'s name for it".'
    if wrong:  # the first mistake is often the cause of what is missing
        return Entry(name=name, provider=provider, problem=_capital(wrong[0].partition(": ")[2])), wrong
    if problem:
        complain(at, f"{name}: {problem}")
        return Entry(name=name, provider=provider, problem=masked(problem)), wrong
    entry = Entry(
        name=name,
        provider=provider,
        model=good.get("model", ""),
        label=good.get("label", ""),
        base_url=good.get("base_url", ""),
        api_key=good.get("api_key", ""),
        key_help=f"it is the api_key of {name} in {FILE_NAME}.",
        path=Path(good["path"]).expanduser() if good.get("path") else None,
        context=good.get("context", 0),
        slots=good.get("slots", 3),
        threads=good.get("threads", 0),
        small=good.get("small"),
        tools=good.get("tools"),
        constrained=good.get("constrained"),
        input_price=good.get("input_price"),
        output_price=good.get("output_price"),
    )
    entry = _complete(entry, environ, good.get("api_key_env", ""))
    if entry.problem:
        complain("api_key_env" if "api_key_env" in good else "", f"{name}: {entry.problem}")
    return entry, wrong


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _parts(text: str) -> list[tuple[int, str]]:
    """The file cut before each `[[models]]`, with the number of each part's first line."""
    starts = [found.start() for found in _TABLE.finditer(text)]
    bounds = [0, *starts, len(text)]
    return [
        (text.count("\n", 0, begin) + 1, text[begin:end])
        for begin, end in itertools.pairwise(bounds)
        if text[begin:end].strip()
    ]


def _line_of(error: tomllib.TOMLDecodeError, part: str) -> int:
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else part.rstrip().count("\n") + 1


def _find(part: str, key: str, first_line: int) -> int:
    found = re.search(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*=", part, re.MULTILINE) if key else None
    if found is None:
        found = _TABLE.search(part)
    return first_line + (part.count("\n", 0, found.end()) if found else 0)
