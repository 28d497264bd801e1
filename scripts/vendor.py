"""Copies the browser libraries that Isotherm serves from node_modules into the tree, each with its licence.

What browsers load is in the tree, so that a server needs neither npm nor another host. To move to newer versions:

    npm update && python scripts/vendor.py

uPlot comes as a script that sets a global; it becomes a module by an `export` at its end. Of Lucide's two thousand icons
only those named in ICONS go into one sprite. Everything else is byte for byte what its authors published, less the
pointers to source maps, which are not served.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "src" / "isotherm" / "web" / "shared" / "vendor"

LIT_PARTS = ("lit-html", "directive", "directive-helpers", "directives/repeat")
FONTS = ("instrument-sans", "geist-mono")
ICONS = (
    "activity", "arrow-right", "arrow-up-right", "bell", "check", "chevron-down", "chevron-right", "circle-alert", "circle-check",
    "code-xml", "copy", "globe", "inbox", "layers", "layout-grid", "list", "lock", "moon", "mouse-pointer-2", "pause", "pencil", "play",
    "plus", "search", "sun", "sun-moon", "trash-2", "trending-down", "trending-up", "triangle-alert", "unplug", "users", "x",
)  # fmt: skip


def main() -> None:
    """Lays the vendored files anew."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    notices = [vendor_uplot(), vendor_lit(), vendor_icons(), *(vendor_font(name) for name in FONTS)]
    write(VENDOR / "README.md", "\n".join([*README, *notices, ""]))


README = [
    "# Libraries served to browsers",
    "",
    "Copied from npm packages by `scripts/vendor.py`; change nothing here by hand.",
    "",
    "| package | version | licence | what it does here |",
    "|---|---|---|---|",
]


def vendor_uplot() -> str:
    """Charts: the minified script as an ES module, with its types and its style sheet."""
    home = MODULES / "uplot"
    script = (home / "dist" / "uPlot.iife.min.js").read_text()
    write(VENDOR / "uplot" / "uplot.js", f"// @ts-nocheck\n{script.strip()}\nexport default uPlot;\n")
    copy(home / "dist" / "uPlot.d.ts", VENDOR / "uplot" / "uplot.d.ts")
    copy(home / "dist" / "uPlot.min.css", VENDOR / "uplot" / "uplot.css")
    copy(home / "LICENSE", VENDOR / "uplot" / "LICENSE")
    return notice("uplot", "charts")


def vendor_lit() -> str:
    """Templates: the modules that `html`, `render` and `repeat` need, in the places that their imports expect."""
    home = MODULES / "lit-html"
    for part in LIT_PARTS:
        script = re.sub(r"//# sourceMappingURL=.*\n?", "", (home / f"{part}.js").read_text())
        types = re.sub(r"//# sourceMappingURL=.*\n?", "", (home / f"{part}.d.ts").read_text())
        write(VENDOR / "lit-html" / f"{part}.js", f"// @ts-nocheck\n{script.strip()}\n")
        write(VENDOR / "lit-html" / f"{part}.d.ts", types)
    copy(home / "LICENSE", VENDOR / "lit-html" / "LICENSE")
    return notice("lit-html", "templates")


def vendor_icons() -> str:
    """Icons: a symbol each in one sprite, drawn by `<use href="…/lucide.svg#name">`."""
    home = MODULES / "lucide-static"
    symbols = []
    for name in sorted(ICONS):
        drawing = (home / "icons" / f"{name}.svg").read_text()
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
        assert shapes, f"{name}.svg has no drawing"
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes[1].split(chr(10)))}</symbol>')
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + re.sub(r">\s+<", "><", "\n".join(symbols)) + "\n</svg>\n"
    write(VENDOR / "lucide" / "lucide.svg", sprite)
    copy(home / "LICENSE", VENDOR / "lucide" / "LICENSE")
    return notice("lucide-static", "icons")


def vendor_font(name: str) -> str:
    """Type: the Latin letters of a variable font; other scripts fall back to the reader's own fonts."""
    home = MODULES / "@fontsource-variable" / name
    copy(home / "files" / f"{name}-latin-wght-normal.woff2", VENDOR / "fonts" / f"{name}.woff2")
    copy(home / "LICENSE", VENDOR / "fonts" / f"{name}-LICENSE")
    return notice(f"@fontsource-variable/{name}", "type")


def notice(package: str, use: str) -> str:
    """One row of the vendored libraries' table."""
    about = json.loads((MODULES / package / "package.json").read_text())
    return f"| {package} | {about['version']} | {about['license']} | {use} |"


def copy(source: Path, target: Path) -> None:
    """A file, byte for byte."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write(target: Path, text: str) -> None:
    """A text file, its folder made where missing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


if __name__ == "__main__":
    main()
