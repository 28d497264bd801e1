"""When the first event ever came: one number in a file of its own under the data folder.

The log keeps the window, so after a quiet time and a restart it knows of no event; the dashboard would say again that it waits for the
first one. Nothing depends on this number but that line: a file that can't be read or written is as good as none.
"""

from __future__ import annotations

import logging
from pathlib import Path

__all__ = ["FirstEvent"]

logger = logging.getLogger(__name__)


class FirstEvent:
    """Of one data folder. `known_ms` is what was read at the start, or kept since."""

    def __init__(self, data: Path) -> None:
        self._path = data / "first-event"
        self.known_ms: int | None = None

    def read(self) -> int | None:
        """What an earlier run kept, ms since the epoch; None: no event has ever come, so far as is known."""
        try:
            self.known_ms = int(self._path.read_text("ascii"))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            logger.warning("can't read %s, the time of the first event: %s", self._path, error)
        return self.known_ms

    def keep(self, time_ms: int | None) -> None:
        """Writes it down, once; called with every record, so it costs a comparison from then on."""
        if self.known_ms is not None or time_ms is None:
            return
        self.known_ms = time_ms
        try:
            self._path.write_text(f"{time_ms}\n", "ascii")
        except OSError as error:
            logger.warning("can't write %s, the time of the first event: %s", self._path, error)
