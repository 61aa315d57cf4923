"""robots.txt as RFC 9309 has it: the longest rule decides, wildcards are known, and none can be made to take long."""

from __future__ import annotations

import pytest

from studiolo.tools.robots import rules_for

TEXT = """
User-agent: *
Disallow: /a
Allow: /a/b
Disallow: /*.gif$
Disallow: /x*y
Crawl-delay: 2
Sitemap: https://example.com/sitemap.xml

User-agent: OtherBot
Disallow: /

User-agent: SomeBot
User-agent: studiolo/1.0
Disallow: /only-us
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        *(("/", True), ("/a", False), ("/abc", False), ("/a/b/c", True), ("/A", True), ("/p.gif", False)),
        *(("/p.gif?x", True), ("/x/1/y/2", False), ("/x/1", True), ("/%61", False), ("/only-us", True)),
    ],
)
def test_the_longest_rule_decides(path: str, allowed: bool) -> None:
    assert rules_for(TEXT, "Anybody").allows(path) is allowed


def test_a_group_for_the_program_takes_the_place_of_that_for_all() -> None:
    rules = rules_for(TEXT, "Studiolo")
    assert (rules.allows("/only-us/too"), rules.allows("/a"), rules.delay) == (False, True, 0.0)
    assert rules_for(TEXT, "Anybody").delay == 2.0
    assert not rules_for(TEXT, "OtherBot").allows("/")


@pytest.mark.parametrize("text", ["", "<html>not found</html>", "Disallow: /", "User-agent: *\nDisallow:", "\0" * 99])
def test_what_says_nothing_allows_everything(text: str) -> None:
    assert rules_for(text, "Studiolo").allows("/anything")


def test_wildcards_cannot_be_made_to_take_long() -> None:
    rules = rules_for("User-agent: *\nDisallow: /" + "*a" * 20 + "$", "Studiolo")
    assert rules.allows("/" + "a" * 1_000 + "b")


def test_a_program_that_is_named_ten_thousand_times_is_named() -> None:
    """Each rule is kept once, and not once for each time: or a stranger's file would keep the studio busy."""
    text = "User-agent: *\n" * 9_000 + "User-agent: Studiolo\n" * 500 + "Disallow: /a\n" * 5
    rules = rules_for(text, "Studiolo")
    assert len(rules.rules) == 5 and not rules.allows("/a") and rules.allows("/b")
