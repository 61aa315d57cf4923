"""Importing and exporting other programs' files from the command line."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.cli.test_commands import Run, environ, failed, run  # noqa: F401
from tests.web.test_files import TEXT, word


def test_a_word_file_goes_in_and_out_of_the_command_line(run: Run, tmp_path: Path) -> None:  # noqa: F811
    work = tmp_path / "work"
    (work / "book.docx").write_bytes(word())
    made = run("import", "book.docx")
    assert made.returncode == 0, made.stderr
    canvas = made.stdout.strip()
    assert "“A book”" in made.stderr
    assert run("export", canvas, "-o", "-").stdout == TEXT
    critic = run("export", canvas, "--format", "critic", "-o", "-").stdout
    assert "{~~dark~>silent~~}{>>@Bo (2023-11-14T22:13:20Z): Darkness comes later<<}" in critic
    for name in ("out.docx", "out.pdf", "out.epub", "out.studiolo", "out.zip"):
        done = run("export", canvas, "-o", name)
        assert done.returncode == 0 and done.stdout == f"{name}\n", done.stderr
    assert "Left out 2 suggestion(s) and comment(s)" in run("export", canvas, "-o", "again.pdf").stderr
    assert zipfile.ZipFile(work / "out.zip").namelist()[-1] == ".studiolo/authorship.json"
    taken = run("export", canvas, "--format", "markdown", "--suggestions", "accept", "-o", "-").stdout
    assert "The house was silent" in taken
    whole = run("import", "out.studiolo")
    assert whole.returncode == 0 and "rows of history" in whole.stderr, whole.stderr
    assert run("export", whole.stdout.strip(), "--format", "critic", "-o", "-").stdout == critic
    assert run("check").returncode == 0
    failed(run("import", "out.pdf"), 1, "a PDF", "made from")


def test_a_scrivener_folder_is_one_project(run: Run, tmp_path: Path) -> None:  # noqa: F811
    project = tmp_path / "work" / "Novel.scriv"
    for name in ("A", "B"):
        (project / "Files" / "Data" / name).mkdir(parents=True)
        (project / "Files" / "Data" / name / "content.rtf").write_text("{\\rtf1\\ansi Text of " + name + ".\\par}")
    items = "".join(f'<BinderItem UUID="{one}" Type="Text"><Title>Chapter {one}</Title></BinderItem>' for one in "BA")
    (project / "Novel.scrivx").write_text(
        '<?xml version="1.0"?><ScrivenerProject><Binder><BinderItem UUID="D" Type="DraftFolder"><Title>Draft</Title>'
        f"<Children>{items}</Children></BinderItem></Binder></ScrivenerProject>"
    )
    made = run("import", "Novel.scriv")
    assert made.returncode == 0, made.stderr
    assert "“Novel”" in made.stderr
    text = run("export", made.stdout.strip(), "-o", "-").stdout
    assert text == "# Chapter B\n\nText of B.\n\n# Chapter A\n\nText of A.\n"
