"""Files that were made to do harm: each is refused, or read as the little that it is, within the limits."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import struct
import tarfile
import zipfile
import zlib

import pytest

from studiolo.canvas.errors import Invalid, StudioloError, TooLarge
from studiolo.tools.reading import MOST_BYTES, MOST_CHARACTERS, read, reader
from studiolo.tools.reading.kinds import read_bytes

LIMITED = "from studiolo.tools.reading.child import limit; import os; limit(os.getppid())"


def zipped(*files: tuple[str, bytes], **options: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = options.get("mode", 0o644) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


async def test_a_file_over_the_limit_is_not_even_sent_to_the_child() -> None:
    with pytest.raises(TooLarge, match="50 MB"):
        await read(b"x" * (MOST_BYTES + 1), "large.txt")


async def test_a_text_over_the_limit_is_cut_and_says_so() -> None:
    found = await read(b"word " * (MOST_CHARACTERS // 5 + 1000), "long.txt")
    assert found.characters <= MOST_CHARACTERS + len(found.sections)
    assert any(f"first {MOST_CHARACTERS:,} characters" in problem for problem in found.problems)


async def test_bombs_of_every_format_are_refused() -> None:
    zeros = b"\0" * (70 << 20)
    bomb = zipped(*((f"a{n}.txt", zeros) for n in range(3)))
    found = await read(bomb, "bomb.zip")  # each says how large it is: too large to be read
    assert len(found.problems) == 3 and found.characters < 1_000
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number in range(3):
            entry = tarfile.TarInfo(f"a{number}.txt")
            entry.size = len(zeros)
            archive.addfile(entry, io.BytesIO(zeros))
    with pytest.raises(TooLarge, match="200 MB unpacked"):
        await read(buffer.getvalue(), "bomb.tar.gz")
    with pytest.raises(StudioloError):
        await read(gzip.compress(zeros * 3, 1), "bomb.txt.gz")
    with pytest.raises(StudioloError):
        await read(zipped(("mimetype", b"application/epub+zip"), ("META-INF/container.xml", zeros)), "bomb.epub")
    with pytest.raises(StudioloError):
        await read(zipped(("word/document.xml", zeros)), "bomb.docx")


async def test_a_zip_that_lies_about_its_sizes_gives_no_more_than_it_said() -> None:
    data = bytearray(zipped(("a.txt", b"A" * 100_000)))
    for mark, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.find(mark)
        data[at + place : at + place + 4] = struct.pack("<I", 10)
    try:
        found = await read(bytes(data), "lies.zip")
    except Invalid:
        return
    assert found.characters < 1_000


async def test_names_that_lead_elsewhere_and_links_are_left_out() -> None:
    found = await read(
        zipped(
            ("../../etc/cron.d/x.txt", b"evil"),
            ("/etc/passwd.txt", b"evil"),
            ("C:\\x.txt", b"evil"),
            ("ok.txt", b"good"),
        ),
        "names.zip",
    )
    text = " ".join(section.text for section in found.sections)
    assert "good" in text and "evil" not in text and len(found.problems) == 3
    with pytest.raises(Invalid):  # nothing else is in it
        await read(zipped(("link.txt", b"/etc/passwd"), mode=0o120777), "links.zip")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            entry = tarfile.TarInfo("link.txt")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        entry = tarfile.TarInfo("ok.txt")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"good"))
    found = await read(buffer.getvalue(), "links.tar")
    text = " ".join(section.text for section in found.sections)
    assert "root:" not in text and "good" in text
    assert [problem.split(" is ")[1] for problem in found.problems] == ["a link, which was not followed."]


async def test_xml_with_entities_of_its_own_is_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9)
    )
    for name, path in (("a.odt", "content.xml"), ("a.docx", "word/document.xml")):
        files = [("mimetype", b"application/vnd.oasis.opendocument.text"), (path, bomb + b"]><x>&j;</x>")]
        with pytest.raises(StudioloError):
            await read(zipped(*files), name)
    page = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><html><body><p>Look: &e; here.</p></body></html>'
    found = await read(page, "page.html")
    assert "root:" not in " ".join(section.text for section in found.sections)


async def test_damaged_pdfs_are_refused_and_never_end_the_studio() -> None:
    import typst

    whole = typst.compile(b"Hello there, reader.")
    for at in range(0, len(whole), max(1, len(whole) // 12)):
        for data in (whole[:at] or b"%PDF-", whole[:at] + b"\xff" * 64 + whole[at + 64 :]):
            try:
                await asyncio.to_thread(read_bytes, data, "a.pdf")
            except StudioloError:
                continue
    with pytest.raises(Invalid):
        await read(b"%PDF-1.7\n" + os.urandom(20_000), "noise.pdf")


async def test_a_pdf_with_a_password_says_so() -> None:
    import pypdf
    import typst

    writer = pypdf.PdfWriter(io.BytesIO(typst.compile(b"Hello there, reader.")))
    writer.encrypt("secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(Invalid, match="password"):
        await read(buffer.getvalue(), "locked.pdf")


async def test_json_that_is_nested_without_end_and_tables_of_one_endless_cell() -> None:
    found = await read(b"[" * 200_000, "deep.json")
    assert found.problems
    with pytest.raises(StudioloError):
        await read(b'a,b\n"' + b"x" * 3_000_000, "cell.csv")


async def test_a_picture_that_says_it_is_enormous_is_not_unpacked() -> None:
    head = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    found = await read(data, "huge.png")
    assert found.about["width"] == 2**31 - 1


async def test_the_child_knows_nothing_of_the_studios_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    telling = "{'error': {'code': 'x', 'message': repr(dict(os.environ)), 'hint': ''}}"
    monkeypatch.setattr(reader, "_CHILD", f"import os, json; print(json.dumps({telling}))")
    with pytest.raises(Invalid) as told:
        await read(b"hello", "a.txt")
    assert "sk-very-secret" not in told.value.message and "PYTHONPATH" in told.value.message


@pytest.mark.parametrize(
    ("child", "said"),
    [
        ("while True: pass", "too long"),
        ("import time; time.sleep(1000)", "too long"),
        ("import subprocess, time; subprocess.Popen(['/bin/sleep', '1000']); time.sleep(1000)", "too long"),
        ("import sys\nwhile True: sys.stdout.write('x' * 1000000)", "too much memory"),
        ("import ctypes; ctypes.string_at(0)", "too much memory"),
        (f"{LIMITED}; x = 'x' * (4 << 30)", "too much memory"),
        ("import os; os._exit(3)", "too much memory"),
    ],
)
async def test_a_child_that_runs_away_or_dies_costs_its_file_alone(
    child: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_CHILD", child)
    monkeypatch.setattr(reader, "PATIENCE", 3.0)
    with pytest.raises(TooLarge, match=said):
        await read(b"hello", "a.txt")
    monkeypatch.undo()
    assert (await read(b"hello", "a.txt")).sections[0].text.strip() == "hello"


async def test_the_event_loop_goes_on_while_files_are_read() -> None:
    reading = asyncio.gather(*(read(b"word " * 4_000_000, f"{n}.txt") for n in range(3)))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.01)
        turns += 1
    await reading
    assert turns > 10
