"""What can go wrong with keeping things, in words that say what to do about it."""

from __future__ import annotations

from studiolo.canvas.errors import Conflict, Unavailable


class StorageFailed(Unavailable):
    """The database did not take it; nothing of the request was kept and the store goes on working."""


class OutOfOrder(Conflict):
    """A log row's `seq` is not the one after the last that is kept. `details` has `expected`."""


def storage_failed(error: BaseException) -> StorageFailed:
    """The `StorageFailed` for what a database driver raised.

    SQLite's reasons are told apart by the sentences of its result codes (https://www.sqlite.org/rescode.html),
    which reach us unchanged through the driver.
    """
    # The first line only: PostgreSQL goes on with the row, and SQLAlchemy with what was to be stored.
    reason = next(iter(str(getattr(error, "orig", None) or error).strip().splitlines()), type(error).__name__)
    text = reason.lower()
    if "full" in text or "no space" in text:
        return StorageFailed("The disk is full, so nothing was saved.", "Free some disk space and try again.")
    if "locked" in text or "busy" in text:
        return StorageFailed(
            "Another program holds the database locked, so nothing was saved.",
            "Stop the other program (a second studio, a backup, a database browser) and try again.",
        )
    if "readonly" in text or "read-only" in text or "unable to open" in text or "permission" in text:
        return StorageFailed(
            f"The database cannot be written ({reason}), so nothing was saved.",
            "Make the data folder writable for the user that runs Studiolo and try again.",
        )
    if "not a database" in text or "malformed" in text:
        return StorageFailed(
            f"The database file is damaged or is not a database ({reason}).",
            "Stop Studiolo and put back the newest backup of the database file.",
        )
    return StorageFailed(
        f"The database did not answer as it should ({reason}), so nothing was saved.",
        "Check the disk, or the database server and its address, and try again.",
    )
