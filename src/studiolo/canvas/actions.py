"""The actions: everything a participant can do to a canvas besides typing, as typed and validated values.

HTTP, MCP, agents, the command line and training environments all send these same JSON objects. `parse` turns one
into its model or says which field is wrong.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.canvas.quotes import Quote

LONGEST_PAGE = 5_000_000  # code points in one page
LONGEST_MESSAGE = 400_000  # UTF-8 bytes of one message of the conversation


def clean_text(text: str) -> str:
    """Text as pages keep it: line breaks are `\\n`, and it can be written as UTF-8. Raises ValueError."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it holds half of a surrogate pair, which no UTF-8 text can; send whole characters") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_length(length: int, what: str) -> None:
    """Raise `TooLarge` when so many characters are more than `LONGEST_PAGE`."""
    if length > LONGEST_PAGE:
        raise TooLarge(
            f"{what} would have {length:,} characters; a page holds at most {LONGEST_PAGE:,}.",
            "Split it into several pages.",
        )


Text = Annotated[str, AfterValidator(clean_text)]
Line = Annotated[str, AfterValidator(lambda text: " ".join(clean_text(text).split())), Field(max_length=300)]
Context = Annotated[Text, Field(max_length=2_000)]
Body = Annotated[Text, Field(min_length=1, max_length=100_000)]


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ItemId(BaseModel):
    """The id of one item of the document."""

    model_config = ConfigDict(extra="forbid")
    client: Annotated[int, Field(ge=0, lt=2**53)]
    clock: Annotated[int, Field(ge=0, lt=2**53)]


class Position(BaseModel):
    """A Yjs relative position as JSON, as `Y.createRelativePositionFromTypeIndex` makes it for a page's text."""

    model_config = ConfigDict(extra="forbid")
    item: ItemId | None = None
    type: ItemId | None = None
    tname: Annotated[str, Field(max_length=200)] | None = None
    assoc: Annotated[int, Field(ge=-1, le=1)] = 0


class _Place(BaseModel):
    """Where in a page: context around the quote, or relative positions made by a client that holds the document."""

    model_config = ConfigDict(extra="forbid")
    before: Context = ""
    after: Context = ""
    start: Position | None = None
    end: Position | None = None


class HunkSpec(_Place):
    """One change: replace `find` by `replace`; an empty `find` inserts."""

    find: Text = ""
    replace: Text = ""

    @property
    def quoted(self) -> Quote:
        return Quote(self.find, self.before, self.after)


class Edit(_Action):
    """Change a page at once."""

    type: Literal["edit"] = "edit"
    page: str
    hunks: list[HunkSpec] = Field(min_length=1, max_length=2_000)
    reason: Text = ""


class Evidence(BaseModel):
    """What a change rests on: a passage of a page, a source elsewhere, or a sentence that says it."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[Text, Field(max_length=2_000)] = ""
    page: str | None = None
    quote: Annotated[Text, Field(max_length=4_000)] = ""
    url: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://\S+)?$")] = ""


class Suggest(_Action):
    """Propose a change. With `streaming` the replacement of its one hunk grows by `extend` until `finish`.

    `replaces` names an undecided suggestion that this one does anew; `branch` the canvas that it was worked out in;
    `hands` the participants who may amend it, too, whatever their role.
    """

    type: Literal["suggest"] = "suggest"
    page: str
    hunks: list[HunkSpec] = Field(min_length=1, max_length=2_000)
    reason: Text = ""
    skill: Line = ""
    run: Line = ""
    model: Line = ""
    streaming: bool = False
    evidence: list[Evidence] = Field(default_factory=list[Evidence], max_length=20)
    replaces: Line = ""
    branch: Line = ""
    hands: list[Annotated[str, Field(min_length=1, max_length=300, pattern=r"^\S+$")]] = Field(
        default_factory=list[str], max_length=20
    )


class Extend(_Action):
    """Append to a streaming suggestion of one's own."""

    type: Literal["extend"] = "extend"
    suggestion: str
    text: Text
    hunk: int = 0


class Finish(_Action):
    """End a streaming suggestion of one's own."""

    type: Literal["finish"] = "finish"
    suggestion: str
    status: Literal["open", "withdrawn"] = "open"


