"""What the table says of a figure."""

from __future__ import annotations

from bench.figures import Figure, at_most


def test_what_could_not_be_measured_meets_no_target() -> None:
    """Nothing arrived, so there is no figure, no ratio, and the target is missed, not passed over."""
    missing = Figure("a frame", None, "ms", 3.0, at_most(1.3, of_ratio=True))
    assert (missing.ratio, missing.met) == (None, False)


def test_a_target_is_held_to_the_figure_or_to_its_ratio() -> None:
    """Whichever the target is of."""
    assert Figure("a frame", 12.0, "µs", 10.0, at_most(1.3, of_ratio=True)).met is True
    assert Figure("a frame", 12.0, "µs", 10.0, at_most(11)).met is False
    assert Figure("a frame", 12.0, "µs", 10.0).met is None
