"""The review budget: what may be accepted without asking a person first, and what must not.

A policy allows one agent, or all, some kinds of change up to some risk. `consider` looks at each suggestion once, when
it is finished, and again only while somebody is typing in its place; it takes a suggestion whole or leaves it whole.
There is none until an owner makes it, an agent can make, change and judge none, and whoever made or changed one has
nothing of their own accepted by it.

They are kept in the document's `meta` as JSON text, so that everybody sees them; removed ones too, for what they
accepted can be listed and taken back for as long as the canvas lives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from studiolo.canvas import actions, anchors
from studiolo.canvas.actions import ChangeKind, Risk
from studiolo.canvas.appraising import appraisal, passages
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.document import STUDIO
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, StudioloError
from studiolo.canvas.kinds import Kinds, no_riskier
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import SuggestionRecord
from studiolo.canvas.taking import take
from studiolo.canvas.typing_now import LATELY

MOST_POLICIES = 50  # that work at one time
MINUTE = 60.0
LOOKED_AT = 20  # suggestions in one go, at some milliseconds each
MOST_A_MINUTE = 30  # suggestions that one policy accepts before it stops itself
ANY = "*"


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be accepted, or must be asked, as `actions.SetPolicy` says it. `at` is when it was last changed."""

    id: str
    name: str
    agent: str
    skill: str
    kinds: tuple[ChangeKind, ...]
    risk: Risk
    then: str
    sample: int
    by: str
    by_name: str
    at: float
    makers: tuple[str, ...]
    paused: str = ""  # why it accepts nothing at present
    removed: float = 0.0
    second_look: bool = False  # whether a model must agree, too, where the risk is not low

    def about(self, record: SuggestionRecord) -> bool:
        """Whether it speaks of suggestions of this agent and skill at all."""
        return self.agent in (ANY, record.author) and self.skill in ("", record.skill)

    def allows(self, found: Kinds) -> bool:
        """Whether everything that a change does is within what it allows."""
        return not found.barred and found.kinds <= set(self.kinds) and no_riskier(found.risk, self.risk)

    def wants_asking(self, found: Kinds) -> bool:
        """Whether anything that a change does is what a person wants to be asked about: of that risk, or more."""
        return bool(found.kinds & set(self.kinds)) and no_riskier(self.risk, found.risk)

    def samples(self, suggestion: str) -> bool:
        """Whether this one of those that it accepts is shown to a person afterwards. It hangs on the ids alone, so no
        order in which suggestions are made evades it."""
        if not self.sample:
            return False
        return int.from_bytes(sha256(f"{self.id}:{suggestion}".encode()).digest()[:8]) % self.sample == 0

    @property
    def decider(self) -> Participant:
        """Whose name stands under what it accepts."""
        return Participant(STUDIO, f"Policy “{self.name}”", "agent", "#5b5d63", "owner")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def policies(canvas: Canvas) -> tuple[Policy, ...]:
    """All of them, also those that are paused or removed, in the order in which they were made."""
    return _read(canvas.document.meta.get("policies") or "")


def find(canvas: Canvas, id: str) -> Policy:
    """Raises `NotFound`."""
    for policy in policies(canvas):
        if policy.id == id:
            return policy
    raise NotFound("There is no such policy in this canvas.", "Look at the list of policies.")


# -- actions


def set_policy(canvas: Canvas, action: actions.SetPolicy, by: Participant) -> Outcome:
    """Make a policy, or change one. It holds for what is suggested from now on."""
    _only_a_person(by)
    known = find(canvas, action.policy) if action.policy else None
    if known is not None and known.removed:
        raise Conflict("The policy was removed.", "Make a new one.")
    if known is None and sum(not policy.removed for policy in policies(canvas)) >= MOST_POLICIES:
        raise Invalid(f"A canvas has at most {MOST_POLICIES} policies.", "Remove one that is not needed any more.")
    kinds = tuple(dict.fromkeys(action.kinds))
    made = Policy(
        id=known.id if known else canvas.new_id(),
        name=action.name or _called(kinds),
        agent=action.agent or ANY,
        skill=action.skill,
        kinds=kinds,
        risk=action.risk,
        then=action.then,
        sample=action.sample,
        by=by.id,
        by_name=by.name,
        at=canvas.clock(),
        makers=tuple(dict.fromkeys((*(known.makers if known else ()), by.id))),
        paused="paused" if action.paused else "",
        second_look=action.second_look,
    )
    update = _keep(canvas, made)
    return Outcome("policy_set", made.id, {"policy": made.id, "name": made.name, "paused": action.paused}, update)


