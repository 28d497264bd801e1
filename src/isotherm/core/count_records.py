"""Counts, as records of the topic `clickstream-group-by-page`, and back; their zones, as columns of any record."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from isotherm.core.columns import ColumnError, pack, pack_few, pack_parts
from isotherm.core.counts import Counts, ZoneCounts
from isotherm.core.layers import KINDS, LAYERS
from isotherm.core.pages import Page
from isotherm.core.record_columns import panes, places, whole
from isotherm.core.records import GroupedByPage, RecordError, ZoneColumns

__all__ = ["counts_from_record", "counts_to_records", "zones_from_columns", "zones_from_record", "zones_to_columns"]

_FEW: Final = 64  #: elements, up to which a loop is quicker than numpy's calls


def counts_to_records(
    counts: Counts, *, partition: int, offset: int, pane_ms: int, grid_size: int, zones_of: Container[str] = ()
) -> list[tuple[str, GroupedByPage]]:
    """One record a page with its key; pages without counts too, where their visitors changed. `zones_of`: pages whose zones are told."""
    # numbers of 16 bits are sorted in a few passes
    order = np.argsort(counts.page.astype(np.uint16) if len(counts.pages) <= 1 << 16 else counts.page, kind="stable")
    ends = np.searchsorted(counts.page[order], np.arange(len(counts.pages) + 1)).tolist()
    columns = (pack_parts(column[order], ends) for column in (counts.pane, counts.layer, counts.tile, counts.count))
    records, kinds = [], list(KINDS)
    for index, (key, pane, layer, tile, count) in enumerate(zip(counts.pages, *columns, strict=True)):
        page = Page.from_key(key)
        records.append(
            (
                key,
                GroupedByPage(
                    site=page.site,
                    path=page.path,
                    partition=partition,
                    offset=offset,
                    pane_ms=pane_ms,
                    grid_size=grid_size,
                    visitors=counts.visitors[index],
                    newest=counts.newest_ms[index],
                    origin=counts.origins[index],
                    kinds=kinds,
                    pane=pane,
                    layer=layer,
                    tile=tile,
                    count=count,
                    zones=zones_to_columns(counts.zones, index) if counts.zones is not None and key in zones_of else msgspec.UNSET,
                ),
            )
        )
    return records


def zones_to_columns(counts: ZoneCounts, page: int) -> ZoneColumns | msgspec.UnsetType:
    """The zones of the page at that place; left out where there are none."""
    rows = np.flatnonzero(counts.page == page)
    if not len(rows):
        return msgspec.UNSET
    used, zone = np.unique(counts.zone[rows], return_inverse=True)
    columns = (zone, counts.pane[rows], counts.kind[rows], counts.person[rows], counts.count[rows])
    return ZoneColumns([counts.names[at] for at in used.tolist()], *map(_packed, columns))


def zones_from_record(record: GroupedByPage) -> ZoneCounts | None:
    """The zones of a record of one page; None: it tells of none. Raises `RecordError`."""
    return zones_from_columns(record.zones, record.pane_ms)


def zones_from_columns(columns: ZoneColumns | msgspec.UnsetType, pane_ms: int) -> ZoneCounts | None:
    """The zones of one page, in panes of so many ms; None: they are left out. Raises `RecordError`."""
    if isinstance(columns, msgspec.UnsetType):
        return None
    try:
        zone, pane = places("zones.zone", columns.zone, columns.names), panes("zones.pane", columns.pane, pane_ms)
        kind, person = places("zones.kind", columns.kind, KINDS), whole("zones.person", columns.person, np.uint32)
        count = whole("zones.count", columns.count, np.int32)
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(zone) == len(pane) == len(kind) == len(person) == len(count):
        raise RecordError("expected zone columns of one length")
    if len(count) and count.min() <= 0:
        raise RecordError("expected counts of zones above 0")
    wide = np.int64  # as the stage that counts them makes them
    return ZoneCounts(columns.names, np.zeros(len(zone), wide), zone.astype(wide), pane, kind.astype(wide), person, count.astype(wide))


def _packed(column: npt.NDArray[Any]) -> str:
    return pack(column) if len(column) > _FEW else pack_few(column.tolist())


def counts_from_record(record: GroupedByPage) -> Counts:
    """The counts of a record of one page. Raises `RecordError`."""
    try:
        pane, layer = panes("pane", record.pane, record.pane_ms), places("layer", record.layer, range(LAYERS))
        tile, count = whole("tile", record.tile, np.int32), whole("count", record.count, np.int32)
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(pane) == len(layer) == len(tile) == len(count):
        raise RecordError("expected columns of one length")
    if len(tile) and not (tile.min() >= 0 and tile.max() < record.grid_size**2 and count.min() > 0):
        raise RecordError("expected tiles within the grid, and counts above 0")
    return Counts(
        pages=[record.site + record.path],
        origins=[record.origin],
        visitors=[record.visitors],
        newest_ms=[record.newest],
        page=np.zeros(len(pane), np.intp),
        layer=layer,
        pane=pane,
        tile=tile,
        count=count,
    )
