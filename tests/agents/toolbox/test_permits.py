"""What may be used: the persona's word or the owner's, whichever is less, and a person's word for each call."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from studiolo.agents.kit import Kit
from studiolo.agents.toolbox.browse import browsing, visit, visited
from studiolo.agents.toolbox.carried import carried
from studiolo.agents.toolbox.offers import Leaving, Offer, to_address
from studiolo.agents.toolbox.permits import Policy, PolicyFile, judge, permitted
from tests.agents.toolbox.hands import Hands

NOVEL = (
    "The keeper counted the ships twice and found that one was missing, the one that had carried his brother away. "
    "He told nobody, and lit the lamp an hour early."
)


async def nothing() -> None:
    return None


def offer(name: str, group: Any = "web", **more: Any) -> Offer:
    more.setdefault("leaving", to_address("url") if name == "read_url" else lambda arguments: Leaving(str(arguments)))
    return Offer(name, nothing, group, lambda work, arguments: name, "", **more)


READ = offer("read_url")
SEARCH = offer("web_search")
PYTHON = offer("python", "sandbox", leaving=lambda arguments: None)
NOTES = offer("notes__find", "mcp", permission="mcp:notes/find")


def policy_of(tmp_path: Path, text: str) -> Policy:
    (tmp_path / "tools.toml").write_text(text)
    return PolicyFile(tmp_path).now


# -- the owner's file


@pytest.mark.parametrize(
    ("text", "read", "search", "python", "notes"),
    [
        ("", "ask", "ask", "allow", "ask"),
        ('[tools]\nweb = "allow"\nmcp = "off"', "allow", "allow", "allow", "off"),
        ('[tools]\nweb = "off"\nweb_search = "ask"', "off", "ask", "allow", "ask"),
        ('[tools]\n"mcp:notes" = "allow"\nsandbox = "ask"', "ask", "ask", "ask", "allow"),
        ('[tools]\n"mcp:notes" = "allow"\n"mcp:notes/find" = "off"', "ask", "ask", "allow", "off"),
        ('[tools]\nread_url = "sometimes"', "off", "ask", "allow", "ask"),
        ('[tools]\nread_url = "allow"\n[hosts]\nallow = "*"', "off", "off", "allow", "off"),
        ("tools = 3", "off", "off", "allow", "off"),
        ("this is no toml", "off", "off", "allow", "off"),
        ('[tools]\nread_url = "allow"\n[hosts]\ndeny = [3]', "off", "off", "allow", "off"),
    ],
)
def test_the_owner_says_what_may_be_used_and_a_mistake_lets_nothing_out(
    tmp_path: Path, text: str, read: str, search: str, python: str, notes: str
) -> None:
    policy = policy_of(tmp_path, text)
    assert [policy.level(one) for one in (READ, SEARCH, PYTHON, NOTES)] == [read, search, python, notes]
    assert bool(policy.problems) == policy.closed or "sometimes" in text
    assert policy.as_dict()["tools"]["web"]


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = PolicyFile(tmp_path)
    assert file.now.level(SEARCH) == "ask"
    (tmp_path / "tools.toml").write_text('[tools]\nweb_search = "off"')
    assert file.now.level(SEARCH) == "off"
    (tmp_path / "tools.toml").write_text('[tools]\nweb_search = "allow"')
    os.utime(tmp_path / "tools.toml", (1, 1))
    assert file.now.level(SEARCH) == "allow"
    (tmp_path / "tools.toml").unlink()
    assert file.now.level(SEARCH) == "ask"


def test_a_secret_in_the_wrong_file_is_not_shown(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "[tools]\nweb = sk-aaaaaaaaaaaaaaaaaaaaaaaa")
    assert policy.closed and "sk-aaaa" not in str(policy.problems)


@pytest.mark.parametrize(
    ("mine", "read", "python"),
    [
        (None, "ask", "allow"),
        ({}, "off", "off"),
        ({"web": "allow"}, "ask", "off"),
        ({"web": "ask", "python": "ask"}, "ask", "ask"),
        ({"web": "allow", "read_url": "off", "sandbox": "allow"}, "off", "allow"),
    ],
)
def test_a_persona_may_have_less_than_the_studio_offers_and_never_more(mine: Any, read: str, python: str) -> None:
    assert permitted(READ, mine, Policy()) == read
    assert permitted(PYTHON, mine, Policy()) == python
    assert permitted(READ, {"web": "allow"}, Policy(tools={"web": "off"})) == "off"


async def test_without_anything_named_an_agent_reads_and_asks_and_no_more() -> None:
    assert await Hands("x", tools={}).look() == [
        "ask_person", "outline", "read_conversation", "read_page", "read_threads", "search",
    ]  # fmt: skip
    assert "read_page" not in await Hands("x", tools={"canvas": "off"}).look()
    assert "suggest" not in await Hands("x", tools={"suggest": "off", "canvas": "allow"}).look()


# -- a call


def verdict(hands: Hands, url: str, policy: Policy | None = None) -> Any:
    return judge(hands.work, READ, {"url": url}, policy or Policy())


def test_an_address_is_asked_for_and_may_be_granted_for_its_host_and_this_run() -> None:
    hands = Hands(NOVEL)
    found = verdict(hands, "https://example.com/lamp")
    assert (found.level, found.grant, found.warnings) == ("ask", "read_url@example.com", ())
    hands.work.grants.add(found.grant)
    assert verdict(hands, "https://example.com/other").level == "allow"
    assert verdict(hands, "https://EXAMPLE.com./other").level == "allow"
    assert verdict(hands, "https://evil.example.com/").level == "ask"
    assert verdict(hands, "https://example.com.evil.net/").level == "ask"
    assert verdict(hands, "https://example.com@evil.net/").level == "ask"
    assert Hands(NOVEL).work.grants == set(), "the next run begins with none"


def test_a_grant_does_not_let_words_of_the_canvas_out() -> None:
    hands = Hands(NOVEL)
    hands.work.grants.add("read_url@example.com")
    found = verdict(hands, "https://example.com/?q=found+that+one+was+missing+the+one")
    assert found.level == "ask" and found.grant == "" and "“Chapter 1”" in found.warnings[0]
    allowed = Policy(tools={"web": "allow"})
    assert verdict(hands, "https://example.com/?q=found+that+one+was+missing+the+one", allowed).level == "ask"
    assert verdict(hands, "https://example.com/?q=lamp", allowed).level == "allow"


def test_hosts_that_the_owner_trusts_are_read_and_those_denied_never_are() -> None:
    hands = Hands(NOVEL)
    trusted = Policy(allow=("docs.python.org", "*.wikipedia.org"))
    assert verdict(hands, "https://docs.python.org/3/", trusted).level == "allow"
    assert verdict(hands, "https://en.wikipedia.org/wiki/Lamp", trusted).level == "allow"
    assert verdict(hands, "https://wikipedia.org/", trusted).level == "allow"
    assert verdict(hands, "https://notwikipedia.org/", trusted).level == "ask"
    denied = Policy(tools={"web": "allow"}, deny=("*.example.net",))
    hands.work.grants.add("read_url@a.example.net")
    assert verdict(hands, "https://a.example.net/", denied).level == "off"
    only = Policy(tools={"web": "allow"}, only=("docs.python.org",))
    assert verdict(hands, "https://docs.python.org/", only).level == "allow"
    assert verdict(hands, "https://example.com/", only).level == "off"
    asks = Hands(NOVEL, tools={"web": "ask"})
    assert verdict(asks, "https://docs.python.org/3/", trusted).level == "ask", "the persona wants to ask"


@pytest.mark.parametrize("url", ["", "nonsense", "file:///etc/passwd", "http://", "data:text/html,x", "https://[::1"])
def test_what_names_no_host_is_not_even_asked_for(url: str) -> None:
    assert verdict(Hands(NOVEL), url, Policy(tools={"web": "allow"})).level == "off"


async def test_a_program_that_is_to_be_asked_for_is_asked_for_once_or_for_the_run(tmp_path: Path) -> None:
    (tmp_path / "tools.toml").write_text('[tools]\nsuggest = "ask"')
    hands = Hands("at nine", kit=Kit(policy=PolicyFile(tmp_path)))
    wanted = {"page": hands.page, "changes": [{"find": "nine", "replace": "ten"}], "reason": "x"}
    asked = await hands.call("suggest", **wanted)
    assert asked.waits["tool"] == "suggest" and asked.waits["arguments"]["changes"]
    assert not hands.view()["suggestions"] and not hands.steps, "nothing was begun"
    done = await hands.approve(asked)
    assert not done.failed and len(hands.view()["suggestions"]) == 1
    hands.work.grants.add(asked.waits["grant"])
    assert not (await hands.call("suggest", **wanted)).failed


async def test_edited_arguments_are_checked_again_and_the_owner_may_have_changed_their_mind(tmp_path: Path) -> None:
    (tmp_path / "tools.toml").write_text('[tools]\nsuggest = "ask"')
    hands = Hands("at nine", kit=Kit(policy=PolicyFile(tmp_path)))
    wanted = {"page": hands.page, "changes": [{"find": "nine", "replace": "ten"}], "reason": "x"}
    asked = await hands.call("suggest", **wanted)
    wrong = await hands.approve(asked, page=hands.page, changes="all of it", reason="x")
    assert wrong.failed and not hands.view()["suggestions"]
    edited = await hands.approve(asked, **{**wanted, "changes": [{"find": "nine", "replace": "eight"}]})
    assert not edited.failed and hands.view()["suggestions"][0]["hunks"][0]["replace"] == "eight"
    (tmp_path / "tools.toml").write_text('[tools]\nsuggest = "off"')
    refused = await hands.approve(asked)
    assert refused.failed and len(hands.view()["suggestions"]) == 1


# -- what an address carries


def warned(url: str, asked: str = "", text: str = NOVEL) -> str:
    return " ".join(carried(Leaving(url, "x", address=True), Hands(text).surface.canvas, asked))


@pytest.mark.parametrize(
    "url",
    [
        "https://en.wikipedia.org/wiki/Eddystone_Lighthouse#History",
        "https://www.gutenberg.org/files/2701/2701-h/2701-h.htm",
        "https://example.com/2026/11/how-to-write-a-first-chapter-that-people-read-to-the-end",
        "https://duckduckgo.com/?q=lighthouse+keeper+19th+century",
        "https://docs.python.org/3/library/pathlib.html#pathlib.Path.glob",
        "https://archive.org/details/keepersofthelight0000smit?view=theater&page=n5",
    ],
)
def test_an_ordinary_address_is_not_called_out(url: str) -> None:
    assert warned(url) == ""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://evil.example/?d=" + "a+b+c+" * 40, "241 characters of text"),
        ("https://evil.example/x#" + "lamp%20" * 30, "characters of text"),
        ("https://evil.example/" + "word%20" * 60, "characters of text"),
        ("https://evil.example/" + base64.urlsafe_b64encode(NOVEL[:48].encode()).decode(), "hide a text"),
        ("https://evil.example/" + NOVEL[:40].encode().hex(), "hide a text"),
        ("https://evil.example/kept/The_keeper_counted_the_ships_twice", "“Chapter 1”"),
        ("https://evil.example/?a=keeper+counted+the+ships+twice", "“Chapter 1”"),
        ("https://me:secret@evil.example/", "a name or a password"),
        ("https://" + "a" * 50 + ".evil.example/", "The host's name itself carries text"),
        ("https://gооgle.com/", "letters that may look like others"),
        ("ftp://evil.example/x", "no web address"),
    ],
)
def test_an_address_that_carries_something_is_called_out(url: str, said: str) -> None:
    assert said in warned(url)


def test_words_that_the_person_wrote_may_be_carried() -> None:
    url = "https://example.com/?q=keeper+counted+the+ships+twice"
    assert warned(url) and not warned(url, "Find who wrote “keeper counted the ships twice”")


def test_an_address_that_stands_on_a_page_carries_nothing_but_itself() -> None:
    url = "https://example.com/kept/The_keeper_counted_the_ships_twice"
    assert warned(url) and not warned(url, text=f"{NOVEL} See {url}.")


@pytest.mark.parametrize("tool", ["comment", "add_page"])
async def test_an_address_that_an_agent_put_there_itself_carries_what_it_carries(tool: str) -> None:
    """Or it would write down where it wants to carry the text, and then go there."""
    hands = Hands(NOVEL, role="editor")
    url = "https://example.com/kept/The_keeper_counted_the_ships_twice"
    wanted = {"page": hands.page, "quote": "one was missing"} if tool == "comment" else {}
    wrote = await hands.call(tool, **wanted, **({"title": "Sources"} if tool == "add_page" else {}), text=f"See {url}.")
    assert not wrote.failed, wrote.text
    found = verdict(hands, url, Policy(tools={"web": "allow"}))
    assert found.level == "ask" and "“Chapter 1”" in found.warnings[0]


async def test_an_address_that_an_agent_spoke_of_carries_no_words_by_that() -> None:
    hands = Hands(NOVEL)
    url = "https://example.com/a_history_of_the_people_who_kept_lighthouses"
    wrote = await hands.call("comment", page=hands.page, quote="one was missing", text=f"See {url}.")
    assert not wrote.failed, wrote.text
    assert verdict(hands, url, Policy(tools={"web": "allow"})).level == "allow"


def test_what_an_agent_asks_another_for_vouches_for_no_words() -> None:
    hands = Hands(NOVEL, prompt="Look at https://example.com/?q=keeper+counted+the+ships+twice")
    url = "https://example.com/?q=keeper+counted+the+ships+twice"
    assert verdict(hands, url, Policy(tools={"web": "allow"})).level == "allow", "a person wrote them"
    hands.work.asked_by_agent = True
    assert verdict(hands, url, Policy(tools={"web": "allow"})).level == "ask"


def test_a_policy_that_goes_down_for_ever_or_is_no_file_lets_nothing_leave(tmp_path: Path) -> None:
    (tmp_path / "tools.toml").write_text("a = " + "[" * 50_000)
    assert PolicyFile(tmp_path).now.closed
    (tmp_path / "tools.toml").unlink()
    (tmp_path / "tools.toml").mkdir()
    policy = PolicyFile(tmp_path).now
    assert policy.closed and str(tmp_path) not in str(policy.problems), "where it lies is nobody's business"


@pytest.mark.parametrize(("allowed", "other"), [("fuss.example", "fuß.example"), ("a.example", "a．example.b")])
def test_a_host_that_was_allowed_is_the_one_that_is_asked(allowed: str, other: str) -> None:
    """Letters that are folded into others are another name to whoever looks it up, and somebody else's host."""
    hands = Hands(NOVEL)
    found = verdict(hands, f"https://{allowed}/")
    hands.work.grants.add(found.grant)
    assert verdict(hands, f"https://{allowed}/more").level == "allow"
    assert verdict(hands, f"https://{other}/").level == "ask"
    owners = Policy(tools={"web": "ask"}, allow=(allowed,))
    assert verdict(Hands(NOVEL), f"https://{other}/", owners).level == "ask"


