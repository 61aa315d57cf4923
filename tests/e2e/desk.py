"""What a person does at the page, in their words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

T = TypeVar("T")
MODEL = 120_000  # milliseconds that the small model may take on a busy machine

expect.set_options(timeout=15_000)


def until(condition: Callable[[], T], seconds: float = 20) -> T:
    """Wait until a condition holds. (The page's policy forbids `wait_for_function`, which evaluates text.)"""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)
    return found


class Desk:
    """One person's browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, message: ConsoleMessage) -> None:
        # What the network does in these tests (401 before signing in, a studio that is restarted) is no complaint.
        if message.type in ("error", "warning") and not re.search(r"Failed to load resource|WebSocket", message.text):
            self.complaints.append(message.text)

    # -- coming in

    def set_up(self, url: str, name: str) -> None:
        """Open the link that the studio printed, and say who one is."""
        self.page.goto(url)
        field = self.page.get_by_label("What should others call you?")
        field.fill(name)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("button", name="Start with a blank page")).to_be_visible()

    def join(self, url: str, name: str) -> None:
        """Take an invitation."""
        self.page.goto(url)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Come in").click()
        self.ready()

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.ready()

    def ready(self) -> None:
        """The text is on the screen and everything is stored."""
        expect(self.content).to_be_visible()
        self.saved()

    def saved(self) -> None:
        expect(self.page.locator("header .state.saved")).to_be_visible(timeout=30_000)

    def share(self, can: str = "Can write") -> str:
        """Make a share link; its address."""
        self.page.get_by_role("button", name="Share", exact=True).click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text(can, exact=True).first.click()
        dialog.get_by_role("button", name="Create link").click()
        link = dialog.get_by_label("The new link")
        expect(link).to_be_visible()
        url = link.input_value()
        self.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        return url

    # -- the text

    @property
    def content(self) -> Locator:
        return self.page.locator(".cm-content")

    def text(self) -> str:
        """The text on the screen, without what is only suggested. Good for pages that fit on it."""
        return self.content.evaluate(
            """content => [...content.querySelectorAll('.cm-line')].map(line => {
                const copy = line.cloneNode(true)
                copy.querySelectorAll('ins, .cm-widgetBuffer, [aria-hidden], button').forEach(n => n.remove())
                return copy.textContent
            }).join('\\n')"""
        )

    def caret(self, where: str) -> None:
        """Put the caret to the start or the end of the page."""
        self.content.focus()
        self.page.keyboard.press("Control+Home" if where == "start" else "Control+End")

    def type(self, text: str, where: str | None = None) -> None:
        if where:
            self.caret(where)
        self.page.keyboard.type(text, delay=5)

    def select_paragraph(self, containing: str) -> None:
        self.page.locator(".cm-line", has_text=containing).first.click(click_count=3)

    # -- asking and deciding

    def menu(self, *choices: str) -> None:
        """Open the menu at the selection or caret by key, and choose."""
        self.page.keyboard.press("Control+j")
        for choice in choices:
            self.page.locator(".ask").get_by_role("button", name=choice).first.click()

    def comment(self, text: str) -> None:
        """Comment on the selection, by key."""
        self.page.keyboard.press("Control+Alt+m")
        self.page.get_by_label("Comment on the selection").fill(text)
        margin = self.page.get_by_role("region", name="Suggestions and comments")
        margin.get_by_role("button", name="Comment", exact=True).click()
        expect(self.card(has_text=text)).to_have_count(1)

    def command(self, name: str) -> None:
        """Run a command from the palette."""
        self.page.keyboard.press("Control+k")
        search = self.page.get_by_label("Search commands and pages")
        search.fill(name)
        self.page.keyboard.press("Enter")
        expect(search).to_be_hidden()

    def ask(self, text: str) -> None:
        """Write to the co-author in the conversation."""
        if not self.page.locator("#composer").is_visible():
            self.page.get_by_role("button", name="Conversation", exact=True).click()
        self.page.locator("#composer").fill(text)
        self.page.keyboard.press("Enter")

    @property
    def cards(self) -> Locator:
        return self.page.get_by_role("region", name="Suggestions and comments").get_by_role("article")

    def card(self, **by: Any) -> Locator:
        return self.cards.filter(**by) if by else self.cards

    @property
    def people(self) -> Locator:
        return self.page.get_by_label("People here")
