"""Progress on a terminal: one line that is written over. In a pipe nothing is said."""

from __future__ import annotations

import sys
import time

__all__ = ["Progress"]


class Progress:
    """What runs now, and since when the whole runs; on standard error."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._began_s = time.monotonic()
        self._row = ""

    def row(self, name: str) -> None:
        self._row = name
        self.tell("")

    def tell(self, what: str) -> None:
        if self._shown:
            print(f"\r{time.monotonic() - self._began_s:4.0f} s  {self._row}  {what}\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
