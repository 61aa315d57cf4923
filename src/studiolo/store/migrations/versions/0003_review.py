"""What review needs: branches, named versions, what waits for people, webhooks, and a chain of hashes in the ledger."""

import sqlalchemy as sa
from alembic import op

from studiolo.store.ledger import chained

revision = "0003"
down_revision = "0002"


def _of_canvas() -> sa.Column[str]:
    return sa.Column("canvas", sa.Text, sa.ForeignKey("canvases.id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    op.add_column("canvases", sa.Column("parent", sa.Text))
    op.add_column("canvases", sa.Column("parent_seq", sa.BigInteger))
    op.create_index("ix_canvases_parent", "canvases", ["parent"])
    op.create_table(
        "versions",
        _of_canvas(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("participant", sa.Text, nullable=False),
    )
    op.create_table(
        "inbox",
        _of_canvas(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("item", sa.JSON, nullable=False),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("canvas", sa.Text, nullable=False, index=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("events", sa.JSON, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("webhook", sa.Text, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
        _of_canvas(),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next", sa.Double, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    _chain()


def _chain() -> None:
    """Give every row that is there its hash, in the order in which they were written."""
    op.add_column("ledger", sa.Column("hash", sa.Text, nullable=False, server_default=sa.text("''")))
    connection = op.get_bind()
    ledger = sa.table(
        "ledger",
        *(sa.column(name) for name in ("canvas", "seq", "at", "participant", "hash")),
        sa.column("action", sa.JSON),
        sa.column("outcome", sa.JSON),
    )
    rows = connection.execute(sa.select(ledger).order_by(ledger.c.canvas, ledger.c.seq)).all()
    last: dict[str, str] = {}
    for row in rows:
        hash = last[row.canvas] = chained(
            last.get(row.canvas, ""), row.canvas, row.seq, row.at, row.participant, row.action, row.outcome
        )
        here = (ledger.c.canvas == row.canvas) & (ledger.c.seq == row.seq)
        connection.execute(sa.update(ledger).where(here).values(hash=hash))
