"""What agents that work in steps need: the steps, what a waiting run goes on from, rounds, files, and taste; tasks, and
when they begin."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def _of_canvas(*, key: bool = True) -> sa.Column[str]:
    return sa.Column(
        "canvas", sa.Text, sa.ForeignKey("canvases.id", ondelete="CASCADE"), primary_key=key, nullable=not key
    )


def _of_run() -> sa.Column[str]:
    return sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


def _number() -> sa.Column[int]:
    return sa.Column("n", sa.Integer, primary_key=True, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "run_steps", _of_run(), _number(), _of_canvas(key=False), sa.Column("step", sa.JSON, nullable=False)
    )
    op.create_table(
        "run_histories", _of_run(), _of_canvas(key=False), sa.Column("messages", sa.LargeBinary, nullable=False)
    )
    op.create_table(
        "rounds",
        sa.Column("id", sa.Text, primary_key=True),
        _of_canvas(key=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("round", sa.JSON, nullable=False),
    )
    op.create_index("rounds_of_canvas", "rounds", ["canvas", "started"])
    op.create_table(
        "attachments",
        _of_canvas(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("participant", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
    )
    op.create_table(
        "attachment_data",
        _of_canvas(),
        sa.Column("attachment", sa.Text, primary_key=True),
        _number(),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "attachment_sections",
        _of_canvas(),
        sa.Column("attachment", sa.Text, primary_key=True),
        _number(),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "forgotten_tastes",
        _of_canvas(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("participant", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text, primary_key=True),
        _of_canvas(key=False),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("participant", sa.Text, nullable=False),
        sa.Column("schedule", sa.Text, index=True),
        sa.Column("parent", sa.Text, index=True),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("task", sa.JSON, nullable=False),
    )
    op.create_index("tasks_of_canvas", "tasks", ["canvas", "made"])
    op.create_table(
        "task_results",
        sa.Column("task", sa.Text, sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("step", sa.Text, primary_key=True),
        _of_canvas(key=False),
        sa.Column("result", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "schedules",
        sa.Column("id", sa.Text, primary_key=True),
        _of_canvas(key=False),
        sa.Column("participant", sa.Text, nullable=False),
        sa.Column("next", sa.Double, index=True),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("schedule", sa.JSON, nullable=False),
    )
    op.create_table(
        "put_away",
        sa.Column("participant", sa.Text, primary_key=True),
        _of_canvas(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "mailboxes",
        sa.Column("participant", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("confirmed", sa.Double),
        sa.Column("wants", sa.JSON, nullable=False),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("canvas", sa.Text, index=True),
        sa.Column("participant", sa.Text, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("next", sa.Double, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("mail", sa.JSON, nullable=False),
    )
