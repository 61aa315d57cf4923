"""The steps from each released schema to the next: Alembic scripts in `versions/`, numbered as the schema is.

`schema_version` is the one record of where a database stands (Alembic's own table is not used): programs from before
the first migration read it too, and so know a database that is too new for them. There is no way back down.

To change the tables: change `store.tables`, count `SCHEMA_VERSION` up, and add `versions/NNNN_what.py` whose
`upgrade()` does the same to a database that is full. The tests compare the two on SQLite and PostgreSQL. All steps run
in one transaction, which SQLite and PostgreSQL can undo as a whole, so never `DROP` on SQLite a table that others
refer to: within a transaction its foreign keys stay on, and the rows that refer to it go with it.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa


def upgrade(connection: sa.Connection, found: int) -> None:
    """Bring a database of schema `found` to the newest one, inside the caller's transaction."""
    # Imported here: a database is upgraded once and opened daily, and Alembic takes a tenth of a second to import.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = [one for one in ScriptDirectory(Path(__file__).parent).walk_revisions() if int(one.revision) > found]
    with Operations.context(MigrationContext.configure(connection)):
        for script in reversed(scripts):
            script.module.upgrade()
