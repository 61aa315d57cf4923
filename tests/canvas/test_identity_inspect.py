"""What an update would do: typing into pages is told from everything that only an action may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from studiolo.canvas.identity import Change, Identity
from tests.canvas.wire import assert_sound, string, struct, typed, uint, update

EDITOR = 7


class Room:
    """A canvas on a server, and an editor's browser in step with it."""

    def __init__(self) -> None:
        server: Doc[Any] = Doc(client_id=5)
        pages = server.get("pages", type=Map)
        pages["one"] = Map({"title": "One", "text": Text("Once upon a time")})
        pages["two"] = Map({"title": "Two", "text": Text("")})
        hunk = Map({"status": "open", "replace": Text("replacement")})
        server.get("suggestions", type=Map)["s"] = Map({"status": "open", "hunks": Array([hunk])})
        server.get("chat", type=Array).append(Map({"text": Text("hello")}))
        self.identity = Identity()
        self.identity.apply(server.get_update())
        self.server = server
        self.browser: Doc[Any] = Doc(client_id=EDITOR)
        self.browser.apply_update(server.get_update())

    def text(self, page: str = "one") -> Any:
        return self.browser.get("pages", type=Map)[page]["text"]

    def root(self, name: str) -> Any:
        return self.browser.get(name, type=Map)

    def update(self, do: Callable[[], object]) -> bytes:
        """The update that a change in the browser sends."""
        before = self.browser.get_state()
        with self.browser.transaction():
            do()
        return self.browser.get_update(before)

    def inspect(self, do: Callable[[], object]) -> Change:
        return self.identity.inspect(self.update(do))

    def first(self, root: str) -> tuple[int, int]:
        """The id of the first thing in a list below a root: somewhere to hang a forgery."""
        branch = self.identity._store.roots[root]
        item = branch.start or next(iter(branch.entries.values()))
        return (item.client, item.clock)


@pytest.fixture
def room() -> Room:
    return Room()


def test_typing_into_a_page(room: Room) -> None:
    change = room.inspect(lambda: room.text().insert(4, " 😀"))
    assert change == Change(frozenset({EDITOR}), frozenset({"one"}), None, False, False)


def test_typing_into_an_empty_page(room: Room) -> None:
    assert room.inspect(lambda: room.text("two").insert(0, "x")).pages == {"two"}


def test_deleting_from_a_page(room: Room) -> None:
    change = room.inspect(lambda: room.text().__delitem__(slice(0, 5)))
    assert change == Change(frozenset(), frozenset({"one"}), None, False, False)


def test_typing_and_deleting_on_two_pages_at_once(room: Room) -> None:
    def edit() -> None:
        room.text().insert(3, "x")
        del room.text()[5:8]
        room.text("two").insert(0, "y")

    change = room.inspect(edit)
    assert (change.pages, change.foreign) == ({"one", "two"}, None)


def test_text_typed_and_deleted_again(room: Room) -> None:
    """The ids are used up and the words are gone: the server must take it, or the sender can never sync again."""

    def edit() -> None:
        room.text().insert(0, "oops")
        del room.text()[0:4]

    change = room.inspect(edit)
    assert (change.clients, change.foreign, change.gap, change.empty) == ({EDITOR}, None, False, False)


def test_what_is_gone_with_its_record_is_nothing_to_refuse(room: Room) -> None:
    change = room.identity.inspect(update((EDITOR, 0, [b"\x00" + uint(9)])))
    assert change == Change(frozenset({EDITOR}), frozenset(), None, False, False)


def test_looking_changes_nothing(room: Room) -> None:
    before = room.identity.state(), room.identity.text("one"), room.identity.runs("one")
    room.inspect(lambda: room.text().insert(3, "x"))
    room.inspect(lambda: room.root("suggestions").__setitem__("t", 1))
    assert (room.identity.state(), room.identity.text("one"), room.identity.runs("one")) == before
    assert_sound(room.identity)


