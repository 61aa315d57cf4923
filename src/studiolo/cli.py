"""The `studiolo` command. Each subcommand imports what it needs when it runs, so that the small ones start fast.

Results go to stdout and everything else to stderr. A failure is one sentence and what to do about it, never a
traceback; the exit code is 1, or 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studiolo import __version__
from studiolo.canvas.errors import Invalid, StudioloError
from studiolo.settings import Settings
from studiolo.tasks import command as task_command
from studiolo.terminal import safe_json, visible

EXPORTS = ("markdown", "zip", "critic", "docx", "odt", "epub", "pdf", "html", "fountain", "fdx", "studiolo")
ROLES = ("viewer", "commenter", "editor", "owner")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = parser().parse_args(arguments)
    try:
        settings = Settings.from_env()
        return given.run(given, settings)
    except StudioloError as error:
        return fail(error.message, error.hint)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone; Python would complain again while it flushes at exit.
        sys.stdout = None
        return 1
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return fail(f"{error.strerror or error}{where}.", "Check the path, its permissions and the space on the disk.")


def fail(message: str, hint: str = "") -> int:
    """Say what is wrong and what to do next."""
    print(visible(f"studiolo: {message}" + (f"\n{hint}" if hint else "")), file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="studiolo", description="A canvas on which people and AI agents make things together."
    )
    top.add_argument("--version", action="version", version=f"studiolo {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[Any, Settings], int], says: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=says, description=says)
        made.set_defaults(run=run)
        return made

    serve = command("serve", run_serve, "Run the studio until it is stopped.")
    serve.add_argument("--host", help="address to listen on (STUDIOLO_HOST, else 127.0.0.1)")
    serve.add_argument("--port", type=port, help="port to listen on, 0 for any (STUDIOLO_PORT, else 8787)")
    serve.add_argument("--no-browser", action="store_true", help="do not open a browser")

    ask = command("ask", run_ask, "Ask an agent to work on a local file; no server is needed.")
    ask.add_argument("file", metavar="FILE", type=Path, help="the text file")
    ask.add_argument("instruction", metavar="INSTRUCTION", help='what to do, such as "make the opening shorter"')
    ask.add_argument("--agent", metavar="NAME", help="which agent")
    ask.add_argument("--model", metavar="NAME", help="which model (STUDIOLO_MODEL, else the studio's default)")
    ask.add_argument("--skill", metavar="NAME", help="continue, rewrite, critique, brainstorm or ask")
    ask.add_argument("--accept", action="store_true", help="take every suggestion without asking")
    ask.add_argument("--json", action="store_true", help="print the suggestions as JSON")

    imports = command(
        "import",
        run_import,
        "Make a canvas of files, or of a folder; prints its id. It reads Markdown, text, .docx with its tracked "
        "changes and comments, .odt, .epub, .rtf, .html, .fountain, .fdx, Scrivener projects, zips and whole canvases.",
    )
    imports.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files, a folder or a zip")
    imports.add_argument("--title", help="the canvas's title")

    export = command("export", run_export, "Write a canvas's pages as files, or as one file of another format.")
    export.add_argument("canvas", metavar="CANVAS", help="the canvas's id")
    export.add_argument(
        "-o", "--output", metavar="DIR|FILE", type=Path, help="a folder, a file whose ending says the format, or -"
    )
    export.add_argument(
        "--format",
        choices=EXPORTS,
        help="critic: Markdown with CriticMarkup; docx: with tracked changes; studiolo: the canvas with its history",
    )
    export.add_argument(
        "--suggestions", choices=("keep", "accept", "reject"), default="keep", help="what to do with open ones"
    )

    history = command("history", run_history, "Show a canvas's sessions and named versions, or a page as it was.")
    history.add_argument("canvas", metavar="CANVAS", help="the canvas's id")
    history.add_argument(
        "--at", metavar="MOMENT", type=int, help="a moment, by its number in the list: show the text then"
    )
    history.add_argument("--page", metavar="PAGE", help="the id of one page (all of them)")

    backup = command("backup", run_backup, "Write the whole studio to one file, while it is being used.")
    backup.add_argument("file", metavar="FILE", type=Path, help="the file to write")
    backup.add_argument("--force", action="store_true", help="replace the file if it is there")

    restore = command(
        "restore",
        run_restore,
        "Put a backup in the place of this studio, which must not be running. What has happened since is undone, also "
        "that a link or a token was revoked. The database may be of the other kind than the one backed up.",
    )
    restore.add_argument("file", metavar="FILE", type=Path, help="a file that `studiolo backup` made")
    restore.add_argument("--force", action="store_true", help="also where a studio is; its data is kept aside")

    command("check", run_check, "See whether everything that is kept is whole; it changes nothing.")

    ledger = commands.add_parser("ledger", help="Take a canvas's ledger along, or see whether anybody changed it.")
    ledgers = ledger.add_subparsers(title="commands", required=True, metavar="COMMAND")
    verified = ledgers.add_parser("verify", help="Follow the chain of hashes; it changes nothing.")
    which = verified.add_mutually_exclusive_group(required=True)
    which.add_argument("canvas", metavar="CANVAS", nargs="?", help="the canvas's id")
    which.add_argument("--all", action="store_true", help="every canvas")
    verified.add_argument("--head", metavar="HASH", help="a hash that was noted earlier: it must be there")
    verified.set_defaults(run=run_ledger_verify)
    exported = ledgers.add_parser("export", help="Write the whole ledger of a canvas to a file.")
    exported.add_argument("canvas", metavar="CANVAS", help="the canvas's id")
    exported.add_argument("--format", choices=("jsonl", "parquet"), default="jsonl", help="jsonl, or parquet")
    exported.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the file to write")
    exported.add_argument("--force", action="store_true", help="replace the file if it is there")
    exported.set_defaults(run=run_ledger_export)

    models = command("models", run_models, "List the language models, or try them.")
    models.add_argument("--test", metavar="NAME", help="ask this model for a few words and say how it went")
    models.add_argument("--test-all", action="store_true", help="try every model")
    models.add_argument("--json", action="store_true", help="print JSON")

    token = commands.add_parser("token", help="Make, list and revoke API tokens.")
    tokens = token.add_subparsers(title="commands", required=True, metavar="COMMAND")
    create = tokens.add_parser("create", help="Make a token and print it, and nothing else.")
    create.add_argument("--role", required=True, choices=ROLES, help="the most its bearer may do")
    create.add_argument("--name", help="what to call its bearer")
    create.add_argument("--canvas", metavar="ID", default="*", help="only this canvas (default: all)")
    create.add_argument("--days", type=days, help="how long it is good for (default: until revoked)")
    create.add_argument("--agent", action="store_true", help="its bearer is an agent, not a person")
    create.set_defaults(run=run_token_create)
    listed = tokens.add_parser("list", help="List the tokens that are good.")
    listed.add_argument("--json", action="store_true", help="print JSON")
    listed.set_defaults(run=run_token_list)
    revoke = tokens.add_parser("revoke", help="Make a token useless.")
    revoke.add_argument("token", metavar="ID|TOKEN", help="its id from `token list`, or the token itself")
    revoke.set_defaults(run=run_token_revoke)

    docs = commands.add_parser("docs", help="Ask the documentation of installed packages, folders and Sphinx sites.")
    asked = docs.add_subparsers(title="commands", required=True, metavar="COMMAND")
    indexed = asked.add_parser("index", help="Read what is new or has changed; HOME/docs.toml says what there is.")
    indexed.add_argument("--only", metavar="PACKAGE", nargs="+", default=[], help="only these packages")
    indexed.add_argument("--again", action="store_true", help="also what has not changed")
    indexed.set_defaults(run=run_docs_index)
    searched = asked.add_parser("search", help="Ask in words, or for a name such as pandas.read_csv.")
    searched.add_argument("question", metavar="QUESTION", help="what to look for")
    searched.add_argument("--package", metavar="NAME", help="only in this package")
    searched.add_argument("--limit", metavar="N", type=int, default=5, help="how many answers (5)")
    searched.add_argument("--json", action="store_true", help="print JSON")
    searched.set_defaults(run=run_docs_search)
    known = asked.add_parser("list", help="List what has been read.")
    known.add_argument("--json", action="store_true", help="print JSON")
    known.set_defaults(run=run_docs_list)

    task_command.add_to(commands)

    command("version", run_version, "Print the version.")
    return top


def port(text: str) -> int:
    """A port number for argparse."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use a number from 0 to 65535")
    return int(text)


