"""Records of `isotherm-parts`: what lay on the parts of a page that somebody asks for, its zones and the spots of its elements; and which
of its bands were in view.

Group By writes them, a page and record of `clickstream` each, and only of pages that are asked for; the gateways whose viewers ask read
them. Like the other records they carry the partition and offset that they follow from, so that each counts once.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

import msgspec
import numpy as np

from isotherm.core.columns import ColumnError, pack
from isotherm.core.count_records import zones_from_columns, zones_to_columns
from isotherm.core.counts import Counts, SpotCounts, StretchCounts, ZoneCounts
from isotherm.core.layers import DEVICES, LAYERS
from isotherm.core.record_columns import near, panes, places, whole
from isotherm.core.records import FORMAT, RecordError, ZoneColumns
from isotherm.core.spots import NEAR_COLUMNS, NEAR_ROWS, SIDE

__all__ = ["PartCounts", "PartsRecord", "SpotColumns", "StretchColumns", "counts_to_parts", "parts_from_value"]


class SpotColumns(msgspec.Struct):
    """Packed columns, one element a sample (`core/spots.py`)."""

    names: list[str]
    layer: str  #: kind x 3 + device class
    element: str  #: place in `names`
    pane: str
    near: str
    cell: str


class StretchColumns(msgspec.Struct):
    """Packed columns, one element a stretch (`core/views.py`)."""

    person: str  #: the hashed session
    device: str
    top: str  #: first band
    bottom: str  #: behind the last
    start: str  #: ms since the epoch
    end: str


class PartsRecord(msgspec.Struct, rename={"pane_ms": "pane-ms"}):
    """Topic `isotherm-parts`, keyed by page."""

    partition: int  #: of the `clickstream` record that it follows from
    offset: int
    pane_ms: int
    v: int = FORMAT
    zones: ZoneColumns | msgspec.UnsetType = msgspec.UNSET  #: left out where nobody asks, and where no sample lay on one
    spots: SpotColumns | msgspec.UnsetType = msgspec.UNSET  #: the same
    stretches: StretchColumns | msgspec.UnsetType = msgspec.UNSET  #: left out where nobody asks, and where no view was told


class PartCounts(NamedTuple):
    """A record as counts of one page; places of pages are 0."""

    partition: int
    offset: int
    zones: ZoneCounts | None
    spots: SpotCounts | None
    stretches: StretchCounts | None = None


_decoder = msgspec.json.Decoder(PartsRecord)


def counts_to_parts(
    counts: Counts,
    *,
    partition: int,
    offset: int,
    pane_ms: int,
    zones_of: Container[str] = (),
    spots_of: Container[str] = (),
    exposure_of: Container[str] = (),
) -> list[tuple[str, PartsRecord]]:
    """A record a page that is asked for and of which there is something to tell, with its key."""
    found = []
    for index, key in enumerate(counts.pages):
        zones = zones_to_columns(counts.zones, index) if counts.zones is not None and key in zones_of else msgspec.UNSET
        spots = _spots_to_columns(counts.spots[key]) if key in counts.spots and key in spots_of else msgspec.UNSET
        seen = _stretches_to_columns(counts.stretches, index) if counts.stretches is not None and key in exposure_of else msgspec.UNSET
        if zones is not msgspec.UNSET or spots is not msgspec.UNSET or seen is not msgspec.UNSET:
            found.append((key, PartsRecord(partition, offset, pane_ms, zones=zones, spots=spots, stretches=seen)))
    return found


def parts_from_value(value: bytes, pane_ms: int, grid_size: int) -> PartCounts:
    """What a record tells. Raises `RecordError`, also where its panes are not of `pane_ms`, or bands not of such a grid."""
    try:
        record = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(str(error)) from None
    if record.v != FORMAT or record.pane_ms != pane_ms:
        raise RecordError(f"expected format {FORMAT} and panes of {pane_ms} ms, got {record.v} and {record.pane_ms} ms")
    zones, spots = zones_from_columns(record.zones, pane_ms), _spots_from_columns(record.spots, pane_ms)
    return PartCounts(record.partition, record.offset, zones, spots, _stretches_from_columns(record.stretches, grid_size))


def _spots_to_columns(counts: SpotCounts) -> SpotColumns:
    used, element = np.unique(counts.element, return_inverse=True)
    columns = (counts.layer, element, counts.pane, counts.near, counts.cell)
    return SpotColumns([counts.names[at] for at in used.tolist()], *map(pack, columns))


def _spots_from_columns(columns: SpotColumns | msgspec.UnsetType, pane_ms: int) -> SpotCounts | None:
    if isinstance(columns, msgspec.UnsetType):
        return None
    try:
        found = SpotCounts(
            columns.names,
            layer=places("spots.layer", columns.layer, range(LAYERS), dtype=np.int64),
            element=places("spots.element", columns.element, columns.names, dtype=np.int64),
            pane=panes("spots.pane", columns.pane, pane_ms),
            near=places("spots.near", columns.near, range(NEAR_COLUMNS * NEAR_ROWS), dtype=np.int64),
            cell=places("spots.cell", columns.cell, range(SIDE * SIDE), dtype=np.int64),
        )
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(found.layer) == len(found.element) == len(found.pane) == len(found.near) == len(found.cell):
        raise RecordError("expected spot columns of one length")
    return found


def _stretches_to_columns(counts: StretchCounts, page: int) -> StretchColumns | msgspec.UnsetType:
    """Those of the page at that place; left out where there are none."""
    rows = np.flatnonzero(counts.page == page)
    return StretchColumns(*(pack(column[rows]) for column in counts.columns())) if len(rows) else msgspec.UNSET


def _stretches_from_columns(columns: StretchColumns | msgspec.UnsetType, grid_size: int) -> StretchCounts | None:
    if isinstance(columns, msgspec.UnsetType):
        return None
    try:
        person = whole("stretches.person", columns.person, np.uint32).astype(np.int64)
        device = places("stretches.device", columns.device, DEVICES, dtype=np.int64)
        top = places("stretches.top", columns.top, range(grid_size), dtype=np.int64)
        bottom = places("stretches.bottom", columns.bottom, range(grid_size + 1), dtype=np.int64)
        start_ms, end_ms = (near(f"stretches.{name}", whole(f"stretches.{name}", getattr(columns, name))) for name in ("start", "end"))
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(person) == len(device) == len(top) == len(bottom) == len(start_ms) == len(end_ms):
        raise RecordError("expected stretch columns of one length")
    if not ((top < bottom).all() and (start_ms < end_ms).all()):
        raise RecordError("expected stretches to end behind their beginning")
    return StretchCounts(np.zeros(len(person), np.int64), person, device, top, bottom, start_ms, end_ms)