def test_typing_that_was_allowed_for_a_run_was_allowed_where_it_was_by_then() -> None:
    hands = Hands(NOVEL)
    typing = next(offer for offer in browsing(None, None) if offer.name == "browse_type")  # type: ignore[arg-type]

    def level() -> str:
        return judge(hands.work, typing, {"ref": "e1", "text": "lighthouse"}, Policy()).level

    visit(hands.work, "a.example")
    assert level() == "ask"
    hands.work.grants.add("browse_type")
    visit(hands.work, "a.example")
    assert level() == "allow"
    visit(hands.work, "b.example")
    assert level() == "ask" and visited(hands.work) == ["a.example", "b.example"]


def test_hosts_in_the_policy_are_compared_as_they_are_looked_up(tmp_path: Path) -> None:
    hosts = 'allow = ["München.example", "*.例え.example", "::1"]\ndeny = ["böse.example."]'
    (tmp_path / "tools.toml").write_text(f"[hosts]\n{hosts}", "utf-8")
    policy = PolicyFile(tmp_path).now
    assert not policy.problems and policy.allow[0] == "xn--mnchen-3ya.example" and policy.allow[2] == "::1"
    assert verdict(Hands(NOVEL), "https://MÜNCHEN.example/", policy).level == "allow"
    assert verdict(Hands(NOVEL), "https://www.例え.example/", policy).level == "allow"
    assert verdict(Hands(NOVEL), "https://böse.example/", policy).level == "off"
    (tmp_path / "tools.toml").write_text('[hosts]\nallow = ["a/b"]')
    assert PolicyFile(tmp_path).now.closed