def days(text: str) -> int:
    """A number of days for argparse."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 36500):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days; use 1 or more")
    return int(text)


def run_version(_given: Any, _settings: Settings) -> int:
    print(f"studiolo {__version__}")
    return 0


def run_serve(given: Any, settings: Settings) -> int:
    from studiolo.web.serving import serve

    chosen = replace(
        settings,
        host=given.host or settings.host,
        port=settings.port if given.port is None else given.port,
    )
    return serve(chosen, open_browser=not given.no_browser)


def run_ask(given: Any, settings: Settings) -> int:
    from studiolo.agents.ask_file import ask_file

    return ask_file(given, settings)


def run_token_create(given: Any, settings: Settings) -> int:
    name = given.name or ("Agent" if given.agent else given.role.capitalize())

    async def work(people: Any) -> str:
        return await people.create_token(
            given.role, name, given.canvas, given.days, "agent" if given.agent else "person"
        )

    print(asyncio.run(_with_people(settings, work)))
    return 0


def run_token_list(given: Any, settings: Settings) -> int:
    async def work(people: Any) -> list[Any]:
        return await people.tokens()

    tokens = asyncio.run(_with_people(settings, work))
    if given.json:
        print(safe_json(json.dumps([token.as_dict() for token in tokens], ensure_ascii=False)))
        return 0
    for token in tokens:
        canvas = "all canvases" if token.canvas == "*" else token.canvas
        print(f"{token.id}  {token.role:<9}  {canvas}  {_day(token.expires)}  {visible(token.name)}")
    return 0


def run_token_revoke(given: Any, settings: Settings) -> int:
    from studiolo.people import secret_id

    named = given.token
    identity = named if len(named) == 16 and set(named) <= set("0123456789abcdef") else secret_id(named)

    async def work(people: Any) -> None:
        await people.revoke(identity)

    asyncio.run(_with_people(settings, work))
    print(f"Revoked {identity}.", file=sys.stderr)
    return 0


def run_docs_index(given: Any, settings: Settings) -> int:
    async def work(docs: Any) -> Any:
        return await docs.index(
            given.only, again=given.again, tell=lambda said: print(visible(said), file=sys.stderr, flush=True)
        )

    state = asyncio.run(_with_docs(settings, work))
    print(f"{sum(one.entries for one in state.sources):,} entries of {len(state.sources)} sources.")
    return 0


def run_docs_search(given: Any, settings: Settings) -> int:
    from dataclasses import asdict

    found = asyncio.run(_with_docs(settings, lambda docs: docs.search(given.question, given.limit, given.package)))
    if given.json:
        print(safe_json(json.dumps([asdict(one) for one in found], ensure_ascii=False)))
        return 0
    for one in found:
        print(visible(f"{one.name}  ({one.kind}, {one.package} {one.version}, {one.source})"))
        print(visible("".join(f"    {line}\n" for line in (one.signature, one.summary[:300]) if line)), end="")
    if not found:
        return fail("Nothing was found.", "Ask in other words, or read more: `studiolo docs index`.")
    return 0


def run_docs_list(given: Any, settings: Settings) -> int:
    from dataclasses import asdict

    state = asyncio.run(_with_docs(settings, lambda docs: docs.state()))
    if given.json:
        print(safe_json(json.dumps([asdict(one) for one in state.sources], ensure_ascii=False)))
        return 0
    for one in state.sources:
        print(visible(f"{one.entries:>7,}  {one.kind:<9}  {one.package} {one.version}  {one.problem}".rstrip()))
    return 0


async def _with_docs(settings: Settings, work: Callable[[Any], Any]) -> Any:
    """Do something with the studio's documentation; what has been read is not read anew beside it."""
    from studiolo.tools.documentation import Documentation

    async def fetch(url: str) -> bytes:
        from studiolo.tools.fetching import Fetcher

        fetcher = Fetcher()
        try:
            return (await fetcher.get(url, most=32 << 20, accept=None)).data
        finally:
            await fetcher.close()

    docs = Documentation.of_studio(settings.home, fetch)
    docs.begin_by_itself = False
    try:
        return await work(docs)
    finally:
        await docs.close()


