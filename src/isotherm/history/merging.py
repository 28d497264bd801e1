"""What stands in a bucket and what is added to it, as blobs: the same for every store.

A blob that can't be read is let go where something is added to it, or where somebody is erased from it; whoever only reads is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from isotherm.core.exposure_rollup import ExposureBucket
from isotherm.core.people import Marks
from isotherm.core.rollup import Bucket, Contents
from isotherm.core.zone_rollup import ZoneBucket, ZoneContents
from isotherm.history.errors import HistoryError
from isotherm.history.packing import pack_counts, pack_marks, unpack_contents, unpack_marks, unpack_zones

__all__ = ["ZONE_GRID", "AnyBucket", "added", "changed_marks", "filled_in", "grid_of", "samples_in"]

ZONE_GRID: Final = 0  #: in the place of a grid's size: the bucket is of zones
AnyBucket = Bucket | ZoneBucket | ExposureBucket
_TIERS: Final = ("minute", "hour", "day")  #: in the words of a log line
_T = TypeVar("_T")

logger = logging.getLogger(__name__)


def samples_in(counts: bytes, grid: int) -> int:
    """Moves and clicks in a bucket's blob of counts, of a grid of this size; none where it is of something else."""
    return unpack_contents(counts, None).samples(grid * grid) if grid > 0 else 0


def filled_in(counts: bytes, grid: int) -> int:
    """As `samples_in`; of a damaged bucket 0, and it is logged: else no bucket after it would get its number."""
    try:
        return samples_in(counts, grid)
    except HistoryError as error:
        logger.warning("counts as empty: %s", error)
        return 0


def grid_of(bucket: AnyBucket, grid_size: int) -> int:
    """What stands in the place of the grid's size."""
    return ZONE_GRID if isinstance(bucket, ZoneBucket) else -grid_size if isinstance(bucket, ExposureBucket) else grid_size


def added(bucket: AnyBucket, grid: int, found: tuple[bytes, bytes | None] | None) -> tuple[int, bytes, bytes | None]:
    """Samples and blobs of a bucket to which this is added; `found`: the blobs that stand there.

    What is damaged of them is let go, and logged: else nothing of any page would be stored any more.
    """
    whole: Contents | ZoneContents
    if isinstance(bucket, ZoneBucket):
        zones = _sound(unpack_zones, bucket, found)
        whole = ZoneContents.added([zones, bucket.contents]) if zones is not None else bucket.contents
    else:
        stands = _sound(unpack_contents, bucket, found)
        whole = Contents.added([stands, bucket.contents]) if stands is not None else bucket.contents
    samples = whole.samples(grid * grid) if isinstance(bucket, Bucket) and isinstance(whole, Contents) else 0
    return samples, pack_counts(whole), pack_marks(whole.marks)


def _sound(unpack: Callable[[bytes, bytes | None], _T], bucket: AnyBucket, found: tuple[bytes, bytes | None] | None) -> _T | None:
    """What can be read of the blobs: all, or the counts alone, or nothing."""
    if found is None:
        return None
    counts, marks = found
    of = (_TIERS[bucket.tier], bucket.number, bucket.page)
    try:
        return unpack(counts, marks)
    except HistoryError as error:
        damage = error
    try:
        without_people = unpack(counts, None)
    except HistoryError:
        logger.warning("%s %d of %s is counted anew: %s", *of, damage)
        return None
    logger.warning("the people of %s %d of %s are counted anew: %s", *of, damage)
    return without_people


def changed_marks(blob: bytes, page: str, start_ms: int, change: Callable[[str, int, Marks], Marks]) -> tuple[bool, bytes | None]:
    """Whether a bucket's marks are others after `change`, and their blob. Damaged ones are let go: who is in there can't be told."""
    try:
        marks = unpack_marks(blob)
    except HistoryError as error:
        logger.warning("the people of %s from %d on are let go: %s", page, start_ms, error)
        return True, None
    new = change(page, start_ms, marks)
    return (True, pack_marks(new)) if new is not marks else (False, blob)
