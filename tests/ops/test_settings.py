"""The settings of a server among servers: a value that cannot be meant is refused before anything starts."""

from __future__ import annotations

import pytest

from studiolo.canvas.errors import Invalid
from studiolo.settings import Settings


def test_nothing_need_be_set() -> None:
    made = Settings.from_env({})
    assert (made.log, made.log_level, made.drain_seconds, made.metrics_token) == ("text", "INFO", 0, "")
    assert made.trusted_proxies == "127.0.0.1,::1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STUDIOLO_LOG", "xml"),
        ("STUDIOLO_LOG_LEVEL", "chatty"),
        ("STUDIOLO_DRAIN_SECONDS", "-1"),
        ("STUDIOLO_DRAIN_SECONDS", "1.5"),
        ("STUDIOLO_DRAIN_SECONDS", "301"),
        ("STUDIOLO_TRUSTED_PROXIES", "proxy.example"),
        ("STUDIOLO_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("STUDIOLO_TRUSTED_PROXIES", "127.0.0.1,*"),
        ("STUDIOLO_WEBHOOK_NETWORKS", "example.com"),
        ("STUDIOLO_WEBHOOK_NETWORKS", "10.0.0.1/8"),
        ("STUDIOLO_TOOL_NETWORKS", "the office"),
    ],
)
def test_a_value_that_cannot_be_meant_is_said(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name) as refused:
        Settings.from_env({name: value})
    assert refused.value.hint


def test_proxies_are_addresses_and_networks() -> None:
    made = Settings.from_env({"STUDIOLO_TRUSTED_PROXIES": " 10.0.0.0/24 , ::1,, 192.0.2.7"})
    assert made.trusted_proxies == "10.0.0.0/24,::1,192.0.2.7"


def test_the_log_level_is_read_in_any_case() -> None:
    assert Settings.from_env({"STUDIOLO_LOG_LEVEL": "warning"}).log_level == "WARNING"


def test_secrets_are_not_shown() -> None:
    secret = {"STUDIOLO_METRICS_TOKEN": "hush", "STUDIOLO_DATABASE_URL": "postgresql://u:hush@h/d"}
    assert "hush" not in repr(Settings.from_env(secret | {"STUDIOLO_REDIS_URL": "redis://:hush@h"}))
