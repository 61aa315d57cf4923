"""Where the agent's words go: into the conversation as they come, into a thread, or into the run."""

from __future__ import annotations

from types import TracebackType

from studiolo.agents.citing import cited
from studiolo.agents.work import Utterance, Work
from studiolo.canvas import StudioloError

LONGEST = 20_000  # characters of an answer in a thread, or of a run's


class Telling:
    """What the agent says, for as long as one part of a run lasts.

    Between its calls a model often says what it is about to do. That is shown while it works; at the end the message
    holds its last words only.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.text = ""  # since the last call of a tool
        self._message: Utterance | None = None

    async def write(self, text: str) -> None:
        """More of what it says."""
        if not self.text and not text.strip():
            return
        between = "\n\n" if not self.text and self._message is not None and self._message.text else ""
        self.text += text
        if not self.work.ask.say:
            self.work.emit({"type": "delta", "text": text, "id": ""})
            return
        if self._message is None:
            self._message = await Utterance(self.work).__aenter__()
            self.work.show("writing")
        await self._message.write(between + text)

    def aside(self) -> str:
        """What was said was on the way to something else; it is given back."""
        text, self.text = self.text.strip(), ""
        return text

    async def end(self, text: str | None = None) -> None:
        """These were its last words; `text` takes their place."""
        text = (self.text if text is None else text).strip()
        work = self.work
        if work.ask.say:
            if self._message is None and text:
                self._message = await Utterance(work).__aenter__()
            if self._message is not None:
                message, self._message = self._message, None
                if text and text != message.text.strip():
                    message.replace(text)
                message.quotes = await cited(work, text, work.place.page if work.place else None)
                await message.__aexit__(None, None, None)
            return
        work.answer = text[:LONGEST]
        if not text:
            return
        try:
            await self._answer_there(text[:LONGEST])
        except StudioloError as error:  # the work is done; only its place has gone meanwhile
            work.note(f"Its answer stands in the run, for it could not be put where it was asked: {error.message}")

    async def _answer_there(self, text: str) -> None:
        work = self.work
        if work.ask.thread:
            await work.act({"type": "reply", "thread": work.ask.thread, "text": text})
            work.result("thread", work.ask.thread)
        elif work.ask.about and not any(one["type"] in ("thread", "suggestion") for one in work.results):
            id = await work.act({"type": "comment", "suggestion": work.ask.about, "text": text})
            work.result("thread", id)

    async def rest(self) -> None:
        """It goes on later: what it has said so far stands."""
        if self._message is not None:
            message, self._message = self._message, None
            await message.__aexit__(None, None, None)

    async def fail(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It was cut off."""
        if self._message is not None:
            message, self._message = self._message, None
            await message.__aexit__(kind, error, trace)
