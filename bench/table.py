"""The table: one line a figure, printed as it comes."""

from __future__ import annotations

from typing import Any

from bench.figures import Figure

__all__ = ["HEAD", "line", "markdown", "number"]

_COLUMNS = (64, 10, 10, 7, 10, 4)


def number(value: float | None) -> str:
    """Three figures that count; whole ones from a thousand on."""
    if value is None:
        return "–"
    size = abs(value)
    if size >= 10_000_000:
        return f"{value / 1e6:,.1f} M"
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _row(cells: tuple[str, ...]) -> str:
    first, *others = cells
    return first.ljust(_COLUMNS[0]) + "".join(cell.rjust(width + 2) for cell, width in zip(others, _COLUMNS[1:], strict=True))


def line(figure: Figure) -> str:
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    target = str(figure.target) if figure.target else ""  # narrow: `×` is of the ratio, without it the target has the row's unit
    what = f"{figure.what} [{figure.unit}]"
    return _row((what, number(figure.this), number(figure.bare), f"{figure.ratio:.2f}" if figure.ratio else "–", target, met))


HEAD = _row(("what [unit]", "this", "bare", "ratio", "target", "met"))


def markdown(figures: list[dict[str, Any]]) -> str:
    """Kept results (`Figure.as_json`) as a table of a document."""
    lines = ["| what | this | bare | ratio | target | met |", "|---|---|---|---|---|---|"]
    for figure in figures:
        met = {None: "", True: "yes", False: "no"}[figure["met"]]
        ratio = f"{figure['ratio']:.2f}" if figure["ratio"] else ""
        bare = f"{number(figure['bare'])} {figure['unit']}" if figure["bare"] else ""
        target = _target(figure["target"], figure["unit"])
        lines.append(f"| {figure['what']} | {number(figure['this'])} {figure['unit']} | {bare} | {ratio} | {target} | {met} |")
    return "\n".join(lines)


def _target(target: str | None, unit: str) -> str:
    """With what it is of: ``ratio ≤ 1.6``, or ``≤ 200 ms``, which is of *this*."""
    if not target:
        return ""
    return f"ratio {target.removesuffix(' ×')}" if target.endswith(" ×") else f"{target} {unit}"
