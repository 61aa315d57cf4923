"""Files in, files out: encodings, kinds, names, and the round trip."""

import contextlib
import io
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.formats import archives, as_files, as_one_text, as_zip, kind_of, read_files, safe_name, splits_when_read

# What a file can carry: no lone surrogates, no NUL, and the line end a canvas uses.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=200)
marks = st.lists(
    st.sampled_from(["# A\n", "## B\n", "\n", "```\n", "CHAPTER I\n\n", "\ufeff", "body text here. "]), max_size=30
)
pages = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.one_of(texts, st.sampled_from(["main.py", "t.csv", "../../etc/passwd", "CON", "", "a/b.py"])),
            "text": st.one_of(texts, marks.map("".join)),
            "kind": st.sampled_from(["prose", "code", "note", "data"]),
        }
    ),
    min_size=1,
    max_size=12,
)


@given(pages)
def test_a_folder_or_zip_that_is_exported_and_imported_keeps_every_text(given_pages: list[dict[str, str]]) -> None:
    expected = [page["text"] for page in given_pages]
    assert [page.text for page in read_files(as_files(given_pages), folder=True).pages] == expected
    assert [page.text for page in read_files([("x.zip", as_zip(given_pages))]).pages] == expected


@given(pages)
def test_exported_names_are_safe_unique_and_in_order(given_pages: list[dict[str, str]]) -> None:
    names = [name for name, _ in as_files(given_pages)]
    assert names == sorted(names) and len({name.lower() for name in names}) == len(names)
    assert all("/" not in name and "\\" not in name and len(name.encode()) < 120 and ".." not in name for name in names)


@given(marks.map("".join))
def test_one_page_alone_comes_back_whole_unless_it_says_that_it_splits(text: str) -> None:
    page = {"title": "T", "text": text, "kind": "prose"}
    name, data = as_files([page])[0]
    back = read_files([(name, data)]).pages
    assert "".join(part.text for part in back) == text
    assert splits_when_read(page) == (len(back) > 1)


def test_more_than_ninety_nine_pages_stay_in_order() -> None:
    many = [{"title": "t", "text": str(number), "kind": "prose"} for number in range(101)]
    assert [page.text for page in read_files(as_files(many), folder=True).pages] == [str(n) for n in range(101)]


def test_removed_pages_are_not_exported() -> None:
    both = [{"title": "a", "text": "x", "removed": True}, {"title": "b", "text": "y"}]
    assert [name for name, _ in as_files(both)] == ["01-b.md"]
    assert as_one_text(both) == "y"


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_file_that_is_not_utf8_is_refused_with_its_name_byte_and_remedy(bom: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_files([("notes/café.txt", bom + b"one\ncaf\xe9\n")])
    error = caught.value
    assert "notes/café.txt" in error.message and "0xE9" in error.message and "line 2" in error.message
    assert error.details["offset"] == len(bom) + 7
    assert "UTF-8" in error.hint


def test_a_binary_file_is_refused() -> None:
    with pytest.raises(Invalid, match="zero byte at offset 3"):
        read_files([("a.md", b"abc\0def")])


def test_line_ends_of_other_systems_are_normalised() -> None:
    assert read_files([("a.md", b"\xef\xbb\xbfone\r\ntwo\rthree\n")]).pages[0].text == "one\ntwo\nthree\n"


def test_kinds_come_from_extensions() -> None:
    assert [kind_of(n) for n in ("a.md", "b.py", "Makefile", "c.CSV", "d", "e.txt")] == [
        "prose", "code", "code", "data", "prose", "prose",
    ]  # fmt: skip


def test_several_files_are_one_page_each_in_natural_order() -> None:
    got = read_files([("10-last.md", b"# X\n\n# Y\n"), ("2-the_middle.txt", b"b"), ("src/main.py", b"print()")])
    assert [(page.title, page.kind) for page in got.pages] == [
        ("The middle", "prose"),
        ("X", "prose"),
        ("main.py", "code"),
    ]


def test_a_zip_skips_what_is_not_text_and_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("book/1.md", "one")
        archive.writestr("book/cover.png", b"\x89PNG")
        archive.writestr("__MACOSX/1.md", "junk")
    assert [page.text for page in read_files([("b.zip", buffer.getvalue())]).pages] == ["one"]
    with pytest.raises(Invalid, match="cannot be unpacked"):
        read_files([("b.zip", b"PK no")])
    monkeypatch.setattr(archives, "MOST_BYTES", 2)
    with pytest.raises(TooLarge):
        read_files([("b.zip", buffer.getvalue())])


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def test_all_zips_and_files_of_one_import_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = zipped(("a.md", b"x" * 600), ("b.md", b"y" * 300))
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000)
    assert len(read_files([("1.zip", packed), ("c.md", b"z" * 100)]).pages) == 3
    for more in (("2.zip", packed), ("c.md", b"z" * 101)):
        with pytest.raises(TooLarge):
            read_files([("1.zip", packed), more])
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    with pytest.raises(TooLarge):
        read_files(
            [("1.zip", zipped(("a.md", b"x"), ("b.md", b"y"))), ("2.zip", zipped(("c.md", b"x"), ("d.md", b"y")))]
        )
    monkeypatch.setattr(archives, "MOST_ENTRIES", 1)
    with pytest.raises(TooLarge, match="more than 1 files"):
        read_files([("1.zip", zipped(("a.png", b"x"), ("b.png", b"y")))])