FORGERIES: dict[str, tuple[Callable[[Room], object], str]] = {
    "a suggestion": (
        lambda room: room.root("suggestions").__setitem__("t", Map({"author": "somebody else"})),
        "sets 't' in the root 'suggestions'",
    ),
    "a status": (
        lambda room: room.root("suggestions")["s"].__setitem__("status", "accepted"),
        "sets 'status' inside the root 'suggestions'",
    ),
    "the words of a suggestion": (
        lambda room: room.root("suggestions")["s"]["hunks"][0]["replace"].insert(0, "x"),
        "inserts into a list inside the root 'suggestions'",
    ),
    "deleting a suggestion": (
        lambda room: room.root("suggestions").__delitem__("s"),
        "deletes 's' in the root 'suggestions'",
    ),
    "deleting the words of a suggestion": (
        lambda room: room.root("suggestions")["s"]["hunks"][0]["replace"].__delitem__(slice(0, 3)),
        "deletes from a list inside the root 'suggestions'",
    ),
    "a message": (
        lambda room: room.browser.get("chat", type=Array).append("hi"),
        "inserts into a list in the root 'chat'",
    ),
    "deleting a message": (
        lambda room: room.browser.get("chat", type=Array).__delitem__(0),
        "deletes from a list in the root 'chat'",
    ),
    "a new root": (lambda room: room.root("mine").__setitem__("x", 1), "sets 'x' in the root 'mine'"),
    "a root text": (
        lambda room: room.browser.get("text", type=Text).insert(0, "x"),
        "inserts into a list in the root 'text'",
    ),
    "a new page": (
        lambda room: room.root("pages").__setitem__("x", Map({"text": Text("x")})),
        "sets 'x' in the root 'pages'",
    ),
    "a page's title": (
        lambda room: room.root("pages")["one"].__setitem__("title", "x"),
        "sets 'title' inside the root 'pages'",
    ),
    "a page's text anew": (
        lambda room: room.root("pages")["one"].__setitem__("text", Text("x")),
        "sets 'text' inside the root 'pages'",
    ),
    "deleting a page": (lambda room: room.root("pages").__delitem__("one"), "deletes 'one' in the root 'pages'"),
    "formatting": (lambda room: room.text().format(0, 4, {"bold": True}), "puts formatting into the text"),
    "an embed": (lambda room: room.text().insert_embed(2, {"image": "x"}), "puts an embedded object into the text"),
    "an embedded type": (lambda room: room.text().insert_embed(2, Map({})), "puts a nested shared type into the text"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_everything_else_is_foreign(room: Room, what: str) -> None:
    do, says = FORGERIES[what]
    change = room.inspect(lambda: do(room))
    assert change.foreign is not None and says in change.foreign
    assert not change.gap and not change.empty


@pytest.mark.parametrize("what", FORGERIES)
def test_typing_does_not_cover_for_it(room: Room, what: str) -> None:
    def edit() -> None:
        room.text().insert(0, "innocent")
        FORGERIES[what][0](room)
        room.text("two").insert(0, "innocent")

    change = room.inspect(edit)
    assert change.foreign is not None and FORGERIES[what][1] in change.foreign


def text_id(room: Room, page: str = "one") -> tuple[int, int]:
    branch = room.identity._store.page_text(page)
    assert branch and branch.item
    return (branch.item.client, branch.item.clock)


def unit(room: Room, offset: int, page: str = "one") -> tuple[int, int]:
    item: Any = room.identity.position(page, offset)["item"]
    return (item["client"], item["clock"])


def test_an_entry_on_the_text_itself(room: Room) -> None:
    for kind, content in ((4, string("x")), (1, uint(1)), (8, uint(1) + b"\x7e")):
        change = room.identity.inspect(update((EDITOR, 0, [struct(kind, content, parent=text_id(room), sub="key")])))
        assert change.foreign == "it sets 'key' inside the root 'pages'"


def test_a_deleted_entry_would_still_replace_the_one_before(room: Room) -> None:
    """It says nothing itself, but as the newest value of the key it would take the old one away."""
    record = room.first("suggestions")
    change = room.identity.inspect(update((EDITOR, 0, [struct(1, uint(1), origin=record)])))
    assert change.foreign == "it sets 's' in the root 'suggestions'"


def test_neighbours_in_different_places(room: Room) -> None:
    data = update((EDITOR, 0, [typed("x", origin=unit(room, 3), right=room.first("chat"))]))
    foreign = room.identity.inspect(data).foreign
    assert foreign is not None and "not in the same place" in foreign


def test_typing_into_a_page_that_was_removed_meanwhile(room: Room) -> None:
    """Nobody will see it, but it is no forgery: the sender did not know yet."""
    letter, text = unit(room, 3), text_id(room)
    del room.server.get("pages", type=Map)["one"]
    room.identity.apply(room.server.get_update())
    for structs in (
        [typed("x", parent=text)],
        [typed("y", origin=(EDITOR, 0))],
        [typed("z", origin=(EDITOR, 1), right=letter)],
        [typed("!", origin=letter)],
    ):
        data = update((EDITOR, room.identity.state().get(EDITOR, 0), structs), deletes=[(*letter, 1)])
        assert room.identity.inspect(data) == Change(frozenset({EDITOR}), frozenset(), None, False, False)
        room.identity.apply(data)
    assert room.identity.pages() == ["two"]
    assert_sound(room.identity)


def test_hanging_on_something_new(room: Room) -> None:
    """Structs of one update hang on one another: each shares the place of the one before."""
    structs = [
        struct(7, uint(1), parent="suggestions", sub="t"),
        struct(8, uint(1) + b"\x7e", parent=(EDITOR, 0), sub="author"),
        typed("x", origin=(EDITOR, 1)),
    ]
    foreign = room.identity.inspect(update((EDITOR, 0, structs))).foreign
    assert foreign == "it sets 't' in the root 'suggestions'"


def test_a_chain_of_new_neighbours_in_a_page(room: Room) -> None:
    structs = [
        typed("a", origin=unit(room, 3)),
        typed("b", origin=(EDITOR, 0)),
        typed("c", right=(EDITOR, 0)),
        typed("d", origin=(EDITOR, 2), right=(EDITOR, 0)),
    ]
    change = room.identity.inspect(update((EDITOR, 0, structs), deletes=[(EDITOR, 1, 2)]))
    assert change == Change(frozenset({EDITOR}), frozenset({"one"}), None, False, False)


def test_half_a_character(room: Room) -> None:
    """yjs makes two lost characters of it, yrs does not: nobody may."""
    room.identity.apply(update((8, 0, [typed("a😀b", parent=text_id(room, "two"))])))
    high, low = (8, 1), (8, 2)
    for structs, deletes in (
        ([typed("x", origin=high)], []),
        ([typed("x", right=low)], []),
        ([typed("x", origin=high, right=low)], []),
        ([], [(8, 2, 1)]),
        ([], [(8, 0, 2)]),
        ([typed("é😀", parent=text_id(room)), typed("x", origin=(EDITOR, 1))], []),
        ([typed("é😀", parent=text_id(room))], [(EDITOR, 0, 2)]),
    ):
        blocks = [(EDITOR, 0, structs)] if structs else []
        change = room.identity.inspect(update(*blocks, deletes=deletes))
        assert change.foreign is not None and "half" in change.foreign, (structs, deletes)
    for structs, deletes in (
        ([typed("x", origin=(8, 0), right=high)], []),
        ([typed("x", origin=low)], []),
        ([], [(8, 1, 2)]),
        ([], [(8, 0, 4)]),
    ):
        blocks = [(EDITOR, 0, structs)] if structs else []
        assert room.identity.inspect(update(*blocks, deletes=deletes)).foreign is None


def test_other_peoples_client_ids_are_named(room: Room) -> None:
    data = update((9, 0, [typed("x", origin=unit(room, 0))]), (EDITOR, 0, [typed("y", origin=unit(room, 0))]))
    assert room.identity.inspect(data).clients == {9, EDITOR}


def test_repeated_updates_are_empty(room: Room) -> None:
    room.identity.apply(room.update(lambda: room.text().insert(0, "x")))
    room.identity.apply(room.update(lambda: room.text().__delitem__(slice(2, 5))))
    everything = room.browser.get_update()
    assert room.identity.inspect(everything) == Change(frozenset(), frozenset(), None, False, True)
    # sync step 2: nothing but all deletions, again
    assert room.identity.inspect(room.browser.get_update(room.browser.get_state())).empty
    assert room.identity.inspect(b"\0\0").empty


def test_only_deletions_that_are_new_count(room: Room) -> None:
    room.identity.apply(room.update(lambda: room.text().__delitem__(slice(2, 5))))
    change = room.inspect(lambda: room.text().insert(0, "x"))
    assert (change.pages, change.foreign) == ({"one"}, None)
    change = room.inspect(lambda: room.text().__delitem__(slice(0, 1)))
    assert not change.empty


def test_a_known_beginning_is_not_new(room: Room) -> None:
    origin = unit(room, 3)
    room.identity.apply(update((EDITOR, 0, [typed("ab", origin=origin)])))
    change = room.identity.inspect(update((EDITOR, 0, [typed("abc", origin=origin)])))
    assert change == Change(frozenset({EDITOR}), frozenset({"one"}), None, False, False)
    room.identity.apply(update((EDITOR, 0, [typed("abc", origin=origin)])))
    assert "abc" in room.identity.text("one")
    assert_sound(room.identity)


@pytest.mark.parametrize(
    "data",
    [
        update((EDITOR, 3, [typed("x", parent="pages")])),  # the clocks of a client have a hole
        update((EDITOR, 0, [b"\x0a\x02", typed("x", parent="pages")])),  # the same, said with a skip
        update((EDITOR, 0, [typed("x", origin=(9, 0))])),
        update((EDITOR, 0, [typed("x", right=(9, 0))])),
        update((EDITOR, 0, [typed("x", parent=(9, 0))])),
        update((EDITOR, 0, [typed("x", origin=(9, 0))]), (9, 0, [typed("y", origin=(EDITOR, 0))])),  # a circle
        update(deletes=[(9, 0, 1)]),
        update(deletes=[(5, 10_000, 1)]),
    ],
)
def test_what_depends_on_the_unknown_is_a_gap(room: Room, data: bytes) -> None:
    change = room.identity.inspect(data)
    assert change.gap and not change.empty
    text, state = room.identity.text("two"), room.identity.state()
    room.identity.apply(data)
    assert (room.identity.text("two"), room.identity.state()) == (text, state)
    assert_sound(room.identity)


def test_deleting_more_than_is_known_is_a_gap(room: Room) -> None:
    room.identity.apply(update((EDITOR, 0, [typed("ab", parent=text_id(room, "two"))])))
    change = room.identity.inspect(update(deletes=[(EDITOR, 1, 2)]))
    assert change == Change(frozenset(), frozenset({"two"}), None, True, False)


def test_what_waited_comes_in_when_its_time_has_come(room: Room) -> None:
    first = room.update(lambda: room.text("two").insert(0, "ab"))
    second = room.update(lambda: room.text("two").insert(2, "cd"))
    third = room.update(lambda: room.text("two").__delitem__(slice(1, 3)))
    for late in (third, second):
        assert room.identity.inspect(late).gap
        room.identity.apply(late)
    assert room.identity.text("two") == ""
    room.identity.apply(first)
    assert room.identity.text("two") == "ad"
    assert not room.identity.inspect(third).gap


def test_two_clients_who_wait_for_one_another_in_turn(room: Room) -> None:
    """Each struct hangs on the last one of the other client: there is only one order, and it is found."""
    turns = 300
    text = text_id(room, "two")
    ours = [typed("a", parent=text), *(typed("a", origin=(8, turn)) for turn in range(turns))]
    theirs = [typed("b", origin=(EDITOR, turn)) for turn in range(turns + 1)]
    data = update((8, 0, theirs), (EDITOR, 0, ours))
    assert not room.identity.inspect(data).gap
    room.identity.apply(data)
    assert room.identity.text("two") == "ab" * (turns + 1)
    assert_sound(room.identity)
