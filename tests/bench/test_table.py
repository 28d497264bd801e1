"""The table of results, as documents have it."""

from bench.figures import Figure, at_least, at_most
from bench.table import markdown


def test_a_target_says_what_it_is_of() -> None:
    """Of the ratio, or of the figure itself, in its unit."""
    figures = [
        Figure("a frame", 15.0, "µs", 10.0, at_most(1.6, of_ratio=True)),
        Figure("samples", 3.0, "M samples a CPU s", 6.0, at_least(2.5)),
        Figure("nothing asked", 3.0, "ms"),
    ]
    rows = markdown([figure.as_json() for figure in figures]).splitlines()[2:]
    assert [row.split(" | ")[4] for row in rows] == ["ratio ≤ 1.6", "≥ 2.5 M samples a CPU s", ""]
