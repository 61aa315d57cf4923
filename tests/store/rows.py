"""Rows in the tables of which nobody below the web writes: what a test that looks at every table needs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from studiolo.store import Store, tables
from studiolo.store.dialect import insert_new


async def put_for_review(store: Store, canvas: str, text: str, by: str) -> None:
    """Give a canvas a version, something that waits, and a webhook that has been tried; and its run, which is called
    `run-CANVAS`, steps; a round, a task and its schedule, what was put away, a mail and where it goes, a file, and what
    somebody made of a change."""
    hook = f"hook-{canvas}"
    rows: list[tuple[sa.Table, dict[str, Any]]] = [
        (tables.versions, {"id": "v", "seq": 100, "at": 1.5, "name": text, "participant": by}),
        (tables.inbox, {"id": "i", "kind": "suggestion", "at": 1.5, "item": {"text": text, "n": 0.1}}),
        (
            tables.webhooks,
            {"id": hook, "url": f"https://example.com/{text}", "secret": "whsec_x", "events": ["decision"]}
            | {"made_by": by, "made": 2.5},
        ),
        (
            tables.deliveries,
            {"webhook": hook, "seq": 150, "attempts": 2, "since": 8.5, "next": 9.25, "holder": "", "held_until": 0.0},
        ),
        (
            tables.attempts,
            {"webhook": hook, "seq": 150, "event": "e", "type": "ping", "at": 8.5, "tries": 2, "state": "waiting"}
            | {"answer": text},
        ),
        (tables.run_steps, {"run": f"run-{canvas}", "n": 1, "step": {"kind": "tool", "title": text, "seconds": 0.5}}),
        (tables.run_histories, {"run": f"run-{canvas}", "messages": b"\x00" + text.encode()}),
        (tables.rounds, {"id": f"round-{canvas}", "state": "done", "started": 2.5, "round": {"turns": [text]}}),
        (
            tables.attachments,
            {"id": "a", "name": text, "type": "text/plain", "size": len(text.encode()), "sha256": "00", "at": 2.5}
            | {"participant": by, "about": {"outline": [text], "n": 0.1}},
        ),
        (tables.attachment_data, {"attachment": "a", "n": 0, "data": bytes(range(256)) + text.encode()}),
        (tables.attachment_sections, {"attachment": "a", "n": 0, "title": text, "place": "page 1", "text": text}),
        (
            tables.tasks,
            {"id": f"task-{canvas}", "state": "done", "participant": by, "schedule": None, "parent": None}
            | {"made": 2.5, "priority": 1, "model": None, "node": "n", "task": {"plan": [text], "cost": 0.1}},
        ),
        (tables.task_results, {"task": f"task-{canvas}", "step": "s", "result": b"\x00" + text.encode()}),
        (
            tables.schedules,
            {"id": f"schedule-{canvas}", "participant": by, "next": 9.5, "made": 2.5, "schedule": {"rule": text}},
        ),
        (tables.put_away, {"participant": by, "id": "k:t:1", "at": 2.5}),
        (
            tables.mailboxes,
            {"participant": by, "address": f"{by}@example.com", "secret": "s", "confirmed": 2.5}
            | {"wants": {"about": ["done"]}, "asked": [1.5], "problem": ""},
        ),
        (
            tables.mails,
            {"id": f"mail-{canvas}", "participant": by, "made": 2.5, "next": None, "tries": 1, "mail": {"title": text}},
        ),
        (tables.forgotten_tastes, {"id": "s:0", "participant": by, "at": 2.5}),
    ]
    async with store.writing() as connection:
        for table, row in rows:
            of_it = {"canvas": canvas} if "canvas" in table.columns else {}
            await connection.execute(insert_new(connection, table), of_it | row)
