"""Records of `isotherm-parts`: what lay on the parts of a page that somebody asks for, its zones and the spots of its elements.

Group By writes them, a page and record of `clickstream` each, and only of pages that are asked for; the gateways whose viewers ask read
them. Like the other records they carry the partition and offset that they follow from, so that each counts once.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

import msgspec
import numpy as np

from isotherm.core.columns import ColumnError, pack
from isotherm.core.counts import Counts, SpotCounts, ZoneCounts
from isotherm.core.layers import LAYERS
from isotherm.core.records import FORMAT, RecordError, ZoneColumns, places, whole, zones_from_columns, zones_to_columns
from isotherm.core.spots import NEAR_COLUMNS, NEAR_ROWS, SIDE

__all__ = ["PartCounts", "PartsRecord", "SpotColumns", "counts_to_parts", "parts_from_value"]


class SpotColumns(msgspec.Struct):
    """Packed columns, one element a sample (`core/spots.py`)."""

    names: list[str]
    layer: str  #: kind x 3 + device class
    element: str  #: place in `names`
    pane: str
    near: str
    cell: str


class PartsRecord(msgspec.Struct, rename={"pane_ms": "pane-ms"}):
    """Topic `isotherm-parts`, keyed by page."""

    partition: int  #: of the `clickstream` record that it follows from
    offset: int
    pane_ms: int
    v: int = FORMAT
    zones: ZoneColumns | msgspec.UnsetType = msgspec.UNSET  #: left out where nobody asks, and where no sample lay on one
    spots: SpotColumns | msgspec.UnsetType = msgspec.UNSET  #: the same


class PartCounts(NamedTuple):
    """A record as counts of one page; places of pages are 0."""

    partition: int
    offset: int
    zones: ZoneCounts | None
    spots: SpotCounts | None


_decoder = msgspec.json.Decoder(PartsRecord)


def counts_to_parts(
    counts: Counts, *, partition: int, offset: int, pane_ms: int, zones_of: Container[str], spots_of: Container[str]
) -> list[tuple[str, PartsRecord]]:
    """A record a page that is asked for and of which there is something to tell, with its key."""
    found = []
    for index, key in enumerate(counts.pages):
        zones = zones_to_columns(counts.zones, index) if counts.zones is not None and key in zones_of else msgspec.UNSET
        spots = _spots_to_columns(counts.spots[key]) if key in counts.spots and key in spots_of else msgspec.UNSET
        if zones is not msgspec.UNSET or spots is not msgspec.UNSET:
            found.append((key, PartsRecord(partition, offset, pane_ms, zones=zones, spots=spots)))
    return found


def parts_from_value(value: bytes, pane_ms: int) -> PartCounts:
    """What a record tells. Raises `RecordError`, also where its panes are not of `pane_ms`."""
    try:
        record = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(str(error)) from None
    if record.v != FORMAT or record.pane_ms != pane_ms:
        raise RecordError(f"expected format {FORMAT} and panes of {pane_ms} ms, got {record.v} and {record.pane_ms} ms")
    return PartCounts(record.partition, record.offset, zones_from_columns(record.zones), _spots_from_columns(record.spots))


def _spots_to_columns(counts: SpotCounts) -> SpotColumns:
    used, element = np.unique(counts.element, return_inverse=True)
    columns = (counts.layer, element, counts.pane, counts.near, counts.cell)
    return SpotColumns([counts.names[at] for at in used.tolist()], *map(pack, columns))


def _spots_from_columns(columns: SpotColumns | msgspec.UnsetType) -> SpotCounts | None:
    if isinstance(columns, msgspec.UnsetType):
        return None
    try:
        found = SpotCounts(
            columns.names,
            layer=places("spots.layer", columns.layer, range(LAYERS), dtype=np.int64),
            element=places("spots.element", columns.element, columns.names, dtype=np.int64),
            pane=whole("spots.pane", columns.pane),
            near=places("spots.near", columns.near, range(NEAR_COLUMNS * NEAR_ROWS), dtype=np.int64),
            cell=places("spots.cell", columns.cell, range(SIDE * SIDE), dtype=np.int64),
        )
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(found.layer) == len(found.element) == len(found.pane) == len(found.near) == len(found.cell):
        raise RecordError("expected spot columns of one length")
    return found
