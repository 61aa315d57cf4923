"""Which role each action needs, and what does it. The one table of permissions for everything but typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studiolo.canvas import (
    actions,
    amending,
    deciding,
    merging,
    paging,
    pasting,
    policies,
    suggesting,
    talking,
    undoing,
)
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.participant import Participant, Role

Handler = Callable[[Canvas, Any, Participant], Outcome]

HANDLERS: dict[type, tuple[Role, Handler]] = {
    actions.Edit: ("editor", suggesting.edit),
    actions.Suggest: ("commenter", suggesting.suggest),
    actions.Extend: ("commenter", suggesting.extend),
    actions.Finish: ("commenter", suggesting.finish),
    actions.Accept: ("editor", deciding.accept),
    actions.Reject: ("editor", deciding.reject),
    actions.Withdraw: ("commenter", deciding.withdraw),
    actions.Merge: ("editor", merging.merge),
    actions.Undo: ("commenter", undoing.undo),
    actions.Pasted: ("editor", pasting.pasted),
    actions.Amend: ("commenter", amending.amend),
    actions.AcceptAll: ("editor", deciding.accept_all),
    actions.RejectAll: ("editor", deciding.reject_all),
    actions.SetPolicy: ("owner", policies.set_policy),
    actions.RemovePolicy: ("owner", policies.remove_policy),
    actions.Audit: ("owner", policies.audit),
    actions.Comment: ("commenter", talking.open_thread),
    actions.Reply: ("commenter", talking.reply),
    actions.Resolve: ("commenter", talking.resolve),
    actions.Say: ("commenter", talking.say),
    actions.SayMore: ("commenter", talking.say_more),
    actions.SayDone: ("commenter", talking.say_done),
    actions.Pick: ("commenter", talking.pick),
    actions.AddPage: ("editor", paging.add_page),
    actions.RenamePage: ("editor", paging.rename_page),
    actions.MovePage: ("editor", paging.move_page),
    actions.RemovePage: ("editor", paging.remove_page),
    actions.RestorePage: ("editor", paging.restore_page),
    actions.Listen: ("owner", talking.listen),
    actions.Retitle: ("owner", paging.retitle),
}
