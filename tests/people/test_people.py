"""Who comes in how, and what that lets them do."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from studiolo.canvas.errors import Invalid, NotFound, Unauthenticated
from studiolo.canvas.participant import Participant, Role
from studiolo.people import People, Who, secret_id
from studiolo.people.names import PALETTE, clean_name
from studiolo.store import Store
from tests.conftest import Clock

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def people(store: Store) -> People:
    return People(store)


@pytest.fixture
async def owner(people: People) -> Participant:
    return await people.claim_setup(await people.setup_link_token(), "Ann")


@pytest.fixture
async def canvas(store: Store, owner: Participant) -> str:
    for id in ("novel", "essay"):
        await store.create_canvas(id, id.title(), owner.id, 1.0)
    return "novel"


async def come_in(people: People, participant: Participant) -> Who:
    who = await people.who(await people.session(participant))
    assert who is not None
    return who


async def bearer(people: People, token: str) -> Who:
    who = await people.who(token)
    assert who is not None
    return who


# Setup links


async def test_the_first_setup_link_makes_the_owner(people: People) -> None:
    token = await people.setup_link_token()
    assert await people.setup_state(token) == (True, True)
    owner = await people.claim_setup(token, "  Ann\n Lee ")
    assert (owner.name, owner.kind, owner.role) == ("Ann Lee", "person", "owner")
    who = await come_in(people, owner)
    assert who == Who(owner, "session")
    assert await people.role_in(who, "*") == "owner"
    assert await people.role_in(who, "any canvas") == "owner"


async def test_a_setup_link_works_once(people: People) -> None:
    token = await people.setup_link_token()
    await people.claim_setup(token, "Ann")
    assert await people.setup_state(token) == (False, False)
    with pytest.raises(Unauthenticated) as refused:
        await people.claim_setup(token, "Mallory")
    assert "Restart" in refused.value.hint


async def test_the_setup_link_of_each_node_works(people: People) -> None:
    alone = await people.setup_link_token()
    one, two = [await people.setup_link_token(among_nodes=True) for _ in range(2)]
    assert [await people.setup_state(token) for token in (alone, one, two)] == [(True, True)] * 3
    latest = await people.setup_link_token()
    assert [await people.setup_state(token) for token in (one, two, latest)] == [(False, False)] * 2 + [(True, True)]


async def test_of_two_who_claim_a_link_at_once_one_gets_in(people: People) -> None:
    token = await people.setup_link_token()
    outcomes = await asyncio.gather(
        *(people.claim_setup(token, name) for name in ("Ann", "Bob", "Cy")), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Participant"] + ["Unauthenticated"] * 2
    assert len(await people.members("*")) == 1


async def test_a_later_setup_link_signs_the_same_owner_in(people: People, owner: Participant) -> None:
    token = await people.setup_link_token()
    assert await people.setup_state(token) == (True, False)
    assert await people.claim_setup(token) == owner


async def test_a_token_made_before_there_is_an_owner_is_not_the_owner(people: People) -> None:
    await people.create_token("owner", "Script")
    token = await people.setup_link_token()
    assert await people.setup_state(token) == (True, True)
    assert (await people.claim_setup(token, "Ann")).name == "Ann"


async def test_a_new_setup_link_ends_the_one_before(people: People) -> None:
    old, new = await people.setup_link_token(), await people.setup_link_token()
    assert await people.setup_state(old) == (False, False)
    assert await people.setup_state(new) == (True, True)


async def test_a_setup_link_ends_after_a_week(people: People, clock: Clock) -> None:
    token = await people.setup_link_token()
    clock.now += 7 * DAY
    with pytest.raises(Unauthenticated):
        await people.claim_setup(token, "Ann")


async def test_a_setup_link_is_not_used_up_by_a_name_that_is_none(people: People) -> None:
    token = await people.setup_link_token()
    with pytest.raises(Invalid):
        await people.claim_setup(token, " \u202e ")
    assert (await people.claim_setup(token, "Ann")).name == "Ann"


# Sessions


async def test_a_session_slides_and_ends_thirty_days_after_its_last_use(
    people: People, owner: Participant, clock: Clock
) -> None:
    cookie = await people.session(owner)
    for _ in range(3):
        clock.now += 29 * DAY
        assert await people.who(cookie) is not None
    clock.now += 30 * DAY
    assert await people.who(cookie) is None


async def test_the_use_of_a_session_is_noted_once_an_hour(
    people: People, owner: Participant, clock: Clock, tmp_path: Path
) -> None:
    cookie = await people.session(owner)

    def noted() -> float:
        with sqlite3.connect(tmp_path / "studiolo.db") as reader:
            [(last_used,)] = reader.execute("SELECT last_used FROM secrets WHERE kind = 'session'").fetchall()
        reader.close()
        return last_used

    start = clock.now
    clock.now = start + HOUR - 1
    await people.who(cookie)
    assert noted() == start
    clock.now = start + HOUR
    await people.who(cookie)
    assert noted() == start + HOUR


async def test_a_session_works_while_its_use_cannot_be_noted(tmp_path: Path, clock: Clock) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db", clock=clock, patience=0.05)
    people = People(store)
    cookie = await people.session(await people.claim_setup(await people.setup_link_token(), "Ann"))
    clock.now += HOUR
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await people.who(cookie) is not None
    other.execute("ROLLBACK")
    other.close()
    await store.close()


async def test_signing_out_ends_this_session_and_no_other(people: People, owner: Participant) -> None:
    here, there = await people.session(owner), await people.session(owner)
    token = await people.create_token("editor", "Script")
    await people.sign_out(here)
    await people.sign_out(token)  # no session: left alone
    await people.sign_out("nothing")
    assert await people.who(here) is None
    assert await people.who(there) is not None
    assert await people.who(token) is not None


@pytest.mark.parametrize("token", [None, "", "x", "st_" + "A" * 32, "\ud800", "é" * 5000])
async def test_a_wrong_token_is_nobody(people: People, owner: Participant, token: str | None) -> None:
    assert await people.who(token) is None


async def test_links_and_setup_tokens_sign_nobody_in(people: People, owner: Participant, canvas: str) -> None:
    assert await people.who(await people.setup_link_token()) is None
    assert await people.who(await people.share(canvas, "editor", owner)) is None


async def test_a_session_or_token_is_no_link(people: People, owner: Participant) -> None:
    for token in (await people.session(owner), await people.create_token("owner", "Script")):
        assert await people.invitation(token) is None
        with pytest.raises(NotFound):
            await people.join(token, "Mallory")
        with pytest.raises(Unauthenticated):
            await people.claim_setup(token, "Mallory")


async def test_no_session_for_somebody_unknown(people: People) -> None:
    with pytest.raises(NotFound):
        await people.session(Participant("ghost", "Ghost"))


# API tokens


async def test_a_token_acts_for_somebody_of_its_name(people: People, owner: Participant, canvas: str) -> None:
    token = await people.create_token("editor", "Claude", kind="agent")
    assert token.startswith("st_")
    assert len(token) == 35
    who = await bearer(people, token)
    assert (who.via, who.token_role, who.token_canvas) == ("token", "editor", "*")
    assert (who.participant.name, who.participant.kind) == ("Claude", "agent")
    assert await people.role_in(who, canvas) == "editor"
    found = await people.as_in(who, canvas)
    assert found is not None
    assert found.role == "editor"


@pytest.mark.parametrize(
    ("held", "of_token", "left"),
    [
        ("owner", "viewer", "viewer"),
        ("editor", "owner", "editor"),
        ("commenter", "editor", "commenter"),
        ("editor", "editor", "editor"),
    ],
)
async def test_a_token_only_narrows(
    people: People, owner: Participant, canvas: str, held: Role, of_token: Role, left: Role
) -> None:
    if held == "owner":
        holder = owner
    else:
        holder = (await people.join(await people.share(canvas, held, owner), "Bob")).participant
    who = await bearer(people, await people.create_token(of_token, "Script", participant=holder))
    assert who.participant.id == holder.id
    assert await people.role_in(who, canvas) == left


async def test_a_token_for_one_canvas_opens_no_other(people: People, owner: Participant, canvas: str) -> None:
    for participant in (None, owner):
        token = await people.create_token("editor", "Script", canvas, participant=participant)
        who = await bearer(people, token)
        assert await people.role_in(who, canvas) == "editor"
        assert await people.role_in(who, "essay") is None
        assert await people.role_in(who, "*") is None
        assert await people.as_in(who, "essay") is None
        assert [one["id"] for one in await people.canvases(who)] == [canvas]


async def test_a_token_ends_with_its_days(people: People, owner: Participant, clock: Clock) -> None:
    token = await people.create_token("viewer", "Reader", days=0.5)
    clock.now += DAY / 2 - 1
    assert await people.who(token) is not None
    clock.now += 1
    assert await people.who(token) is None
    assert await people.tokens() == []


async def test_a_revoked_token_is_nobody_and_its_grant_is_gone(people: People, owner: Participant) -> None:
    token = await people.create_token("owner", "Script")
    who = await bearer(people, token)
    assert await people.revoke(secret_id(token)) == [who.participant.id]
    assert await people.who(token) is None
    assert await people.role_in(who, "*") is None
    with pytest.raises(NotFound):
        await people.revoke(secret_id(token))


async def test_a_session_cannot_be_revoked_by_its_id(people: People, owner: Participant) -> None:
    cookie = await people.session(owner)
    with pytest.raises(NotFound):
        await people.revoke(secret_id(cookie))
    assert await people.who(cookie) is not None


async def test_tokens_are_listed_without_what_they_are(
    people: People, owner: Participant, canvas: str, clock: Clock
) -> None:
    first = await people.create_token("editor", "First", canvas, days=1)
    clock.now += 10
    second = await people.create_token("viewer", "Second", participant=owner)
    await people.who(second)
    listed = await people.tokens()
    assert [(one.id, one.name, one.role, one.canvas) for one in listed] == [
        (secret_id(second), "Second", "viewer", "*"),
        (secret_id(first), "First", "editor", canvas),
    ]
    assert [one.last_used for one in listed] == [clock.now, None]
    assert [one.id for one in await people.tokens(owner.id)] == [secret_id(second)]
    assert first not in repr(listed)


async def test_what_makes_no_token(people: People, owner: Participant, canvas: str) -> None:
    for role, name, canvas_, days in (
        ("king", "Script", "*", None),
        ("editor", " ", "*", None),
        ("editor", "Script", "*", 0),
        ("editor", "Script", "*", -1),
        ("editor", "Script", "*", float("nan")),
        ("editor", "Script", "nowhere", None),
    ):
        with pytest.raises((Invalid, NotFound)):
            await people.create_token(role, name, canvas_, days)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await people.create_token("editor", "Script", participant=Participant("ghost", "Ghost"))
    assert await people.tokens() == []
    assert await people.members("*") == [owner]


async def test_another_process_makes_a_token_while_the_studio_runs(
    people: People, store: Store, owner: Participant, tmp_path: Path
) -> None:
    program = """