class _Decision(_Action):
    suggestion: str
    hunks: list[int] | None = Field(default=None, min_length=1)


class Accept(_Decision):
    """Take a suggestion, or some of its hunks, into the text."""

    type: Literal["accept"] = "accept"


class Reject(_Decision):
    """Turn a suggestion, or some of its hunks, down."""

    type: Literal["reject"] = "reject"


class Withdraw(_Decision):
    """Take back a suggestion of one's own."""

    type: Literal["withdraw"] = "withdraw"


class AmendedHunk(_Place):
    """Another replacement for a hunk. With `find` and its place it also moves, which only its author may do."""

    hunk: Annotated[int, Field(ge=0)] = 0
    replace: Text
    find: Text | None = None


class Amend(_Action):
    """Change what an undecided suggestion proposes, one's own or, before taking it, somebody else's.

    A `draft` is a step on the way while its author types: it is no row of the ledger.
    """

    type: Literal["amend"] = "amend"
    suggestion: str
    hunks: list[AmendedHunk] = Field(min_length=1, max_length=2_000)
    draft: bool = False


class _Many(_Action):
    """Which suggestions: those named, else all undecided ones that fit `page`, `author` and `run`."""

    suggestions: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    page: str | None = None
    author: str | None = None
    run: str | None = None


class AcceptAll(_Many):
    """Take many suggestions as one decision; what has gone stale is left and named."""

    type: Literal["accept_all"] = "accept_all"


class RejectAll(_Many):
    """Turn many suggestions down as one decision."""

    type: Literal["reject_all"] = "reject_all"


class Take(BaseModel):
    """One hunk of one suggestion."""

    model_config = ConfigDict(extra="forbid")
    suggestion: str
    hunk: Annotated[int, Field(ge=0)] = 0


class Merge(_Action):
    """Take hunks that overlap together; `replace` says what to put there when they cannot be merged by words."""

    type: Literal["merge"] = "merge"
    takes: list[Take] = Field(min_length=2, max_length=50)
    replace: Text | None = None


class Undo(_Action):
    """Take decisions back as one set: exactly one of the fields says which."""

    type: Literal["undo"] = "undo"
    decision: str | None = None
    policy: str | None = None
    run: str | None = None
    author: str | None = None


class Pasted(_Action):
    """Say that text of one's own was pasted, not typed. Where in this canvas it came from is found out."""

    type: Literal["pasted"] = "pasted"
    page: str
    start: Position
    end: Position


ChangeKind = Literal[
    "typography", "spelling", "wording", "structure", "number", "name", "dialogue", "code", "insertion", "deletion"
]
Risk = Literal["low", "medium", "high"]


class SetPolicy(_Action):
    """Say what may be accepted without asking: changes of these kinds, of at most this risk, by one agent ("*": any).

    Of those that are accepted one in `sample` is shown to a person afterwards; 0: none. With `second_look` a model must
    find, too, that what is of more than low risk says the same as before; where none can tell, a person is asked.
    """

    type: Literal["set_policy"] = "set_policy"
    policy: str | None = None
    name: Line = ""
    agent: Line = "*"
    skill: Line = ""
    kinds: list[ChangeKind] = Field(min_length=1)
    risk: Risk = "low"
    then: Literal["accept", "ask"] = "accept"
    sample: Annotated[int, Field(ge=0, le=1_000)] = 0
    second_look: bool = False
    paused: bool = False


class RemovePolicy(_Action):
    """End a policy. What it accepted stays, and can be taken back by `undo`."""

    type: Literal["remove_policy"] = "remove_policy"
    policy: str


class Audit(_Action):
    """Say that a change that a policy accepted was looked at and is good. One that is not is undone."""

    type: Literal["audit"] = "audit"
    suggestion: str
    verdict: Literal["good"] = "good"


class Comment(_Place, _Action):
    """Open a thread: on a passage, `page` and `quote`; or about an undecided `suggestion`, wherever that stands.

    On a passage `replace` adds a linked suggestion that would settle it.
    """

    type: Literal["comment"] = "comment"
    page: str = ""
    quote: Text = ""
    suggestion: Line = ""
    text: Body
    replace: Text | None = None
    skill: Line = ""
    run: Line = ""
    model: Line = ""


