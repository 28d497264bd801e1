"""Digests beside the log: files that say what its records came to, so that a start need not read them all.

A digest is never needed: what a file does not tell for certain is read from the records. So one is written without waiting for the disk,
under another name first; what a crash leaves of it has a wrong checksum, and is not taken. It holds for the log as it was: each tells the
log's *generation*, which changes where something is rewritten or salvaged, and the checksum of its last record.

    digest/FIRST-LAST.LAST's taken ms.GENERATION.CHECKSUM             one file some seconds of records
    digest/FIRST-LAST.LAST's taken ms.GENERATION.CHECKSUM.memory      beside the newest of some, what was remembered when it ended
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Digests", "Stored"]

_NAME: Final = re.compile(r"(\d+)-(\d+)\.(-?\d+)\.(\d+)\.(\d+)(\.memory)?")
_MEMORY: Final = ".memory"
_MEMORIES: Final = 2  #: that are kept: should the newest not be whole, the one before is taken


class Stored(NamedTuple):
    """A file's name, which tells what it holds for."""

    first: int  #: offset
    last: int
    taken_ms: int  #: when the last was taken
    generation: int
    checksum: int  #: of the last record

    @property
    def name(self) -> str:
        return f"{self.first:012}-{self.last:012}.{self.taken_ms}.{self.generation}.{self.checksum}"


class Digests:
    """The files of one folder. All calls block, and raise `OSError`; where a file can't be had, its records can."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stored(self) -> list[Stored]:
        """What there is, in the order of the offsets."""
        return sorted(stored for stored, path in self._found() if stored is not None and not _is_memory(path))

    def remembered(self) -> list[Stored]:
        """Those with a memory beside them, the newest first."""
        return sorted((stored for stored, path in self._found() if stored is not None and _is_memory(path)), reverse=True)

    def read_memory(self, stored: Stored) -> bytes:
        return (self._folder / (stored.name + _MEMORY)).read_bytes()

    def write_memory(self, stored: Stored, content: bytes) -> None:
        """After its digest. Older ones than the newest few go."""
        self._write(stored.name + _MEMORY, content)
        for old in self.remembered()[_MEMORIES:]:
            (self._folder / (old.name + _MEMORY)).unlink(missing_ok=True)

    def read(self, stored: Stored, start: int = 0, length: int = -1) -> bytes:
        """A file's bytes from `start` on, so many at most; -1: all."""
        with (self._folder / stored.name).open("rb", buffering=0) as file:
            file.seek(start)
            there = max(0, os.fstat(file.fileno()).st_size - start)  # a length that is damaged is not made room for
            return file.read(there if length < 0 else min(length, there))

    def write(self, stored: Stored, content: bytes) -> None:
        self._write(stored.name, content)

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        draft = self._folder / "draft"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        draft.rename(self._folder / name)

    def trim(self, before_ms: int, generation: int) -> None:
        """Removes those whose records were all taken before, those of other generations, and what is no digest."""
        for stored, path in self._found():
            if stored is None or stored.taken_ms < before_ms or stored.generation != generation:
                path.unlink(missing_ok=True)

    def erase(self) -> None:
        """Removes all, written over before: they name sessions."""
        for _, path in self._found():
            try:
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
            except FileNotFoundError:
                continue  # the server trimmed it
            path.unlink(missing_ok=True)

    def _found(self) -> Iterator[tuple[Stored | None, Path]]:
        for path in list(self._folder.iterdir()) if self._folder.is_dir() else []:
            parts = _NAME.fullmatch(path.name)
            yield (Stored(*map(int, parts.groups()[:5])) if parts is not None else None), path


def _is_memory(path: Path) -> bool:
    return path.suffix == _MEMORY