import asyncio, sys
from studiolo.people import People
from studiolo.store import Store

async def main():
    store = await Store.open(sys.argv[1])
    print(await People(store).create_token("owner", "Script"))
    await store.close()

asyncio.run(main())
"""
    url = f"sqlite:///{tmp_path}/studiolo.db"
    command = [sys.executable, "-c", program, url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True, timeout=60)
    who = await bearer(people, done.stdout.strip())
    assert await people.role_in(who, "*") == "owner"
    assert done.stderr == ""


# Shares


async def test_a_guest_joins_by_a_link(people: People, owner: Participant, canvas: str) -> None:
    link = await people.share(canvas, "commenter", owner)
    invited = await people.invitation(link)
    assert invited is not None
    assert (invited.id, invited.canvas, invited.role) == (secret_id(link), canvas, "commenter")
    joined = await people.join(link, "Bob")
    assert (joined.participant.name, joined.canvas, joined.role) == ("Bob", canvas, "commenter")
    who = await come_in(people, joined.participant)
    assert await people.role_in(who, canvas) == "commenter"
    assert await people.role_in(who, "essay") is None
    assert await people.role_in(who, "*") is None
    assert who.participant.role == "viewer"  # nothing in the studio


async def test_a_guest_without_a_name_is_called_guest(people: People, owner: Participant, canvas: str) -> None:
    link = await people.share(canvas, "viewer", owner)
    assert (await people.join(link)).participant.name == "Guest"


async def test_joining_again_adds_and_never_lowers(people: People, owner: Participant, canvas: str) -> None:
    weak, strong = [await people.share(canvas, role, owner) for role in ("viewer", "editor")]
    bob = (await people.join(weak, "Bob")).participant
    assert (await people.join(strong, existing=bob)).role == "editor"
    again = await people.join(weak, "Somebody Else", existing=bob)
    assert (again.role, again.participant.id, again.participant.name) == ("editor", bob.id, "Bob")
    assert (await people.join(weak, existing=owner)).role == "owner"
    assert len(await people.members(canvas)) == 2


async def test_a_revoked_link_takes_back_what_came_from_it(people: People, owner: Participant, canvas: str) -> None:
    link, other = await people.share(canvas, "editor", owner), await people.share(canvas, "viewer", owner)
    essay = await people.share("essay", "commenter", owner)
    only_here = (await people.join(link, "Only Here")).participant
    both = (await people.join(other, "Both")).participant
    await people.join(link, existing=both)
    elsewhere = (await people.join(essay, "Elsewhere")).participant
    await people.join(link, existing=elsewhere)
    await people.join(link, existing=owner)
    cookies = {one.name: await people.session(one) for one in (only_here, both, elsewhere, owner)}

    lost = await people.revoke(secret_id(link), canvas)
    assert sorted(lost) == sorted([only_here.id, both.id, elsewhere.id, owner.id])
    assert await people.invitation(link) is None
    with pytest.raises(NotFound):
        await people.join(link, "Late")
    assert await people.who(cookies["Only Here"]) is None  # signed out: nothing else to see
    left: dict[str, Role | None] = {}
    for name in ("Both", "Elsewhere", "Ann"):
        left[name] = await people.role_in(await bearer(people, cookies[name]), canvas)
    assert left == {"Both": "viewer", "Elsewhere": None, "Ann": "owner"}
    assert await people.role_in(await bearer(people, cookies["Elsewhere"]), "essay") == "commenter"


async def test_a_link_is_revoked_only_with_its_own_canvas(people: People, owner: Participant, canvas: str) -> None:
    link = await people.share(canvas, "editor", owner)
    with pytest.raises(NotFound):
        await people.revoke(secret_id(link), "essay")
    assert await people.invitation(link) is not None


async def test_a_link_and_what_came_from_it_end_together(
    people: People, owner: Participant, canvas: str, clock: Clock
) -> None:
    link = await people.share(canvas, "editor", owner, days=7)
    clock.now += 6 * DAY
    who = await come_in(people, (await people.join(link, "Bob")).participant)
    assert await people.role_in(who, canvas) == "editor"
    clock.now += DAY
    assert await people.role_in(who, canvas) is None
    assert await people.canvases(who) == []
    assert await people.members(canvas) == [owner]
    assert await people.shares(canvas) == []
    with pytest.raises(NotFound):
        await people.join(link, "Late")


async def test_links_are_listed_without_what_they_are(
    people: People, owner: Participant, canvas: str, clock: Clock
) -> None:
    old = await people.share(canvas, "viewer", owner)
    clock.now += 1
    new = await people.share(canvas, "editor", owner, days=1)
    await people.share("essay", "editor", owner)
    listed = await people.shares(canvas)
    assert [(one.id, one.role, one.made_by, one.expires) for one in listed] == [
        (secret_id(new), "editor", owner.id, clock.now + DAY),
        (secret_id(old), "viewer", owner.id, None),
    ]
    assert new not in repr([one.as_dict() for one in listed])


async def test_a_canvas_is_not_given_away_by_a_link(people: People, owner: Participant, canvas: str) -> None:
    with pytest.raises(Invalid):
        await people.share(canvas, "owner", owner)
    with pytest.raises(NotFound):
        await people.share("nowhere", "viewer", owner)


# What is kept


async def test_no_secret_is_in_the_database(people: People, owner: Participant, canvas: str, tmp_path: Path) -> None:
    tokens = [
        await people.setup_link_token(),
        await people.session(owner),
        await people.share(canvas, "editor", owner),
        await people.create_token("editor", "Script"),
    ]
    assert len({*tokens}) == 4
    kept = b"".join((tmp_path / f"studiolo.db{end}").read_bytes() for end in ("", "-wal"))
    for token in tokens:
        assert secret_id(token).encode() in kept
        assert token.encode() not in kept
        assert token[-32:].encode() not in kept


async def test_what_has_ended_is_forgotten_at_the_next_start(
    people: People, owner: Participant, canvas: str, clock: Clock, tmp_path: Path
) -> None:
    await people.join(await people.share(canvas, "editor", owner, days=1), "Bob")
    await people.create_token("viewer", "Reader", days=1)
    await people.session(owner)
    clock.now += 31 * DAY
    await people.setup_link_token()
    with sqlite3.connect(tmp_path / "studiolo.db") as reader:
        assert reader.execute("SELECT kind FROM secrets").fetchall() == [("setup",)]
        assert {role for (role,) in reader.execute("SELECT role FROM grants")} == {"owner"}
    reader.close()


# Canvases, members, names, colours


async def test_canvases_are_listed_with_the_role_held_there(
    people: People, store: Store, owner: Participant, canvas: str
) -> None:
    await store.touch_canvas("essay", "An Essay", 9.0, {"pages": 3, "words": 1200, "open_suggestions": 2})
    bob = (await people.join(await people.share("essay", "commenter", owner), "Bob")).participant
    essay = {
        "id": "essay",
        "title": "An Essay",
        "role": "commenter",
        "created": 1.0,
        "updated": 9.0,
        "pages": 3,
        "words": 1200,
        "open_suggestions": 2,
    }
    assert await people.canvases(await come_in(people, bob)) == [essay]
    listed = await people.canvases(await come_in(people, owner))
    assert [(one["id"], one["role"], one["pages"]) for one in listed] == [
        ("essay", "owner", 3),
        (canvas, "owner", 0),
    ]
    reader = await bearer(people, await people.create_token("viewer", "Reader", participant=bob))
    assert [(one["id"], one["role"]) for one in await people.canvases(reader)] == [("essay", "viewer")]


async def test_whoever_makes_a_canvas_owns_it(people: People, store: Store, owner: Participant) -> None:
    maker = await bearer(people, await people.create_token("editor", "Maker"))
    await store.create_canvas("made", "Made", maker.participant.id, 1.0)
    roles = {one.name: one.role for one in await people.members("made")}
    assert roles == {"Ann": "owner", "Maker": "owner"}
    assert await people.role_in(maker, "made") == "editor"  # the token still narrows


async def test_members_are_listed_highest_first(people: People, owner: Participant, canvas: str) -> None:
    guests: list[tuple[Role, str]] = [("viewer", "Vi"), ("editor", "ed"), ("editor", "Ada")]
    for role, name in guests:
        await people.join(await people.share(canvas, role, owner), name)
    members = await people.members(canvas)
    assert [(one.name, one.role) for one in members] == [
        ("Ann", "owner"),
        ("Ada", "editor"),
        ("ed", "editor"),
        ("Vi", "viewer"),
    ]
    assert [one.name for one in await people.members("essay")] == ["Ann"]


async def test_colours_are_given_out_evenly(people: People, owner: Participant, canvas: str) -> None:
    link = await people.share(canvas, "viewer", owner)
    colors = [owner.color] + [(await people.join(link, f"Guest {n}")).participant.color for n in range(9)]
    assert colors == [*PALETTE, *PALETTE]
    elsewhere = await people.join(await people.share("essay", "viewer", owner), "Bob")
    assert elsewhere.participant.color == PALETTE[1]  # only Ann is there too


async def test_a_rename_changes_what_was_asked(people: People, owner: Participant) -> None:
    assert (await people.rename(owner.id, name="Anna")).name == "Anna"
    changed = await people.rename(owner.id, color="#ABCDEF")
    assert (changed.name, changed.color, changed.role) == ("Anna", "#abcdef", "owner")
    assert await people.rename(owner.id) == changed
    assert await people.participant(owner.id) == changed
    for name, color in (("", None), (None, "red"), (None, "#12345"), (None, "#1234567"), (None, "#12345g")):
        with pytest.raises(Invalid):
            await people.rename(owner.id, name, color)
    with pytest.raises(NotFound):
        await people.rename("ghost", "Boo")
    assert await people.participant("ghost") is None


async def test_the_built_in_agent_is_made_once(people: People, owner: Participant) -> None:
    made = await people.agent("co-author", "Co-author", "#9048fc")
    assert made == Participant("co-author", "Co-author", "agent", "#9048fc", "commenter")
    await asyncio.gather(*(people.agent("co-author", "Co-author", "#9048fc") for _ in range(3)))
    assert (await people.agent("co-author", "Ghostwriter", "#606c00")).name == "Ghostwriter"
    found = await people.participant("co-author")
    assert found is not None
    assert (found.name, found.kind, found.color) == ("Ghostwriter", "agent", "#606c00")
    assert await people.members("*") == [owner]  # it comes when it is asked, it is no member


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("  Ann \t Lee\n", "Ann Lee"),
        ("Ann\u202eeel\u0000", "Anneel"),
        ("a\ud800b", "ab"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("Zoë 漢字", "Zoë 漢字"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(given: str, seen: str) -> None:
    assert clean_name(given) == seen


@pytest.mark.parametrize("given", ["", "  ", "\u200d\u200d", "\u200b", "\u0000"])
def test_a_name_that_nobody_sees_is_refused(given: str) -> None:
    with pytest.raises(Invalid):
        clean_name(given)


def test_an_id_gives_no_secret_away() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", secret_id("st_anything"))
