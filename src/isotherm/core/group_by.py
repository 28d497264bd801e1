"""Group By: samples of many sessions become counts of each page, a pane, layer and tile.

Here, where a session always meets the same partition, repeats are told and left out, it is known who is on which page, and bursts of
clicks are found (`rage`). Combining before re-keying (the combiner of MapReduce; Dean & Ghemawat, OSDI 2004) makes a page that everybody
looks at a few rows a batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.cap import Cap
from isotherm.core.counting import Tally, place, tally
from isotherm.core.counts import Counts, StretchCounts
from isotherm.core.layers import VIEW_KINDS
from isotherm.core.meeting import Meeting
from isotherm.core.page_numbers import PageNumbers
from isotherm.core.people import Documents, Sightings, Visits
from isotherm.core.presence import Presence
from isotherm.core.rage import NO_CLICKS, Clicked, Rage, click_places, clicked_in, with_bursts
from isotherm.core.recollection import Recollection
from isotherm.core.repeats import Repeats
from isotherm.core.samples import NO_NUMBER, Numbered, Samples
from isotherm.core.spots import spot_counts
from isotherm.core.views import Stretch, View, Views
from isotherm.core.visits import Visit
from isotherm.core.zones import zone_counts

__all__ = ["GroupBy", "Grouped"]

_NOBODY = Sightings()
_LOADS_COPIED_MAX = 200_000  #: some 10 ms, in which the loop stands still


class Grouped(NamedTuple):
    """What a record was counted as: its samples, behind them those of bursts; and the places of its clicks, which are remembered."""

    samples: Samples
    clicks: npt.NDArray[np.intp]


class GroupBy:
    """The stage. Its state is the memory of repeats, of who is where and of clicks; all are a function of the records fed."""

    def __init__(self, *, grid_size: int, hop_ms: int, samples_a_tile_max: int = 0, people: bool = False) -> None:
        """`samples_a_tile_max`: of a session on one tile in one pane; 0: all are counted. `people`: tell who is behind the counts."""
        self.grid_size = grid_size
        self.hop_ms = hop_ms
        self._meeting = Meeting()
        self._numbers = PageNumbers()
        self.presence.moved = self._numbers.set_visitors
        self._cap = Cap(samples_a_tile_max) if samples_a_tile_max else None
        self._people = people
        self.spots_of: Collection[str] = ()  #: keys of the pages whose spots are asked for
        self._rage = Rage()
        self.views = Views(grid_size=grid_size)
        self._newest: Grouped | None = None
        self.capped = 0  #: samples left out because their session had given that tile its most in that pane
        self.repeated = 0  #: samples left out because their batch had been counted

    def group(self, samples: Samples) -> Counts:
        """The counts of one record. Pages whose visitors changed are among them, with counts or without."""
        keys, number = self._numbers.look(samples.pages, self.presence.on_pages)
        fresh = self._meet(samples, keys)
        within = self._within(self._cap, samples, keys, fresh) if self._cap is not None else None
        documents = Documents(samples.runs.page, samples.runs.width, samples.runs.height) if self._people else None
        rare = samples.has_any(_rare_kinds(tuple(samples.kinds)))
        if rare or len(self.views):
            self.views.meet(samples, keys, fresh)
        else:
            self.views.settle(samples.arrived_ms)
        if rare:
            samples, fresh, within = self._with_bursts(samples, keys, fresh, within)
        else:
            self._newest = Grouped(samples, NO_CLICKS)
        tallied = tally(samples, fresh, within, self.grid_size, self.hop_ms, want_rows=self._people)
        counts = self._with_pages(samples, keys, number, tallied, documents)
        if samples.anchored is None:
            return counts
        counted = np.repeat(fresh, samples.runs.size)
        if within is not None:
            counted &= within
        spots = spot_counts(samples, keys, counted, self.spots_of, self.hop_ms) if self.spots_of else {}
        return replace(counts, zones=zone_counts(samples, counted, self.hop_ms), spots=spots)

    @property
    def newest(self) -> Grouped:
        """Of the record that was grouped last."""
        assert self._newest is not None, "nothing was grouped"
        return self._newest

    @property
    def clicks_forgotten(self) -> int:
        """Clicks that were remembered for a shorter time than bursts may need, since there were too many."""
        return self._rage.forgotten

    def _with_bursts(
        self, samples: Samples, keys: list[str], fresh: npt.NDArray[np.bool_], within: npt.NDArray[np.bool_] | None
    ) -> tuple[Samples, npt.NDArray[np.bool_], npt.NDArray[np.bool_] | None]:
        """The samples and their masks, with those of the bursts that became known behind them."""
        places = click_places(samples, fresh, within)
        told = self._rage.meet(clicked_in(samples, keys, places)) if len(places) else []
        if told:
            samples, more = with_bursts(samples, places, told), np.ones(len(told), np.bool_)
            fresh, within = np.append(fresh, more), None if within is None else np.append(within, more)
        self._newest = Grouped(samples, places)
        return samples, fresh, within

    def _within(self, cap: Cap, samples: Samples, keys: list[str], fresh: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which samples no cap leaves out, of those that would be counted."""
        placed = place(samples, fresh, self.grid_size)
        runs, run = samples.runs, placed.run
        cap.turn(samples.arrived_ms)
        sessions = [samples.sessions[at] for at in runs.session[run].tolist()]
        pages = [keys[at] for at in runs.page[run].tolist()]
        panes = (samples.time_ms[placed.at] // self.hop_ms).tolist()
        kept = cap.within(zip(pages, sessions, placed.layer.tolist(), placed.tile.tolist(), panes, strict=True))
        self.capped += len(kept) - int(kept.sum())
        within = np.zeros(len(samples), np.bool_)
        within[placed.at[kept]] = True
        return within

    def tick(self, now_ms: int) -> Counts | None:
        """Time went on. The visitors of pages that sessions left by being silent, and what stayed in view, as counts without rows of tiles;
        None: there is nothing to tell."""
        left = self.expire(now_ms)
        self.views.settle(now_ms)
        told = self.views.take()
        keys = list(dict.fromkeys((*left, *(stretch.page for stretch in told))))
        if not keys:
            return None
        none = np.zeros(0, np.int64)
        return Counts(
            pages=keys,
            origins=[None] * len(keys),
            visitors=self.presence.on_each(keys),
            newest_ms=[0] * len(keys),
            page=none,
            layer=none,
            pane=none,
            tile=none.astype(np.int32),
            count=none.astype(np.int32),
            stretches=_counted(told, keys),
        )

    def remember(self, samples: Samples) -> None:
        """Takes a record that was counted before, so that it is known who was where and what was a repeat."""
        if self._cap is None:
            keys = [page.key for page in samples.pages]
            fresh = self._meet(samples, keys)
            self.views.meet(samples, keys, fresh)
            self.views.take()
            self.recall_clicks(clicked_in(samples, keys, click_places(samples, fresh, None)))
        else:
            self.group(samples)
        self.presence.changes()

    def recall(self, batches: Samples) -> None:
        """Takes the batches of records whose counts are known (`Digest.batches`). What they change on their pages is told later."""
        self._meeting.meet(batches, [page.key for page in batches.pages])

    def recollection(self) -> Recollection | None:
        """What is remembered of batches and sessions, as of now: all that `recall` was given, and more. None: it is too much to be copied
        while others wait."""
        return self._meeting.recollection() if len(self.repeats) <= _LOADS_COPIED_MAX else None

    def restore(self, recollection: Recollection) -> None:
        """Takes that up in the place of the batches before it; nothing is remembered yet."""
        self._meeting.restore(recollection)

    def recall_clicks(self, clicked: Iterable[Clicked]) -> None:
        """Takes clicks of records whose counts are known, in the order of their arrival. Those of twice `rage.REMEMBERED_MS` are enough."""
        self._rage.meet(clicked)

    def recall_views(self, digest_views: Mapping[str, Iterable[tuple[str, View]]], now_ms: int) -> None:
        """Takes up what sessions had in view at that time, when the last record was counted whose counts are known (`Digest.views`)."""
        self.views.restore(digest_views, now_ms)

    @property
    def remembers_visits(self) -> bool:
        """`relive` is enough to know what went before, but for clicks; otherwise whole records must be taken (`remember`)."""
        return self._cap is None

    def relive(self, arrived_ms: int, visits: Iterable[Visit]) -> None:
        """Takes the visits of a record that was counted before, as `remember` does its samples."""
        self._meeting.relive(arrived_ms, visits)
        self.presence.changes()

    def expire(self, now_ms: int) -> dict[str, int]:
        """Lets silent sessions go; returns the pages whose number of visitors changed since last asked."""
        return self._meeting.expire(now_ms)

    @property
    def presence(self) -> Presence:
        return self._meeting.presence

    @property
    def repeats(self) -> Repeats:
        return self._meeting.repeats

    def _meet(self, samples: Samples, keys: list[str]) -> npt.NDArray[np.bool_]:
        """Which runs are no repeats; and remembers who was seen where."""
        fresh, repeated = self._meeting.meet(samples, keys)
        self.repeated += repeated
        return fresh

    def _seen(self, samples: Samples, tallied: Tally) -> Sightings:
        assert tallied.row is not None, "rows were wanted"
        return Sightings(tallied.row, Visits(samples.sessions, samples.runs.session, samples.runs.size))

    def _with_pages(
        self, samples: Samples, keys: list[str], number: npt.NDArray[np.int64], tallied: Tally, documents: Documents | None
    ) -> Counts:
        """The counts, with what is known of their pages (`number`: of each); and of pages that somebody left for them."""
        origins, newest_ms = samples.origins.copy(), tallied.newest_ms.tolist()
        visitors = self._numbers.visitors_on(number)
        if 0 in newest_ms:  # of a page of which nothing counted, no origin is told: whoever does not know the page could keep none
            origins = [origin if newest else None for origin, newest in zip(origins, newest_ms, strict=True)]
        told, moved = self.views.take(), self.presence.changes()
        left = list(({stretch.page for stretch in told} | moved.keys()) - set(keys)) if told or moved else []
        if left:
            keys += left
            number = np.append(number, np.full(len(left), NO_NUMBER))
            origins += [None] * len(left)
            newest_ms += [0] * len(left)
            visitors += self.presence.on_each(left)
        return Counts(
            pages=keys,
            origins=origins,
            visitors=visitors,
            newest_ms=newest_ms,
            page=tallied.page,
            layer=tallied.layer,
            pane=tallied.pane,
            tile=tallied.tile,
            count=tallied.count,
            seen=self._seen(samples, tallied) if self._people else _NOBODY,
            documents=documents,
            stretches=_counted(told, keys) if told else None,
            numbered=Numbered(self._numbers.table, number),
        )


@lru_cache(maxsize=64)
def _rare_kinds(kinds: tuple[str, ...]) -> list[int]:
    """Where kinds stand in a record's table that more is done for than to count."""
    return [place for place, kind in enumerate(kinds[:256]) if kind == "click" or kind in VIEW_KINDS]


def _counted(told: list[Stretch], keys: list[str]) -> StretchCounts | None:
    return StretchCounts.of(told, {key: place for place, key in enumerate(keys)}) if told else None
