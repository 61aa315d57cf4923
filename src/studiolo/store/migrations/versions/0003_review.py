"""What review needs: branches, named versions, what waits for people, webhooks, and a chain of hashes in the ledger."""

import sqlalchemy as sa
from alembic import op

from studiolo.store.ledger import Chain

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
        sa.Column("since", sa.Double),
        sa.Column("next", sa.Double, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("held_until", sa.Double, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("webhook", sa.Text, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
        _of_canvas(),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_index("attempts_of_webhook", "attempts", ["webhook", "at"])
    _chain()


def _chain() -> None:
    """Give every row that is there its hash, in the order in which they were written, some in memory at a time."""
    op.add_column("ledger", sa.Column("hash", sa.Text, nullable=False, server_default=sa.text("''")))
    connection = op.get_bind()
    change = (
        sa.update(_ledger)
        .where(_ledger.c.canvas == sa.bindparam("of"), _ledger.c.seq == sa.bindparam("number"))
        .values(hash=sa.bindparam("chained"))
    )
    chain = Chain()
    after = ("", -1)
    in_order = sa.select(_ledger).order_by(_ledger.c.canvas, _ledger.c.seq).limit(_AT_ONCE)
    while rows := connection.execute(in_order.where(sa.tuple_(_ledger.c.canvas, _ledger.c.seq) > after)).all():
        hashes = [chain.add(row.canvas, row.seq, row.at, row.participant, row.action, row.outcome) for row in rows]
        connection.execute(
            change,
            [{"of": row.canvas, "number": row.seq, "chained": hash} for row, hash in zip(rows, hashes, strict=True)],
        )
        after = (rows[-1].canvas, rows[-1].seq)


_AT_ONCE = 500  # rows
_ledger = sa.table(
    "ledger",
    *(sa.column(name, sa.Text) for name in ("canvas", "participant", "hash")),
    sa.column("seq", sa.BigInteger),
    sa.column("at", sa.Double),
    sa.column("action", sa.JSON),
    sa.column("outcome", sa.JSON),
)
