"""models.toml and the environment: what is listed, what is the default, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from studiolo.models import EMBEDDED, ModelFailed, ModelInfo, Models, config
from studiolo.models.masking import masked

KEY = "sk-live-0123456789abcdefghij"


def studio(home: Path, toml: str = "", environ: dict[str, str] | None = None) -> Models:
    if toml:
        (home / "models.toml").write_text(toml, "utf-8")
    return Models(home, environ or {})


def listed(models: Models) -> dict[str, ModelInfo]:
    return {info.name: info for info in models.list()}


def test_without_any_configuration_there_is_the_embedded_model(tmp_path: Path) -> None:
    models = studio(tmp_path)
    assert [info.name for info in models.list()] == [EMBEDDED]
    assert models.default == EMBEDDED
    assert models.problems == []


def test_a_table_becomes_a_model(tmp_path: Path) -> None:
    models = studio(
        tmp_path,
        """
        default = "big"
        [[models]]
        name = "big"
        provider = "openai-compatible"
        model = "qwen3-32b"
        base_url = "gpu.local:8000"
        api_key = "sk-live-0123456789abcdefghij"
        context = 32768
        label = "The big one"
        constrained = true

        [[models]]
        name = "tiny"
        provider = "ollama"
        model = "qwen2.5:0.5b"
        """,
    )
    assert models.problems == []
    assert models.default == "big"
    big = listed(models)["big"]
    assert big == ModelInfo(
        name="big",
        provider="openai-compatible",
        label="The big one",
        context=32768,
        small=False,
        tools=True,
        constrained=True,
        ready=True,
        note="",
    )
    tiny = listed(models)["tiny"]
    assert (tiny.small, tiny.tools, tiny.constrained) == (True, False, False)


@pytest.mark.parametrize(
    ("toml", "line", "says"),
    [
        ('[[models]]\nname = "a"\nprovider = "openia"\nmodel = "m"\n', 3, "Did you mean openai?"),
        ('[[models]]\nname = "a"\nprovider = "psychic"\nmodel = "m"\n', 3, "one of openai, anthropic, google"),
        ('[[models]]\nname = "a"\nprovider = "ollama"\nmodle = "m"\n', 4, "Did you mean model?"),
        ('[[models]]\nname = "a"\nprovider = "ollama"\nmodel = "m"\ncontext = "long"\n', 5, "a whole number"),
        ('[[models]]\nname = "a"\nprovider = "ollama"\nmodel = "m"\ntools = 1\n', 5, "true or false"),
        ('[[models]]\nname = "a"\nprovider = "gguf"\n', 1, "path"),
        ('[[models]]\nname = "a"\nprovider = "ollama"\n', 1, "does not say which model"),
        ('[[models]]\nprovider = "ollama"\n', 1, "has no name"),
        ('[[models]]\nname = "a"\nprovider = "openai-compatible"\nmodel = "m"\n', 1, "base_url"),
        (
            '[[models]]\nname = "a"\nprovider = "openai"\nmodel = "m"\napi_key_env = "NOT_SET"\n',
            5,
            "set the environment variable NOT_SET",
        ),
        ('# mine\n[[models]]\nname = "a"\nprovider = "ollama\nmodel = "m"\n', 4, "Correct that line"),
        ('favourite = "a"\n', 1, "'favourite' is not a setting"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_costs_only_its_table(
    tmp_path: Path, toml: str, line: int, says: str
) -> None:
    good = '\n[[models]]\nname = "good"\nprovider = "ollama"\nmodel = "llama3.2"\n'
    models = studio(tmp_path, toml + good)
    (problem,) = models.problems
    assert f"models.toml, line {line}:" in problem
    assert says in problem
    assert listed(models)["good"].ready
    assert listed(models)[EMBEDDED].name == models.default
    if "a" in listed(models):
        broken = listed(models)["a"]
        assert not broken.ready and broken.note
        with pytest.raises(ModelFailed) as caught:
            models.get("a")
        assert caught.value.hint == broken.note


def test_a_name_that_is_used_twice(tmp_path: Path) -> None:
    table = '[[models]]\nname = "a"\nprovider = "ollama"\nmodel = "{}"\n'
    models = studio(tmp_path, table.format("one") + table.format("two"))
    assert "line 6" in models.problems[0] and "twice" in models.problems[0]
    assert "one" in listed(models)["a"].label


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes(b"\xff\xfe\x00d")
    models = Models(tmp_path, {})
    assert "UTF-8" in models.problems[0]
    assert models.default == EMBEDDED


def test_keys_in_the_environment_bring_their_providers_usual_model(tmp_path: Path) -> None:
    models = studio(tmp_path, environ={"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY, "GEMINI_API_KEY": KEY})
    assert {info.provider for info in models.list() if info.ready} >= {"openai", "anthropic", "google"}
    assert models.default == EMBEDDED, "a key alone does not send anybody's text away"
    named = studio(tmp_path, environ={"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "gpt-5.2"})
    assert "openai:gpt-5.2" in listed(named)


def test_the_environment_names_the_default(tmp_path: Path) -> None:
    toml = 'default = "here"\n[[models]]\nname = "here"\nprovider = "ollama"\nmodel = "m"\n'
    assert studio(tmp_path, toml).default == "here"
    models = studio(tmp_path, toml, {"STUDIOLO_MODEL": "openai:gpt-5.2", "OPENAI_API_KEY": KEY})
    assert models.default == "openai:gpt-5.2"
    assert models.problems == []
    assert listed(models)["openai:gpt-5.2"].ready
    assert studio(tmp_path, toml, {"STUDIOLO_MODEL": "embedded"}).default == EMBEDDED


def test_a_default_that_cannot_be_used_is_a_problem_and_an_error_when_it_is_asked(tmp_path: Path) -> None:
    models = studio(tmp_path, environ={"STUDIOLO_MODEL": "openai:gpt-5.2"})
    assert "OPENAI_API_KEY" in models.problems[0]
    with pytest.raises(ModelFailed) as caught:
        models.get()
    assert "OPENAI_API_KEY" in caught.value.hint
    models = studio(tmp_path, environ={"STUDIOLO_MODEL": "smolm2-135m"})
    with pytest.raises(ModelFailed) as caught:
        models.get()
    assert caught.value.reason == "unknown_model"
    assert f"Did you mean {EMBEDDED}?" in caught.value.hint
    assert models.problems


@pytest.mark.parametrize("name", ["gpt-5.2", "psychic:m", "openai:", "gguf:x"])
def test_a_name_that_nobody_knows(tmp_path: Path, name: str) -> None:
    models = studio(tmp_path, environ={"OPENAI_API_KEY": KEY})
    with pytest.raises(ModelFailed) as caught:
        models.get(name)
    assert caught.value.reason == "unknown_model"
    assert name in caught.value.message
    assert "openai:NAME" in caught.value.hint and "models.toml" in caught.value.hint


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0.0.0.0:11434", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("box.local", "http://box.local:11434/v1"),
        ("http://box.local:99/", "http://box.local:99/v1"),
        ("https://box.example/ollama/v1", "https://box.example/ollama/v1"),
    ],
)
def test_an_address_may_be_written_as_people_write_it(written: str, meant: str) -> None:
    assert config.resolve("ollama:m", {"OLLAMA_HOST": written}).base_url == meant


def test_keys_are_never_shown(tmp_path: Path) -> None:
    models = studio(
        tmp_path,
        f'[[models]]\nname = "a"\nprovider = "openai"\nmodel = "m"\napi_key = "{KEY}"\n'
        f'[[models]]\nname = "b"\nprovider = "{KEY}"\n',
        {"ANTHROPIC_API_KEY": "plain-looking-secret"},
    )
    shown = f"{models.problems} {models.list()} {[info.as_dict() for info in models.list()]} {models._entries}"
    for name in ("a", "b", "anthropic:claude-x"):
        try:
            shown += repr(models.get(name))
        except ModelFailed as failed:
            shown += str(failed.as_dict())
    assert KEY not in shown
    assert "plain-looking-secret" not in shown


def test_masking_takes_keys_and_leaves_words() -> None:
    text = "the organizational keyboarding of sk-ant-api03-AbCdEf0123456789 and AIzaSyA0123456789abcdefghijk, or s3cret"
    assert masked(text, ["s3cret"]) == "the organizational keyboarding of ••• and •••, or •••"
