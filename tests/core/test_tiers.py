"""Ranges of whole buckets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.tiers import DAY_MS, HOUR_MS, MINUTE_MS, TIERS_MS, Floors, begin_ms, cover, widen

NOW_MS = 1_700_000_000_000
times = st.integers(0, 60 * DAY_MS).map(lambda before_ms: NOW_MS - before_ms)
keeps = st.tuples(st.integers(0, 3 * DAY_MS), st.integers(0, 20 * DAY_MS), st.integers(0, 50 * DAY_MS)).map(sorted)


@settings(deadline=None)
@given(times, st.integers(1, 40 * DAY_MS), keeps)
def test_a_range_is_whole_kept_buckets_without_gap_or_overlap(from_ms: int, length_ms: int, keep: list[int]) -> None:
    """Each bucket begins where the last one ended, from the widened start to the widened end, and is of a tier that is kept there."""
    floors = Floors.keeping(NOW_MS, *keep)
    start_ms, end_ms = widen(from_ms, from_ms + length_ms, floors)
    assert start_ms <= from_ms < from_ms + length_ms <= end_ms
    at_ms = start_ms
    for tier, first, last in cover(start_ms, end_ms):
        assert first * TIERS_MS[tier] == at_ms
        assert first < last
        if at_ms >= min(floors.by_tier):
            assert at_ms >= floors.by_tier[tier]
        at_ms = last * TIERS_MS[tier]
    assert at_ms == end_ms


@settings(deadline=None)
@given(times, st.integers(1, 40 * DAY_MS), keeps)
def test_a_range_is_widened_no_more_than_it_must_be(from_ms: int, length_ms: int, keep: list[int]) -> None:
    """Less than the span of the finest tier that is kept at either end."""
    floors = Floors.keeping(NOW_MS, *keep)
    start_ms, end_ms = widen(from_ms, from_ms + length_ms, floors)
    assert from_ms - start_ms < floors.span_at(from_ms)
    assert end_ms - from_ms - length_ms < floors.span_at(from_ms + length_ms - 1)


def test_a_day_is_one_bucket() -> None:
    """Few rows are read for a long range: minutes and hours only at its edges."""
    start_ms = NOW_MS // DAY_MS * DAY_MS
    runs = cover(start_ms - HOUR_MS - 2 * MINUTE_MS, start_ms + DAY_MS + 3 * HOUR_MS)
    #   23:00-2min    23:00    0:00       24:00       27:00
    assert [(tier, last - first) for tier, first, last in runs] == [(0, 2), (1, 1), (2, 1), (1, 3)]


@settings(deadline=None)
@given(st.lists(times, min_size=1, max_size=5), keeps)
def test_the_beginning_is_told_by_the_finest_tier_that_has_it(at_ms: list[int], keep: list[int]) -> None:
    """It is the start of the oldest sample's bucket, of the finest span kept at that time."""
    floors = Floors.keeping(NOW_MS, *keep)
    kept = [[one // span_ms for one in at_ms if one >= floor_ms] for span_ms, floor_ms in zip(TIERS_MS, floors.by_tier, strict=True)]
    oldest = {tier: min(numbers) for tier, numbers in enumerate(kept) if numbers}
    known = [one for one in at_ms if one >= floors.days_ms]
    if not known:
        assert begin_ms(oldest) is None
    else:
        span_ms = floors.span_at(min(known))
        assert begin_ms(oldest) == min(known) // span_ms * span_ms
