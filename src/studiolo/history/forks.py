"""How a branch begins: the document of its parent at some moment, with the same ids, and none of its open business."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from random import Random
from typing import Any

from pycrdt import Array, Doc, Map

from studiolo.canvas.document import plain
from studiolo.canvas.records import SuggestionRecord

_EMPTIED = ("threads", "facts", "panels")


def forked(
    updates: Iterable[bytes],
    title: str,
    pages: Collection[str] | None,
    random: Random,
    files: Collection[str] = (),
) -> tuple[bytes, int, list[dict[str, str]]]:
    """The whole document of a branch as one update, the client id of the studio in it, and its pages.

    The pages keep their texts with every id, and so their authors; accepted suggestions stay, since they say where
    text came from. What is still open, talk and policies belong to the parent. Pages that are not among `pages` are
    out of the list, and files that are not among `files`, which are kept.
    """
    doc: Doc[Any] = Doc(client_id=random.getrandbits(32))
    meta, shared = doc.get("meta", type=Map), doc.get("pages", type=Map)
    suggestions = doc.get("suggestions", type=Map)
    emptied = [doc.get(name, type=Map) for name in _EMPTIED]
    chat = doc.get("chat", type=Array)
    attachments = doc.get("attachments", type=Map)
    for update in updates:
        doc.apply_update(update)
    records = {id: SuggestionRecord.read(kept) for id, kept in plain(suggestions).items()}
    with doc.transaction():
        meta["title"] = title
        if "policies" in meta:  # nothing is accepted by itself before somebody says so here
            del meta["policies"]
        for root in emptied:
            for id in list(root.keys()):
                del root[id]
        if len(chat):
            del chat[0 : len(chat)]
        for id in list(attachments.keys()):
            if id not in files:
                del attachments[id]
        for id, record in records.items():
            if not any(hunk.status == "accepted" for hunk in record.hunks):
                del suggestions[id]
            else:
                for index, hunk in enumerate(record.hunks):
                    if hunk.status in ("open", "stale"):
                        suggestions[id]["hunks"][index]["status"] = "withdrawn"
        for id, page in shared.items():
            if pages is not None and id not in pages:
                page["removed"] = True
    listed = [
        {"id": id, "title": page["title"]}
        for id, page in sorted(shared.items(), key=lambda known: (known[1]["order"], known[0]))
        if not page.get("removed")
    ]
    return doc.get_update(), doc.client_id, listed
