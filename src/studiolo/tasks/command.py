"""`studiolo task`: tasks and schedules of a running studio, from a shell.

It speaks HTTP, as every other program. To the studio of this machine's data folder it goes with a token that is made
for the one command and revoked after it; a token that was made here is sent nowhere else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from studiolo.canvas.errors import Invalid, StudioloError, Unavailable
from studiolo.settings import Settings
from studiolo.terminal import safe_json, visible

ADDRESS_FILE = "serving.url"
"""In the data folder, while a server runs on it: where it is reached on this machine."""
STATES = ("queued", "running", "paused", "waiting", "done", "failed", "cancelled")
EXIT = {"done": 0, "failed": 1, "waiting": 3, "paused": 4, "cancelled": 4}
RECONNECT = 5  # times that a broken stream of events is taken up again in a row
Run = Callable[[Any, Settings], int]


def add_to(commands: Any) -> None:
    """Add `task` to the command line."""
    says = "Begin tasks of a running studio, watch and steer them, and have them begin by themselves."
    tasks = commands.add_parser("task", help=says, description=says)
    below = tasks.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[_Studio, Any], int], says: str, parent: Any = below) -> Any:
        made = parent.add_parser(name, help=says, description=says)
        made.set_defaults(run=lambda given, settings: _with_studio(given, settings, run))
        made.add_argument("--json", action="store_true", help="print what the studio answers")
        made.add_argument("--url", help="the studio (STUDIOLO_URL; else the one of this machine's data folder)")
        made.add_argument("--token", help="an API token (STUDIOLO_TOKEN); not needed for the studio of this machine")
        return made

    command("kinds", _kinds, "List the kinds of tasks, and what each asks for.")
    run = command("run", _run, "Begin a task.")
    _what(run)
    run.add_argument("--follow", action="store_true", help="show its progress until it ends or asks something")
    listed = command("list", _list, "List tasks, the newest first.")
    listed.add_argument("--canvas", metavar="CANVAS", help="only of this canvas")
    listed.add_argument(
        "--state", action="append", choices=STATES, default=[], help="only in this state; may be repeated"
    )
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="how many (50)")
    shown = command("show", _show, "Show a task: its plan, what it found, what it asks.")
    shown.add_argument("task", metavar="TASK")
    shown.add_argument("--follow", action="store_true", help="show its progress until it ends or asks something")
    for name, says in (
        ("pause", "Let a task rest at its next step."),
        ("resume", "Let a task that rests go on."),
        ("cancel", "End a task now; what it made stays."),
    ):
        command(name, _hand(name), says).add_argument("task", metavar="TASK")
    steer = command("steer", _steer, "Tell a task something; it takes it up at its next step.")
    steer.add_argument("task", metavar="TASK")
    steer.add_argument("text", metavar="TEXT")
    answer = command("answer", _answer, "Answer what a task asks.")
    answer.add_argument("task", metavar="TASK")
    answer.add_argument("text", metavar="TEXT", nargs="?", default="", help="the answer to a question")
    answer.add_argument("--allow", choices=("once", "run", "no"), help="for an approval; run: for the rest of the task")
    answer.add_argument("--card", metavar="ID", help="which of several questions")

    schedule = below.add_parser("schedule", help="Tasks that begin by themselves.")
    inner = schedule.add_subparsers(title="commands", required=True, metavar="COMMAND")
    added = command("add", _schedule, "Make a schedule, and say what was understood.", inner)
    _what(added)
    when = added.add_mutually_exclusive_group(required=True)
    when.add_argument("--when", metavar="WORDS", help='such as "every weekday at 8"')
    when.add_argument(
        "--rule", metavar="RULE", help="an RRULE, five fields of cron, or a time such as 2026-12-24T10:00"
    )
    added.add_argument("--zone", default=_zone_here(), help="the time zone (%(default)s)")
    added.add_argument(
        "--skip-if-unchanged", action="store_true", help="not when nothing has changed since the last one"
    )
    scheduled = command("list", _schedules, "List schedules.", inner)
    scheduled.add_argument("--canvas", metavar="CANVAS", help="only of this canvas")
    for name, says in (
        ("show", "Show a schedule, its next times and its tasks."),
        ("run", "Begin its task now."),
        ("pause", "Begin nothing until it is resumed."),
        ("resume", "Go on with the next time."),
        ("delete", "End it; its tasks stay."),
    ):
        command(name, _hand_on_schedule(name), says, inner).add_argument("schedule", metavar="SCHEDULE")


def _what(parser: Any) -> None:
    parser.add_argument("kind", metavar="KIND", help="a kind of `studiolo task kinds`")
    parser.add_argument("--canvas", metavar="CANVAS", required=True, help="the canvas's id")
    parser.add_argument(
        "--input", metavar="NAME=VALUE", action="append", type=_pair, default=[], help="what the kind asks for"
    )
    parser.add_argument("--title", default="", help="what to call it")
    parser.add_argument("--model", help="which model")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _zone_here() -> str:
    """The time zone of this machine, by its name; UTC where it cannot be told."""
    if named := os.environ.get("TZ"):
        return named.removeprefix(":")
    _, found, name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    return name if found else "UTC"


# -- the studio


@dataclass(frozen=True, slots=True)
class _Studio:
    """A running studio, as this command reaches it."""

    url: str
    client: Any

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The answer's JSON. Raises a `StudioloError` for anything but success."""
        import httpx2

        try:
            answer = self.client.request(method, path, **options)
        except httpx2.HTTPError as error:
            raise _no_answer(self.url) from error
        _check(answer.status_code, answer.content)
        return answer.json() if answer.content else {}

    def events(self, task: str) -> Iterator[dict[str, Any]]:
        """What happens in a task, until it ends; a line that breaks is taken up again."""
        import httpx2

        broken = 0
        while True:
            try:
                with self.client.stream("GET", f"/api/tasks/{quote(task, safe='')}/events", timeout=60) as answer:
                    if answer.status_code != 200:
                        _check(answer.status_code, answer.read())
                    for line in answer.iter_lines():
                        if line.startswith("data: "):
                            broken = 0
                            event = json.loads(line.removeprefix("data: "))
                            yield event
                            if event.get("type") == "done":
                                return
            except httpx2.HTTPError:
                pass
            broken += 1
            if broken > RECONNECT:
                raise _no_answer(self.url)
            time.sleep(min(broken, 3))