def run_import(given: Any, settings: Settings) -> int:
    from studiolo.formats import Imported, kind_of_content, read_files

    files, folder = _gather(given.paths)
    title = given.title or (given.paths[0].resolve().name if folder and len(given.paths) == 1 else None)
    whole = len(files) == 1 and kind_of_content(*files[0]) == "canvas"
    imported = Imported("", []) if whole else read_files(files, title, folder=folder)

    async def work(studio: Any) -> tuple[str, str]:
        store, people = studio
        from studiolo.canvas.canvas import THE_STUDIO
        from studiolo.formats.placing import filling
        from studiolo.rooms import Rooms

        owners = [one for one in await people.members("*") if one.role == "owner" and one.kind == "person"]
        by = owners[0] if owners else THE_STUDIO
        if whole:
            return await _bring(store, *files[0], by)
        rooms = Rooms(store)
        try:
            pages = [{**page.as_dict(), "origin": "imported"} for page in imported.pages]
            fill = filling(imported.pages, by, {"files": [{"name": name[-200:]} for name, _ in files[:50]]})
            room = await rooms.create(imported.title[:200], pages, by, fill)
            return room.id, f"{len(imported.pages)} page(s) as “{imported.title}”"
        finally:
            await rooms.close()

    id, what = asyncio.run(_with_store(settings, work))
    print(id)
    print(visible(f"Imported {what}."), file=sys.stderr)
    for note in imported.notes:
        print(visible(note), file=sys.stderr)
    return 0


