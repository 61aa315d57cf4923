"""The tables. One that holds anything of a canvas has a column `canvas`: deletion goes by that name."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 4
"""Counts up with every change of the tables, which needs a step in `migrations`; a newer database is not opened."""

metadata = sa.MetaData()


def _of_canvas(*, key: bool = True) -> sa.Column[str]:
    return sa.Column(
        "canvas", sa.Text, sa.ForeignKey("canvases.id", ondelete="CASCADE"), primary_key=key, nullable=not key
    )


schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))

studio = sa.Table("studio", metadata, sa.Column("id", sa.Text, primary_key=True))  # one row

canvases = sa.Table(
    "canvases",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("parent", sa.Text, index=True),  # the canvas that this one is a branch of; it may be deleted meanwhile
    sa.Column("parent_seq", sa.BigInteger),  # the last log row of the parent that the branch began with
)

updates = sa.Table(
    "updates",
    metadata,
    _of_canvas(),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("participant", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    _of_canvas(),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

client_owners = sa.Table(
    "client_owners",
    metadata,
    _of_canvas(),
    sa.Column("client_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("participant", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False, server_default="0"),  # the log row that it was claimed with
)

ledger = sa.Table(
    "ledger",
    metadata,
    _of_canvas(),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("participant", sa.Text, nullable=False),
    sa.Column("action", sa.JSON, nullable=False),
    sa.Column("outcome", sa.JSON, nullable=False),
    sa.Column(
        "hash", sa.Text, nullable=False, server_default=sa.text("''")
    ),  # of this row and the hash of the one before it
)

versions = sa.Table(
    "versions",
    metadata,
    _of_canvas(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),  # the last log row that belongs to it
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("participant", sa.Text, nullable=False),
)

# What waits for a person, as the canvas last told it.
inbox = sa.Table(
    "inbox",
    metadata,
    _of_canvas(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("item", sa.JSON, nullable=False),
)

# No foreign key: `canvas` may be "*", all of them. The secret signs what is sent, so it is kept as it is.
webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("canvas", sa.Text, nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("events", sa.JSON, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made", sa.Double, nullable=False),
)

# How far a webhook has been told what is in a canvas's ledger, and which node is telling it just now.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("webhook", sa.Text, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
    _of_canvas(),
    sa.Column("seq", sa.BigInteger, nullable=False),  # the last ledger row that was delivered or given up
    sa.Column("attempts", sa.Integer, nullable=False),  # in vain, at the row that comes next
    sa.Column("since", sa.Double),  # when the first of the failures was that no success has ended
    sa.Column("next", sa.Double, nullable=False),  # not before
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("held_until", sa.Double, nullable=False),
)

# What was sent last, to be looked at: no text of the canvas is in it.
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("webhook", sa.Text, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
    _of_canvas(),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # delivered | waiting | given up
    sa.Column("answer", sa.Text, nullable=False),  # the status that was answered, or why there was none
    sa.Index("attempts_of_webhook", "webhook", "at"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _of_canvas(key=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("run", sa.JSON, nullable=False),
    sa.Index("runs_of_canvas", "canvas", "started"),
)

# What an agent did in a run, step by step, in the order in which it happened.
run_steps = sa.Table(
    "run_steps",
    metadata,
    sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    _of_canvas(key=False),
    sa.Column("step", sa.JSON, nullable=False),
)

# What a run that waits for a person goes on from: the messages between the program and the model.
run_histories = sa.Table(
    "run_histories",
    metadata,
    sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    _of_canvas(key=False),
    sa.Column("messages", sa.LargeBinary, nullable=False),
)

# Several agents at one thing, one after the other.
rounds = sa.Table(
    "rounds",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _of_canvas(key=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("round", sa.JSON, nullable=False),
    sa.Index("rounds_of_canvas", "canvas", "started"),
)

# Work that goes on for long: `task` says what it is, how far it came, and what it costs (`tasks.task`).
tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _of_canvas(key=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("participant", sa.Text, nullable=False),  # who wants it done
    sa.Column("schedule", sa.Text, index=True),  # what began it; it may be deleted meanwhile
    sa.Column("parent", sa.Text, index=True),  # the task that began it
    sa.Column("made", sa.Double, nullable=False),
    # What is looked at to choose whose turn it is: what is below says the same.
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("task", sa.JSON, nullable=False),
    sa.Index("tasks_of_canvas", "canvas", "made"),
)

# What the steps of a task came to, as gzipped JSON.
task_results = sa.Table(
    "task_results",
    metadata,
    sa.Column("task", sa.Text, sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    _of_canvas(key=False),
    sa.Column("result", sa.LargeBinary, nullable=False),
)

# When tasks begin by themselves.
schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _of_canvas(key=False),
    sa.Column("participant", sa.Text, nullable=False),  # who wants it
    sa.Column("next", sa.Double, index=True),  # NULL: not again, or paused
    sa.Column("made", sa.Double, nullable=False),
    sa.Column("schedule", sa.JSON, nullable=False),
)

# Items of the inbox that somebody has put away though they are still so: tasks that have ended.
put_away = sa.Table(
    "put_away",
    metadata,
    sa.Column("participant", sa.Text, primary_key=True),
    _of_canvas(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)

# Where people are written to, and about what. The secret signs the links in mails, so it is kept as it is.
mailboxes = sa.Table(
    "mailboxes",
    metadata,
    sa.Column("participant", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("confirmed", sa.Double),
    sa.Column("wants", sa.JSON, nullable=False),  # {about: [done, failed, waiting], detail}
    sa.Column("asked", sa.JSON, nullable=False),  # when mails were sent that ask for a confirmation
    sa.Column("problem", sa.Text, nullable=False),  # why the last mail could not be delivered
)

# Mails that wait, and that were sent lately. No foreign key: a mail that asks for a confirmation is of no canvas.
mails = sa.Table(
    "mails",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("canvas", sa.Text, index=True),
    sa.Column("participant", sa.Text, nullable=False),
    sa.Column("made", sa.Double, nullable=False),
    sa.Column("next", sa.Double, index=True),  # not before; NULL: sent, or given up
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("mail", sa.JSON, nullable=False),
)

# Files that people gave to a canvas; what they hold is in `attachment_data`, as pieces, and as text in sections.
attachments = sa.Table(
    "attachments",
    metadata,
    _of_canvas(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("participant", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("about", sa.JSON, nullable=False),  # outline, counts, and what could not be read
)

attachment_data = sa.Table(
    "attachment_data",
    metadata,
    _of_canvas(),
    sa.Column("attachment", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

attachment_sections = sa.Table(
    "attachment_sections",
    metadata,
    _of_canvas(),
    sa.Column("attachment", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),  # where in the file: "page 12", "chapter 3", "src/main.py"
    sa.Column("text", sa.Text, nullable=False),
)

# Decisions that are no example of anybody's taste any more; those that are, are read from the canvas itself.
forgotten_tastes = sa.Table(
    "forgotten_tastes",
    metadata,
    _of_canvas(),
    sa.Column("id", sa.Text, primary_key=True),  # of the suggestion, and the number of its hunk
    sa.Column("participant", sa.Text, nullable=False),  # who wanted it forgotten
    sa.Column("at", sa.Double, nullable=False),
)

# No foreign key on `canvas`: a request that makes a canvas has none yet, and is remembered under "".
idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("participant", sa.Text, primary_key=True),
    sa.Column("canvas", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("response", sa.JSON, nullable=False),
)

participants = sa.Table(
    "participants",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("color", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),  # setup | share | token | agent
    sa.Column("made", sa.Double, nullable=False),
)

# One row per source, so that taking a share back leaves what came from elsewhere; "" is a direct grant.
# No foreign key: `canvas` may be "*", and a canvas may be made by a participant that is not kept here.
grants = sa.Table(
    "grants",
    metadata,
    sa.Column("participant", sa.Text, primary_key=True),
    sa.Column("canvas", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("expires", sa.Double),
    sa.Index("grants_on_canvas", "canvas"),
    sa.Index("grants_from_source", "source"),
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),  # setup | session | share | token
    sa.Column("participant", sa.Text, sa.ForeignKey("participants.id", ondelete="CASCADE"), index=True),
    sa.Column("canvas", sa.Text, index=True),
    sa.Column("role", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text),
    sa.Column("made", sa.Double, nullable=False),
    sa.Column("expires", sa.Double),
    sa.Column("last_used", sa.Double),
)