def _check(status: int, content: bytes) -> None:
    if status < 400:
        return
    try:
        said = json.loads(content)["error"]
        raise _Told(said["message"], said.get("hint") or "")
    except (ValueError, KeyError, TypeError):
        raise _Told(f"The studio answered with {status}.", "Is the address that of a Studiolo studio?") from None


class _Told(StudioloError):
    """What a studio said."""


def _no_answer(url: str) -> StudioloError:
    return Unavailable(f"No studio answers at {url}.", "Start it with `studiolo serve`, or name another with --url.")


def _with_studio(given: Any, settings: Settings, run: Callable[[_Studio, Any], int]) -> int:
    import httpx2

    with _reached(given, settings) as (url, token):
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
            return run(_Studio(url, client), given)


@contextmanager
def _reached(given: Any, settings: Settings) -> Iterator[tuple[str, str]]:
    """Where the studio is, and a token for it."""
    token = given.token or os.environ.get("STUDIOLO_TOKEN") or ""
    named = given.url or (settings.url if token else "")
    if named:
        if not token:
            raise Invalid("There is no token for that studio.", "Give one with --token, or set STUDIOLO_TOKEN.")
        yield named.rstrip("/"), token
        return
    file = settings.home / ADDRESS_FILE
    url = file.read_text().strip() if file.is_file() else f"http://{settings.host}:{settings.port}"
    if token:
        yield url, token
        return
    if not file.is_file() or not _serves(settings.home):
        raise Unavailable(
            f"No studio runs on {settings.home}.", "Start it with `studiolo serve`, or name another with --url."
        )
    made = asyncio.run(_make_token(settings))
    try:
        yield url, made
    finally:
        asyncio.run(_revoke(settings, made))


