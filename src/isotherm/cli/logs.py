"""Logs: one line an event, ``key=value``, with a level; under attack a line that repeats is counted instead of written.

Nothing of a request's address or headers is logged, since tokens travel there.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Final

from isotherm.core import counting

__all__ = ["Quota", "Structured", "begin_logging", "tell_how_it_counts"]

_SPAN_S: Final = 60.0
_LINES_A_SPAN: Final = 10  #: of one message; an operator needs to know that it goes on, not to read it a thousand times
_MESSAGES_MAX: Final = 1000


class Structured(logging.Formatter):
    """``time=2026-11-24T08:00:00.123Z level=warning logger=isotherm.x message="…"``."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        at = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z"
        line = f"time={at} level={record.levelname.lower()} logger={record.name} message={_quoted(record.getMessage())}"
        left_out = getattr(record, "left_out", 0)
        if left_out:
            line += f" left_out={left_out}"
        if record.exc_info:
            line += f" trace={_quoted(self.formatException(record.exc_info))}"
        return line


class Quota(logging.Filter):
    """Lets so many lines of one message through in a minute; the next that passes says how many were left out."""

    def __init__(self, lines: int = _LINES_A_SPAN, span_s: float = _SPAN_S, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._lines = lines
        self._span_s = span_s
        self._monotonic_s = monotonic_s
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # (logger, message) -> start of the span, lines in it

    def filter(self, record: logging.LogRecord) -> bool:
        now_s = self._monotonic_s()
        about = (record.name, str(record.msg))
        since_s, lines = self._seen.get(about, (now_s, 0))
        if now_s - since_s >= self._span_s:
            record.left_out = max(0, lines - self._lines)
            since_s, lines = now_s, 0
        if len(self._seen) >= _MESSAGES_MAX and about not in self._seen:
            self._seen.clear()
        self._seen[about] = (since_s, lines + 1)
        return lines < self._lines


def begin_logging() -> None:
    """To standard error, from level info on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Structured())
    handler.addFilter(Quota())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # it logs malformed requests, with the line that may hold a token


def tell_how_it_counts() -> None:
    """One line where the compiled loops are missing: all works, slower."""
    if counting.compiled is None:
        logging.getLogger(__name__).warning(
            "counting without the compiled loops, at a third of the speed: install a C compiler and Python's headers, then Isotherm anew"
        )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in escaped) + '"'
