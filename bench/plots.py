"""`make bench-plots`: the curves of bench/results/ as SVG, into docs/benchmarks/.

A figure has a curve if its `about` has ``"curve": {"name", "title", "x_label", "y_label", "x", "lines": {label: values}}``, with
``"log_x": true`` where that axis is logarithmic. One picture a curve; the same results give the same bytes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_RESULTS = Path(__file__).parent / "results"
_PICTURES = Path(__file__).parents[1] / "docs" / "benchmarks"
_COLOURS = ("#d9480f", "#868e96", "#1971c2", "#2f9e44")
_STYLE: Any = {
    "svg.hashsalt": "isotherm",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(curve: dict[str, Any], path: Path) -> None:
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for (label, values), colour in zip(curve["lines"].items(), _COLOURS, strict=False):
        axes.plot(curve["x"], values, label=label, color=colour, marker="o" if len(values) <= 20 else "", markersize=4)
    if curve.get("log_x"):
        axes.set_xscale("log")
    axes.set_ylim(0, 1.1 * max(max(values) for values in curve["lines"].values()))
    axes.set(title=curve["title"], xlabel=curve["x_label"], ylabel=curve["y_label"])
    axes.grid(color="#e9ecef")
    if len(curve["lines"]) > 1:
        axes.legend(frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _of_a_sample(about: dict[str, Any]) -> dict[str, Any]:
    """The curve of a row of `flat`: what a sample costs against one parameter."""
    name = about["axis"]
    xs, costs = zip(*about["ns_a_sample"], strict=True)
    bare = [cost for _, cost in about.get("bare_ns_a_sample", ())]
    lines = {"Isotherm": costs} | ({"the least program in C": bare} if bare else {})
    slug = "-".join(re.findall(r"[a-z]+", name.lower()))
    return {
        "name": f"flat-{slug}", "title": f"What a sample costs, against {name}", "x_label": name, "y_label": "ns of CPU a sample",
        "x": xs, "lines": lines, "log_x": True,
    }  # fmt: skip


def draw_all(results: list[Path]) -> None:
    """The curves of some results."""
    mpl.rcParams.update(_STYLE)
    _PICTURES.mkdir(parents=True, exist_ok=True)
    for result in results:
        for figure in json.loads(result.read_text())["figures"]:
            about = figure.get("about", {})
            curve = _of_a_sample(about) if "ns_a_sample" in about else about.get("curve")
            if curve:
                path = _PICTURES / f"{curve['name']}.svg"
                draw(curve, path)
                print(f"docs/benchmarks/{path.name}")


def main() -> None:
    draw_all(sorted(_RESULTS.glob("*.json")))


if __name__ == "__main__":
    main()
