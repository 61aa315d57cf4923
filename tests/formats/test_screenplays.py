"""Fountain and Final Draft hold the same screenplay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.canvas.errors import Invalid
from studiolo.formats import PageDraft, export, fountain, read_files
from studiolo.formats.fdx import read_fdx, write_fdx
from studiolo.formats.fountain import Element, Script, parse, write

FISH = """Title: Big Fish
Credit: written by
Author: John August
Contact:
    A street
    A town

FADE IN:

.SNIPER SCOPE POV

INT. HOUSE - DAY #1A#

A man. *Very* **old**, _they say_.
Two lines of it.

STEEL (V.O.)
(starts)
Hello there.

BRICK
Screw it.

STEEL ^
Yes!

@McAVOY
I said so.

CUT TO:

> fade out

> THE END <

# Act 1
= What happens

~la la

===

!INT. NOT A SCENE
"""


def test_a_screenplay_is_read_element_by_element() -> None:
    script = parse(FISH)
    assert script.title["Contact"] == "A street\nA town"
    assert [element.kind for element in script.elements] == [
        "action", "scene", "scene", "action", "character", "parenthetical", "dialogue", "character", "dialogue",
        "character", "dialogue", "character", "dialogue", "transition", "transition", "centered", "section",
        "synopsis", "lyric", "break", "action",
    ]  # fmt: skip
    assert script.elements[2] == Element("scene", "INT. HOUSE - DAY", "1A")
    assert script.elements[9] == Element("character", "STEEL", dual=True)
    assert script.elements[11].text == "McAVOY" and script.elements[-1].text == "INT. NOT A SCENE"


def test_it_goes_through_final_draft_and_back() -> None:
    script = parse(FISH)
    assert parse(write(script)) == script
    assert read_fdx("x.fdx", write_fdx(script)) == script
    xml = write_fdx(script).decode()
    assert '<Paragraph Type="Scene Heading" Number="1A">' in xml and "<DualDialogue>" in xml
    assert '<Text Style="Bold">old</Text>' in xml and '<Text Style="Underline">they say</Text>' in xml


WORDS = ["Anna", "INT.", "CUT TO:", "a.", "(low)", "éà", "#1#", "A*B", "x_y", "\\", "&", "TO:", "=", "^", "~"]
words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
headings = words.filter(lambda text: "#" not in text and text[0] != ".")
flat = words.filter(lambda text: text[0] not in "=<" and not text.endswith("<"))
elements = st.one_of(
    st.builds(Element, st.just("scene"), headings, st.sampled_from(["", "2B"])),
    st.builds(Element, st.just("action"), st.lists(words, min_size=1, max_size=3).map("\n".join)),
    st.builds(Element, st.sampled_from(["centered", "synopsis", "transition"]), flat),
)
speech = st.tuples(
    st.sampled_from(["ANNA", "Old Anna", "BO (V.O.)", "INT. BO", "CUT TO:"]),
    st.booleans(),
    words.filter(lambda text: not text.startswith(("(", "~"))),
).map(lambda one: [Element("character", one[0], dual=one[1]), Element("dialogue", one[2])])


@given(st.lists(st.one_of(elements.map(lambda one: [one]), speech), max_size=6))
def test_whatever_is_written_is_read_as_the_same(parts: list[list[Element]]) -> None:
    script = Script({}, tuple(element for part in parts for element in part))
    assert parse(write(script)).elements == script.elements


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=200))
def test_any_text_is_a_screenplay_that_is_written_and_read_the_same(text: str) -> None:
    once = parse(write(parse(text)))
    assert parse(write(once)) == once


def test_files_come_in_as_fountain_and_go_out_as_both() -> None:
    (page,) = read_files([("fish.fountain", FISH.encode())]).pages
    assert page.text == FISH and page.title == "Big Fish"
    fdx = export("Big Fish", [page], "fdx").data
    imported = read_files([("whatever", fdx)])
    assert imported.title == "Big Fish" and parse(imported.pages[0].text) == parse(FISH)
    assert export("Big Fish", [page], "fountain").data.decode() == FISH
    two = export(
        "Two acts", [PageDraft("a", "INT. A - DAY\n\nRain.\n"), PageDraft("b", "INT. B - DAY\n\nSun.\n")], "fountain"
    )
    assert [one.text for one in fountain.parse(two.data.decode()).elements] == [
        "INT. A - DAY",
        "Rain.",
        "INT. B - DAY",
        "Sun.",
    ]


def test_a_final_draft_file_as_it_writes_them() -> None:
    xml = """<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<FinalDraft DocumentType="Script" Template="No" Version="5"><Content>
<Paragraph Number="1" Type="Scene Heading"><SceneProperties Length="1/8" Page="1"/>
<Text>EXT. SEA - </Text><Text>NIGHT</Text></Paragraph>
<Paragraph Type="Action"><Text AdornmentStyle="0" Style="Bold+Italic">Waves.</Text><Text> Dark.</Text></Paragraph>
<Paragraph Type="Character"><Text>ANNA</Text></Paragraph><Paragraph Type="Dialogue"><Text>Listen.</Text></Paragraph>
<Paragraph Type="Shot"><Text>CLOSE ON</Text></Paragraph><Paragraph Type="New Act"><Text>ACT TWO</Text></Paragraph>
</Content><ElementSettings Type="General"/></FinalDraft>"""
    text = read_files([("x.fdx", xml.encode())]).pages[0].text
    assert text == "EXT. SEA - NIGHT #1#\n\n***Waves.*** Dark.\n\nANNA\nListen.\n\n.CLOSE ON\n\n# ACT TWO\n"


def test_what_is_no_script_is_refused() -> None:
    for data in (b"<FinalDraft", b"<FinalDraft/>", b"<?xml version='1.0'?><FinalDraft><Body/></FinalDraft>"):
        with pytest.raises(Invalid):
            read_fdx("x.fdx", data)
