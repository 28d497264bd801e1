"""Time as the gateways tell it."""

from __future__ import annotations

from isotherm.core.ticks import TickClock


def test_ticks_lead() -> None:
    """The least late tick of the last second tells the time; without one for a second, one's own clock does."""
    clock = TickClock(10_000)
    assert clock.now_ms(1000) == 1000
    clock.heard(1990, 2000)
    clock.heard(1997, 2100)
    assert clock.now_ms(2200) == 2190
    assert clock.now_ms(3050) == 3050 - 103
    assert clock.now_ms(4000) == 4000


def test_a_gateway_ahead() -> None:
    """A gateway whose clock is ahead takes the aggregator with it; when it goes, time waits rather than going back."""
    clock = TickClock(10_000)
    clock.heard(5000, 2000)
    assert clock.now_ms(2100) == 5100
    assert clock.now_ms(3200) == 5100
    assert clock.now_ms(5200) == 5200


def test_a_tick_that_can_not_be() -> None:
    """A tick further off than the skew allows is left out."""
    clock = TickClock(10_000)
    clock.heard(50_000, 1000)
    assert clock.now_ms(1000) == 1000


def test_a_clock_set_back() -> None:
    """A step back beyond the skew is believed."""
    clock = TickClock(1_000)
    assert clock.now_ms(100_000) == 100_000
    assert clock.now_ms(50_000) == 50_000
