"""What many nodes of one studio need: to tell a studio from another, and which log row claimed a client id.

Claims from before this step have row 0: whoever reads on from a row has loaded them already.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None


def upgrade() -> None:
    op.add_column("client_owners", sa.Column("seq", sa.BigInteger, nullable=False, server_default="0"))
    studio = op.create_table("studio", sa.Column("id", sa.Text, primary_key=True))
    op.bulk_insert(studio, [{"id": secrets.token_hex(8)}])