class Reply(_Action):
    type: Literal["reply"] = "reply"
    thread: str
    text: Body


class Resolve(_Action):
    type: Literal["resolve"] = "resolve"
    thread: str
    reopen: bool = False


class CitedQuote(BaseModel):
    """A passage that a message cites, of a page, of a file, or of the web. What is said of it besides is looked up and
    not believed: whether it is `found`, and of a file its `place` in words and the `section`. Nobody looks at a `url`:
    what stands there is as whoever says it has read it."""

    page: str = ""
    attachment: Annotated[str, Field(max_length=64)] = ""
    url: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://[^\s<>\"]+)?$")] = ""
    quote: Text
    found: bool = False
    place: Line = ""
    section: int = 0


class Say(_Action):
    """A message of the conversation beside the pages. With `streaming` it grows by `say_more` until `say_done`."""

    type: Literal["say"] = "say"
    text: Annotated[Text, Field(max_length=100_000)] = ""
    run: Line = ""
    streaming: bool = False
    ideas: list[Body] = Field(default_factory=list[Body], max_length=50)
    quotes: list[CitedQuote] = Field(default_factory=list[CitedQuote], max_length=50)


class SayMore(_Action):
    type: Literal["say_more"] = "say_more"
    message: str
    text: Annotated[Text, Field(max_length=100_000)]


class SayDone(_Action):
    """End a streaming message of one's own; `text` replaces what was streamed."""

    type: Literal["say_done"] = "say_done"
    message: str
    status: Literal["done", "failed", "stopped"] = "done"
    text: Annotated[Text, Field(max_length=100_000)] | None = None
    ideas: list[Body] = Field(default_factory=list[Body], max_length=50)
    quotes: list[CitedQuote] = Field(default_factory=list[CitedQuote], max_length=50)


class Pick(_Place, _Action):
    """Turn one idea of a message into a suggestion by whoever had it."""

    type: Literal["pick"] = "pick"
    message: str
    idea: int
    page: str


class AddPage(_Action):
    type: Literal["add_page"] = "add_page"
    title: Line
    text: Text = ""
    kind: Literal["prose", "code", "note", "data"] = "prose"
    after: str | None = None
    origin: Literal["written", "pasted", "imported"] = "written"


class RenamePage(_Action):
    type: Literal["rename_page"] = "rename_page"
    page: str
    title: Line


class MovePage(_Action):
    """Put a page after another one; `after` null puts it first."""

    type: Literal["move_page"] = "move_page"
    page: str
    after: str | None


class RemovePage(_Action):
    """Take a page out of the list. Its text stays and `restore_page` brings it back."""

    type: Literal["remove_page"] = "remove_page"
    page: str


class RestorePage(_Action):
    type: Literal["restore_page"] = "restore_page"
    page: str


class Listen(_Action):
    """Say whether agents answer here when they are mentioned, and look at what others suggest, without being asked."""

    type: Literal["listen"] = "listen"
    on: bool


class Retitle(_Action):
    """Name the canvas."""

    type: Literal["retitle"] = "retitle"
    title: Line


Action = Annotated[
    Edit
    | Suggest
    | Extend
    | Finish
    | Accept
    | Reject
    | Withdraw
    | Amend
    | AcceptAll
    | RejectAll
    | Merge
    | Undo
    | Pasted
    | SetPolicy
    | RemovePolicy
    | Audit
    | Comment
    | Reply
    | Resolve
    | Say
    | SayMore
    | SayDone
    | Pick
    | AddPage
    | RenamePage
    | MovePage
    | RemovePage
    | RestorePage
    | Listen
    | Retitle,
    Field(discriminator="type"),
]
_adapter: TypeAdapter[Action] = TypeAdapter(Action)


def parse(action: dict[str, Any]) -> Action:
    """The typed action in a JSON object. Raises `Invalid` naming the field."""
    try:
        return _adapter.validate_python(action)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "type"
        raise Invalid(
            f"The action is not valid: `{where}`: {first['msg']}.",
            "The action types and their fields are described in /api/openapi.json.",
            fields=json.loads(error.json(include_url=False, include_context=False, include_input=False)),
        ) from error