def test_a_zip_that_lies_about_its_size_is_not_unpacked_beyond_what_it_said() -> None:
    packed = bytearray(zipped(("a.md", b"x" * 50_000_000)))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = packed.find(mark) + place
        packed[at : at + 4] = (10).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(Invalid, match="cannot be unpacked"):
        read_files([("b.zip", bytes(packed))])
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_with_any_byte_of_it_wrong_is_read_or_refused(method: int) -> None:
    good = zipped(("a.md", b"The quick brown fox. " * 20), ("b.md", b"Jumps."), method=method)
    for place in range(len(good)):
        for change in (0x01, 0xFF):
            bad = bytearray(good)
            bad[place] ^= change
            with contextlib.suppress(Invalid, TooLarge):
                read_files([("b.zip", bytes(bad))])
    for length in range(0, len(good), 7):
        with pytest.raises(Invalid):
            read_files([("b.zip", good[:length])])


def test_a_zip_with_a_password_is_refused_in_words() -> None:
    packed = bytearray(zipped(("a.md", b"secret")))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.find(mark) + place] |= 1
    with pytest.raises(Invalid, match="password required"):
        read_files([("b.zip", bytes(packed))])


def test_a_file_name_with_thousands_of_digits_is_sorted_like_any_number() -> None:
    long = "9" * 5_000
    got = read_files([(f"{long}9.txt", b"c"), (f"{long}.txt", b"b"), ("0007.txt", b"a")])
    assert [page.text for page in got.pages] == ["a", "b", "c"]


def test_nothing_to_import_is_said() -> None:
    with pytest.raises(Invalid):
        read_files([], folder=True)


def test_one_text_gives_every_page_a_heading_and_fences_code() -> None:
    text = as_one_text(
        [
            {"title": "One", "text": "plain\n", "kind": "prose"},
            {"title": "Two", "text": "# Own\n\nx", "kind": "prose"},
            {"title": "m.py", "text": "a = '```'\n", "kind": "code"},
        ]
    )
    assert text == "# One\n\nplain\n\n# Own\n\nx\n\n# m.py\n\n````py\na = '```'\n````\n"


@given(texts)
def test_safe_names_are_never_empty_or_hidden(title: str) -> None:
    name = safe_name(title)
    assert name and not name.startswith(".") and "/" not in name and len(name.encode()) <= 80