async def _bring(store: Any, name: str, data: bytes, by: Any) -> tuple[str, str]:
    """Make a canvas of one that was exported with its history; its id, and what to say of it."""
    import secrets

    from studiolo.store.canvas_archive import Archive

    now = store.clock()
    archive = Archive.read(name, data, secrets.token_hex(8), now)
    brought = await archive.bring(store, by, now)
    told = "" if brought.whole_ledger else "; its ledger was changed after it was written"
    return brought.id, f"“{archive.title}” with {brought.rows:,} rows of history{told}"


def run_export(given: Any, settings: Settings) -> int:
    from studiolo.formats import FORMATS, as_files, export, safe_name
    from studiolo.formats.exporting import one_text

    by_ending = {"." + name: name for name in EXPORTS} | {".htm": "html"}
    output = given.output
    chosen = given.format or (by_ending.get(output.suffix.lower(), "") if output else "")

    async def work(studio: Any) -> tuple[str, list[Any], list[str], bytes]:
        import time
        from random import SystemRandom

        from studiolo.canvas import Canvas
        from studiolo.formats.placing import drafts_of

        # Read only, and so not through a room: a running server is the one writer of this canvas's log.
        kept = await studio[0].load(given.canvas)
        updates = [*([kept.snapshot] if kept.snapshot else []), *kept.updates]
        canvas = Canvas(updates, kept.owners, clock=time.time, random=SystemRandom())
        if chosen == "studiolo":
            from studiolo.store.canvas_archive import write_archive
            from studiolo.tools.attachments import Attachments

            files, left = await Attachments(studio[0]).packed(given.canvas)
            pages = as_files(canvas.view()["pages"])
            return canvas.title, [], left, await write_archive(studio[0], given.canvas, pages, files)
        found = [await studio[1].participant(id) for id in sorted(canvas.writers())]
        drafts, notes = drafts_of(canvas, names={one.id: one.name for one in found if one is not None})
        return canvas.title, drafts, notes, b""

    title, drafts, notes, data = asyncio.run(_with_store(settings, work))
    for note in notes:
        print(visible(note), file=sys.stderr)
    if not chosen and output and (str(output) == "-" or output.suffix.lower() in (".md", ".markdown", ".txt")):
        text = one_text(drafts)
        if str(output) == "-":
            sys.stdout.write(visible(text) if sys.stdout.isatty() else text)  # a file gets it as it is
            return 0
        output.write_text(text, encoding="utf-8", newline="\n")
    elif chosen:
        file = None if data else export(title, drafts, chosen, given.suggestions)
        suffix = Path(file.name).suffix if file else ".studiolo"
        if str(output) == "-":
            sys.stdout.buffer.write(file.data if file else data)
            return 0
        output = output or Path(safe_name(title, "canvas") + suffix)
        output.write_bytes(file.data if file else data)
        if given.suggestions == "keep" and not data and not FORMATS[chosen].keeps_open:
            left = sum(len(draft.changes) + len(draft.remarks) for draft in drafts)
            if left:
                print(
                    f"Left out {left} suggestion(s) and comment(s): use docx or critic to keep them.", file=sys.stderr
                )
    else:
        output = output or Path(safe_name(title, "canvas"))
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise Invalid(f"{output} is already there and is not an empty folder.", "Choose another place with -o.")
        output.mkdir(parents=True, exist_ok=True)
        for name, data in as_files([draft.as_dict() for draft in drafts]):
            (output / name).write_bytes(data)
    print(visible(str(output)))
    return 0


