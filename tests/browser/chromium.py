"""The browser that tests drive, and what its pages complain about."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from playwright.async_api import ConsoleMessage, Error, Page
from scripts.browser import CHROMIUM_ARGUMENTS, chromium_path

__all__ = ["CHROMIUM_ARGUMENTS", "Console", "NewPage", "chromium_path"]

NewPage = Callable[..., Awaitable[Page]]


class Console:
    """What the watched pages complained about: errors in their consoles and errors that nobody caught."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._resting = False
        self._expected: list[re.Pattern[str]] = []

    def expect(self, pattern: str) -> None:
        """Complaints in which `pattern` is found belong to the test."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        return [error for error in self.errors if not any(pattern.search(error) for pattern in self._expected)]

    def rest(self) -> None:
        """The test is over and its server ends: what pages say of that is nobody's fault."""
        self._resting = True

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", self._threw)

    def _said(self, message: ConsoleMessage) -> None:
        # A browser asks for the icon when it likes, also when the test's server has ended.
        if not self._resting and message.type == "error" and not str(message.location.get("url")).endswith("/favicon.ico"):
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _threw(self, error: Error) -> None:
        self.errors.append(f"uncaught: {error}")
