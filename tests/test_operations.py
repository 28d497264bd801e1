"""docs/operations.md: an operator finds there whatever the program can say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import aiohttp

from tests.inside import inside

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "operations.md").read_text()
LOUD = ("warning", "error", "critical", "exception")


async def test_every_metric_is_explained(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """And none is that there is not."""
    async with inside(tmp_path / "data") as house, http.get(f"{house.address}/metrics") as answer:
        shown = set(re.findall(r"^(isotherm_\w+) ", await answer.text(), re.MULTILINE))
    shown = {name for name in shown if not name.endswith("_created")}
    explained = set(re.findall(r"`(isotherm_\w+)`", DOC))
    assert shown == explained


def loud_lines() -> dict[str, str]:
    """What the source logs at a level that asks for a look: message, and where."""
    found = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOUD:
                named = node.func.value
                if isinstance(named, ast.Name) and named.id == "logger":
                    for text in ast.walk(node.args[0]):
                        if isinstance(text, ast.Constant) and isinstance(text.value, str):
                            found[text.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def test_every_line_that_asks_for_a_look_is_explained() -> None:
    """Each message that is logged as a warning or worse stands in the document, with `…` or `N` for what changes."""
    table = DOC.replace("`", "").replace(" N ", " … ")
    for message, where in loud_lines().items():
        parts = [part.strip(" :[]()") for part in re.split(r"%[sd]|%\.\d*f", message)]
        longest = max(parts, key=len)
        if longest:  # else it is one that another part of the program makes
            assert longest in table, f"{where}: {message!r}"


def test_damage_is_explained() -> None:
    """What the log says of itself at the start stands there as well."""
    for words in ("the log is damaged (", "are damaged or missing: the heat lacks them", "the log's end is torn"):
        assert words in DOC
        assert any(words in path.read_text() for path in (ROOT / "src").rglob("*.py"))