def run_history(given: Any, settings: Settings) -> int:
    from time import localtime, strftime

    from studiolo.canvas.errors import NotFound
    from studiolo.history import Histories, Past
    from studiolo.history.turning import check_moment
    from studiolo.store.versions import list_versions

    def then(past: Past) -> list[str]:
        check_moment(past, given.at)
        pages = [page.id for page in past.archive.order(given.at)]
        if given.page and given.page not in pages:
            raise NotFound("There was no such page at that moment.", "Leave --page out to see all of them.")
        return [past.archive.text(page, given.at) for page in ([given.page] if given.page else pages)]

    def told(past: Past) -> list[str]:
        return [
            f"{session.last:>8}  {strftime('%Y-%m-%d %H:%M', localtime(session.began))} to "
            f"{strftime('%H:%M', localtime(session.ended))}  +{session.total.added} -{session.total.removed}  "
            + ", ".join(names.get(id, id) for id in session.people)
            for session in past.sessions()
        ]

    names: dict[str, str] = {}

    async def work(studio: Any) -> tuple[list[str], list[Any]]:
        store, people = studio
        await store.canvas(given.canvas)  # raises for one that is not there
        histories = Histories(store)
        try:
            if given.at is not None:
                return await histories.ask(given.canvas, then), []
            ids = await histories.ask(given.canvas, lambda past: list(past.archive.people))
            for id in ids:
                found = await people.participant(id)
                names[id] = found.name if found else id
            return await histories.ask(given.canvas, told), await list_versions(store, given.canvas)
        finally:
            histories.close()

    lines, versions = asyncio.run(_with_store(settings, work))
    if given.at is not None:
        text = "\n\n".join(lines)
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
        return 0
    print("  moment  session")
    for line in lines:
        print(visible(line))
    for version in versions:
        print(visible(f"{version.seq:>8}  “{version.name}”"))
    return 0