def remove_policy(canvas: Canvas, action: actions.RemovePolicy, by: Participant) -> Outcome:
    """End a policy; what it accepted stays, and stays listed."""
    _only_a_person(by)
    policy = find(canvas, action.policy)
    if policy.removed:
        raise Conflict("The policy was removed before.", "Nothing was changed.")
    update = _keep(canvas, replace(policy, removed=canvas.clock()))
    return Outcome("policy_removed", policy.id, {"policy": policy.id, "name": policy.name}, update)


def audit(canvas: Canvas, action: actions.Audit, by: Participant) -> Outcome:
    """Note that what a policy accepted of a suggestion was looked at and is good."""
    _only_a_person(by)
    record = canvas.suggestions.get(action.suggestion)
    taken = [] if record is None else accepted_hunks(record)
    if record is None or not taken:
        raise NotFound("No policy accepted this suggestion.", "Look at what the policy accepted.")
    with canvas.document.change() as written:
        for index in taken:
            canvas.set_hunk(record, index, audit="good")
    policy = record.hunks[taken[0]].policy
    return Outcome("audited", record.id, {"policy": policy, "verdict": "good", "hunks": taken}, written())


# -- what happens by itself


def consider(canvas: Canvas) -> Outcome | None:
    """Accept the first of the suggestions finished since that the policies allow: one decision of one policy; or look
    at some, and say that there are more (an outcome that changes nothing). Call it again until it gives None: then all
    have been looked at, but for those that somebody types in, which stay in `canvas.fresh`."""
    ways = [policy for policy in policies(canvas) if not policy.removed]
    if not any(policy.then == "accept" and not policy.paused for policy in ways):
        canvas.fresh.clear()
        return None
    now = canvas.clock()
    due = [id for id, at in canvas.fresh.items() if at <= now]
    for id in due[:LOOKED_AT]:
        del canvas.fresh[id]
        record = canvas.suggestions.get(id)
        allowed = None if record is None else allowing(canvas, ways, record)
        if record is None or allowed is None:
            continue
        policy, found = allowed
        if typed_in(canvas, record):
            canvas.fresh[id] = now + LATELY
            continue
        wants = policy.second_look and found.risk != "low"
        if wants and not canvas.second_looks.says_the_same(id, passages(canvas, record)):
            continue  # somebody looks; when it says the same, it is fresh again
        with suppress(StudioloError):  # it does not fit after all; then a person sees it
            if (outcome := _accept(canvas, policy, record)) is not None:
                return outcome
    return Outcome("considered") if len(due) > LOOKED_AT else None


def allowing(canvas: Canvas, ways: Iterable[Policy], record: SuggestionRecord) -> tuple[Policy, Kinds] | None:
    """The policy that allows a suggestion as the page reads now, if one does and none wants it asked about; and what
    was found out about it."""
    ways = [policy for policy in ways if policy.about(record)]
    might = [
        policy
        for policy in ways
        if policy.then == "accept"
        and not policy.paused
        and policy.at <= record.at
        and record.author not in policy.makers
    ]
    if not might or not _untouched(canvas, record):
        return None
    kept = Kinds(frozenset(json.loads(record.kinds or "[]")), record.risk or "high")  # type: ignore[arg-type]
    if not any(policy.allows(kept) for policy in might):
        return None
    today = appraisal(canvas, record)  # the text around it may have changed since
    if today is None:
        return None
    found = Kinds.joined((today, kept))
    if any(policy.then == "ask" and policy.wants_asking(found) for policy in ways):
        return None
    allowed = next((policy for policy in might if policy.allows(found)), None)
    return None if allowed is None or overlapped(canvas, record) else (allowed, found)


def typed_in(canvas: Canvas, record: SuggestionRecord) -> bool:
    """Whether somebody is typing where a suggestion would change the text."""
    now = canvas.clock()
    text = canvas.page_text(record.page)
    spans = [canvas.find(record.page, text, hunk.anchor) for hunk in record.hunks]
    identity = canvas.document.identity
    return any(span is not None and canvas.typing.near(identity, record.page, span, now) for span in spans)


def overlapped(canvas: Canvas, record: SuggestionRecord) -> bool:
    """Whether another suggestion that waits would change the same place: then a person chooses."""
    text = canvas.page_text(record.page)
    own = [span for hunk in record.hunks if (span := canvas.find(record.page, text, hunk.anchor))]
    for other in canvas.register.waiting(record.page):
        if other is record:
            continue
        for hunk in other.hunks:
            if hunk.status != "open" or not any(_within_reach(text, mine, hunk.anchor.quote) for mine in own):
                continue
            span = anchors.between(canvas.document.identity, other.page, hunk.anchor.start, hunk.anchor.end)
            if span is not None and any(_meet(span, mine) for mine in own):
                return True
    return False


