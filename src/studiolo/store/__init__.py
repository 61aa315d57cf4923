"""What is kept: each canvas's update log and snapshot, the ledger, and what `people` and `agents` keep.

SQLAlchemy Core over one database: SQLite by default (WAL, every commit synced to disk), PostgreSQL by URL.
The log is append-only and each row names its participant; `Store.append` returns when its rows are committed.
What may not enter: the meaning of an update or an action. The store keeps bytes and JSON and reads neither.
All SQL is portable; what differs between databases is in `dialect`.
"""

from studiolo.store.errors import OutOfOrder, StorageFailed
from studiolo.store.records import Answer, CanvasRecord, HistoryRow, LedgerRow, Loaded, LogRow
from studiolo.store.store import Store

__all__ = [
    "Answer",
    "CanvasRecord",
    "HistoryRow",
    "LedgerRow",
    "Loaded",
    "LogRow",
    "OutOfOrder",
    "StorageFailed",
    "Store",
]