def run_backup(given: Any, settings: Settings) -> int:
    from studiolo.models.config import FILE_NAME
    from studiolo.store.backup import back_up

    async def work(studio: Any) -> Any:
        return await back_up(studio[0], given.file, [settings.home / FILE_NAME], replace=given.force)

    made = asyncio.run(_with_store(settings, work))
    print(visible(str(given.file)))
    print(f"Backed up {_counted(made)}.", file=sys.stderr)
    return 0


def run_restore(given: Any, settings: Settings) -> int:
    from studiolo.models.config import FILE_NAME
    from studiolo.store.backup import Backup
    from studiolo.store.restore import restore
    from studiolo.web.serving import alone

    with Backup.open(given.file) as backup:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(settings):
            aside = asyncio.run(restore(settings.database, backup, force=given.force))
            kept = [
                name for name, data in backup.files() if name == FILE_NAME and not _added(settings.home / name, data)
            ]
    if aside:
        print(visible(aside))
        print("The data that was here is kept there.", file=sys.stderr)
    for name in kept:
        print(f"{name} was left as it is here; the backup has another.", file=sys.stderr)
    print(f"Restored {_counted(backup.made)}, as of {backup.made.created}.", file=sys.stderr)
    return 0


def run_check(_given: Any, settings: Settings) -> int:
    from studiolo.store.check import problems

    async def work(studio: Any) -> int:
        found = 0
        async for problem in problems(studio[0]):
            print(visible(problem))
            found += 1
        return found

    if found := asyncio.run(_with_store(settings, work)):
        return fail(f"{found} problem(s) found.", "Put back the newest backup: studiolo restore FILE.")
    print("Everything is whole.", file=sys.stderr)
    return 0


def run_ledger_verify(given: Any, settings: Settings) -> int:
    from studiolo.store.ledger import verify

    async def work(studio: Any) -> list[tuple[str, Any]]:
        canvases = [one.id for one in await studio[0].list_canvases()] if given.all else [given.canvas]
        return [(canvas, await verify(studio[0], canvas, given.head or "")) for canvas in canvases]

    broken = 0
    found = asyncio.run(_with_store(settings, work))
    for canvas, chain in found:
        if chain.whole:
            print(f"{canvas}  {chain.rows} rows  {chain.head}")
        else:
            broken += 1
            print(f"{canvas}  row {chain.broken} does not follow from row {chain.seq}: one of them was changed")
    if broken:
        return fail(f"{broken} ledger(s) were changed.", "Compare with a backup, or with an export from before.")
    if given.head and not any(chain.seen for _, chain in found):
        return fail(f"No row has the hash {given.head}.", "Rows were cut off, or it is another canvas's.")
    return 0


def run_ledger_export(given: Any, settings: Settings) -> int:
    from tempfile import TemporaryDirectory

    from studiolo.canvas.errors import Conflict
    from studiolo.ledger.export import write_jsonl, write_parquet

    if given.output.exists() and not given.force:
        raise Conflict(f"{given.output} is already there.", "Choose another name, or replace it with --force.")

    async def work(studio: Any) -> None:
        await studio[0].canvas(given.canvas)  # raises for one that is not there
        with TemporaryDirectory(dir=given.output.absolute().parent, prefix=f".{given.output.name}.") as folder:
            part = Path(folder) / "part"
            if given.format == "jsonl":
                await write_jsonl(studio[0], given.canvas, part)
            else:
                await write_parquet(studio[0], given.canvas, part, Path(folder))
            part.replace(given.output)

    asyncio.run(_with_store(settings, work))
    print(visible(str(given.output)))
    return 0


def _counted(made: Any) -> str:
    return f"{made.rows['canvases']} canvases and {made.rows['participants']} participants"