def _within_reach(text: str, span: Span, quote: str) -> bool:
    """Whether a quote could stand so that it meets a span: much faster found out than where it stands."""
    return not quote or text.find(quote, max(0, span.start - len(quote)), span.end + len(quote)) >= 0


def accepted_hunks(record: SuggestionRecord) -> list[int]:
    """Which of its hunks a policy accepted, and nobody has taken back."""
    return [index for index, hunk in enumerate(record.hunks) if hunk.policy and hunk.status == "accepted"]


def accepted_by(canvas: Canvas, policy: str) -> list[SuggestionRecord]:
    """The suggestions of which a policy accepted something, also what was taken back since."""
    return [record for record in canvas.suggestions.values() if any(hunk.policy == policy for hunk in record.hunks)]


# -- inside


def _accept(canvas: Canvas, policy: Policy, record: SuggestionRecord) -> Outcome | None:
    now = canvas.clock()
    lately = [one for one in accepted_by(canvas, policy.id) if max(hunk.decided for hunk in one.hunks) > now - MINUTE]
    if len(lately) >= MOST_A_MINUTE:
        return _stop(canvas, policy)
    hunks = [(record.id, index) for index in range(len(record.hunks))]
    wanted = hunks if policy.samples(record.id) else []
    taken = take(canvas, [(record, index) for _, index in hunks], policy.decider, policy.id, wanted)
    if not taken.hunks:
        return None
    said = {"policy": policy.id, "name": policy.name, "suggestion": record.id, "status": record.status}
    outcome = taken.outcome(**said, sampled=bool(wanted))
    return canvas.claimed(
        replace(
            outcome,
            entry={
                "action": {"type": "accept", "policy": policy.id, "suggestion": record.id},
                "outcome": {"outcome": outcome.outcome, "id": outcome.id, **outcome.details, **outcome.kept},
            },
        )
    )


def _stop(canvas: Canvas, policy: Policy) -> Outcome:
    """A policy that accepts too much too fast stops itself: somebody is to see what is going on."""
    why = f"It accepted {MOST_A_MINUTE} suggestions within a minute and would have gone on, so it stopped itself."
    update = _keep(canvas, replace(policy, paused=why))
    details = {"policy": policy.id, "name": policy.name, "why": why}
    entry = {
        "action": {"type": "pause_policy", "policy": policy.id},
        "outcome": {"outcome": "policy_paused", "id": policy.id, **details},
    }
    return canvas.claimed(Outcome("policy_paused", policy.id, details, update, entry=entry))


def _untouched(canvas: Canvas, record: SuggestionRecord) -> bool:
    """Whether it is as its agent finished it: nothing of it decided, ever, or amended by somebody else."""
    if record.author_kind != "agent" or record.status != "open" or canvas.page(record.page).get("removed"):
        return False
    return all(
        hunk.status == "open" and not (hunk.decision or hunk.decided or hunk.policy or hunk.undone or hunk.amended_by)
        for hunk in record.hunks
    )


def _only_a_person(by: Participant) -> None:
    if by.kind != "person":
        raise Forbidden(
            "An agent cannot make, change or judge what is accepted without asking.",
            "Ask a person who owns the canvas.",
        )


def _keep(canvas: Canvas, changed: Policy) -> bytes:
    kept: list[Policy] = [changed if policy.id == changed.id else policy for policy in policies(canvas)]
    if changed not in kept:
        kept.append(changed)
    with canvas.document.change() as written:
        canvas.document.meta["policies"] = json.dumps([policy.as_dict() for policy in kept], ensure_ascii=False)
    canvas.policed = True
    return written()


@lru_cache(64)
def _read(kept: str) -> tuple[Policy, ...]:
    listed: list[dict[str, Any]] = json.loads(kept) if kept else []
    return tuple(Policy(**_tuples(one)) for one in listed)


def _tuples(kept: dict[str, Any]) -> dict[str, Any]:
    return kept | {name: tuple(kept[name]) for name in ("kinds", "makers")}


def _called(kinds: Sequence[ChangeKind]) -> str:
    """What a policy is called that nobody named: "Typography, spelling"."""
    return ", ".join(kinds).capitalize()


def _meet(one: Span, other: Span) -> bool:
    """Whether two changes share a character, or a place between characters."""
    return (one.start < other.end and other.start < one.end) or one.start == other.start or one.end == other.end