def _serves(home: Path) -> bool:
    """Whether a server runs on the data folder: it holds a lock there. Of one that was killed the address is left, and
    whoever listens there now is not to get a token."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        with (home / "serving.lock").open() as lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


async def _make_token(settings: Settings) -> str:
    from studiolo.people import People
    from studiolo.store import Store

    store = await Store.open(settings.database)
    try:
        people = People(store)
        owner = next((one for one in await people.members("*") if one.role == "owner" and one.kind == "person"), None)
        return await people.create_token("owner", "Command line", days=1, participant=owner)
    finally:
        await store.close()


async def _revoke(settings: Settings, token: str) -> None:
    from studiolo.people import People, secret_id
    from studiolo.store import Store

    store = await Store.open(settings.database)
    try:
        await People(store).revoke(secret_id(token))
    finally:
        await store.close()


# -- commands


def _kinds(studio: _Studio, given: Any) -> int:
    answer = studio.ask("GET", "/api/task-kinds")
    if given.json:
        return _print_json(answer)
    for kind in answer["kinds"]:
        _say(f"{kind['id']:<18} {kind['name']}: {kind['description']}")
        for one in kind["inputs"]:
            choices = f" ({', '.join(map(str, one['choices']))})" if one.get("choices") else ""
            _say(f"    {one['name']}: {one['label']} [{one['kind']}]{choices}")
    for problem in answer["problems"]:
        print(visible(f"{problem['file']}:{problem['line']}: {problem['message']} {problem['hint']}"), file=sys.stderr)
    return 0


def _run(studio: _Studio, given: Any) -> int:
    body = {**_filled(studio, given), "model": given.model}
    task = studio.ask("POST", f"/api/canvases/{quote(given.canvas, safe='')}/tasks", json=body)
    if given.follow:
        return _follow(studio, task["id"], given.json)
    if given.json:
        return _print_json(task)
    print(task["id"])
    return 0


def _filled(studio: _Studio, given: Any) -> dict[str, Any]:
    """The form of a kind, as it was filled in: values are what the kind says they are."""
    kinds = {kind["id"]: kind for kind in studio.ask("GET", "/api/task-kinds")["kinds"]}
    asked = {one["name"]: one["kind"] for one in kinds.get(given.kind, {}).get("inputs", ())}
    inputs: dict[str, Any] = {}
    for name, value in given.input:
        inputs[name] = _value(name, value, asked.get(name, "text"))
    return {"kind": given.kind, "inputs": inputs, "title": given.title}


def _value(name: str, value: str, kind: str) -> Any:
    match kind:
        case "number":
            try:
                return float(value) if "." in value else int(value)
            except ValueError:
                raise Invalid(f"{name} is a number, and {value[:40]!r} is none.", "Write it as 3 or 2.5.") from None
        case "toggle":
            if value.lower() in ("yes", "true", "on", "1"):
                return True
            if value.lower() in ("no", "false", "off", "0"):
                return False
            raise Invalid(f"{name} is yes or no, not {value[:40]!r}.", f"Write {name}=yes or {name}=no.")
        case "pages":
            return [one.strip() for one in value.split(",") if one.strip()]
        case _:
            return value


def _list(studio: _Studio, given: Any) -> int:
    if given.canvas:
        found = studio.ask("GET", f"/api/canvases/{quote(given.canvas, safe='')}/tasks", params={"limit": given.limit})
        found["tasks"] = [one for one in found["tasks"] if not given.state or one["state"] in given.state]
    else:
        found = studio.ask("GET", "/api/tasks", params={"limit": given.limit, "state": given.state})
    if given.json:
        return _print_json(found)
    for task in found["tasks"]:
        _say(f"{task['id']}  {task['state']:<9}  {_progress(task):>7}  {_when(task['made'])}  {task['title']}")
    return 0


def _show(studio: _Studio, given: Any) -> int:
    if given.follow:
        return _follow(studio, given.task, given.json)
    task = studio.ask("GET", _task(given.task))
    if given.json:
        return _print_json(task)
    _say(f"{task['title']}  ({task['kind']}, {task['state']}, {_progress(task)})")
    _say(f"begun by {task['by']['name']}, {_when(task['made'])}; {_cost(task)}")
    for step in task["plan"]:
        part = f" {step['done']}/{step['of']}" if step["of"] else ""
        note = f": {step['note']}" if step["note"] else ""
        _say(f"  {_MARKS.get(step['state'], ' ')} {step['id']:<14} {step['title']}{part}{note}")
    for one in task["found"]:
        _say(f"  found: {one['text']}" + (f" ({one['source']})" if one.get("source") else ""))
    for note in task["notes"]:
        _say(f"  note: {note}")
    _ask(task)
    _end(task)
    return 0


_MARKS = {"done": "✓", "running": "▸", "waiting": "?", "failed": "✗", "skipped": "–"}


def _hand(name: str) -> Callable[[_Studio, Any], int]:
    def work(studio: _Studio, given: Any) -> int:
        return _changed(studio.ask("POST", f"{_task(given.task)}/{name}"), given)

    return work


def _steer(studio: _Studio, given: Any) -> int:
    return _changed(studio.ask("POST", f"{_task(given.task)}/steer", json={"text": given.text}), given)


def _answer(studio: _Studio, given: Any) -> int:
    if not given.text and not given.allow:
        raise Invalid("There is no answer.", "Give a text, or --allow once, run or no.")
    card = given.card
    if card is None:
        task = studio.ask("GET", _task(given.task))
        wanted = "approval" if given.allow else "question"
        cards = [one for one in task["cards"] if "answer" not in one and one["kind"] == wanted]
        if len(cards) != 1:
            asked = "".join(f"\n  --card {one['id']}: {_question(one)}" for one in cards)
            raise Invalid(
                f"The task asks {len(cards)} things of that kind.{asked}",
                "Name one with --card." if cards else "Look at it with `studiolo task show`.",
            )
        card = cards[0]["id"]
    body = (
        {"card": card, "allow": given.allow, "text": given.text}
        if given.allow
        else {"card": card, "answer": given.text}
    )
    return _changed(studio.ask("POST", f"{_task(given.task)}/answer", json=body), given)


def _changed(task: dict[str, Any], given: Any) -> int:
    if given.json:
        return _print_json(task)
    _say(f"{task['id']}  {task['state']}  {task['title']}")
    return 0


def _follow(studio: _Studio, id: str, as_json: bool) -> int:
    """Show progress until the task ends, or rests; the exit code says how."""
    said: tuple[Any, ...] = ()
    task: dict[str, Any] = {}
    for event in studio.events(id):
        if "task" not in event:
            continue
        task = event["task"]
        step = next((one for one in task["plan"] if one["id"] == task["step"]), None)
        now = (task["state"], _progress(task), step and (step["id"], step["done"], step["note"]), len(task["found"]))
        if now != said and not as_json:
            title = f"{step['title']}" + (f" {step['done']}/{step['of']}" if step["of"] else "") if step else ""
            line = f"{datetime.now():%H:%M:%S}  {_progress(task):>7}  {task['state']:<8} {title}"
            print(visible(line.rstrip()), file=sys.stderr, flush=True)
        said = now
        if task["state"] in ("waiting", "paused") and not (task["state"] == "waiting" and not task["waits"]):
            break
    if as_json:
        _print_json(task)
    else:
        _ask(task)
        _end(task)
    return EXIT.get(task.get("state", ""), 1)


def _schedule(studio: _Studio, given: Any) -> int:
    body = {**_filled(studio, given), "model": given.model, "zone": given.zone}
    body |= {"words": given.when} if given.when else {"rule": given.rule}
    body["skip_if_unchanged"] = given.skip_if_unchanged
    made = studio.ask("POST", f"/api/canvases/{quote(given.canvas, safe='')}/schedules", json=body)
    if given.json:
        return _print_json(made)
    print(made["id"])
    print(visible(made["sentence"]), file=sys.stderr)
    for at in made["coming"]:
        print(f"  {_when(at)}", file=sys.stderr)
    return 0


def _schedules(studio: _Studio, given: Any) -> int:
    path = f"/api/canvases/{quote(given.canvas, safe='')}/schedules" if given.canvas else "/api/schedules"
    found = studio.ask("GET", path)
    if given.json:
        return _print_json(found)
    for one in found["schedules"]:
        following = f"next {_when(one['next'])}" if one["next"] else one["state"]
        _say(f"{one['id']}  {following:<21}  {one['sentence']}  {one['title'] or one['kind']}")
    return 0


def _hand_on_schedule(name: str) -> Callable[[_Studio, Any], int]:
    def work(studio: _Studio, given: Any) -> int:
        path = f"/api/schedules/{quote(given.schedule, safe='')}"
        match name:
            case "delete":
                studio.ask("DELETE", path)
                return 0
            case "show":
                answer = studio.ask("GET", path)
            case _:
                answer = studio.ask("POST", f"{path}/{name}")
        if given.json:
            return _print_json(answer)
        if name == "run":
            print(answer["id"])
            return 0
        _say(f"{answer['title'] or answer['kind']}  ({answer['state']})")
        _say(answer["sentence"])
        for at in answer["coming"]:
            _say(f"  {_when(at)}")
        for note in answer["notes"]:
            _say(f"  note, {_when(note['at'])}: {note['text']}")
        for task in answer.get("history", ()):
            _say(f"  {task['id']}  {task['state']:<9}  {_when(task['made'])}  {task['outcome']}")
        return 0

    return work


# -- lines


def _task(id: str) -> str:
    return f"/api/tasks/{quote(id, safe='')}"


def _progress(task: dict[str, Any]) -> str:
    return f"{task['progress']['done']}/{task['progress']['of']}"


def _cost(task: dict[str, Any]) -> str:
    spent = task["spent"]
    return f"{spent['input'] + spent['output']:,} tokens, ${spent['cost']:.2f}" + (
        "" if spent["cost_known"] else " or more"
    )


def _ask(task: dict[str, Any]) -> None:
    for card in task["cards"]:
        if "answer" not in card and task["state"] == "waiting":
            _say(f"  asks: {_question(card)}")


def _question(card: dict[str, Any]) -> str:
    choices = f" ({' / '.join(map(str, card['choices']))})" if card.get("choices") else ""
    return f"{card.get('question') or card.get('title') or card['id']}{choices}"


def _end(task: dict[str, Any]) -> None:
    if task.get("outcome"):
        _say(task["outcome"])
    if task.get("problem"):
        problem = task["problem"]
        print(visible(f"studiolo: {problem.get('message', '')}\n{problem.get('hint', '')}".rstrip()), file=sys.stderr)


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")


def _say(line: str) -> None:
    print(visible(line))


def _print_json(value: Any) -> int:
    print(safe_json(json.dumps(value, ensure_ascii=False)))
    return 0