def _added(file: Path, data: bytes) -> bool:
    """Write a file of the data folder; False when another is there."""
    try:
        with file.open("xb") as out:
            file.chmod(0o600)
            out.write(data)
    except FileExistsError:
        return file.read_bytes() == data
    return True


def run_models(given: Any, settings: Settings) -> int:
    import os

    from studiolo.models import Models

    async def work() -> int:
        models = Models(settings.home, os.environ)
        try:
            if not given.test and not given.test_all:
                await models.discover()
                infos = models.list()
                for problem in models.problems:
                    print(visible(problem), file=sys.stderr)
                if given.json:
                    found = {"models": [info.as_dict() for info in infos], "default": models.default}
                    print(safe_json(json.dumps(found, ensure_ascii=False)))
                for info in [] if given.json else infos:
                    mark = "*" if info.name == models.default else " "
                    line = (
                        f"{mark} {info.name:<32} {'ready' if info.ready else 'not ready':<10} {info.note or info.label}"
                    )
                    print(visible(line))
                return 0
            await models.start()
            names = [info.name for info in models.list()] if given.test_all else [given.test]
            trials = [await models.test(name) for name in names]
            for trial in trials:
                shown = safe_json(json.dumps(trial.as_dict(), ensure_ascii=False)) if given.json else told(trial)
                print(visible(shown))
            return 0 if all(trial.ok for trial in trials) else 1
        finally:
            await models.close()

    return asyncio.run(work())


def told(trial: Any) -> str:
    """How a model's trial went, in a line."""
    if not trial.ok:
        return f"{trial.name}: {trial.error['message']} {trial.error['hint']}"
    speed = f", {trial.tokens_per_second} tokens/s" if trial.tokens_per_second else ""
    return f"{trial.name}: works, first token after {trial.first_token_ms:.0f} ms{speed}: {trial.text!r}"


async def _with_store(settings: Settings, work: Callable[[Any], Any]) -> Any:
    """Run `work((store, people))` on the studio's data; the server may be running meanwhile."""
    from studiolo.people import People
    from studiolo.store import Store

    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = await Store.open(settings.database)
    try:
        return await work((store, People(store)))
    finally:
        await store.close()


async def _with_people(settings: Settings, work: Callable[[Any], Any]) -> Any:
    async def inner(studio: Any) -> Any:
        return await work(studio[1])

    return await _with_store(settings, inner)


def _gather(paths: Sequence[Path]) -> tuple[list[tuple[str, bytes]], bool]:
    """The files named, with folders opened; hidden files and those that are no text are left out and said."""
    from studiolo.formats import is_readable_name

    files: list[tuple[str, bytes]] = []
    skipped = 0
    projects = 0
    for path in paths:
        if not path.is_dir():
            files.append((readable(path), path.read_bytes()))
            continue
        if any(path.glob("*.scrivx")):
            files.append((f"{readable(path)}.zip", _zipped(path)))
            projects += 1
            continue
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path)
            if not file.is_file() or any(part.startswith(".") for part in inside.parts):
                continue
            if is_readable_name(file.name):
                files.append((readable(inside), file.read_bytes()))
            else:
                skipped += 1
    if skipped:
        print(f"Left out {skipped} file(s) that are not text.", file=sys.stderr)
    return files, sum(path.is_dir() for path in paths) > projects


def _zipped(folder: Path) -> bytes:
    """A folder as a zip, for a format that is a folder."""
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, readable(Path(folder.name) / file.relative_to(folder)))
    return buffer.getvalue()


def readable(path: Path) -> str:
    """A path for titles and messages; bytes of a file name that are no text are replaced."""
    name = path.as_posix() if not path.is_absolute() else path.name
    return name.encode(errors="replace").decode()


def _day(expires: float | None) -> str:
    import time

    return "until revoked" if expires is None else "until " + time.strftime("%Y-%m-%d", time.localtime(expires))
