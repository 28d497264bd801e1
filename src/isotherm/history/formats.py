"""Formats: what a history says of how it was written, so that a release before it leaves it alone.

    1    buckets have no number of samples
    2    some of them have none; releases that know no format above 3 fill them in
    3    all have one; a blob's columns have their elements whole
    4    a column's first bytes stand before its second ones, and so on, in what was written since (`packing`)
    5    the same, and some buckets have no number of samples: whoever adds fills some of them in (`FILLING`)

One who reads takes all of them; one who writes brings them to 4 or 5 before the first blob. The next format is 6.
"""

from __future__ import annotations

from typing import Final

from isotherm.history.errors import NewerError

__all__ = ["FILLING", "FORMAT", "check_known", "format_after"]

FORMAT: Final = 4
FILLING: Final = 5  #: of a history that was of format 1 or 2, until all buckets have their number; then it is of format 4
_NEWEST: Final = max(FORMAT, FILLING)


def check_known(found: int, place: str) -> None:
    """Raises `NewerError`, which tells what to do, where a newer release wrote the history at this place."""
    if found > _NEWEST:
        raise NewerError(f"{place} was written by a newer release (format {found}, this one knows {_NEWEST}): update Isotherm")


def format_after(found: int) -> int:
    """The format of a history that was of this one, from the moment on in which somebody of this release writes; 0: it is a new one."""
    return FILLING if found in (1, 2, FILLING) else FORMAT
