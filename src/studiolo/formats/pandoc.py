"""Pandoc, as a child process that can neither run away nor read anything that it was not given."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from studiolo.canvas.errors import Invalid, TooLarge, Unavailable

PATIENCE = 120.0  # seconds; a novel of 200,000 words takes two
MEMORY = 3 << 30  # bytes
# What pages are written in, for pandoc: CommonMark with what the editor shows besides.
MARKDOWN = "commonmark+footnotes+pipe_tables+strikeout+task_lists+tex_math_dollars+raw_html"
SEPARATOR = "\U0010fffd"
# What in one text can mean something for another: definitions, and what nothing may close.
APART = re.compile(r"\[\^|\]:|`{3}|~{3}|<|\U0010fffd")
FEW = 12
# Reads many texts in one process: [[format, text], ...] becomes [document, ...].
_READ = """
local jobs = pandoc.json.decode(io.read("a"), false)
local read = {}
for i, job in ipairs(jobs) do read[i] = pandoc.write(pandoc.read(job[2], job[1]), "json") end
io.write(pandoc.json.encode(read))
"""


@cache
def program() -> str:
    """Where pandoc is: the package brings it."""
    from importlib.util import find_spec

    spec = find_spec("pypandoc")
    if spec is not None and spec.origin:
        brought = Path(spec.origin).parent / "files" / ("pandoc.exe" if sys.platform == "win32" else "pandoc")
        if brought.exists():
            return str(brought)
    from shutil import which

    found = which("pandoc")
    if not found:
        raise Unavailable("Pandoc is not installed here.", "Install the package pypandoc_binary, or pandoc itself.")
    return found


def convert(
    data: bytes,
    read: str,
    write: str,
    options: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
    what: str = "The file",
) -> bytes:
    """`data`, of pandoc's format `read`, in its format `write`.

    `files` are put beside it; an option names one as `{name}`. Raises `Invalid` when it cannot be read and `TooLarge`
    when that takes too long or too much memory.
    """
    with tempfile.TemporaryDirectory(prefix="studiolo-pandoc-") as folder:
        given = Path(folder)
        for name, content in (files or {}).items():
            (given / name).write_bytes(content)
        (given / "in").write_bytes(data)
        places = {name: str(given / name) for name in files or {}}
        arguments = [option.format_map(places) if "{" in option else option for option in options]
        _run(
            ["--sandbox", "-f", read, "-t", write, "-o", str(given / "out"), *arguments, str(given / "in")],
            b"",
            folder,
            what,
        )
        return (given / "out").read_bytes()


def documents(texts: Sequence[tuple[str, str]]) -> list[Any]:
    """Each `(format, text)` as pandoc's document, in few processes."""
    read: dict[int, Any] = {}
    formats: dict[str, list[int]] = {}
    for number, (format, text) in enumerate(texts):
        if not APART.search(text):
            formats.setdefault(format, []).append(number)
    for format, numbers in formats.items():
        if len(numbers) > FEW:
            read |= zip(numbers, _in_one(format, [texts[number][1] for number in numbers]), strict=False)
    left = [number for number in range(len(texts)) if number not in read]
    read |= zip(left, _by_themselves([texts[number] for number in left]), strict=True)
    return [read[number] for number in range(len(texts))]


def _in_one(format: str, texts: Sequence[str]) -> list[Any]:
    """Small texts as one document, cut where a sign between them is: five times as quick. Nothing when they cannot be
    told apart again."""
    whole = json.loads(convert(f"\n\n{SEPARATOR}\n\n".join(texts).encode(), format, "json", what="The text"))
    parts: list[list[Any]] = [[]]
    for block in whole["blocks"]:
        if block == {"t": "Para", "c": [{"t": "Str", "c": SEPARATOR}]}:
            parts.append([])
        else:
            parts[-1].append(block)
    return [{**whole, "blocks": blocks} for blocks in parts] if len(parts) == len(texts) else []


def _by_themselves(texts: Sequence[tuple[str, str]]) -> list[Any]:
    if not texts:
        return []
    with tempfile.TemporaryDirectory(prefix="studiolo-pandoc-") as folder:
        script = Path(folder) / "read.lua"
        script.write_text(_READ, encoding="utf-8")
        out = _run(["lua", str(script)], json.dumps(texts).encode(), folder, "The text")
    return [json.loads(document) for document in json.loads(out)]


def _run(arguments: Sequence[str], data: bytes, folder: str, what: str) -> bytes:
    # The heap limit is pandoc's own, so that it ends in an orderly way; the system's is for what that does not count.
    command = [program(), *arguments]
    if arguments[0] != "lua":
        command[1:1] = ["+RTS", f"-M{MEMORY}", "-RTS"]
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={"PATH": "", "HOME": folder, "LANG": "C.UTF-8"},
    )
    limit(child.pid)
    try:
        out, said = child.communicate(data, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise TooLarge(f"{what} takes too long to convert.", "Divide it into smaller files.") from None
    if child.returncode == 0:
        return out
    why = said.decode(errors="replace").strip().splitlines()
    if child.returncode in (251, 252) or child.returncode < 0 or b"memory" in said[-300:]:
        raise TooLarge(f"{what} takes too much memory to convert.", "Divide it into smaller files.")
    raise Invalid(
        f"{what} cannot be converted: {why[-1][:200] if why else 'pandoc gave up'}",
        "Open it in the program that made it and save it again.",
    )


def limit(process: int) -> None:
    """Bound what the child may take, where the system can do that."""
    if sys.platform != "linux":
        return
    import resource

    try:
        resource.prlimit(process, resource.RLIMIT_DATA, (2 * MEMORY, 2 * MEMORY))
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
        resource.prlimit(process, resource.RLIMIT_CPU, (int(2 * PATIENCE), int(2 * PATIENCE)))
    except (OSError, ProcessLookupError):  # it has ended already
        return
