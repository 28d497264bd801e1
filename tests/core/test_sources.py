"""Counts of several sources, each told once or more often: a source may begin anew at any of its earlier records, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.aggregate import Aggregator
from isotherm.core.counts import Counts
from isotherm.core.heat import NO_PULSE, View
from isotherm.core.mirror import Mirror
from isotherm.core.publish import Publisher
from isotherm.core.records import decode_heatmap, encode

pytestmark = pytest.mark.usefixtures("both_ways")
HOP, WINDOW, G = 250, 2000, 4
NOW = 1_000_000_000
PAGES = ("default/a", "default/b")
VIEWS = [View(page, kind, device) for page in PAGES for kind in ("move", "click") for device in ("all", "mobile", "desktop")]


def aggregator() -> Aggregator:
    return Aggregator(grid_size=G, window_ms=WINDOW, hop_ms=HOP, skew_ms=1000)


def record(page: str, tiles: list[int], layer: int, time_ms: int, visitors: int = 1) -> Counts:
    """One page's counts of one record."""
    tile, count = np.unique(np.array(tiles, np.int32), return_counts=True)
    return Counts(
        pages=[page],
        origins=[None],
        visitors=[visitors],
        newest_ms=[time_ms if tiles else 0],
        page=np.zeros(len(tile), np.intp),
        layer=np.full(len(tile), layer),
        pane=np.full(len(tile), time_ms // HOP),
        tile=tile,
        count=count.astype(np.int32),
    )


told = st.tuples(
    st.sampled_from(PAGES),
    st.lists(st.integers(0, G * G - 1), max_size=6),  # tiles
    st.sampled_from([0, 2, 5]),  # layer
    st.integers(0, WINDOW),  # age
    st.integers(0, 3),  # visitors
)


def whole(source: Aggregator | Mirror) -> list[dict[int, int]]:
    heats = [source.whole(view) for view in VIEWS]
    return [dict(zip(heat.cells.tolist(), heat.counts.tolist(), strict=True)) for heat in heats]


@given(st.lists(st.lists(told, max_size=6), min_size=2, max_size=3), st.data())
def test_telling_twice_changes_nothing(sources: list[list[tuple[str, list[int], int, int, int]]], data: st.DataObject) -> None:
    """Each source's records, with a step back to any earlier one after any of them, count as if each had been told once."""
    once, often = aggregator(), aggregator()
    for source, records in enumerate(sources):
        counts = [record(page, tiles, layer, NOW - age, visitors) for page, tiles, layer, age, visitors in records]
        for offset, one in enumerate(counts):
            once.merge(one, NOW, source, offset)
        again = data.draw(st.integers(0, len(counts)), label="told up to here, then anew")
        begin = data.draw(st.integers(0, again), label="from here")
        for offset, one in [*list(enumerate(counts))[:again], *list(enumerate(counts))[begin:]]:
            often.merge(one, NOW, source, offset)
    once.advance(NOW)
    often.advance(NOW)
    assert whole(once) == whole(often)
    for page in PAGES:
        first, second = once.page(page, NOW), often.page(page, NOW)
        assert (first and first.visitors) == (second and second.visitors)


def test_visitors_are_summed() -> None:
    """Visitors of a page: what each source said last, added up."""
    both = aggregator()
    both.merge(record(PAGES[0], [1], 0, NOW, 3), NOW, 0, 10)
    both.merge(record(PAGES[0], [1], 0, NOW, 4), NOW, 1, 2)
    both.merge(record(PAGES[0], [], 0, NOW, 2), NOW, 0, 11)
    page = both.page(PAGES[0], NOW)
    assert page is not None
    assert page.visitors == 6


@given(st.lists(st.lists(told, max_size=3), min_size=1, max_size=20), st.integers(0, 19))
def test_the_mirror_shows_what_the_aggregator_has(hops: list[list[tuple[str, list[int], int, int, int]]], change: int) -> None:
    """At every hop the mirror, fed with the published records, has the aggregator's heat; also when a new owner takes over in between."""
    source = aggregator()
    source.watch(None)
    publisher = Publisher(source)
    mirror = Mirror(grid_size=G, window_ms=WINDOW, hop_ms=HOP)
    pictures: dict[View, dict[int, int]] = {view: {} for view in VIEWS}
    for at in range(len(hops) + WINDOW // HOP + 3):
        now_ms = NOW + at * HOP
        for page, tiles, layer, age, visitors in hops[at] if at < len(hops) else ():
            source.merge(record(page, tiles, layer, now_ms - age, visitors), now_ms)
        hop = source.advance(now_ms)
        assert hop is not None
        if at == change:
            publisher.reset()
        for _, published in publisher.records(hop, list(source.keys), now_ms):
            mirror.take(decode_heatmap(encode(published)))
        news = mirror.advance(now_ms)
        assert whole(mirror) == whole(source)
        for heats, page in product((source, mirror), PAGES):
            known = heats.page(page, now_ms)
            assert heats.pulse(page, now_ms) == ((known.visitors, known.rate, known.newest_ms) if known else NO_PULSE)
        for view in VIEWS:
            changes = news.changes(view)
            if changes is not None:
                pictures[view] |= dict(zip(changes.cells.tolist(), changes.counts.tolist(), strict=True))
            lit = {cell: count for cell, count in pictures[view].items() if count}
            assert lit == whole(mirror)[VIEWS.index(view)]
    assert mirror.pages(NOW) == []


def test_what_nobody_tells_of_is_cold() -> None:
    """A page whose owner went away for good is cold after some keyframes' time, and its viewers are told."""
    source = aggregator()
    source.watch(None)
    publisher = Publisher(source)
    mirror = Mirror(grid_size=G, window_ms=WINDOW, hop_ms=HOP)
    source.merge(record(PAGES[0], [3], 0, NOW - 1), NOW)
    hop = source.advance(NOW)
    assert hop is not None
    for _, published in publisher.records(hop, list(source.keys), NOW):
        mirror.take(published)
    mirror.advance(NOW)
    view = View(PAGES[0], "move", "all")
    assert mirror.advance(NOW + 40_000).changes(view) is None
    changes = mirror.advance(NOW + 46_000).changes(view)
    assert changes is not None
    assert (changes.cells.tolist(), changes.counts.tolist()) == ([3], [0])
    assert mirror.page(PAGES[0], NOW + 46_000) is None


def test_a_quiet_watched_page_says_that_it_lives() -> None:
    """Once a second a page that somebody watches tells how far its heat is, changed or not; others do not."""
    source = aggregator()
    source.watch(None)
    publisher = Publisher(source)
    source.merge(record(PAGES[0], [3], 0, NOW - 1), NOW)
    source.merge(record(PAGES[1], [3], 0, NOW - 1), NOW)
    told_at = []
    for at in range(7):
        hop = source.advance(NOW + at * HOP)
        assert hop is not None
        records = publisher.records(hop, list(source.keys), NOW + at * HOP, [PAGES[0]])
        told_at += [(at, key, published.changes, published.end) for key, published in records]
    assert told_at == [
        (0, PAGES[0], False, NOW),
        (0, PAGES[1], False, NOW),
        (4, PAGES[0], True, NOW + 1000),
    ]


def of_pages(numbers: range) -> Counts:
    """One sample on each of three layers of each page."""
    pages = [f"default/{number}" for number in numbers]
    layer = np.tile([0, 2, 5], len(pages))
    return Counts(
        pages=pages, origins=[None] * len(pages), visitors=[1] * len(pages), newest_ms=[NOW] * len(pages),
        page=np.repeat(np.arange(len(pages)), 3), layer=layer, pane=np.full(len(layer), NOW // HOP - 1),
        tile=(np.arange(len(layer)) % (G * G)).astype(np.int32), count=np.ones(len(layer), np.int32),
    )  # fmt: skip


def failing(real: Callable[..., Any], after: int) -> Callable[..., Any]:
    """There is memory for so many calls, and for none after them."""
    calls = count()

    def perhaps(*given: Any, **named: Any) -> Any:
        if next(calls) >= after:
            raise MemoryError
        return real(*given, **named)

    return perhaps


@pytest.mark.parametrize(("what", "after"), [("bind", 0), *product(["concatenate"], range(9)), *product(["zeros"], (1, 3))])
def test_without_memory_for_more_pages_all_stays(what: str, after: int) -> None:
    """Pages for which there is no memory are not taken, whichever of the arrays can't grow. Those that live are counted as before, and with
    memory again all is as if there had always been enough."""
    lucky, short = aggregator(), aggregator()
    for source in (lucky, short):
        source.watch(None)
        source.merge(of_pages(range(14)), NOW, 0, 0)
        source.advance(NOW)
    with pytest.MonkeyPatch.context() as patch:
        of: Any = short._panes if what == "bind" else np
        patch.setattr(of, what, failing(getattr(of, what), after))
        for _ in range(2):
            patch.setattr(of, what, failing(getattr(of, what), after))
            with pytest.raises(MemoryError):
                short.merge(of_pages(range(10, 40)), NOW, 0, 1)
    assert list(short.keys) == list(lucky.keys)
    for source in (lucky, short):
        source.merge(of_pages(range(5)), NOW, 1, 0)
        source.advance(NOW + HOP)
    for source in (lucky, short):
        source.merge(of_pages(range(10, 40)), NOW, 0, 1)
        hop = source.advance(NOW + 2 * HOP)
        assert hop is not None
        assert sorted(hop.changed_pages()) == sorted(f"default/{number}" for number in range(10, 40))
    assert lucky.pages(NOW) == short.pages(NOW)
    for number in range(40):
        view = View(f"default/{number}", "move", "all")
        ours, theirs = short.whole(view), lucky.whole(view)
        assert (ours.cells.tolist(), ours.counts.tolist()) == (theirs.cells.tolist(), theirs.counts.tolist())
    for source in (lucky, short):  # all of them go cold, and no row is left behind
        source.advance(NOW + WINDOW + HOP)
        source.advance(NOW + WINDOW + 2 * HOP)
        source.advance(NOW + WINDOW + 3 * HOP)
        assert not source.keys
        assert sorted(source._free_rows) == list(range(len(source._page_of_row)))
